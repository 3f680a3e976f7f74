"""Errors that tell a person where the fault is and what to do about it.

Every error that can reach a user is one of these. A fault of one row is not an error but a
quarantined row (see `connectors.feeds.intake`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where a fault is: a file, and as much of line, row, column and value as is known.

    `key` names the record to a person who looks for it in its system, where rows have no number.
    """

    file: str | Path | None = None
    line: int | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    key: str | None = None

    def __str__(self) -> str:
        parts = []
        if self.file is not None:
            parts.append(f"{self.file}" + (f":{self.line}" if self.line is not None else ""))
        if self.row is not None:
            parts.append(f"row {self.row}" + (f" ({self.key})" if self.key is not None else ""))
        if self.column is not None:
            parts.append(f"column {self.column!r}")
        if self.value is not None:
            parts.append(f"value {self.value!r}")
        return ", ".join(parts)


class AvalError(Exception):
    """A fault that a user can understand and mend.

    `code` is stable and machine-readable, `problem` says what is wrong, `remedy` what to do.
    """

    def __init__(self, code: str, problem: str, remedy: str, place: Place | None = None) -> None:
        self.code = code
        self.problem = problem
        self.remedy = remedy
        self.place = place or Place()
        super().__init__(str(self))

    def __str__(self) -> str:
        where = str(self.place)
        head = f"{where}: {self.problem}" if where else self.problem
        return f"{head} -> {self.remedy}"


class ConfigError(AvalError):
    """The company directory is wrong: a key, a value, a missing file or a missing secret."""


class SourceError(AvalError):
    """A source system (ERP, inbox) cannot be read, or no longer has the shape that was agreed."""


class RejectedFile(AvalError):
    """A partner's file that cannot be landed at all. The other files go on."""


class BusyError(AvalError):
    """Another run of the same company holds the warehouse."""
