"""Sheets to cells: title rows, headers of several rows, real dates and numbers, .xlsx and .xls."""

from __future__ import annotations

import base64
import gzip
import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl

# A sheet "Ventes" of Excel 97, compressed: Jour, Réf, Qté / 27 January 2026 as a date, A1, 2.5 / 28/01/2026
# as text, B2, '3,5'.
XLS = (
    "H4sIAAAAAAACA+1YTWgTQRT+ZpM0P7T5MxVaocSCVWsgbYqSSxtbqgUhpe3BPwRtbQSpJBLjQQ9arfEmCJ4UL4V68FL14g96"
    "0JsHIaIHQRASPZWeBAUPbdY3b3djGhUa0ELLfMu8mXlv3s7bfe/NzO7bQqA4+6i1hBr0wYay7kZDFU9QcVsdP0iu67Jp1S4q"
    "usK6gttFjmxw4HnTG6f0ofR3CRoe2l8RBT5TOYazGM6kU+E1xADbMC6kDb1EBe4Sx4sWtirI9CTTTUwf8MgXTPcy5wbTXhpb"
    "FEdRSAx3xs0oPqy1s8wLed8nrPOROd1oxmsZxZdvCmOsA/3Z0+Nn1pmgzd6IOZBDh1LpVFb2fbgHDzA4GE0mo0cIRYTI2XP4"
    "roeBb1ZWvwwr/tryBYj/YyXf+Re+i5xYy7+l2YFp6Cc4SfIU1FvtRiIfTKVzqXNLiMtA4EKCA5nzWRswtnCK6GhugaK+v5sC"
    "IxaPdnVHY12xPcQZiJGwJ7LbIxd8XiD8KxaIJk6cRqKT8HE7wOnjJwuX7n99l5wYSRxnzjRvCsbWsU1aCh1XpAYpe1liq9BO"
    "1tjF9CrfdQu3W5mGKLap7hhpNhv7Z3jMNZZ20Dw9jPeJ7VXtHdTOL44+bct/Seyk9vxQ6WJo/kNiFu20lU2SvrxmEBERcee2"
    "xLOEVQtzmfnEtOW3Jcel+U3bdXN/9GFZJhkhwNToybcjKj3NfFdSW9RoX9I8zAviekHj8YK15dsxZFJ70WZoa3+YW+O57eZs"
    "hmcclZ7Ulv7r04J4LIfSUvkLHigoKCgoKCgoKGx4CD6SGgdweWx0mEd8p/lfZ5lKWf0m2bAYQ4auHH1U7kOa6iwu1BU/m+EQ"
    "1r3EKnWs/4USh2j2LKYwwXZM1R2/9Ikmqp9n1Yr+f5dC9c5frsfO/zz/T48FpegAFgAA"
)

COLUMNS = {
    "gtin": "EAN",
    "sold_quantity": "Ventes / Qté",
    "net_amount": "Ventes / CA",
    "on_hand_quantity": "Stock",
}


def workbook(rows: list[list[Any]], merged: tuple[str, ...] = (), sheet: str = "Feuil1") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Lisez-moi"
    target = book.create_sheet(sheet)
    for row in rows:
        target.append(row)
    for area in merged:
        target.merge_cells(area)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_title_rows_and_a_merged_header_of_two_rows_are_understood(desk: Any) -> None:
    content = workbook(
        [
            ["Rapport hebdomadaire", None, None, None],
            [],
            ["EAN", "Ventes", None, "Stock"],
            [None, "Qté", "CA", None],
            [3401234567890, 2, 10.5, 7],
            ["3401234567891", "1 234", "1 000,25", 0],
            [],
            ["Total", 1236, 1010.75, 7],
        ],
        merged=("A3:A4", "B3:C3", "D3:D4"),
    )
    outcome = desk.take_one(
        "D07/r_2026-W05.xlsx",
        content,
        container={"kind": "excel", "sheet": "feuil1", "header_row": 3, "header_rows": 2},
        columns=COLUMNS,
        thousands_mark=" ",
        skip_rows=[{"header": "EAN", "pattern": "^Total"}],
    )
    assert (outcome.state, outcome.reason) == ("landed", None)
    assert (outcome.rows_read, outcome.rows_accepted, outcome.rows_skipped) == (4, 2, 2)
    assert desk.rows("_source_row, gtin, sold_quantity, net_amount") == [
        (5, "3401234567890", 2, Decimal("10.5")),
        (6, "3401234567891", 1234, Decimal("1000.25")),
    ]
    assert desk.rows("_source_row, on_hand_quantity", "inventory") == [(5, 7), (6, 0)]


def test_a_header_without_merged_cells_is_filled_to_the_right(desk: Any) -> None:
    content = workbook([["EAN", "Ventes", None], [None, "Qté", "CA"], ["34", 1, 2]])
    outcome = desk.take_one(
        "D07/r_2026-W05.xlsx",
        content,
        container={"kind": "excel", "sheet": "Feuil1", "header_rows": 2},
        columns={"gtin": "EAN", "sold_quantity": "Ventes / Qté", "net_amount": "Ventes / CA"},
    )
    assert outcome.rows_accepted == 1


def test_real_dates_and_dates_in_text_are_the_same(desk: Any) -> None:
    content = workbook(
        [
            ["Jour", "Ref", "Qty"],
            [datetime.fromisoformat("2026-01-27T14:30"), "A", 1],
            ["28/01/2026", "B", 2.5],
            [46051, "C", 1],
        ]
    )
    outcome = desk.take_one(
        "D07/r_2026-W05.xlsx",
        content,
        container={"kind": "excel", "sheet": "Feuil1"},
        columns={"sale_date": "Jour", "product_code": "Ref", "sold_quantity": "Qty"},
    )
    assert desk.rows("sale_date, sold_quantity") == [
        (date(2026, 1, 27), 1),
        (date(2026, 1, 28), Decimal("2.5")),
    ]
    assert outcome.reasons == {"unparseable_date": 1}


def test_a_workbook_of_excel_97_is_read_the_same_way(desk: Any) -> None:
    outcome = desk.take_one(
        "D07/r_2026-W05.xls",
        gzip.decompress(base64.b64decode(XLS)),
        container={"kind": "excel", "sheet": "Ventes"},
        columns={"sale_date": "Jour", "product_code": "Ref", "sold_quantity": "Qte"},
    )
    assert (outcome.state, outcome.reason) == ("landed", None)
    assert desk.rows("sale_date, product_code, sold_quantity") == [
        (date(2026, 1, 27), "A1", Decimal("2.5")),
        (date(2026, 1, 28), "B2", Decimal("3.5")),
    ]


def test_floats_are_read_as_excel_shows_them(desk: Any) -> None:
    content = workbook([["Ref", "Qty", "Amount"], ["A", 0.1 + 0.2, 1e-3], [12345, 3.0, 1234567.891]])
    desk.take_one("D07/r_2026-W05.xlsx", content, container={"kind": "excel", "sheet": "Feuil1"})
    assert desk.rows("partner_product_code, sold_quantity, net_amount") == [
        ("A", Decimal("0.3"), Decimal("0.001")),
        ("12345", 3, Decimal("1234567.891")),
    ]


def test_a_formula_error_is_an_empty_cell_and_a_truth_value_no_number(desk: Any) -> None:
    content = workbook([["Ref", "Qty", "Amount"], ["A", "#REF!", 1], ["B", True, 1]])
    outcome = desk.take_one("D07/r_2026-W05.xlsx", content, container={"kind": "excel", "sheet": "Feuil1"})
    assert outcome.reasons == {"missing_quantity": 1, "unparseable_number": 1}


def test_a_missing_sheet_rejects_the_file_and_names_those_found(desk: Any) -> None:
    outcome = desk.take_one(
        "D07/r_2026-W05.xlsx", workbook([]), container={"kind": "excel", "sheet": "Ventes"}
    )
    assert outcome.reason_code == "missing_sheet"
    assert "found: 'Lisez-moi', 'Feuil1'" in (outcome.reason or "")


def test_a_sheet_shorter_than_its_header_is_rejected(desk: Any) -> None:
    content = workbook([["Ref", "Qty", "Amount"]])
    outcome = desk.take_one(
        "D07/r_2026-W05.xlsx", content, container={"kind": "excel", "sheet": "Feuil1", "header_row": 4}
    )
    assert outcome.reason_code == "missing_header"


def test_a_sheet_with_a_header_only_reports_zero(desk: Any) -> None:
    content = workbook([["Ref", "Qty", "Amount"]])
    outcome = desk.take_one("D07/r_2026-W05.xlsx", content, container={"kind": "excel", "sheet": "Feuil1"})
    assert (outcome.state, outcome.rows_read, outcome.slices) == ("landed", 0, ("D07|sales|2026-W05",))


def test_a_damaged_workbook_is_rejected(desk: Any) -> None:
    container = {"kind": "excel"}
    assert (
        desk.take_one("D07/a_2026-W05.xlsx", workbook([["a"]])[:900], container=container).state == "rejected"
    )
    assert (
        desk.take_one("D07/b_2026-W05.xlsx", b"Ref;Qty\n", container=container).reason_code
        == "unreadable_workbook"
    )
