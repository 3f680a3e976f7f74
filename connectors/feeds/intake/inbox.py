"""The files of the inbox: which there are, and how one is told from another.

What belongs here: names, stamps and bytes of files. What does not: their content.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Final

from connectors.errors import Place, SourceError
from connectors.feeds.intake.matcher import FeedMatcher
from connectors.feeds.intake.outcomes import FileOutcome, refusal
from connectors.feeds.profile import Profile

_IGNORED_ENDINGS: Final = (".part", ".tmp", ".crdownload", ".partial", ".filepart")
_IGNORED_STARTS: Final = (".", "~$")
_HASH_CHUNK: Final = 1 << 20
_RIGHT_TO_READ: Final = "give the account that runs Aval the right to read the folder and to enter it"


@dataclass(frozen=True)
class Found:
    """A file of the inbox, its name below it, and how it stood when it was found.

    `came_at` is when it came first, where its bytes came under its name before: a copy of the inbox bears
    the time of the copying.
    """

    path: Path
    name: str
    stat: os.stat_result
    came_at: datetime | None = None

    @property
    def stamp(self) -> str:
        return stamp_of(self.stat)

    @property
    def received_at(self) -> datetime:
        return self.came_at or datetime.fromtimestamp(self.stat.st_mtime, UTC)


def stamp_of(stat: os.stat_result) -> str:
    """What changes whenever a file is written to."""
    # The change time catches a file rewritten with its former size and modification time.
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}:{stat.st_ino}"


def discover(inbox: Path) -> tuple[list[Found], list[FileOutcome]]:
    """Files of the inbox, oldest first, and what is refused outright."""
    if not inbox.is_dir():
        raise SourceError(
            "missing_inbox",
            f"the inbox {inbox} does not exist",
            "create it, or correct inbox.path in company.yml",
        )
    root = inbox.resolve()
    found: list[Found] = []
    refused: list[FileOutcome] = []

    def unreadable(error: OSError) -> None:
        name = Path(error.filename or inbox).relative_to(inbox).as_posix()
        reason = f"the folder cannot be read ({error.strerror}); {_RIGHT_TO_READ}"
        refused.append(refusal(readable_name(name), "unreadable_folder", reason))

    for folder, folders, files in os.walk(inbox, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*(n for n in folders if (Path(folder) / n).is_symlink()), *files):
            path = Path(folder) / name
            relative = path.relative_to(inbox).as_posix()
            if name.startswith(_IGNORED_STARTS) or name.lower().endswith(_IGNORED_ENDINGS):
                continue
            if readable_name(relative) != relative:
                refused.append(
                    refusal(
                        readable_name(relative),
                        "undecodable_name",
                        "the name, or that of its folder, is no UTF-8; rename it",
                    )
                )
                continue
            try:
                is_link = path.is_symlink()
            except PermissionError as error:
                reason = f"the file cannot be looked at ({error.strerror}); {_RIGHT_TO_READ}"
                refused.append(refusal(relative, "unreadable_file", reason))
                continue
            # realpath ends where links lead round in a circle.
            if is_link and not Path(os.path.realpath(path)).is_relative_to(root):
                refused.append(
                    refusal(
                        relative, "outside_inbox", "the link leads out of the inbox; copy the file instead"
                    )
                )
                continue
            try:
                stat = path.stat()
            except OSError as error:
                if is_link:
                    reason = f"the link leads to no file ({error.strerror}); put the file in its place"
                    refused.append(refusal(relative, "dangling_link", reason))
                continue  # otherwise it was taken away just now
            if S_ISREG(stat.st_mode):
                found.append(Found(path, relative, stat))
    found.sort(key=lambda item: (item.stat.st_mtime_ns, item.name))
    return found, refused


def readable_name(name: str) -> str:
    """A file's name as text; bytes that are no UTF-8, as old systems write accents, show as `\\xe9`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def refuse_unreadable_name(path: Path) -> None:
    """SourceError if the path to a file is no text."""
    name = readable_name(str(path))
    if name != str(path):
        raise SourceError("undecodable_name", "the file's name is no UTF-8", "rename it", Place(file=name))


def unclaimed(inbox: Path, profiles: Mapping[str, Profile]) -> list[str]:
    """Names below the inbox of the files that no profile takes, oldest first."""
    matcher = FeedMatcher(profiles)
    found, _ = discover(inbox)
    return [item.name for item in found if not matcher.takes(item.name)]


def unchanged_of(found: Found, feed_code: str, profile: Profile) -> FileOutcome:
    """The outcome of a file that has been entered before."""
    return FileOutcome(found.name, "unchanged", feed_code, profile.partner, bytes=found.stat.st_size)


def hash_of(path: Path) -> str:
    """SHA-256 of the file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
