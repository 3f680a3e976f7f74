"""How reports are written: text files and Excel workbooks, to the byte the same at every run.

What belongs here: rendering of columns of values. Which values a partner reports is `reports`' work.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import xlsxwriter

WRITTEN_AT: Final = datetime(2024, 7, 1, tzinfo=UTC).replace(tzinfo=None)
"""Creation time in the properties of every workbook: the only thing in it that would depend on the clock."""


@dataclass(frozen=True)
class Text:
    """A delimited text file. `title` lines stand above the header, `foot` names a line with sums below."""

    encoding: str = "utf-8"
    delimiter: str = ";"
    decimal: str = ","
    thousands: str = ""
    line_end: str = "\r\n"
    quoted: bool = False
    title: tuple[str, ...] = ()
    foot: str | None = None


@dataclass(frozen=True)
class Workbook:
    """An Excel workbook. `groups` gives the upper, merged header: (title, number of columns)."""

    sheet: str = "Feuil1"
    title: tuple[str, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    foot: str | None = None


@dataclass(frozen=True)
class Cents:
    """A column of amounts in whole cents."""

    values: Sequence[int]


Column = Cents | Sequence[Any]


def amount_text(cents: int, decimal: str, thousands: str) -> str:
    """An amount as a person of that locale writes it."""
    whole, rest = divmod(abs(cents), 100)
    digits = f"{whole:,}".replace(",", thousands) if thousands else str(whole)
    return f"{'-' if cents < 0 else ''}{digits}{decimal}{rest:02d}"


def foot_rows(layout: Text | Workbook) -> int:
    """Rows below the data that are none: a blank one and the sums."""
    return 2 if layout.foot else 0


def render(layout: Text | Workbook, titles: Sequence[str], columns: Sequence[Column]) -> bytes:
    """The file's bytes."""
    if isinstance(layout, Text):
        return _text(layout, titles, columns)
    return _workbook(layout, titles, columns)


def _sums(foot: str, columns: Sequence[Column]) -> list[Column]:
    """The row of sums: the label, then totals of columns of numbers."""
    row: list[Column] = [[foot]]
    for column in columns[1:]:
        if isinstance(column, Cents):
            row.append(Cents([sum(column.values)]))
        elif column and all(isinstance(value, int) for value in column):
            row.append([sum(column)])
        else:
            row.append([""])
    return row


def _text(layout: Text, titles: Sequence[str], columns: Sequence[Column]) -> bytes:
    def cells(column: Column) -> list[str]:
        if isinstance(column, Cents):
            # Cells already written as text are what a planted fault put there.
            return [
                value if isinstance(value, str) else amount_text(value, layout.decimal, layout.thousands)
                for value in column.values
            ]
        if layout.thousands:
            return [
                f"{value:,}".replace(",", layout.thousands) if isinstance(value, int) else str(value)
                for value in column
            ]
        return [str(value) for value in column]

    def lines(block: Sequence[Column]) -> list[str]:
        texts = [cells(column) for column in block]
        if layout.quoted:
            texts = [[f'"{cell}"' for cell in column] for column in texts]
        return [layout.delimiter.join(row) for row in zip(*texts, strict=True)]

    header = [f'"{title}"' for title in titles] if layout.quoted else list(titles)
    written = [*layout.title, layout.delimiter.join(header), *lines(columns)]
    if layout.foot:
        written += ["", *lines(_sums(layout.foot, columns))]
    return (layout.line_end.join(written) + layout.line_end).encode(layout.encoding)


def _workbook(layout: Workbook, titles: Sequence[str], columns: Sequence[Column]) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    book.set_properties({"created": WRITTEN_AT})
    bold = book.add_format({"bold": True})
    centred = book.add_format({"bold": True, "align": "center"})
    money = book.add_format({"num_format": "#,##0.00"})
    sheet = book.add_worksheet(layout.sheet)
    row = 0
    for line in layout.title:
        sheet.write_string(row, 0, line, bold)
        row += 1
    if layout.groups:
        left = 0
        for title, width in layout.groups:
            if width > 1:
                sheet.merge_range(row, left, row, left + width - 1, title, centred)
            else:
                sheet.write_string(row, left, title, centred)
            left += width
        row += 1
    sheet.write_row(row, 0, titles, bold)
    _write(sheet, row + 1, columns, money)
    if layout.foot:
        below = row + 2 + (len(columns[0].values) if isinstance(columns[0], Cents) else len(columns[0]))
        _write(sheet, below, _sums(layout.foot, columns), money)
    sheet.set_column(0, len(titles) - 1, 14)
    book.close()
    return target.getvalue()


def _write(sheet: Any, row: int, columns: Sequence[Column], money: Any) -> None:
    for position, column in enumerate(columns):
        if isinstance(column, Cents):
            values: Sequence[Any] = [
                value if isinstance(value, str) else value / 100 for value in column.values
            ]
            sheet.write_column(row, position, values, money)
        elif column and isinstance(column[0], str):
            for offset, value in enumerate(column):
                sheet.write_string(row + offset, position, value)
        else:
            sheet.write_column(row, position, column)
