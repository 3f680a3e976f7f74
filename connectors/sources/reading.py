"""What every way of reading a source gives: its rows in parts, each row a number and its cells.

What belongs here: that shape, and how values of files and answers become text. What does not: where they
come from (`files`, `rest`), and what they mean (`judging`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Cells = Mapping[str, str | None]
"""A row: text by column of the source, without blanks around it; None where nothing stands."""


@dataclass(frozen=True)
class Row:
    """One row, with its number in the file or answer. A row that cannot be cut into cells says why."""

    number: int
    cells: Cells
    malformed: str | None = None


@dataclass(frozen=True)
class Part:
    """Rows that came together: a file, or a page of an answer. The last part that has a key counts for it."""

    name: str
    rows: Iterable[Row]


def as_text(value: object) -> str | None:
    """A value as text: dates and instants as ISO, whole numbers without decimals; None for nothing."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return " ".join(str(value).split()) or None
