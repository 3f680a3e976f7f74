"""How alike places are: each part of the score for itself."""

from __future__ import annotations

import pytest

from connectors.matching.places import DEFAULT_THRESHOLD, Place, score

OURS = (
    Place("M1", "Quincaillerie Centrale Lyon 3", "T02", "17 rue Servient", "69003", "Lyon"),
    Place("M2", "Quincaillerie Centrale Lyon 7", "T02", "96 rue de Gerland", "69007", "Lyon"),
    Place("M3", "Quincaillerie Centrale Nice", "T02", "2 avenue Foch", "06000", "Nice"),
    Place("M4", "Dépannage Nice", None, None, "06000", "Nice"),
)


def best(name: str, **changes: str | None) -> tuple[str, float, str]:
    settings: dict[str, str | None] = {"partner_code": "T02", **changes}
    first = score([Place("?", name, **settings)], OURS, set())[0]
    return first.target.code, first.score, first.reasons


@pytest.mark.parametrize("name", ["Lyon 3", "LYON 3eme", "Q. CENTRALE LYON 03", "Quincailerie Lyon 3"])
def test_case_order_abbreviations_and_a_wrong_letter_do_not_hide_a_store(name: str) -> None:
    code, found, _ = best(name)
    assert code == "M1"
    assert found >= 0.7


def test_another_number_in_the_name_is_another_store() -> None:
    found = score([Place("?", "Quincaillerie Centrale Lyon 9", "T02")], OURS, set())
    assert all(item.score < DEFAULT_THRESHOLD for item in found)
    of_lyon = [item for item in found if item.target.code in ("M1", "M2")]
    assert all(item.score < 0.4 and "numbers 9 against" in item.reasons for item in of_lyon)


def test_the_address_speaks_where_the_name_does_not() -> None:
    code, found, reasons = best("Dépôt", address="96, r. de Gerland", postal_code="69007")
    assert (code, found) == ("M2", 0.9)
    assert "address 100%" in reasons


def test_another_postal_code_costs_most_of_the_score_and_a_near_one_little() -> None:
    far, near = (best("Quincaillerie Centrale Nice", postal_code=code)[1] for code in ("59000", "06200"))
    assert (far, near) == (0.3, 0.8)


def test_a_store_of_another_partner_is_not_compared_and_one_of_nobody_is() -> None:
    found = score([Place("?", "Quincaillerie Centrale Nice", "T09")], OURS, set())
    assert {item.target.code for item in found} == {"M4"}


def test_what_a_person_rejected_is_not_proposed_again() -> None:
    found = score([Place("?", "Lyon 3", "T02")], OURS, {("T02", "?", "M1")})
    assert "M1" not in {item.target.code for item in found}


def test_two_that_are_as_near_lose_for_it() -> None:
    twins = (Place("A", "Comptoir Nord", "T02"), Place("B", "Comptoir Nord", "T02"))
    first = score([Place("?", "Comptoir Nord", "T02")], twins, set())[0]
    assert (first.target.code, first.score) == ("A", 0.765)
    assert "as near: B" in first.reasons
    assert first.score > DEFAULT_THRESHOLD - 0.1


def test_several_lines_of_one_store_are_one_proposal() -> None:
    lines = (Place("A", "Comptoir Nord", "T02"), Place("A", "Comptoir du Nord Lille", "T02"))
    found = score([Place("?", "Comptoir Nord", "T02")], lines, set())
    assert [(item.rank, item.target.code) for item in found] == [(1, "A")]


def test_a_code_without_a_word_is_never_proposed_for() -> None:
    assert score([Place("0123", "0123", "T02")], OURS, set()) == []
