"""Error cells of binary workbooks, .xls and .xlsb: seen, named and held back like those of .xlsx."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from tests.unit.connectors.feeds.binary_workbooks import ROWS, clean_xls, xls, xlsb

FAULTS = [
    (3, "Qty", "#DIV/0!", "error_cell"),
    (4, "Ref", "#N/A", "error_cell"),
    (5, "Qty", "#NUM!", "error_cell"),
    (6, "Qty", "TRUE", "unparseable_number"),
    (7, "Amount", "#REF!", "error_cell"),
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r_2026-W05.xls", xls()),
        ("r_2026-W05.xlsb", xlsb(Lisez_moi=[["Rapport"], ["#NULL!"]], Ventes_é=ROWS)),
    ],
    ids=["xls", "xlsb"],
)
def test_error_cells_of_binary_workbooks_are_faults_and_not_empty(
    desk: Any, name: str, content: bytes
) -> None:
    """A cell that is an error, and a formula whose result is one."""
    outcome = desk.take_one(f"D07/{name}", content, container={"kind": "excel", "sheet": "Ventes é"})
    assert (outcome.state, outcome.reason) == ("landed", None)
    assert (outcome.rows_read, outcome.rows_accepted, outcome.rows_quarantined) == (6, 1, 5)
    assert desk.faults("source_row, column_name, value, reason_code") == FAULTS
    assert desk.rows("partner_product_code, sold_quantity") == [("A", 2.5)]


def test_cells_without_error_have_none_and_an_empty_one_stays_empty(desk: Any) -> None:
    outcome = desk.take_one(
        "D07/r_2026-W05.xls",
        clean_xls(),
        container={"kind": "excel", "sheet": "Ventes é"},
        empty_is_zero=True,
    )
    assert outcome.rows_accepted == 2
    desk.take_one(
        "D07/r_2026-W06.xlsb",
        xlsb(V=[ROWS[0], ROWS[1], ["G", 1.0, None]]),
        container={"kind": "excel"},
    )
    assert desk.rows("partner_product_code, net_amount") == [("A", 10), ("D", 3), ("A", 10), ("G", None)]


def test_a_record_that_claims_to_be_endless_is_refused(desk: Any) -> None:
    endless = xlsb(V=[ROWS[0], ROWS[1]])
    parts = {}
    with zipfile.ZipFile(io.BytesIO(endless)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.bin"] += b"\x03\xff\xff\xff\xff"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    outcome = desk.take_one("D07/r_2026-W05.xlsb", stream.getvalue(), container={"kind": "excel"})
    assert (outcome.state, outcome.reason_code) == ("rejected", "unreadable_workbook")
    assert "longer than any real one" in (outcome.reason or "")
