"""A second table below the first."""

from __future__ import annotations

from typing import Any

import pytest

WEEK = "D07/r_2026-W05.csv"
HEADER = "Ref;Qty;Amount\n"


@pytest.mark.parametrize("titles", ["Article;Stock;Valeur", "Ref;Amount;Qty"])
def test_a_second_table_with_other_titles_rejects_the_file_and_is_named(desk: Any, titles: str) -> None:
    outcome = desk.take_one(WEEK, f"{HEADER}A;1;2,5\n\n{titles}\nA;50;125\n")
    assert outcome.state == "rejected"
    assert outcome.reason.startswith(f"{WEEK}, row 4: a second table begins here, with other titles (")


@pytest.mark.parametrize(
    "titles",
    ["Ref;Stock;", "Article;Stock;", "Ref;Stock fin oct. 26;", "REF;;Encours 31/10", "Ref;Qty;Restant dû"],
)
def test_a_second_table_of_fewer_figures_or_unknown_titles_rejects_the_file(desk: Any, titles: str) -> None:
    """A list of stock below the sales has a code and one figure, and landed as that much more sold."""
    outcome = desk.take_one(WEEK, f"{HEADER}A;1;2,5\nB;2;5\n\nSTOCK;;\n{titles}\nA;50;\nB;70;\n")
    assert outcome.state == "rejected"
    assert outcome.reason.startswith(f"{WEEK}, row 6: a second table begins here, with other titles (")


def test_a_second_table_below_a_wide_one_rejects_the_file(desk: Any) -> None:
    wide = [{"metric": "sold_quantity", "pattern": r"^(?P<store_code>Lyon|Nice)$"}]
    text = "Ref;Lyon;Nice\nA;1;2\nRef;Stock Lyon;Stock Nice\nA;50;60\n"
    outcome = desk.take_one(WEEK, text, columns={"partner_product_code": "Ref"}, wide=wide)
    assert outcome.state == "rejected"
    assert (
        "row 3: a second table begins here, with other titles ('Stock Lyon', 'Stock Nice')" in outcome.reason
    )


def test_a_second_table_of_gtins_rejects_the_file(desk: Any) -> None:
    text = "Ean;Qty\n4006381333931;1\nEAN;Stock S05\n4006381333931;50\n"
    outcome = desk.take_one(WEEK, text, columns={"gtin": "Ean", "sold_quantity": "Qty"})
    assert outcome.state == "rejected"
    assert "row 3: a second table begins here" in outcome.reason


@pytest.mark.parametrize(
    "row",
    [
        "ref;QTY;Amount",
        "Article;Quantité;CA",
        "n.c.;n.c.;n.c.",
        "Z;Stock;12",
        "Z;n/a;Stock",
        "Z;Stock;",
        "code;pcs;EUR",
        "Ref;50;x",
    ],
    ids=["page", "same meaning", "words", "one cell", "no titles", "code", "units", "a product of that name"],
)
def test_other_rows_of_words_are_quarantined_alone(desk: Any, row: str) -> None:
    outcome = desk.take_one(WEEK, f"{HEADER}A;1;2,5\n{row}\nB;2;5\n")
    assert (outcome.state, outcome.rows_accepted, outcome.rows_quarantined) == ("landed", 2, 1)


def test_titles_that_no_row_follows_reject_nothing(desk: Any) -> None:
    assert desk.take_one(WEEK, f"{HEADER}A;1;2,5\nArticle;Stock;Valeur\n").rows_accepted == 1


def test_titles_in_a_second_language_begin_no_table(desk: Any) -> None:
    outcome = desk.take_one(WEEK, f"{HEADER}REF;Units sold;Net value (k)\nA;1;2,5\n")
    assert (outcome.state, outcome.rows_accepted, outcome.rows_quarantined) == ("landed", 1, 1)


def test_a_row_that_skip_rows_leaves_out_begins_no_table(desk: Any) -> None:
    skip = [{"header": "Ref", "pattern": "^REF$"}]
    outcome = desk.take_one(WEEK, f"{HEADER}A;1;2,5\nREF;Stock;\nB;2;5\n", skip_rows=skip)
    assert (outcome.state, outcome.rows_accepted) == ("landed", 2)
