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
    "row",
    ["ref;QTY;Amount", "Article;Quantité;CA", "n.c.;n.c.;n.c.", "Z;Stock;12", "Z;n/a;Stock"],
    ids=["header of a page", "same meaning", "words", "one cell", "no titles"],
)
def test_other_rows_of_words_are_quarantined_alone(desk: Any, row: str) -> None:
    outcome = desk.take_one(WEEK, f"{HEADER}A;1;2,5\n{row}\nB;2;5\n")
    assert (outcome.state, outcome.rows_accepted, outcome.rows_quarantined) == ("landed", 2, 1)


def test_titles_that_no_row_follows_reject_nothing(desk: Any) -> None:
    assert desk.take_one(WEEK, f"{HEADER}A;1;2,5\nArticle;Stock;Valeur\n").rows_accepted == 1
