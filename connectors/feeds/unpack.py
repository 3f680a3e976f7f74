"""Unpacking a report that comes as .zip or .gz, as its profile says: one file, within bounds.

An archive is a stranger's: it must hold exactly one file that is meant, under a plain name, not encrypted,
no link, not packed again, and inflate to no more than `LARGEST` bytes and `HIGHEST_RATIO` times its size.
What belongs here: bytes out of an archive into the scratch folder. What does not: reading them.
"""

from __future__ import annotations

import fnmatch
import gzip
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from connectors.errors import Place, RejectedFile
from connectors.feeds.profile import Packing

LARGEST: Final = 20 << 30
HIGHEST_RATIO: Final = 200
"""Delimited text shrinks 5 to 30 times; what grows a thousand times is made to fill a disk."""

BROKEN_ARCHIVE: Final = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    OverflowError,
    ValueError,
    RuntimeError,
)
"""What the archive libraries raise on damaged bytes."""

UNPACKED: Final = "unpacked"
_SMALL: Final = 64 << 20
_CHUNK: Final = 1 << 20
_PACKED: Final = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
_WORKBOOK_PARTS: Final = ("[Content_Types].xml", "content.xml")


def unpack(path: Path, packing: Packing, folder: Path, file: str) -> Path:
    """The report inside `path`, written to the folder; `path` itself where the profile states no packing."""
    if packing.compression is None:
        return path
    with _refusals(file, packing.compression):
        if packing.compression == "gzip":
            # The ending is what tells kinds of workbooks apart.
            target = folder / f"{UNPACKED}{PurePosixPath(file.removesuffix('.gz')).suffix}"
            with gzip.open(path, "rb") as incoming:
                _copy(incoming, target, path.stat().st_size, file)
        else:
            with open_zip(path) as archive:
                item = _member(archive, packing.member, file)
                target = folder / f"{UNPACKED}{PurePosixPath(item.filename).suffix}"
                with archive.open(item) as incoming:
                    _copy(incoming, target, item.compress_size, file)
    _refuse_nested(target, file)
    return target


@contextmanager
def _refusals(file: str, compression: str) -> Iterator[None]:
    try:
        yield
    except BROKEN_ARCHIVE as error:
        raise RejectedFile(
            "unreadable_archive",
            f"the file cannot be unpacked as {compression} ({error})",
            "ask the partner to send it again, or correct 'compression' in the profile",
            Place(file=file),
        ) from error


def open_zip(path: Path) -> zipfile.ZipFile:
    """An archive whose parts have names and lie within the file: a damaged list may say otherwise."""
    archive = zipfile.ZipFile(path)
    if any(item.header_offset < 0 or not item.filename for item in archive.infolist()):
        archive.close()
        raise zipfile.BadZipFile("its list of parts is damaged")
    return archive


def _member(archive: zipfile.ZipFile, pattern: str | None, file: str) -> zipfile.ZipInfo:
    """The one file of the archive that is meant."""
    found = []
    for item in archive.infolist():
        if item.is_dir() or item.filename.startswith("__MACOSX/"):
            continue
        place = PurePosixPath(item.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or ":" in item.filename:
            raise _refused(file, "unsafe_archive", f"it holds a path that leads elsewhere: {item.filename!r}")
        if stat.S_ISLNK(item.external_attr >> 16):
            raise _refused(file, "unsafe_archive", f"it holds a link: {item.filename!r}")
        if pattern is None or fnmatch.fnmatch(place.name.casefold(), pattern.casefold()):
            found.append(item)
    if len(found) != 1:
        names = ", ".join(repr(item.filename) for item in archive.infolist()[:10])
        raise _refused(
            file, "unclear_archive", f"{len(found)} files in it are meant, expected one; it holds: {names}"
        )
    if found[0].flag_bits & 1:
        raise _refused(file, "protected_archive", "it is protected by a password")
    return found[0]


def _copy(incoming: IO[bytes] | gzip.GzipFile, target: Path, packed: int, file: str) -> None:
    size = 0
    with target.open("wb") as outgoing:
        while chunk := incoming.read(_CHUNK):
            size += len(chunk)
            if size > LARGEST or (size > _SMALL and size > HIGHEST_RATIO * packed):
                raise _refused(
                    file,
                    "oversized_archive",
                    f"it inflates beyond bounds ({size:,} bytes of {packed:,} so far)",
                )
            outgoing.write(chunk)


def _refuse_nested(target: Path, file: str) -> None:
    """A workbook is a zip too, and welcome; an archive within the archive is not."""
    with target.open("rb") as handle:
        start = handle.read(8)
    if not start.startswith(_PACKED):
        return
    if zipfile.is_zipfile(target):
        with zipfile.ZipFile(target) as archive:
            if any(name in archive.namelist() for name in _WORKBOOK_PARTS):
                return
    raise _refused(file, "nested_archive", "it holds another archive")


def _refused(file: str, code: str, problem: str) -> RejectedFile:
    return RejectedFile(
        code,
        f"the archive is refused: {problem}",
        "ask the partner for one report in each file, or name it under 'member' in the profile",
        Place(file=file),
    )
