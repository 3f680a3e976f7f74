"""What is kept of faulty rows, and what is not shown."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.feeds.customers import KEY as PSEUDONYM_KEY

WEEK = "D07/r_2026-W05.csv"


def test_each_fault_of_a_row_is_one_record_with_its_place_value_remedy_and_text(desk: Any) -> None:
    content = "Ref;Qty;Amount\nA;1;2\n;x;y\n"
    outcome = desk.take_one(WEEK, content)
    assert (outcome.rows_accepted, outcome.rows_quarantined) == (1, 1)
    assert outcome.reasons == {"missing_product": 1, "unparseable_number": 2}
    assert desk.faults("source_row, column_name, value, reason_code, raw_text") == [
        (3, "Amount", "y", "unparseable_number", ";x;y"),
        (3, "Qty", "x", "unparseable_number", ";x;y"),
        (3, "Ref", None, "missing_product", ";x;y"),
    ]
    assert all(" correct " in row[0] or "fill in" in row[0] for row in desk.faults("reason"))


CUSTOMER = {"product_code": "Ref", "sold_quantity": "Qty", "customer": "Client"}


def test_a_row_whose_cells_have_slipped_shows_nothing_of_itself(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PSEUDONYM_KEY, "a key")
    content = "Ref;Qty;Client\nA;Zoé Martin;1\nB;zoe@example.org;1\nC;06 12 34 56 78;1\nD;1,2,3;x\n;1;x\n"
    desk.take_one(WEEK, content + "E;1;x\n" * 30, columns=CUSTOMER)
    hidden = "(withheld: the row may name a customer)"
    assert desk.faults("source_row, value, raw_text") == [
        (2, "***", hidden),
        (3, "***", hidden),
        (4, "***", hidden),
        (5, "1,2,3", "D;1,2,3;***"),
        (6, None, ";1;***"),
    ]


def test_personal_columns_neither_land_nor_show_in_quarantine(desk: Any) -> None:
    columns = {"product_code": "Ref", "sold_quantity": "Qty"}
    content = "Ref;Qty;Nom;Tel\nA;1;Zoé;06 12 34 56 78\nB;;Zoé;06 12 34 56 78\n"
    desk.take_one(WEEK, content, columns=columns, personal=["Nom", "Tel"], max_quarantined_share=1)
    assert desk.rows("product_code, customer_key") == [("A", None)]
    assert desk.faults("source_row, raw_text") == [(3, "B;;***;***")]
