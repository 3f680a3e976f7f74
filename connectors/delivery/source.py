"""What a source of reports promises, whatever it is: items that can be listed, read and finished with.

What belongs here: that promise and the names that are accepted from outside. What does not: protocols
(`folders`, `downloads`, `mailbox`), and what is done with the items (`collect`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import PurePosixPath
from typing import Final, Protocol

from connectors.errors import AvalError, Place

CHUNK: Final = 1 << 20
UNFINISHED_ENDINGS: Final = (".part", ".tmp", ".crdownload", ".partial", ".filepart")
_LONGEST_NAME: Final = 180


@dataclass(frozen=True)
class Item:
    """One file, object, download or mail. `stamp` changes when it does; empty if the source cannot tell.

    `is_whole` says that the source never shows it half written.
    """

    name: str
    stamp: str
    modified_at: datetime | None = None
    size: int | None = None
    is_whole: bool = False


@dataclass(frozen=True)
class Content:
    """One file of an item: the name that its sender gave it, and its bytes in chunks. RefusedItem while they
    are read is about this file alone.
    """

    file_name: str
    chunks: Iterable[bytes]


class RefusedItem(AvalError):
    """An item that is not fetched: its name, its size or its sender. The others go on."""


class Source(Protocol):
    """A source that is open. `passing` are errors that may be over at the next try, `lasting` those that are
    not; both are told as faults of this source alone.
    """

    passing: tuple[type[Exception], ...]
    lasting: tuple[type[Exception], ...]

    def items(self) -> Iterator[Item]:
        """Everything that the settings ask for, oldest first where the source knows."""

    def contents(self, item: Item) -> Iterator[Content]:
        """The files of an item, one after the other."""

    def stamp(self, item: Item) -> str:
        """The item's stamp as of now."""

    def finish(self, item: Item) -> None:
        """Mark, move or delete the item, as the settings say."""

    def close(self) -> None: ...


def names_like(name: str) -> Iterator[str]:
    """The name, and what a file is called where that one is taken: `d/a.csv`, `d/a~2.csv`, `d/a~3.csv`, …"""
    yield name
    path = PurePosixPath(name)
    for number in count(2):
        yield str(path.with_name(f"{path.stem}~{number}{path.suffix}"))


def safe_path(name: str) -> str:
    """A name from outside as a path below a folder of ours; RefusedItem if it is not plainly one."""
    normal = unicodedata.normalize("NFC", name)
    for part in normal.split("/"):
        reason = _fault(part)
        if reason is not None:
            raise RefusedItem(
                "refused_name",
                f"the name {reason}",
                "ask the partner for a plain file name, or correct 'files' of the delivery",
                Place(file=_shown(name)),
            )
    return normal


def readable(name: str) -> str:
    """A name from outside as text; bytes that are no UTF-8 show as `\\xe9`."""
    return "".join(f"\\x{ord(each) - 0xDC00:x}" if "\udc80" <= each <= "\udcff" else each for each in name)


def _shown(name: str) -> str:
    """A name from outside in letters of ASCII, where it may hold what changes how a line is read."""
    return ascii(name)[1:-1].replace(r"\udc", r"\x")


def safe_name(name: str) -> str:
    """The name of an attachment or download: one part, no folders."""
    if "/" in name:
        raise RefusedItem(
            "refused_name",
            "the name holds a path",
            "ask the sender for a plain file name",
            Place(file=_shown(name)),
        )
    return safe_path(name)


def _fault(part: str) -> str | None:
    if not part.strip():
        return "is empty, or has an empty folder in it"
    if part.startswith((".", "~")):
        return "begins with a dot or a tilde, or leads out of its folder"
    if "\\" in part or re.match(r"[A-Za-z]:", part):
        return "holds a path of Windows"
    if any("\udc80" <= letter <= "\udcff" for letter in part):
        return "is no UTF-8, as old systems write accents"
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in part):
        return "holds control characters"
    if part != part.strip() or part.endswith("."):
        return "begins or ends with a blank, or ends with a dot"
    if len(part.encode()) > _LONGEST_NAME:
        return f"is longer than {_LONGEST_NAME} bytes"
    return None
