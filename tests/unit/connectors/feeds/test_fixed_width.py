"""Text at fixed positions: cells, line numbers, and lines that are too short or too long."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.feeds.profile import FixedWidth

from .conftest import Desk, make_profile

FIXED: dict[str, Any] = {
    "container": {
        "kind": "fixed_width",
        "encoding": "iso8859-15",
        "fields": {"Kind": "1-1", "Ref": "2-7", "Label": "8-17", "Qty": "18-23", "Amount": "24-33"},
    },
    "columns": {
        "partner_product_code": "Ref",
        "product_label": "Label",
        "sold_quantity": "Qty",
        "net_amount": "Amount",
    },
    "skip_rows": [{"header": "Kind", "pattern": "^[ET]"}],
    "parentheses_are_negative": False,
}


def line(kind: str, ref: str, label: str, quantity: str, amount: str) -> str:
    """A line of 33 characters, figures at the right of their fields."""
    return f"{kind}{ref:<6}{label:<10}{quantity:>6}{amount:>10}"


LINES = (
    "ESALES OF WEEK 5",
    line("L", "A1", "Évier €", "12", "120,50"),
    line("L", "B-22", "Joint", "3", "9,00"),
    line("T", "", "", "15", "129,50"),
)
ROWS = [("A1", "Évier €", Decimal(12), Decimal("120.5")), ("B-22", "Joint", Decimal(3), Decimal(9))]
COLUMNS = "partner_product_code, product_label, sold_quantity, net_amount"
NAME = "D07/r_2026-W05.txt"


def put(desk: Desk, text: str, **changes: Any) -> Any:
    container = FIXED["container"] | changes.pop("container", {})
    encoded = text.encode(container["encoding"])
    return desk.take_one(NAME, encoded, **{**FIXED, "container": container, **changes})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\n\n"])
def test_cells_are_cut_by_position_and_trimmed(desk: Desk, end: str) -> None:
    outcome = put(desk, end.join(LINES) + end)
    assert (outcome.state, outcome.rows_accepted) == ("landed", 2)
    assert outcome.rows_read == outcome.rows_accepted + outcome.rows_skipped
    assert desk.rows(COLUMNS) == ROWS
    step = 2 if end == "\n\n" else 1
    assert desk.rows("_source_row") == [(1 + step,), (1 + 2 * step,)]


def test_a_fault_names_line_field_and_value(desk: Desk) -> None:
    outcome = put(desk, "\n".join([*LINES[:2], line("L", "B", "", "3-", "9,00")]) + "\n")
    assert outcome.reasons == {"negative_quantity": 1}
    assert desk.faults("source_row, column_name, value") == [(3, "Qty", "3-")]


def test_blanks_may_be_missing_at_the_end_of_a_line(desk: Desk) -> None:
    short = line("L", "A1", "Evier", "12", "").rstrip()
    outcome = put(desk, f"{short}\n\n{line('L', 'B2', 'Joint', '3', '1,00')}\n")
    assert desk.rows(COLUMNS) == [
        ("A1", "Evier", Decimal(12), None),
        ("B2", "Joint", Decimal(3), Decimal(1)),
    ]
    assert outcome.rows_skipped == 1


def test_with_a_stated_length_other_lines_are_malformed_and_keep_their_text(desk: Desk) -> None:
    good = line("L", "A1", "Evier", "12", "120,50")
    outcome = put(desk, f"{good}\n{good[:25]}\n{good}x\n\n", container={"line_length": len(good)})
    assert (outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (1, 2, 1)
    assert desk.faults("source_row, reason_code, raw_text") == [
        (2, "malformed_row", good[:25]),
        (3, "malformed_row", good + "x"),
    ]


def test_lines_above_are_skipped_and_numbers_are_those_of_the_file(desk: Desk) -> None:
    put(desk, f"Ventes\n------\n{LINES[1]}\n", container={"skip_lines": 2})
    assert desk.rows("_source_row, sold_quantity") == [(3, Decimal(12))]


@pytest.mark.parametrize("with_mark", [False, True])
def test_a_byte_order_mark_moves_no_field(desk: Desk, with_mark: bool) -> None:
    text = line("L", "A1", "Évier", "12", "1,00") + "\n"
    content = text.encode("utf-8-sig" if with_mark else "utf-8")
    container = FIXED["container"] | {"encoding": "utf-8"}
    desk.take_one(NAME, content, **{**FIXED, "container": container})
    assert desk.rows("partner_product_code, product_label, sold_quantity") == [("A1", "Évier", Decimal(12))]


def test_several_files_of_one_feed_are_read_together(desk: Desk) -> None:
    for week in (5, 6, 7):
        desk.put(f"D07/r_2026-W0{week}.txt", line("L", "A1", "Evier", str(week), "1,00").encode())
    desk.take(sales=make_profile(**FIXED))
    assert desk.rows("_source_row, sold_quantity") == [(1, Decimal(5)), (1, Decimal(6)), (1, Decimal(7))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": {"Ref": "9-2"}}, "first position of 'Ref' before its last"),
        ({"fields": {"Ref": "0-2"}}, "pattern"),
        ({"fields": {"Ref": "1-90"}, "line_length": 80}, "end within the line_length of 80"),
        ({"fields": {}}, "at least 1"),
    ],
)
def test_a_wrong_position_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FixedWidth.model_validate({"kind": "fixed_width", **changes})


def in_bytes(ref: str, label: str, quantity: str, amount: str) -> bytes:
    """A line of 33 bytes in UTF-8, as a host pads it."""
    return b"L%b%b%b%b\r\n" % (
        ref.encode().ljust(6),
        label.encode().ljust(10),
        quantity.encode().rjust(6),
        amount.encode().rjust(10),
    )


BYTES = in_bytes("A1", "Évier é", "12", "120,50") + in_bytes("B-22", "Joint", "3", "9,00")


@pytest.mark.parametrize("between", [b"", b"\r\n"])
def test_positions_may_be_counted_in_bytes(desk: Desk, between: bytes) -> None:
    container = {**FIXED["container"], "encoding": "utf-8", "counted_in": "bytes", "line_length": 33}
    outcome = desk.take_one(NAME, between.join([BYTES, b"Lshort\r\n"]), **{**FIXED, "container": container})
    assert (outcome.state, outcome.rows_accepted, outcome.rows_quarantined) == ("landed", 2, 1)
    assert desk.rows(COLUMNS) == [
        ("A1", "Évier é", Decimal(12), Decimal("120.5")),
        ("B-22", "Joint", Decimal(3), Decimal(9)),
    ]


def test_a_file_that_is_counted_in_bytes_is_not_cut_by_characters(desk: Desk) -> None:
    container = {**FIXED["container"], "encoding": "utf-8"}
    outcome = desk.take_one(NAME, BYTES, **{**FIXED, "container": container})
    assert (outcome.state, outcome.reason_code) == ("rejected", "counted_in_bytes")
    assert "all lines are 33 bytes long, and 31 to 33 characters" in str(outcome.reason)


def test_bytes_are_told_from_characters_in_utf_8_only() -> None:
    with pytest.raises(ValidationError, match="with UTF-8 only"):
        FixedWidth.model_validate(FIXED["container"] | {"counted_in": "bytes"})
