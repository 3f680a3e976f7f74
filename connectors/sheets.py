"""Tables for people: written as CSV or Excel for their office programs, and read as these leave them.

A French office writes `;`, a decimal comma and 31/01/2026, saves CSV in its old encoding, and takes a cell
that begins with `=` for a formula. What belongs here: that, for any table. What does not: what a table means.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from connectors.errors import ConfigError, Place
from connectors.landing import atomic_file

Locale = Literal["fr", "en"]
Cell = str | int | float | Decimal | date | None

ENDINGS: Final = (".csv", ".xlsx")
LONGEST_TEXT: Final = 32_767
"""Characters that a cell of Excel holds; a longer text would be left out whole, without a word."""
MAX_ROWS: Final = 1_048_576
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")


def harmless(text: str) -> str:
    """A text that no office program takes for a formula; `original` gives it back."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def original(text: str) -> str:
    """The text that `harmless` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def fitting(text: str) -> str:
    """A text cut to what a cell of Excel holds."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


@dataclass(frozen=True)
class SheetRow:
    """One row of a table that a person hands in: its number in the file, and its cells by column name."""

    place: Place
    cells: dict[str, str]

    def at(self, column: str) -> Place:
        """The place of one cell, for errors."""
        return Place(
            file=self.place.file, row=self.place.row, column=column, value=self.cells.get(column) or None
        )

    def date(self, column: str) -> date | None:
        """A date as 2026-01-31 or 31/01/2026; None where the cell is empty, ConfigError if it is no date."""
        text = self.cells.get(column, "")
        if not text:
            return None
        french = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
        try:
            if french:
                day, month, year = (int(part) for part in french.groups())
                return date(year, month, day)
            return date.fromisoformat(text[:10])
        except ValueError as error:
            raise ConfigError(
                "invalid_date", "no date", "write it as 2026-01-31 or 31/01/2026", self.at(column)
            ) from error


def write_sheet(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]], locale: Locale) -> None:
    """Write a table as `.csv` or `.xlsx`, by the file's ending; a file that is there is replaced whole."""
    _check_ending(path)
    if path.suffix.lower() == ".csv":
        _write_csv(path, header, rows, locale)
    else:
        _write_excel(path, header, rows)


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(
            "unknown_format",
            "the file's ending is neither .csv nor .xlsx",
            "name it FILE.csv or FILE.xlsx",
            Place(file=path),
        )


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]], locale: Locale) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if locale == "fr" else ",", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_written(cell, locale) for cell in row] for row in rows)
    with atomic_file(path) as part:
        # The mark tells Excel that this is UTF-8.
        part.write_text(text.getvalue(), encoding="utf-8-sig", newline="")


def _written(cell: Cell, locale: Locale) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell).replace(".", ",") if locale == "fr" else str(cell)


def _write_excel(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    import xlsxwriter

    rows = list(rows)
    if len(rows) >= MAX_ROWS:
        raise ConfigError(
            "too_many_rows",
            f"{len(rows):,} rows do not fit below the titles: a sheet of Excel holds {MAX_ROWS:,} in all",
            "write a .csv file, or ask for fewer rows",
            Place(file=path),
        )
    with atomic_file(path) as part:
        book = xlsxwriter.Workbook(str(part), {"strings_to_formulas": False, "strings_to_urls": False})
        sheet = book.add_worksheet()
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        widths = [len(title) for title in header]
        for column, title in enumerate(header):
            sheet.write_string(0, column, title, bold)
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if cell is None:
                    continue
                widths[column] = max(widths[column], min(60, len(str(cell))))
                if isinstance(cell, str):
                    sheet.write_string(number, column, fitting(cell))
                elif isinstance(cell, date):
                    sheet.write_datetime(number, column, datetime(cell.year, cell.month, cell.day), day)  # noqa: DTZ001
                else:
                    sheet.write_number(number, column, float(cell))
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width + 2)
        sheet.freeze_panes(1, 0)
        book.close()


def read_sheet(path: Path, required: Sequence[str]) -> list[SheetRow]:
    """Rows of a table that a person hands in; ConfigError if it cannot be read or lacks a column."""
    _check_ending(path)
    if not path.is_file():
        raise ConfigError("missing_file", "the file does not exist", "correct the path", Place(file=path))
    table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_excel(path)
    header = [title.strip().lower() for title in table[0][1]] if table else []
    missing = [name for name in required if name not in header]
    if missing:
        raise ConfigError(
            "missing_header",
            f"the column {missing[0]!r} is missing; found: {', '.join(filter(None, header)) or 'none'}",
            "keep the columns of the exported file",
            Place(file=path, row=1),
        )
    twice = next((name for place, name in enumerate(header) if name and name in header[:place]), None)
    if twice is not None:
        raise ConfigError(
            "duplicate_header",
            f"the column {twice!r} stands twice",
            "keep one of them",
            Place(file=path, row=1, column=twice),
        )
    return [
        SheetRow(
            Place(file=path, row=number),
            {
                **dict.fromkeys(header, ""),
                **dict(zip(header, (cell.strip() for cell in cells), strict=False)),
            },
        )
        for number, cells in table[1:]
        if any(cell.strip() for cell in cells)
    ]


def _read_csv(path: Path) -> list[tuple[int, list[str]]]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What Excel in French writes as 'CSV'; every byte is a letter of it, or of none.
        text = content.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        for cells in reader:
            rows.append((reader.line_num, [original(cell) for cell in cells]))
    except csv.Error as error:
        raise ConfigError(
            "invalid_csv",
            f"not valid CSV ({error})",
            "save it again as CSV or Excel",
            Place(file=path, row=reader.line_num),
        ) from error
    return rows


def _read_excel(path: Path) -> list[tuple[int, list[str]]]:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, IndexError) as error:
        raise ConfigError(
            "invalid_workbook", f"not a readable Excel file ({error})", "save it again", Place(file=path)
        ) from error
    return [(number, [_read(cell) for cell in row]) for number, row in enumerate(rows, start=1)]


def _read(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)
