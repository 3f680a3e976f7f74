"""Rows that are skipped, held back or refused, and customers as hashes."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from connectors.feeds.customers import KEY as PSEUDONYM_KEY

WEEK = "D07/r_2026-W05.csv"


def test_titles_repeated_on_each_page_are_skipped(desk: Any) -> None:
    page = "Ref;Qty;Amount\n"
    outcome = desk.take_one(WEEK, f"{page}A;1;2,5\n{page}B;2;5\n{page}")
    assert (outcome.rows_read, outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (
        4, 2, 0, 2,
    )  # fmt: skip


def test_a_product_called_as_its_title_is_none_of_them(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;Amount\nRef;1;2,5\n").rows_accepted == 1


def test_wide_titles_repeated_on_each_page_are_skipped(desk: Any) -> None:
    wide = [{"metric": "sold_quantity", "pattern": r"^(?P<store_code>Lyon|Nice)$"}]
    content = "Ref;Lyon;Nice\nA;1;2\nRef;Lyon;Nice\nB;3;4\n"
    outcome = desk.take_one(WEEK, content, columns={"partner_product_code": "Ref"}, wide=wide)
    assert (outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (2, 0, 1)


def test_blank_rows_and_declared_totals_are_skipped_and_counted(desk: Any) -> None:
    content = "Ref;Qty;Amount\nA;1;2\n;;\n\nTotal;1;2\nTOTAL GENERAL\n"
    outcome = desk.take_one(WEEK, content, skip_rows=[{"header": "ref", "pattern": "(?i)^total"}])
    assert (outcome.rows_read, outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (
        5,
        1,
        0,
        4,
    )


WIDE: dict[str, Any] = {
    "period": {"frequency": "week", "source": "header"},
    "columns": {"partner_product_code": "Ref"},
    "wide": [
        {"metric": "sold_quantity", "pattern": r"^Ventes S(?P<week>\d+)/(?P<year>\d+)$"},
        {"metric": "on_hand_quantity", "pattern": r"^Stock S(?P<week>\d+)/(?P<year>\d+)$"},
    ],
}


def test_one_bad_cell_of_a_wide_row_holds_the_whole_row_back(desk: Any) -> None:
    content = "Ref;Ventes S05/2026;Stock S05/2026;Ventes S06/2026;Stock S06/2026\nA;1;10;x;8\nB;;;;\n"
    outcome = desk.take_one("D07/wide.csv", content, **WIDE)
    assert (outcome.rows_accepted, outcome.rows_quarantined) == (0, 2)
    assert desk.faults("source_row, column_name, reason_code")[0] == (
        2,
        "Ventes S06/2026",
        "unparseable_number",
    )
    assert outcome.reasons == {"unparseable_number": 1, "missing_quantity": 1}


CUSTOMER = {"product_code": "Ref", "sold_quantity": "Qty", "customer": "Client"}


def test_a_customer_lands_as_a_keyed_hash_and_nowhere_in_clear(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PSEUDONYM_KEY, "a key")
    person = "Zoé Martin;zoe@example.org"
    content = f"Ref;Qty;Client;Mail\nA;1;{person}\nB;;{person}\nC;1;Zoé Martin\nD;1;;\n"
    outcome = desk.take_one(WEEK, content, columns=CUSTOMER)
    assert (outcome.rows_accepted, outcome.rows_quarantined) == (2, 2)
    (partner,) = desk.rows("distinct partner_code")
    secret = hmac.new(b"a key", f"aval customer 1|{partner[0]}".encode(), hashlib.sha256).digest()
    expected = "1-" + hmac.new(secret, "zoé martin".encode(), hashlib.sha256).hexdigest()
    assert desk.rows("product_code, customer_key") == [("A", expected), ("D", None)]
    assert desk.faults("source_row, raw_text") == [
        (3, "B;;***;***"),
        (4, "(withheld: the row may name a customer)"),
    ]
    written = b"".join(path.read_bytes() for path in desk.paths.data.rglob("*") if path.is_file())
    assert "Zoé".encode() not in written
    assert b"zoe@" not in written


def test_a_new_key_reads_the_files_of_the_inbox_again(
    desk: Any, profile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PSEUDONYM_KEY, "a key")
    desk.take_one(WEEK, "Ref;Qty;Client\nA;1;x\n", columns=CUSTOMER)
    monkeypatch.setenv(PSEUDONYM_KEY, "another key")
    monkeypatch.setenv("AVAL_PSEUDONYM_KEY_ID", "2027")
    (outcome,) = desk.take(sales=profile(columns=CUSTOMER)).files
    assert (outcome.state, len(outcome.superseded)) == ("landed", 1)
    (landed,) = [key for (key,) in desk.rows("customer_key") if key.startswith("2027-")]
    assert len(landed) == 5 + 64


def test_without_the_key_a_feed_with_customers_is_not_read_at_all(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PSEUDONYM_KEY, raising=False)
    outcome = desk.take_one(WEEK, "Ref;Qty;Client\nA;1;x\n", columns=CUSTOMER)
    assert (outcome.state, outcome.reason_code) == ("refused", "missing_secret")
    assert desk.ledger.batches("feeds") == []
