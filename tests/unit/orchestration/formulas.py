"""Calculates the formulas of our workbooks, apart from the program that wrote them and its stored values."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
from openpyxl.utils import range_boundaries
from openpyxl.worksheet.worksheet import Worksheet

SUM = r"SUM\((?:'([^']+)'!)?([A-Z]+\d+:[A-Z]+\d+)\)"
SUBTOTAL = r"=SUBTOTAL\((?:9|109),(?:'(.+)'!)?([A-Z]+\d+:[A-Z]+\d+)\)"
RATIO = r'=IF\(([A-Z]+\d+)>0,([A-Z]+\d+)/\1,""\)'
ROUND = r"=ROUND\(([A-Z]+\d+)-([A-Z]+\d+),4\)"
TERMS = r"=[-+]?[A-Z]+\d+(?:[-+][A-Z]+\d+)*"


class Calculator:
    """A workbook whose cells are worked out on demand; a formula of an unknown form is an error."""

    def __init__(self, path: Path) -> None:
        self.book = openpyxl.load_workbook(path)
        self.stored = openpyxl.load_workbook(path, data_only=True)

    def value(self, sheet: Worksheet, place: str) -> float | str | None:
        cell = sheet[place].value
        if not isinstance(cell, str) or not cell.startswith("="):
            return cell  # type: ignore[return-value]
        if re.fullmatch(rf"={SUM}(\+{SUM})*", cell):
            spans = re.findall(SUM, cell)
            return sum(sum(self.numbers(self.sheet(n, sheet), span, nested=True)) for n, span in spans)
        if match := re.fullmatch(SUBTOTAL, cell):
            return sum(self.numbers(self.sheet(match[1], sheet), match[2], nested=False))
        if match := re.fullmatch(RATIO, cell):
            below, above = self.number(sheet, match[1]), self.number(sheet, match[2])
            return above / below if below > 0 else ""
        if match := re.fullmatch(ROUND, cell):
            return round(self.number(sheet, match[1]) - self.number(sheet, match[2]), 4)
        if re.fullmatch(TERMS, cell):
            parts = re.findall(r"([-+]?)([A-Z]+\d+)", cell[1:])
            return sum((-1 if sign == "-" else 1) * self.number(sheet, part) for sign, part in parts)
        raise AssertionError(f"{sheet.title}!{place}: {cell}")

    def number(self, sheet: Worksheet, place: str) -> float:
        value = self.value(sheet, place)
        return float(value) if isinstance(value, (int, float)) else 0.0

    def sheet(self, name: str | None, own: Worksheet) -> Worksheet:
        return own if not name else self.book[name]

    def numbers(self, sheet: Worksheet, span: str, *, nested: bool) -> list[float]:
        """The numbers of a range; without the subtotals in it unless they count."""
        first_column, first_row, last_column, last_row = range_boundaries(span)
        cells = [
            cell
            for row in sheet.iter_rows(
                min_row=min(first_row, last_row),
                max_row=max(first_row, last_row),
                min_col=first_column,
                max_col=last_column,
            )
            for cell in row
            if nested or not str(cell.value).startswith("=SUBTOTAL")
        ]
        return [self.number(sheet, cell.coordinate) for cell in cells]

    def wrong(self) -> list[str]:
        """Formulas whose stored value is not what they give."""
        found = []
        for sheet in self.book.worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    if isinstance(cell.value, str) and cell.value.startswith("="):
                        result = self.value(sheet, cell.coordinate)
                        stored = self.stored[sheet.title][cell.coordinate].value
                        given = stored if stored is not None else ""
                        if isinstance(result, str) or isinstance(given, str):
                            if result != given:
                                found.append(f"{sheet.title}!{cell.coordinate}: {given!r}, not {result!r}")
                        elif abs(result - given) > 1e-6:
                            found.append(f"{sheet.title}!{cell.coordinate}: {given}, not {result}")
        return found
