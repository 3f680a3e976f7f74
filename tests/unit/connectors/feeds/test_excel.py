"""Sheets to cells: title rows, headers of several rows, real dates and numbers, .xlsx and .xls."""

from __future__ import annotations

import base64
import gzip
import io
import re
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from connectors.feeds import workbooks
from tests.unit.connectors.feeds.binary_workbooks import xlsb

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


@pytest.mark.parametrize("ending", ["xls", "xlsx", "xlsb", "ods"])
@pytest.mark.parametrize("kind", ["xls", "xlsx", "xlsb"])
def test_a_workbook_is_known_by_its_content_whatever_its_name_ends_with(
    desk: Any, kind: str, ending: str
) -> None:
    rows = [["Ref", "Qty"], ["A", 1], ["B", 2.5]]
    content = {
        "xls": lambda: gzip.decompress(base64.b64decode(XLS)),
        "xlsx": lambda: workbook(rows, sheet="Ventes"),
        "xlsb": lambda: xlsb(Ventes=rows),
    }[kind]()
    code, quantity = ("Réf", "Qté") if kind == "xls" else ("Ref", "Qty")
    outcome = desk.take_one(
        f"D07/r_2026-W05.{ending}",
        content,
        container={"kind": "excel", "sheet": "Ventes"},
        columns={"partner_product_code": code, "sold_quantity": quantity},
        decimal_mark=",",
    )
    assert (outcome.state, outcome.rows_accepted) == ("landed", 2)


def test_floats_are_read_as_excel_shows_them(desk: Any) -> None:
    content = workbook([["Ref", "Qty", "Amount"], ["A", 0.1 + 0.2, 1e-3], [12345, 3.0, 1234567.891]])
    desk.take_one("D07/r_2026-W05.xlsx", content, container={"kind": "excel", "sheet": "Feuil1"})
    assert desk.rows("partner_product_code, sold_quantity, net_amount") == [
        ("A", Decimal("0.3"), Decimal("0.001")),
        ("12345", 3, Decimal("1234567.891")),
    ]


def test_codes_that_excel_shows_with_leading_zeros_keep_them(desk: Any) -> None:
    """A code typed as 00012 is the number 12 in a format of zeros."""

    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("V")
        zeros, plain = book.add_format({"num_format": "00000"}), book.add_format({"num_format": "0"})
        sheet.write_row(0, 0, ["Ref", "Qty", "Amount"])
        for row, (code, style) in enumerate([(12, zeros), (123456, zeros), (12, plain), ("7", zeros)], 1):
            sheet.write(row, 0, code, style)
            sheet.write(row, 1, 3, zeros)
        sheet.write(5, 0, -1, zeros)
        sheet.write(5, 1, 1)
        sheet.write_formula(6, 0, "=6*7", zeros, 42)
        sheet.write(6, 1, 1)

    expected = [("00012", 3), ("123456", 3), ("12", 3), ("7", 3), ("-1", 1), ("00042", 1)]
    desk.take_one("D07/r_2026-W05.xlsx", made(write), container={"kind": "excel"})
    assert desk.rows("partner_product_code, sold_quantity") == expected
    # Other programs write the type of a number, and cells in another order of attributes.
    book = openpyxl.load_workbook(io.BytesIO(made(write)))
    stream = io.BytesIO()
    book.save(stream)
    parts = dict(unzipped(stream.getvalue()))
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    parts["xl/worksheets/sheet1.xml"] = re.sub(r'<c (r="\w+") (s="\d+")', r"<c \2 \1", sheet).encode()
    desk.take_one("D07/s_2026-W06.xlsx", zipped(parts), container={"kind": "excel"})
    codes = [code for (code,) in desk.rows("partner_product_code") if code]
    assert codes[6:11] == ["00012", "123456", "12", "7", "-1"]


def test_an_error_cell_is_a_fault_and_not_empty_and_a_truth_value_no_number(desk: Any) -> None:
    content = workbook([["Ref", "Qty", "Amount"], ["A", "#REF!", 1], ["B", True, 1], ["#N/A", 2, 1]])
    outcome = desk.take_one("D07/r_2026-W05.xlsx", content, container={"kind": "excel", "sheet": "Feuil1"})
    assert outcome.reasons == {"unparseable_number": 1, "error_cell": 2}
    assert desk.faults("source_row, column_name, value, reason_code") == [
        (2, "Qty", "#REF!", "error_cell"),
        (3, "Qty", "TRUE", "unparseable_number"),
        (4, "Ref", "#N/A", "error_cell"),
    ]


def sheets_of(**tables: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_sheets_of_one_layout_are_read_together_and_their_names_are_a_column(desk: Any) -> None:
    head = ["Ref", "Qty", "Amount"]
    content = sheets_of(
        Notes=[["read me"]],
        **{
            "Magasin Lyon": [head, ["A", 1, 10]],
            "Magasin Nice": [head, ["A", 2, 20], ["B", "x", 1], [], ["", "", " "]],
        },
    )
    outcome = desk.take_one(
        "D07/r_2026-W05.xlsx",
        content,
        container={"kind": "excel", "sheets": "^Magasin "},
        columns={"partner_product_code": "Ref", "sold_quantity": "Qty", "store_code": "@sheet"},
    )
    assert (outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (2, 1, 2)
    assert desk.rows("store_code, _source_row, sold_quantity") == [
        ("Magasin Lyon", 2, 1), ("Magasin Nice", 20_000_002, 2),
    ]  # fmt: skip
    assert desk.faults("source_row, value") == [(20_000_003, "x")]


def test_the_name_of_a_sheet_can_give_the_period(desk: Any) -> None:
    head = ["Ref", "Qty"]
    content = sheets_of(**{"Janvier 2026": [head, ["A", 1]], "Févr. 2026": [head, ["A", 2]]})
    desk.take_one(
        "D07/r.xlsx",
        content,
        container={"kind": "excel", "sheets": "2026$"},
        period={
            "frequency": "month", "source": "column", "header": "@sheet",
            "pattern": r"^(?P<month>\w+)\.? (?P<year>\d{4})$",
        },
        columns={"partner_product_code": "Ref", "sold_quantity": "Qty"},
    )  # fmt: skip
    assert desk.rows("period_start_date, sold_quantity") == [(date(2026, 1, 1), 1), (date(2026, 2, 1), 2)]


def test_sheets_of_other_layouts_are_refused(desk: Any) -> None:
    content = sheets_of(
        V1=[["Ref", "Qty", "Amount"], ["A", 1, 1]], V2=[["Ref", "Amount", "Qty"], ["A", 1, 1]]
    )
    outcome = desk.take_one("D07/r_2026-W05.xlsx", content, container={"kind": "excel", "sheets": "^V"})
    assert (outcome.state, outcome.reason_code) == ("rejected", "unequal_sheets")


@pytest.mark.parametrize(("date_format", "serial"), [("excel", 46049), ("excel1904", 44587)])
def test_days_counted_as_excel_does_are_dates(desk: Any, date_format: str, serial: int) -> None:
    content = workbook(
        [
            ["Jour", "Ref", "Qty"],
            [serial, "A", 1],
            [serial + 0.5, "B", 1],
            [date(2026, 1, 27), "C", 1],
            ["?", "D", 1],
        ]
    )
    outcome = desk.take_one(
        "D07/r_2026-W05.xlsx",
        content,
        container={"kind": "excel", "sheet": "Feuil1"},
        columns={"sale_date": "Jour", "product_code": "Ref", "sold_quantity": "Qty"},
        date_format=date_format,
    )
    assert desk.rows("sale_date") == [(date(2026, 1, 27),)] * 3
    assert outcome.reasons == {"unparseable_date": 1}


def test_a_cell_in_the_far_corner_is_refused_before_it_exhausts_the_machine(desk: Any) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Ref", "Qty", "Amount"])
    book.active.cell(1_048_576, 16_384, 1)
    stream = io.BytesIO()
    book.save(stream)
    outcome = desk.take_one("D07/r_2026-W05.xlsx", stream.getvalue(), container={"kind": "excel"})
    assert (outcome.state, outcome.reason_code) == ("rejected", "oversized_workbook")
    assert "1,048,576 rows and 16,384 columns" in (outcome.reason or "")


def rezipped(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one of its parts changed."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for item in old.infolist():
            data = old.read(item)
            new.writestr(item.filename, change(data) if item.filename == name else data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<html><table><tr><td>Ref</td><td>Qty</td></tr></table></html>", "a web page (HTML)"),
        ("\ufeff<html><head></head></html>", "a web page (HTML)"),
        (
            '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"></Workbook>',
            "a spreadsheet of Excel 2003 in XML",
        ),
        ("Ref\tQty\tAmount\nA\t1\t1,50\n", "plain text"),
    ],
)
def test_what_only_bears_the_name_of_a_workbook_is_called_by_its_own(
    desk: Any, content: str, said: str
) -> None:
    outcome = desk.take_one("D07/portal_2026-W05.xls", content.encode("utf-8"), container={"kind": "excel"})
    assert (outcome.state, outcome.reason_code) == ("rejected", "unreadable_workbook")
    assert f"the file is {said} under the name of a workbook" in (outcome.reason or "")


def test_a_workbook_that_was_cut_off_is_told_as_that(desk: Any) -> None:
    whole = workbook([["Ref", "Qty", "Amount"], ["A", 1, 1]])
    outcome = desk.take_one("D07/half_2026-W05.xlsx", whole[: len(whole) // 2], container={"kind": "excel"})
    assert (outcome.state, outcome.reason_code) == ("rejected", "unreadable_workbook")
    assert "was cut off on its way" in (outcome.reason or "")


def test_entities_that_multiply_are_refused(desk: Any) -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    content = workbook([["Ref", "Qty", "Amount"], ["A", 1, 1]])
    for part in ("xl/worksheets/sheet2.xml", "xl/workbook.xml", "xl/styles.xml"):
        bomb = rezipped(content, part, lambda data: laughs + data)
        outcome = desk.take_one(f"D07/{len(part)}_2026-W05.xlsx", bomb, container={"kind": "excel"})
        assert (outcome.state, outcome.reason_code) == ("rejected", "unreadable_workbook")
        assert "document type" in (outcome.reason or "")


def test_a_workbook_that_inflates_beyond_bounds_is_refused_whatever_it_claims(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "LARGEST_INFLATED", 3_000_000)
    padded = rezipped(
        workbook([["Ref", "Qty", "Amount"]]),
        "xl/worksheets/sheet2.xml",
        lambda data: data.replace(b"</worksheet>", b" " * 5_000_000 + b"</worksheet>"),
    )
    container = {"kind": "excel", "sheet": "Feuil1"}
    assert (
        desk.take_one("D07/a_2026-W05.xlsx", padded, container=container).reason_code == "oversized_workbook"
    )
    # The same with the size of the part understated in both places where the archive states it.
    with zipfile.ZipFile(io.BytesIO(padded)) as archive:
        true_size = archive.getinfo("xl/worksheets/sheet2.xml").file_size
    lying = padded.replace(struct.pack("<I", true_size), struct.pack("<I", 1000))
    assert (
        desk.take_one("D07/b_2026-W05.xlsx", lying, container=container).reason_code == "oversized_workbook"
    )


ODS = """<?xml version="1.0"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
<table:table table:name="Ventes">{rows}</table:table></office:spreadsheet></office:body>
</office:document-content>"""


def ods(rows: list[list[Any]], repeat: str = "", repeat_row: str = "") -> bytes:
    def cell(value: Any) -> str:
        kind = f'office:value-type="float" office:value="{value}"'
        kind = 'office:value-type="string"' if isinstance(value, str) else kind
        return f"<table:table-cell {kind}{repeat}><text:p>{value}</text:p></table:table-cell>"

    text = "".join(
        f"<table:table-row{repeat_row}>{''.join(map(cell, row))}</table:table-row>" for row in rows
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", ODS.format(rows=text))
    return stream.getvalue()


def test_an_open_document_sheet_is_read_the_same_way(desk: Any) -> None:
    content = ods([["Ref", "Qty", "Amount"], ["A", 2.5, 10]])
    outcome = desk.take_one("D07/r_2026-W05.ods", content, container={"kind": "excel"})
    assert (outcome.state, outcome.reason) == ("landed", None)
    assert desk.rows("partner_product_code, sold_quantity") == [("A", Decimal("2.5"))]


def test_an_open_document_that_repeats_one_cell_without_end_is_refused(desk: Any) -> None:
    content = ods(
        [["Ref"]], ' table:number-columns-repeated="16384"', ' table:number-rows-repeated="1048576"'
    )
    outcome = desk.take_one("D07/r_2026-W05.ods", content, container={"kind": "excel"})
    # The library has a limit of its own for repeated cells; the probe stands behind it.
    assert outcome.state == "rejected"
    assert outcome.reason_code in ("oversized_workbook", "unreadable_workbook")


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


def test_a_header_of_three_merged_rows_is_joined(desk: Any) -> None:
    content = workbook(
        [
            ["Article", "Activité", None, None],
            [None, "Ventes", None, "Stock"],
            ["Réf", "Qté", "CA", "Qté"],
            ["A", 3, 30, 7],
        ],
        merged=("B1:D1", "B2:C2"),
    )
    outcome = desk.take_one(
        "D07/r_2026-W05.xlsx",
        content,
        container={"kind": "excel", "sheet": "Feuil1", "header_rows": 3},
        columns={
            "partner_product_code": "Article / Réf",
            "sold_quantity": "Activité / Ventes / Qté",
            "net_amount": "Activité / Ventes / CA",
            "on_hand_quantity": "Activité / Stock / Qté",
        },
    )
    assert (outcome.state, outcome.reason) == ("landed", None)
    assert desk.rows("sold_quantity, net_amount") == [(3, 30)]
    assert desk.rows("on_hand_quantity", "inventory") == [(7,)]


def encrypted() -> bytes:
    """The least compound file that holds a stream "EncryptedPackage", as Excel writes under a password."""
    free, end = 0xFFFFFFFF, 0xFFFFFFFE

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        text = f"{name}\0".encode("utf-16-le")
        links = struct.pack("<HBBIII", len(text), kind, 1, free, free, child)
        return text.ljust(64, b"\0") + links + bytes(36) + struct.pack("<II", start, size) + bytes(4)

    header = (
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    )
    header += struct.pack("<10I", 0, 1, 1, 0, 4096, end, 0, end, 0, 0) + struct.pack("<I", free) * 108
    sectors = struct.pack("<10I", 0xFFFFFFFD, end, *range(3, 10), end) + struct.pack("<I", free) * 118
    folder = entry("Root Entry", 5, 1, end, 0) + entry("EncryptedPackage", 2, free, 2, 4096) + bytes(256)
    return header + sectors + folder + bytes(4096)


def test_a_workbook_under_a_password_is_refused_in_words(desk: Any) -> None:
    outcome = desk.take_one("D07/r_2026-W05.xlsx", encrypted(), container={"kind": "excel"})
    assert (outcome.state, outcome.reason_code) == ("rejected", "protected_workbook")
    assert "ask the partner to send it unprotected" in (outcome.reason or "")


def made(write: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True, **options}) as book:
        write(book)
    return stream.getvalue()


def test_without_a_name_the_first_sheet_that_is_not_hidden_is_read(desk: Any) -> None:
    def write(book: Any) -> None:
        hidden, shown = book.add_worksheet("Cache"), book.add_worksheet("Ventes")
        hidden.hide()
        shown.activate()
        shown.set_first_sheet()
        for sheet, ref in ((hidden, "Z"), (shown, "A")):
            sheet.write_row(0, 0, ["Ref", "Qty", "Amount"])
            sheet.write_row(1, 0, [ref, 1, 2])
        # Rows and columns that are hidden by a filter belong to the report.
        shown.write_row(2, 0, ["B", 3, 4])
        shown.set_row(2, None, None, {"hidden": True})
        shown.set_column(1, 1, None, None, {"hidden": True})

    desk.take_one("D07/r_2026-W05.xlsx", made(write), container={"kind": "excel"})
    assert desk.rows("partner_product_code, sold_quantity") == [("A", 1), ("B", 3)]


def test_a_chart_that_fills_a_sheet_is_none(desk: Any) -> None:
    def write(book: Any) -> None:
        chart, sheet = book.add_chart({"type": "column"}), book.add_chartsheet("Graphique")
        rows = book.add_worksheet("V")
        for number, row in enumerate([["Ref", "Qty", "Amount"], ["A", 1, 10]]):
            rows.write_row(number, 0, row)
        chart.add_series({"values": "=V!$B$2:$B$2"})
        sheet.set_chart(chart)

    outcome = desk.take_one("D07/r_2026-W05.xlsx", made(write), container={"kind": "excel"})
    assert (outcome.state, outcome.reason) == ("landed", None)


def test_a_formula_that_was_never_computed_is_a_fault_and_an_empty_text_is_none(desk: Any) -> None:
    book = openpyxl.Workbook()
    for row in (["Ref", "Qty", "Amount"], ["A", "=1+1", 3], ["B", 2, "=B3*2"], ["=A2", 2, 1], ["D", 4, 5]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    outcome = desk.take_one("D07/r_2026-W05.xlsx", stream.getvalue(), container={"kind": "excel"})
    assert outcome.reasons == {"uncomputed_cell": 3}
    assert desk.faults("source_row, column_name, value") == [
        (2, "Qty", "#UNCOMPUTED!"),
        (3, "Amount", "#UNCOMPUTED!"),
        (4, "Ref", "#UNCOMPUTED!"),
    ]
    # What Excel writes for a formula whose result is an empty text.
    parts = dict(unzipped(stream.getvalue()))
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    parts["xl/worksheets/sheet1.xml"] = re.sub(r'<c r="C3">', '<c r="C3" t="str">', sheet).encode()
    outcome = desk.take_one("D07/s_2026-W05.xlsx", zipped(parts), container={"kind": "excel"})
    assert outcome.reasons == {"uncomputed_cell": 2}
    assert ("B", None) in desk.rows("partner_product_code, net_amount")


def unzipped(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def zipped(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return stream.getvalue()


def test_a_sheet_with_a_cell_far_to_the_right_is_refused(desk: Any) -> None:
    def write(book: Any) -> None:
        sheet = book.add_worksheet("V")
        sheet.write_row(0, 0, ["Ref", "Qty", "Amount"])
        sheet.write_row(1, 0, ["A", 1, 2])
        sheet.write(1, 16_000, "x")

    outcome = desk.take_one("D07/r_2026-W05.xlsx", made(write), container={"kind": "excel"})
    assert outcome.reason_code == "too_many_columns"
    assert "16,001 columns" in (outcome.reason or "")


def test_dates_that_count_from_1904_are_the_days_that_excel_shows(desk: Any) -> None:
    def write(book: Any) -> None:
        sheet = book.add_worksheet("V")
        sheet.write_row(0, 0, ["Jour", "Ref", "Qty"])
        sheet.write_datetime(1, 0, date(2026, 1, 27), book.add_format({"num_format": "dd/mm/yyyy"}))
        sheet.write_row(1, 1, ["A", 1])

    desk.take_one(
        "D07/r_2026-W05.xlsx",
        made(write, date_1904=True),
        container={"kind": "excel"},
        columns={"sale_date": "Jour", "product_code": "Ref", "sold_quantity": "Qty"},
    )
    assert desk.rows("sale_date") == [(date(2026, 1, 27),)]


def test_only_the_first_of_merged_cells_over_data_bears_their_value(desk: Any) -> None:
    def write(book: Any) -> None:
        sheet = book.add_worksheet("V")
        sheet.write_row(0, 0, ["Ref", "Qty", "Amount"])
        sheet.merge_range(1, 0, 2, 0, "A")
        sheet.write_row(1, 1, [1, 2])
        sheet.write_row(2, 1, [3, 4])

    outcome = desk.take_one("D07/r_2026-W05.xlsx", made(write), container={"kind": "excel"})
    assert desk.rows("partner_product_code, sold_quantity") == [("A", 1)]
    assert outcome.reasons == {"missing_product": 1}


ODS_ERRORS = """<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p>{ref}</text:p></table:table-cell>
<table:table-cell table:number-columns-repeated="2" table:formula="of:=1/0" office:value-type="float"
 office:value="0" xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
 calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell></table:table-row>"""


def test_an_error_cell_of_an_open_document_is_a_fault_and_not_zero(desk: Any) -> None:
    good = ods([["Ref", "Qty", "Amount"], ["A", 2.5, 10]])
    parts = dict(unzipped(good))
    content = parts["content.xml"].decode()
    end = content.rindex("</table:table>")
    rows = ODS_ERRORS.replace(">\n<", "><")
    bad = rows.format(ref="B") + rows.format(ref="C").replace("#DIV/0!", "Err:502")
    parts["content.xml"] = (content[:end] + bad + content[end:]).encode()
    outcome = desk.take_one("D07/r_2026-W05.ods", zipped(parts), container={"kind": "excel"})
    counts = (outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped)
    assert counts == (1, 2, 4), outcome.reason
    assert desk.faults("source_row, column_name, value") == [
        (5, "Amount", "#DIV/0!"),
        (5, "Qty", "#DIV/0!"),
        (8, "Amount", "#VALUE!"),
        (8, "Qty", "#VALUE!"),
    ]


def test_faulty_cells_are_found_where_a_program_leaves_their_places_to_be_counted(desk: Any) -> None:
    """The reference of a cell is optional, and programs that build the XML by hand leave it out."""
    book = openpyxl.Workbook()
    rows = [["Ref", "Qty", "Amount"], ["A", 1, 10], ["B", 2, "#N/A"], ["C", 3, "=B2*2"], [12, 4, 5]]
    for row in rows:
        book.active.append(row)
    book.active["A5"].number_format = "000"
    stream = io.BytesIO()
    book.save(stream)
    parts = dict(unzipped(stream.getvalue()))
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    parts["xl/worksheets/sheet1.xml"] = re.sub(r'<(c|row) r="\w+"', r"<\1", sheet).encode()
    outcome = desk.take_one("D07/r_2026-W05.xlsx", zipped(parts), container={"kind": "excel"})
    assert outcome.reasons == {"error_cell": 1, "uncomputed_cell": 1}
    assert desk.faults("source_row, column_name, value") == [
        (3, "Amount", "#N/A"), (4, "Amount", "#UNCOMPUTED!"),
    ]  # fmt: skip
    assert desk.rows("partner_product_code, sold_quantity, net_amount") == [("A", 1, 10), ("012", 4, 5)]


def test_zeros_that_a_program_wrote_for_all_formulas_are_none(desk: Any) -> None:
    """XlsxWriter writes 0 for each formula, and asks Excel to compute them when it opens the file."""

    def write(book: Any) -> None:
        sheet = book.add_worksheet("V")
        sheet.write_row(0, 0, ["Ref", "Qty", "Amount"])
        sheet.write_row(1, 0, ["A", 3])
        sheet.write_formula(1, 2, "=B2*1.5")
        sheet.write_row(2, 0, ["B", 0, 7])

    content = made(write)
    outcome = desk.take_one("D07/r_2026-W05.xlsx", content, container={"kind": "excel"})
    assert outcome.reasons == {"uncomputed_cell": 1}
    assert desk.faults("source_row, column_name, value") == [(2, "Amount", "#UNCOMPUTED!")]
    assert desk.rows("partner_product_code, sold_quantity, net_amount") == [("B", 0, 7)]
    # Saved by Excel, which computes and no longer asks for it, a 0 is a 0.
    parts = dict(unzipped(content))
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b' fullCalcOnLoad="1"', b"")
    assert desk.take_one("D07/s_2026-W06.xlsx", zipped(parts), container={"kind": "excel"}).reasons == {}


def test_a_zero_beside_formulas_that_a_program_computed_is_a_zero(desk: Any) -> None:
    def write(book: Any) -> None:
        sheet = book.add_worksheet("V")
        sheet.write_row(0, 0, ["Ref", "Qty", "Amount"])
        sheet.write_row(1, 0, ["A", 3])
        sheet.write_formula(1, 2, "=B2*1.5", None, 4.5)
        sheet.write_row(2, 0, ["B", 2])
        sheet.write_formula(2, 2, "=B3*0")

    desk.take_one("D07/r_2026-W05.xlsx", made(write), container={"kind": "excel"})
    assert desk.rows("partner_product_code, net_amount") == [("A", Decimal("4.5")), ("B", 0)]


def test_a_report_that_goes_on_in_a_second_sheet_is_refused_where_none_is_named(desk: Any) -> None:
    def write(book: Any) -> None:
        for ref, titles in (
            ("A", ["Ref", "Qty", "Amount"]),
            ("", ["Notes"]),
            ("B", ["ref ", "Qty", "Amount"]),
        ):
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, titles)
            sheet.write_row(1, 0, [ref, 1, 2])

    content, excel = made(write), {"kind": "excel"}
    outcome = desk.take_one("D07/r_2026-W05.xlsx", content, container=excel)
    assert outcome.state == "rejected"
    assert "the sheets 'Sheet1' and 'Sheet3' have the same titles" in outcome.reason
    desk.take_one("D07/r_2026-W05.xlsx", content, container=excel | {"sheets": "[13]$"})
    assert desk.rows("partner_product_code") == [("A",), ("B",)]
