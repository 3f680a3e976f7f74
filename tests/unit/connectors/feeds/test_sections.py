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


def test_a_row_that_does_not_fit_stays_a_fault_within_its_section(desk: Any) -> None:
    content = "Ref;Qty;Amount\nMagasin : Lyon\nA;1\nB;2;20\n"
    outcome = desk.take_one("D07/r_2026-W05.csv", content, columns=COLUMNS, section=SECTION)
    assert outcome.reasons == {"malformed_row": 1}
    assert desk.rows("_source_row, store_code") == [(4, "Lyon")]


def test_a_pattern_must_say_what_the_section_is() -> None:
    with pytest.raises(ValidationError, match="section"):
        make_profile(section={"header": "Ref", "pattern": "^Magasin"})
