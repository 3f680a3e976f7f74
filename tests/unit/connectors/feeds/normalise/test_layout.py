"""Titles that fit the profile, and those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.feeds.customers import KEY as PSEUDONYM_KEY
from connectors.feeds.profile import Profile

MakeProfile = Callable[..., Profile]

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


RENAMED: dict[str, Any] = {
    "columns": {"partner_product_code": "Référence", "sold_quantity": "Qté vendue"},
    "other_titles": {"référence": ["Code article", "Réf."], "Qté vendue": ["Quantité"]},
}


def test_a_correction_in_a_new_layout_replaces_the_report_in_the_old_one(
    desk: Any, profile: MakeProfile
) -> None:
    desk.put("D07/v_2026-W05.csv", "Code article;Quantité\nA;3\nB;4\n", age=3000)
    desk.put("D07/v_2026-W05_corr.csv", "Référence;Qté vendue\nA;5\n", age=2000)
    desk.put("D07/v_2026-W06.csv", "REF.;Qté vendue\nA;7\n", age=1000)

    old, new, later = desk.take(sales=profile(**RENAMED)).files

    assert [file.state for file in (old, new, later)] == ["landed"] * 3
    assert new.superseded == (old.batch_id,)


def test_two_titles_of_one_column_in_a_file_are_told_by_their_names(desk: Any, profile: MakeProfile) -> None:
    desk.put("D07/v_2026-W05.csv", "Référence;Code article;Quantité\nA;B;3\n")

    (file,) = desk.take(sales=profile(**RENAMED)).files

    assert file.reason_code == "duplicate_header"
    assert "'Référence', 'Code article'" in file.reason


@pytest.mark.parametrize(
    ("other_titles", "problem"),
    [
        ({"Couleur": ["Teinte"]}, "not 'Couleur'"),
        ({"Référence": ["Qté vendue"]}, "'Qté vendue' is named twice"),
        ({"Référence": ["Code"], "Qté vendue": ["CODE"]}, "'CODE' is named twice"),
    ],
)
def test_another_title_belongs_to_one_column_that_the_profile_names(
    profile: MakeProfile, other_titles: dict[str, list[str]], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        profile(columns=RENAMED["columns"], other_titles=other_titles)


def test_rows_of_returns_say_what_came_back(profile: MakeProfile) -> None:
    stocks = {"partner_product_code": "Ref", "on_hand_quantity": "Stock"}
    with pytest.raises(ValueError, match="expected 'return_rows' with sold_quantity only"):
        profile(columns=stocks, return_rows=[{"header": "Type", "pattern": "^AV$"}])


def test_the_column_that_marks_returns_must_be_in_the_file(desk: Any, profile: MakeProfile) -> None:
    desk.put("D07/r_2026-W05.csv", "Ref;Qty;Amount\nA;3;1\n")

    (file,) = desk.take(sales=profile(return_rows=[{"header": "Type", "pattern": "^AV$"}])).files

    assert (file.state, file.reason_code) == ("rejected", "missing_header")
    assert "'Type'" in file.reason
