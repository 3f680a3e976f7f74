"""Titles that fit the profile, and those that do not."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.feeds.customers import KEY as PSEUDONYM_KEY

WEEK = "D07/r_2026-W05.csv"
WIDE: dict[str, Any] = {
    "period": {"frequency": "week", "source": "header"},
    "columns": {"partner_product_code": "Ref"},
    "wide": [
        {"metric": "sold_quantity", "pattern": r"^Ventes S(?P<week>\d+)/(?P<year>\d+)$"},
        {"metric": "on_hand_quantity", "pattern": r"^Stock S(?P<week>\d+)/(?P<year>\d+)$"},
    ],
}


@pytest.mark.parametrize(
    ("header", "code"),
    [("Ref;Ventes S05/2026;Ventes S05/2026;Stock S05/2026", "duplicate_header"),
     ("Ref;A;B;C", "missing_header"), ("Ref;Ventes S60/2026;B;Stock S05/2026", "unknown_period")],
)  # fmt: skip
def test_a_wide_report_with_unclear_titles_is_rejected(desk: Any, header: str, code: str) -> None:
    assert desk.take_one("D07/wide.csv", f"{header}\nA;1;2;3\n", **WIDE).reason_code == code


def test_titles_are_compared_without_case_accents_and_doubled_blanks(desk: Any) -> None:
    columns = {"partner_product_code": "Référence  article", "sold_quantity": "Quantité vendue"}
    outcome = desk.take_one(WEEK, "REFERENCE ARTICLE;quantite\u00a0 VENDUE\nA;1\n", columns=columns)
    assert outcome.rows_accepted == 1


def test_a_missing_title_rejects_the_file_and_names_those_found(desk: Any) -> None:
    outcome = desk.take_one(WEEK, "Ref;Quantity;Amount\nA;1;2\n")
    assert (outcome.state, outcome.reason_code) == ("rejected", "missing_header")
    assert "'Qty' is missing; found: 'Ref', 'Quantity', 'Amount'" in (outcome.reason or "")


def test_a_title_that_stands_twice_rejects_the_file(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;QTY;Amount\nA;1;1;2\n").reason_code == "duplicate_header"


CUSTOMER = {"product_code": "Ref", "sold_quantity": "Qty", "customer": "Client"}


def test_a_wrong_header_row_does_not_put_a_customer_into_the_message(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PSEUDONYM_KEY, "a key")
    outcome = desk.take_one(WEEK, "A;1;Zoé Martin\nB;2;Zoé Martin\n", columns=CUSTOMER)
    assert outcome.reason_code == "missing_header"
    assert "Zoé" not in (outcome.reason or "")


def test_a_store_that_stands_in_two_columns_is_refused(desk: Any) -> None:
    outcome = desk.take_one(
        WEEK,
        "Ref;Lyon;Lyon\nA;1;2\n",
        columns={"partner_product_code": "Ref"},
        wide=[{"metric": "sold_quantity", "pattern": "^(?P<store_code>lyon)$"}],
    )
    assert (outcome.state, outcome.reason_code) == ("rejected", "duplicate_header")
