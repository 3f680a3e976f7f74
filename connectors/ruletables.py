"""Small tables that people keep as CSV in the company directory: crosswalks, units, stock adjustments.

What belongs here: reading such a table with its checks, so that every fault names file and line. What does
not: what the rows mean, and landing them (`connectors.rules`).
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from connectors.contract import OPEN_END
from connectors.errors import ConfigError, Place

FIRST_DAY: Final = "1900-01-01"
DATES: Final = ("valid_from_date", "valid_to_date")

Row = dict[str, Any]
Line = tuple[Row, Place]


@dataclass(frozen=True)
class Table:
    """A table's column names: those that a row must fill, and those that may be empty or absent.

    `name` is what people call it. A `dated` table may have `valid_from_date` and `valid_to_date`.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    dated: bool = False

    def read(self, path: Path) -> list[Line]:
        """The rows with their places; ConfigError with file and line at the first fault."""
        text = self._text(path)
        delimiter = ";" if ";" in text.partition("\n")[0] else ","
        reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
        try:
            header = [name.strip().lower() for name in next(reader, [])]
            self._check_header(header, path)
            return [
                self._row(header, cells, Place(file=path, line=reader.line_num))
                for cells in reader
                if any(cell.strip() for cell in cells)
            ]
        except csv.Error as error:
            raise ConfigError(
                "invalid_csv",
                f"not valid CSV ({error})",
                "correct the quotes in that line",
                Place(file=path, line=reader.line_num),
            ) from error

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            raise ConfigError(
                "missing_file", f"the {self.name} does not exist", "create it", Place(file=path)
            ) from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise ConfigError(
                "invalid_encoding",
                f"the {self.name} is not UTF-8",
                "save it as 'CSV UTF-8'",
                Place(file=path, line=line),
            ) from error

    def _check_header(self, header: Sequence[str], path: Path) -> None:
        wanted = (*self.optional, *(DATES if self.dated else ()))
        missing = [name for name in self.required if name not in header]
        unknown = [name for name in header if name not in (*self.required, *wanted)]
        if missing or unknown or len(set(header)) != len(header):
            further = f", and if wanted {';'.join(wanted)}" if wanted else ""
            raise ConfigError(
                "invalid_header",
                f"the header is {', '.join(repr(name) for name in header) or 'empty'}",
                f"expected {';'.join(self.required)}{further}",
                Place(file=path, line=1),
            )

    def _row(self, header: Sequence[str], cells: Sequence[str], place: Place) -> Line:
        if len(cells) != len(header):
            raise ConfigError(
                "invalid_row",
                f"{len(cells)} cells under {len(header)} column names",
                "correct the line",
                place,
            )
        row: Row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        for name in self.required:
            if not row[name]:
                raise ConfigError(
                    "missing_value", f"{name} is empty", "fill it in, or remove the line", place
                )
        for name in self.optional:
            row[name] = row.get(name) or None
        if self.dated:
            _fill_range(row, place)
        return row, place


def _fill_range(row: Row, place: Place) -> None:
    for name, default in zip(DATES, (FIRST_DAY, OPEN_END), strict=True):
        row[name] = row.get(name) or default
        read_date(row, name, place)
    if row["valid_from_date"] >= row["valid_to_date"]:
        raise ConfigError(
            "invalid_range",
            "valid_to_date is not after valid_from_date",
            "valid_to_date is the first day on which the row no longer holds",
            place,
        )


def read_date(row: Row, name: str, place: Place) -> None:
    """Check a cell that holds a date, and write it the one way."""
    try:
        row[name] = date.fromisoformat(row[name]).isoformat()
    except ValueError as error:
        raise ConfigError(
            "invalid_date", f"{name} is {row[name]!r}", "expected a date such as 2026-01-31", place
        ) from error


def read_number(
    row: Row, name: str, place: Place, *, digits: int, accepts: Callable[[Decimal], bool], expected: str
) -> None:
    """Check a cell that holds a number (decimal point or comma, at most `digits` decimals)."""
    try:
        number = Decimal(row[name].replace(",", "."))
        exact = number.is_finite() and number == number.quantize(Decimal(1).scaleb(-digits))
    except InvalidOperation:
        number, exact = Decimal("NaN"), False
    if not exact or not accepts(number):
        raise ConfigError("invalid_number", f"{name} is {row[name]!r}", f"expected {expected}", place)
    row[name] = str(number)


def refuse_overlaps(lines: Sequence[Line], key: Sequence[str], said: str) -> None:
    """ConfigError if two rows of one key share a day; `said` is the column that the error quotes."""

    def place_in_order(line: Line) -> tuple[str, ...]:
        return (*(line[0][name] for name in key), line[0]["valid_from_date"])

    for (former, before), (later, after) in itertools.pairwise(sorted(lines, key=place_in_order)):
        same = all(former[name] == later[name] for name in key)
        if same and later["valid_from_date"] < former["valid_to_date"]:
            raise ConfigError(
                "overlapping_ranges",
                f"{later[said]!r} stands in {before} too, for days in common",
                "keep one of the lines, or end one where the other begins",
                after,
            )
