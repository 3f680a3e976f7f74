"""Headings within the rows: filled down as a column, and never lost or taken for data."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from pydantic import ValidationError

from tests.unit.connectors.feeds.conftest import make_profile

SECTION = {"header": "Ref", "pattern": r"^Magasin : (?P<section>.+)$"}
COLUMNS = {
    "store_code": "@section", "partner_product_code": "Ref", "sold_quantity": "Qty", "net_amount": "Amount",
}  # fmt: skip
ROWS = [
    ["Magasin : Lyon"],
    ["A", 1, 10],
    [],
    ["Magasin : Nice"],
    ["A", 2, 20],
    ["B", 3, 30],
    ["Total", 5, 50],
]
SKIPPED = [{"header": "Ref", "pattern": "^Total"}]


@pytest.mark.parametrize("padded", [True, False])
def test_a_heading_gives_the_store_of_the_rows_below_it(desk: Any, padded: bool) -> None:
    lines = [";".join(str(cell) for cell in row) + (";" * (3 - len(row)) if padded else "") for row in ROWS]
    content = "\n".join(["Ref;Qty;Amount", *lines]) + "\n"
    outcome = desk.take_one(
        "D07/r_2026-W05.csv", content, columns=COLUMNS, section=SECTION, skip_rows=SKIPPED
    )
    assert (outcome.rows_read, outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (
        7, 3, 0, 4,
    )  # fmt: skip
    assert desk.rows("_source_row, store_code, partner_product_code, sold_quantity") == [
        (3, "Lyon", "A", 1), (6, "Nice", "A", 2), (7, "Nice", "B", 3),
    ]  # fmt: skip


def test_headings_of_a_workbook_are_read_the_same_way(desk: Any) -> None:
    book = openpyxl.Workbook()
    for row in [["Ref", "Qty", "Amount"], *ROWS]:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    desk.take_one(
        "D07/r_2026-W05.xlsx",
        stream.getvalue(),
        container={"kind": "excel"},
        columns=COLUMNS,
        section=SECTION,
        skip_rows=SKIPPED,
    )
    assert desk.rows("store_code, sold_quantity") == [("Lyon", 1), ("Nice", 2), ("Nice", 3)]


PIVOT = {"header": "Shop", "pattern": "^(?P<section>.+)$"}
"""A pivot table leaves labels blank that repeat the one above."""


def test_a_heading_that_is_a_row_of_data_as_well_is_not_lost(desk: Any) -> None:
    content = "Shop;Ref;Qty\nLyon;A;1\n;B;2\nLyon Total;;3\nNice;A;4\n;B;5\nGrand Total;;9\n"
    columns = {"store_code": "@section", "partner_product_code": "Ref", "sold_quantity": "Qty"}
    outcome = desk.take_one("D07/r_2026-W05.csv", content, columns=columns, section=PIVOT)
    assert (outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (4, 0, 2)
    assert desk.rows("_source_row, store_code, partner_product_code, sold_quantity") == [
        (2, "Lyon", "A", 1), (3, "Lyon", "B", 2), (5, "Nice", "A", 4), (6, "Nice", "B", 5),
    ]  # fmt: skip


def test_a_heading_that_is_a_row_of_a_wide_report_is_not_lost(desk: Any) -> None:
    content = "Shop;Ref;S05/2026;S06/2026\nLyon;A;1;2\n;B;3;4\nNice;A;5;6\n"
    desk.take_one(
        "D07/r.csv",
        content,
        columns={"store_code": "@section", "partner_product_code": "Ref"},
        period={"frequency": "week", "source": "header"},
        wide=[{"metric": "sold_quantity", "pattern": r"^S(?P<week>\d+)/(?P<year>\d+)$"}],
        section=PIVOT,
    )
    assert [quantity for (quantity,) in desk.rows("sold_quantity")] == [1, 2, 3, 4, 5, 6]


def test_a_product_above_its_shops_is_filled_down_too(desk: Any) -> None:
    content = "Ref;Shop;Qty\nA;Lyon;1\n;Nice;2\nA Total;;3\nB;Lyon;4\nGrand Total;;7\n"
    columns = {"store_code": "Shop", "partner_product_code": "@section", "sold_quantity": "Qty"}
    outcome = desk.take_one(
        "D07/r_2026-W05.csv", content, columns=columns, section={**PIVOT, "header": "Ref"}
    )
    assert (outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (3, 0, 2)
    assert desk.rows("partner_product_code, store_code, sold_quantity") == [
        ("A", "Lyon", 1), ("A", "Nice", 2), ("B", "Lyon", 4),
    ]  # fmt: skip


def test_a_heading_with_the_name_or_the_sum_of_its_section_is_no_data(desk: Any) -> None:
    content = "Ref;Shop name;Qty\nMagasin : 12;Lyon;\nA;;1\nMagasin : 13;;5\nA;;5\n"
    columns = {
        "store_code": "@section", "store_name": "Shop name", "partner_product_code": "Ref",
        "sold_quantity": "Qty",
    }  # fmt: skip
    outcome = desk.take_one("D07/r_2026-W05.csv", content, columns=columns, section=SECTION)
    assert (outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (2, 0, 2)


def test_a_section_ends_with_its_sheet(desk: Any) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in (
        ("V1", [["Magasin : Lyon"], ["A", 1, 10]]),
        ("V2", [["A", 2, 20], ["Magasin : Nice"]]),
    ):
        sheet = book.create_sheet(name)
        for row in [["Ref", "Qty", "Amount"], *rows, ["B", 3, 30]]:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    container = {"kind": "excel", "sheets": "^V"}
    desk.take_one(
        "D07/r_2026-W05.xlsx", stream.getvalue(), container=container, columns=COLUMNS, section=SECTION
    )
    assert desk.rows("store_code, sold_quantity") == [("Lyon", 1), ("Lyon", 3), (None, 2), ("Nice", 3)]


def test_a_row_that_does_not_fit_stays_a_fault_within_its_section(desk: Any) -> None:
    content = "Ref;Qty;Amount\nMagasin : Lyon\nA;1\nB;2;20\n"
    outcome = desk.take_one("D07/r_2026-W05.csv", content, columns=COLUMNS, section=SECTION)
    assert outcome.reasons == {"malformed_row": 1}
    assert desk.rows("_source_row, store_code") == [(4, "Lyon")]


def test_a_pattern_must_say_what_the_section_is() -> None:
    with pytest.raises(ValidationError, match="section"):
        make_profile(section={"header": "Ref", "pattern": "^Magasin"})
