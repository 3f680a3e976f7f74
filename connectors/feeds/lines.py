"""Text files as numbered lines: their encoding, their line ends, and what reading them straight depends on.

What belongs here: bytes to lines of UTF-8, in bounded memory, for every reader of text. What does not:
cutting a line into cells (`delimited`, `fixed_width`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from connectors.errors import Place, RejectedFile
from connectors.feeds import encodings
from connectors.feeds.table import quoted

_CHUNK: Final = 1 << 22
# Small enough that what is found out about a chunk stays in the processor's cache.
_LOOK_CHUNK: Final = 1 << 17
# Tab, and the first bytes of the unusual spaces and of the byte order mark in UTF-8.
_UNUSUAL_BYTES: Final = (b"\t", b"\xc2", b"\xe2\x80", b"\xef\xbb")
_LINE_MARK: Final = "\x02"
# A mark that DuckDB takes for the delimiter while it reads whole lines: it must never stand in a file.
_NO_DELIMITER: Final = "\x03\x04\x05"
NO_NULL: Final = "\x06\x07"
"""A text that is NULL to DuckDB while it reads: it must never stand in a file."""


@dataclass(frozen=True)
class Text:
    """A text file as it was found: where it lies in UTF-8, its titles and rows, and whether each line may be
    one record. `delimiter` is the one in `source`, `above` the text of the lines above the titles.
    """

    source: Path
    file: str
    titles: tuple[str, ...]
    rows: int
    is_plain: bool
    has_unusual_blanks: bool
    delimiter: str = ""
    above: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """Lines of a file, and whether none of them is blank and all end alike."""

    lines: int
    is_plain: bool
    has_unusual_blanks: bool


def as_utf8(path: Path, encoding: str, target: Path, file: str) -> Path:
    """The file itself if it is UTF-8, otherwise a decoded copy in the scratch folder."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise RejectedFile(
            "unknown_encoding",
            f"the encoding {encoding!r} is not known",
            "name one such as utf-8, cp1252, iso8859-15 or utf-16 in the profile",
            Place(file=file),
        ) from error
    if name in ("utf-8", "utf-8-sig", "ascii"):
        return path
    decoder = codecs.getincrementaldecoder(name)()
    ascii_compatible = not name.startswith(("utf-16", "utf-32", "utf-7"))
    watch = encodings.Watch(name, file)
    done = lines = 0
    with path.open("rb") as incoming, target.open("wb") as outgoing:
        while chunk := incoming.read(_CHUNK):
            watch.see(chunk)
            if ascii_compatible and chunk.isascii():
                outgoing.write(chunk)
            else:
                outgoing.write(decode(decoder, chunk, False, file, encoding, done, lines).encode())
            done += len(chunk)
            lines += chunk.count(b"\n")
        outgoing.write(decode(decoder, b"", True, file, encoding, done, lines).encode())
    watch.conclude()
    return target


def decode(
    decoder: codecs.IncrementalDecoder,
    chunk: bytes,
    final: bool,
    file: str,
    encoding: str,
    done: int,
    lines: int,
) -> str:
    pending = len(decoder.getstate()[0])
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        line = lines + 1 + bytes(error.object[: error.start]).count(b"\n")
        byte = done - pending + error.start + 1
        if final:
            raise RejectedFile(
                "undecodable_bytes",
                f"the file ends at byte {done} within a character: it was cut off on its way, "
                f"or is not {encoding}",
                "ask the partner for the whole file; if it is whole, state its true encoding in the profile",
                Place(file=file, line=line),
            ) from error
        raise encodings.undecodable(bytes(error.object), error.start, encoding, byte, line, file) from error
    except UnicodeError as error:
        # UTF-16 without its mark: the decoder does not say where.
        raise RejectedFile(
            "undecodable_bytes",
            f"the file is not {encoding} ({error})",
            "state utf-16-le or utf-16-be for UTF-16 without a byte order mark, or the file's true encoding",
            Place(file=file, line=1),
        ) from error


def inspect(source: Path, file: str) -> Look:
    """Count lines and find what the straight way cannot number: blank lines and mixed line ends."""
    lines = returns = pairs = size = 0
    blank = unusual = False
    tail = b"\n"
    with source.open("rb") as handle:
        while chunk := handle.read(_LOOK_CHUNK):
            at = chunk.find(b"\x00")
            if at >= 0:
                raise RejectedFile(
                    "binary_content",
                    f"byte {size + at + 1} is NUL: the file is no text in the stated encoding",
                    "state encoding: utf-16 if it is UTF-16, or ask the partner for a text file",
                    Place(file=file, line=lines + chunk[:at].count(b"\n") + 1, value="\x00"),
                )
            size += len(chunk)
            unusual = unusual or _has_unusual_bytes(chunk)
            # numpy counts bytes several times as fast as `bytes.count`.
            is_end = np.frombuffer(chunk, np.uint8) == ord("\n")
            lines += int(np.count_nonzero(is_end))
            blank = blank or bool((is_end[1:] & is_end[:-1]).any()) or (tail[-1:] + chunk[:1]) == b"\n\n"
            if b"\r" in chunk or tail.endswith(b"\r"):
                joined = tail + chunk
                returns += chunk.count(b"\r")
                pairs += joined.count(b"\r\n") - tail.count(b"\r\n")
                blank = blank or b"\n\r\n" in joined
            tail = (tail + chunk[-2:])[-2:]
    if size == 0:
        raise RejectedFile(
            "empty_file", "the file is empty", "ask the partner to send it again", Place(file=file)
        )
    ends = tail.endswith(b"\n")
    uniform = returns == 0 or returns == pairs == lines
    return Look(lines + (0 if ends else 1), uniform and not blank, unusual)


def _has_unusual_bytes(chunk: bytes) -> bool:
    if b"\t" in chunk:
        return True
    # Looking for a single byte is many times faster than looking for two.
    return not chunk.isascii() and any(mark[:1] in chunk and mark in chunk for mark in _UNUSUAL_BYTES)


# --- numbering ---


def mark_lines(source: Path, target: Path, file: str, encoding: str) -> None:
    """Copy with one kind of line end and a mark before each line, so that no line is blank to DuckDB."""
    with target.open("wb") as outgoing:
        outgoing.write(_LINE_MARK.encode())
        for chunk in _uniform_chunks(source, file, encoding):
            outgoing.write(chunk.replace("\n", "\n" + _LINE_MARK).encode())


def _uniform_chunks(source: Path, file: str, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    done = lines = 0
    kept = ""
    has_newline = _has_newline(source)
    with source.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            text = kept + decode(decoder, chunk, False, file, encoding, done, lines)
            done += len(chunk)
            lines += chunk.count(b"\n")
            # Returns at the end of a chunk may belong to a line end that the next one completes.
            whole = text.rstrip("\r")
            kept = text[len(whole) :]
            yield _one_line_end(whole, has_newline)
    yield _one_line_end(kept + decode(decoder, b"", True, file, encoding, done, lines), has_newline)


def _has_newline(source: Path) -> bool:
    with source.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            if b"\n" in chunk:
                return True
    return False


def _one_line_end(text: str, has_newline: bool) -> str:
    if "\r" not in text:
        return text
    if not has_newline:
        return text.replace("\r", "\n")
    # A return that ends no line stands within a cell; DuckDB would take it for a line end.
    return re.sub(r"\r+\n", "\n", text).replace("\r", " ")


def number_lines(connection: duckdb.DuckDBPyConnection, marked: Path, file: str) -> None:
    """Load the lines of a file that `mark_lines` wrote as the table `lines`: number and line."""
    try:
        connection.execute(
            f"create or replace temp table marked as from read_csv({quoted(str(marked))}, "
            f"delim={quoted(_NO_DELIMITER)}, quote='', escape='', header=false, auto_detect=false, "
            f"columns={{'line': 'VARCHAR'}}, nullstr={quoted(NO_NULL)}, strict_mode=false, "
            "new_line='\\n', max_line_size=16777216)"
        )
    except duckdb.InvalidInputException as error:
        raise RejectedFile(
            "unreadable_text",
            f"the text cannot be split into lines: {str(error).splitlines()[0]}",
            "ask the partner for the agreed layout",
            Place(file=file),
        ) from error
    # The mark after the last line end is no line.
    connection.execute(
        "create or replace temp table lines as select rowid + 1 as number, substr(line, 2) as line from "
        "marked "
        f"where not (line = {quoted(_LINE_MARK)} and rowid = (select max(rowid) from marked))"
    )
    connection.execute("drop table marked")


def stream_lines(texts: Sequence[Text], skip: int) -> str:
    """SQL: the lines of plain files as `line`, with `file_index`, behind the first `skip` of each."""
    sources = ", ".join(quoted(str(text.source)) for text in texts)
    return (
        f"read_csv([{sources}], delim={quoted(_NO_DELIMITER)}, quote='', escape='', header=false, "
        f"skip={skip}, auto_detect=false, columns={{'line': 'VARCHAR'}}, nullstr={quoted(NO_NULL)}, "
        "strict_mode=true, max_line_size=16777216)"
    )
