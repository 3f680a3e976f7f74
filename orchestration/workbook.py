"""Excel workbooks for finance: real numbers and dates, formats of the company's language, formulas.

What belongs here: formats, headings, tables with totals, printing. What does not: which figures stand there
(`orchestration.trace`, `orchestration.pack`). Tables that people send back are `connectors.sheets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from connectors.landing import atomic_file
from connectors.sheets import fitting

Kind = Literal["text", "amount", "quantity", "count", "percent", "date", "month", "instant"]
Locale = Literal["fr", "en"]
COLON: Final[Mapping[Locale, str]] = {"fr": " :", "en": ":"}
Cell = str | int | float | Decimal | date | bool | None
_MAX_FOOTER: Final = 200

# A format code is written as in English; the prefix gives the separators of French where a program heeds it,
# and Excel takes those of its own language, which is what its user is used to.
_FORMATS: Final[dict[Locale, dict[str, str]]] = {
    "fr": {
        "amount": "[$-40C]#,##0",
        "quantity": "[$-40C]#,##0.###",
        "count": "[$-40C]#,##0",
        "percent": "[$-40C]0.0 %",
        "date": "[$-40C]dd/mm/yyyy",
        "month": "[$-40C]mm/yyyy",
        "instant": "[$-40C]dd/mm/yyyy hh:mm",
    },
    "en": {
        "amount": "#,##0",
        "quantity": "#,##0.###",
        "count": "#,##0",
        "percent": "0.0%",
        "date": "yyyy-mm-dd",
        "month": "yyyy-mm",
        "instant": "yyyy-mm-dd hh:mm",
    },
}
_WIDTHS: Final = {"amount": 15, "quantity": 12, "count": 10, "percent": 9, "date": 12, "month": 10}


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and what stands in it."""

    heading: str
    kind: Kind
    width: int | None = None


@dataclass(frozen=True)
class Formula:
    """A formula with the value that it gives, so that a program that does not calculate shows it too."""

    text: str
    value: float | str


def kind_of(column: str, type_: str) -> Kind:
    """What stands in a column, by its name and type in the models."""
    kinds: dict[str, Kind] = {
        "_amount": "amount",
        "_quantity": "quantity",
        "_rate": "percent",
        "_date": "date",
        "_count": "count",
        "_at": "instant",
    }
    for ending, kind in kinds.items():
        if column.endswith(ending):
            return kind
    if type_.startswith("decimal"):
        return "amount"
    return "count" if type_ in ("bigint", "int", "integer") else "text"


class Workbook:
    """A workbook in the making."""

    def __init__(self, book: Any, locale: Locale, footer: str, places: int) -> None:
        self._book = book
        self._locale: Locale = locale
        self._footer = footer
        self._places = places
        self._known: dict[tuple[Any, ...], Any] = {}

    def format(self, kind: Kind = "text", look: str = "plain") -> Any:
        """The format of a kind; `look` is plain, left, head, title, total, note or wrong."""
        key = (kind, look)
        if key not in self._known:
            properties: dict[str, Any] = {"font_name": "Arial", "font_size": 9, "valign": "top"}
            if kind != "text":
                properties["num_format"] = _FORMATS[self._locale][kind]
                if kind == "amount":
                    properties["num_format"] += f".{'0' * self._places}" if self._places else ""
            looks: dict[str, dict[str, Any]] = {
                "plain": {},
                "head": {"bold": True, "bg_color": "#D9E2EC", "bottom": 1, "text_wrap": True},
                "title": {"bold": True, "font_size": 13},
                "total": {"bold": True, "top": 1},
                "left": {"align": "left"},
                "note": {"font_color": "#666666", "italic": True},
                "wrong": {"font_color": "#B00020", "bold": True},
            }
            self._known[key] = self._book.add_format({**properties, **looks[look]})
        return self._known[key]

    def sheet(self, name: str, title: str, subtitle: str = "") -> Any:
        """A sheet with its title in the first row, set up to print on the width of one page."""
        sheet = self._book.add_worksheet(_sheet_name(name))
        sheet.write_string(0, 0, fitting(title), self.format(look="title"))
        if subtitle:
            sheet.write_string(1, 0, fitting(subtitle), self.format(look="note"))
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(0.4, 0.4, 0.6, 0.6)
        sheet.fit_to_pages(1, 0)
        # A single & begins a code.
        sheet.set_footer(f"&L&8{self._footer.replace('&', '&&')[:_MAX_FOOTER]}&R&8&A  &P / &N")
        return sheet

    def write(self, sheet: Any, row: int, column: int, cell: Cell | Formula, kind: Kind, look: str) -> None:
        """One cell, as what it is."""
        style = self.format(kind, look)
        if cell is None:
            sheet.write_blank(row, column, None, style)
        elif isinstance(cell, Formula):
            sheet.write_formula(row, column, cell.text, style, cell.value)
        elif isinstance(cell, bool):
            sheet.write_boolean(row, column, cell, style)
        elif isinstance(cell, str):
            sheet.write_string(row, column, fitting(cell), style)
        elif isinstance(cell, datetime):
            sheet.write_datetime(row, column, cell.replace(tzinfo=None), style)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), style)  # noqa: DTZ001
        else:
            sheet.write_number(row, column, float(cell), style)

    def head(self, sheet: Any, row: int, columns: Sequence[Column]) -> None:
        """The headings of a table, with widths; they stay in sight and repeat on each page."""
        for number, column in enumerate(columns):
            sheet.write_string(row, number, column.heading, self.format(look="head"))
            width = column.width or _WIDTHS.get(column.kind, 14)
            sheet.set_column(number, number, width)
        sheet.freeze_panes(row + 1, 0)
        sheet.repeat_rows(row)

    def rows(
        self,
        sheet: Any,
        first: int,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Cell | Formula]],
        look: str = "plain",
    ) -> int:
        """Rows of a table from `first` on; returns the row after them."""
        for offset, cells in enumerate(rows):
            for number, (column, cell) in enumerate(zip(columns, cells, strict=True)):
                self.write(sheet, first + offset, number, cell, column.kind, look)
        return first + len(rows)


def _sheet_name(text: str) -> str:
    """A text as far as Excel lets a sheet be called so."""
    allowed = re.sub(r"[\[\]:*?/\\]", "-", text).strip("'")
    return allowed[:31].rstrip("'") or "-"


def letter(column: int) -> str:
    """The letters of a column of a sheet, from 0."""
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(column))


@contextmanager
def workbook(path: Path, locale: Locale, footer: str, places: int = 2) -> Iterator[Workbook]:
    """A workbook that is written whole or not at all; its amounts are shown with so many decimals."""
    import xlsxwriter

    with atomic_file(path) as part:
        book = xlsxwriter.Workbook(
            str(part), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        )
        yield Workbook(book, locale, footer, places)
        book.close()
