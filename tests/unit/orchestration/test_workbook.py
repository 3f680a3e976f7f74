"""Workbooks bear whatever codes, names and texts there are."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from orchestration.workbook import Column, workbook


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("P042", "P042"),
        ("411/DUPONT:[A]*?\\", "411-DUPONT--A----"),
        ("'P'1'", "P'1"),
        ("x" * 40, "x" * 31),
        ("/" * 31 + "'", "-" * 31),
        ("''", "-"),
    ],
)
def test_a_sheet_bears_a_code_as_far_as_excel_lets_it(tmp_path: Path, code: str, name: str) -> None:
    with workbook(tmp_path / "page.xlsx", "fr", "Acme") as book:
        book.sheet(code, f"title of {code}")
    assert openpyxl.load_workbook(tmp_path / "page.xlsx").sheetnames == [name]


def test_the_footer_bears_the_company_s_name_as_it_is(tmp_path: Path) -> None:
    with workbook(tmp_path / "page.xlsx", "fr", "Dupont & Fils") as book:
        book.sheet("P1", "title")
    (sheet,) = openpyxl.load_workbook(tmp_path / "page.xlsx").worksheets
    assert "Dupont && Fils" in str(sheet.oddFooter.left.text)


def test_a_text_longer_than_a_cell_may_be_is_cut_and_not_left_out(tmp_path: Path) -> None:
    with workbook(tmp_path / "page.xlsx", "fr", "Acme") as book:
        sheet = book.sheet("P1", "x" * 40_000)
        book.rows(sheet, 1, [Column("name", "text")], [["y" * 40_000]])
    (sheet,) = openpyxl.load_workbook(tmp_path / "page.xlsx").worksheets
    assert sheet["A1"].value == "x" * 32_766 + "…"
    assert sheet["A2"].value == "y" * 32_766 + "…"
