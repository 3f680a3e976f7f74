"""The archive of originals: each report as it came, byte for byte, by partner and date.

`<archive>/<partner>/<date>/<hash of the content>_<name>`, with `.age` behind it where it is encrypted (the
age format; any age tool opens it with the key). A content is kept once per partner. What belongs here:
keeping, finding, opening and removing originals. What does not: what they say (`connectors.feeds`), and
whose they are to erase (`connectors.privacy`).
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final

import pyrage

from connectors.company import Archive as ArchiveSettings
from connectors.company import Secret
from connectors.errors import ConfigError, Place, SourceError
from connectors.landing import atomic_file, remove_leftovers

_CHUNK: Final = 1 << 20
_ENCRYPTED: Final = ".age"
_NAME_LENGTH: Final = 120
_NO_KEY: Final = "No matching keys"
"""The library's word for a sound file that is for other keys."""


@dataclass(frozen=True)
class Original:
    """One archived report."""

    path: Path
    partner_code: str
    kept_on: date
    content_hash: str
    name: str

    @property
    def is_encrypted(self) -> bool:
        return self.path.suffix == _ENCRYPTED


class Archive:
    """The archive of one company."""

    def __init__(self, folder: Path, settings: ArchiveSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._kept: dict[str, set[str]] = {}

    def keep(self, path: Path, partner: str, content_hash: str, now: datetime, *, is_personal: bool) -> bool:
        """Keep a copy of a report, unless it is kept already or may not be; False if its bytes are no
        longer those of the hash.

        A report that names people is kept only where the archive is encrypted.
        """
        settings = self._settings
        if not settings.enabled or (is_personal and settings.key is None):
            return True
        known = self._kept.get(partner)
        if known is None:
            known = self._kept[partner] = {item.content_hash for item in self.originals(partner)}
        if content_hash in known:
            return True
        base = re.sub(r"[^\w.+ -]", "_", path.name).encode()[-_NAME_LENGTH:].decode(errors="ignore")
        ending = _ENCRYPTED if settings.key else ""
        day = now.astimezone(UTC).date().isoformat()
        target = self._folder / partner / day / f"{content_hash}_{base}{ending}"
        try:
            with atomic_file(target) as part, path.open("rb") as source, part.open("wb") as copy:
                reader = _HashingReader(source)
                if settings.key is None:
                    shutil.copyfileobj(reader, copy, _CHUNK)
                else:
                    pyrage.encrypt_io(reader, copy, [_identity(settings.key).to_public()])
                if reader.hexdigest() != content_hash:
                    raise _Changed
        except _Changed:
            return False
        known.add(content_hash)
        return True

    def originals(self, partner: str | None = None) -> list[Original]:
        """What is kept, oldest first."""
        found = [
            Original(
                path,
                path.parts[-3],
                date.fromisoformat(path.parts[-2]),
                path.name.partition("_")[0],
                path.name.partition("_")[2].removesuffix(_ENCRYPTED),
            )
            for path in self._folder.glob(f"{partner or '*'}/*/*_*")
            if not path.name.startswith(".")
        ]
        return sorted(found, key=lambda item: (item.kept_on, item.partner_code, item.name))

    @contextmanager
    def opened(self, original: Original, scratch: Path | None = None) -> Iterator[Path]:
        """The original in clear, as a file that is gone afterwards; SourceError if it is damaged."""
        with TemporaryDirectory(dir=scratch, prefix="aval-original-") as folder:
            clear = Path(folder) / "original"
            self._decrypt(original, clear)
            yield clear

    def restore(self, original: Original, target: Path) -> None:
        """Write the original to `target`, which must not exist."""
        if target.exists():
            raise SourceError(
                "file_exists", "the file exists already", "name another folder", Place(file=target)
            )
        with atomic_file(target) as part:
            self._decrypt(original, part)

    def _decrypt(self, original: Original, target: Path) -> None:
        with original.path.open("rb") as source, target.open("wb") as clear:
            if original.is_encrypted:
                try:
                    pyrage.decrypt_io(source, clear, self._identities())
                except pyrage.DecryptError as error:
                    if _NO_KEY not in str(error):
                        raise _damaged(original, f"it cannot be decrypted ({error})") from error
                    raise SourceError(
                        "unreadable_original",
                        f"no key opens the original ({error})",
                        "add the key that it was archived with to archive.former_keys",
                        Place(file=original.path),
                    ) from error
                except OSError as error:
                    # Faults of a disk have a number; those of the content, which the library gives too, none.
                    if error.errno is not None:
                        raise
                    raise _damaged(original, f"it cannot be decrypted ({error})") from error
            else:
                shutil.copyfileobj(source, clear, _CHUNK)
        with target.open("rb") as clear:
            if hashlib.file_digest(clear, "sha256").hexdigest() != original.content_hash:
                raise _damaged(original, "its hash differs")

    def remove(self, original: Original) -> None:
        """Remove an original for good."""
        original.path.unlink()
        self._kept.pop(original.partner_code, None)
        _remove_if_empty(original.path.parent)

    def tidy(self, now: datetime) -> list[Original]:
        """Remove what has been kept long enough, and what a killed run left; returns the former."""
        if self._folder.is_dir():
            remove_leftovers(self._folder)
        if self._settings.keep_days is None:
            return []
        limit = now.astimezone(UTC).date() - timedelta(days=self._settings.keep_days)
        outdated = [item for item in self.originals() if item.kept_on < limit]
        for item in outdated:
            self.remove(item)
        return outdated

    def _identities(self) -> list[Any]:
        keys = [self._settings.key] if self._settings.key else []
        return [_identity(key) for key in (*keys, *self._settings.former_keys)]


class _Changed(Exception):
    """The file changed between hashing and copying."""


class _HashingReader:
    """Hands bytes on and hashes them."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._source.read(size)
        self._digest.update(chunk)
        return chunk

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _damaged(original: Original, why: str) -> SourceError:
    return SourceError(
        "damaged_original",
        f"the original is not what was archived: {why}",
        "restore the archive from a backup",
        Place(file=original.path),
    )


def _identity(key: Secret) -> Any:
    try:
        return pyrage.x25519.Identity.from_str(key.reveal().strip())
    except pyrage.IdentityError as error:
        raise ConfigError(
            "invalid_secret",
            "archive.key (or one of former_keys) is not an age identity",
            "make one with `aval archive key`, and keep a copy of it in a safe place",
        ) from error


def new_key() -> str:
    """A new age identity, as `archive.key` wants it."""
    return str(pyrage.x25519.Identity.generate())


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
