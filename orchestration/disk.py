"""What the disk refuses, in the words of a person: full, read-only, failing, or not ours to write to.

What belongs here: finding such a fault in an error, and its remedy. What does not: showing it (`cli_shared`,
`run`).
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Mapping
from typing import Final

from connectors.errors import AvalError

_REMEDIES: Final[Mapping[int, str]] = {
    errno.ENOSPC: "free space there; the next run goes on from what has landed",
    errno.EDQUOT: "free space there, or ask for a larger quota; the next run goes on from what has landed",
    errno.EROFS: "mount the disk to be written to, or name another folder with --data",
    errno.EIO: "see whether the disk is full or failing; the next run goes on from what has landed",
    errno.EACCES: (
        "let this account read and write there (what another one has run is that one's own), or name "
        "another folder with --data; `aval doctor` names the files"
    ),
    errno.ENOTDIR: "a file stands where a folder is needed: name another folder",
}
# What SQLite, which keeps the intake ledger and Dagster's history, says of the same.
_OF_SQLITE: Final[Mapping[int, int]] = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
}


# Its words, where only these are left.
_WORDS: Final[Mapping[str, int]] = {
    **{os.strerror(number): number for number in _REMEDIES},
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EACCES,
    "unable to open database file": errno.EACCES,
    "disk I/O error": errno.EIO,
}


def fault_of_disk(error: BaseException) -> AvalError | None:
    """The fault of the disk that is the cause of this error, if it is one."""
    cause: BaseException | None = error
    while cause is not None:
        number = None
        where = "the data directory"
        if isinstance(cause, OSError):
            number, where = cause.errno, str(cause.filename2 or cause.filename or where)
        elif isinstance(cause, sqlite3.Error):
            # The lowest byte of its extended codes is the kind of fault.
            number = _OF_SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
        if number is not None and number in _REMEDIES:
            return AvalError("disk", f"{where}: {os.strerror(number)}", _REMEDIES[number])
        cause = cause.__cause__
    return None


def with_remedy(message: str) -> str:
    """The message of an error of which only words are left, with what to do where they tell of the disk."""
    for words, number in _WORDS.items():
        if words in message:
            return f"{message} -> {_REMEDIES[number]}"
    return message
