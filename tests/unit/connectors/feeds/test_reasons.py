"""Reasons in words: every code in both languages, saying the same of the same column."""

from __future__ import annotations

from string import Formatter
from typing import get_args

import pytest

from connectors.feeds.normalise.layout import in_words
from connectors.feeds.profile import Frequency
from connectors.feeds.reasons import ENGLISH, FRENCH, Language, explain, in_language, to_partner


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("code", sorted(ENGLISH))
def test_every_reason_has_a_french_text_that_names_no_more_than_the_english(code: str) -> None:
    assert placeholders(FRENCH[code]) <= placeholders(ENGLISH[code])
    assert ("column" in placeholders(FRENCH[code])) == ("column" in placeholders(ENGLISH[code]))


@pytest.mark.parametrize("code", sorted(ENGLISH))
@pytest.mark.parametrize("column", ["Qté", "Prix d'achat", 'Size "inch"', "a; b", 'it\'s "odd"'])
def test_a_stored_reason_is_the_same_as_one_given_in_french(code: str, column: str) -> None:
    stored = explain(code, column, "1 234,56")
    assert in_language(code, stored, "fr") == explain(code, column, "1 234,56", "fr")
    assert in_language(code, stored, "en") == stored


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("code", sorted(ENGLISH))
def test_a_partner_is_asked_for_what_a_partner_can_do(code: str, language: Language) -> None:
    """Not for settings of our profile, whose names are the words with an underscore, nor to ask itself."""
    said = to_partner(code, explain(code, "Qté", "1 234,56"), language)
    assert "Qté" in said or "column" not in placeholders(ENGLISH[code])
    for ours in ("profile", "profil ", "_", "ERP", "ask the partner", "container"):
        assert ours not in said


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_partner_reads_nothing_of_the_settings_that_would_take_a_negative_number(
    language: Language,
) -> None:
    stored = explain("negative_quantity", "Qté", "negative_sold_is_return, sold_is_net")
    assert "_is_" in stored
    assert "_is_" not in to_partner("negative_quantity", stored, language)


def test_a_partner_reads_in_english_what_the_french_text_asks() -> None:
    stored = explain("unparseable_number", "CA", "1 234,56")
    assert to_partner("unparseable_number", stored, "en") == (
        "'CA' holds no number written as 1 234,56; correct the cell"
    )
    assert to_partner("unparseable_number", stored, "fr") == in_language("unparseable_number", stored, "fr")
    former = "'CA' holds no number written as 1 234,56; correct the cell, or the marks in the profile"
    assert "profile" not in to_partner("unparseable_number", former, "en")


@pytest.mark.parametrize(
    ("expected", "french"),
    [
        ("2025-11-01 to 2025-11-30", "du 01/11/2025 au 30/11/2025"),
        ("the week in 'Semaine'", "la semaine de « Semaine »"),
        *((f"the {in_words(frequency)} in 'Période'", "de « Période »") for frequency in get_args(Frequency)),
    ],
)
def test_a_period_is_said_in_french(expected: str, french: str) -> None:
    stored = explain("outside_period", "Date", expected)
    assert french in in_language("outside_period", stored, "fr")


def test_a_number_with_a_sign_beside_it_names_the_setting_for_it() -> None:
    assert "number_affixes" in explain("unparseable_number", "CA", "1 234,56")


def test_a_text_of_a_former_version_is_said_in_french() -> None:
    stored = "'CA' holds no number written as 1 234,56; correct the cell, or the marks in the profile"
    french = explain("unparseable_number", "CA", "1 234,56", "fr")
    assert in_language("unparseable_number", stored, "fr") == french


def test_a_row_without_a_quantity_may_be_a_heading() -> None:
    """empty_is_zero was all that was offered: headings would land as products that sold nothing."""
    assert "skip_rows or section" in explain("missing_quantity", "Qté, Retours")
    former = "the row has no quantity; fill in one of: Qté, Retours; or state empty_is_zero in the profile "
    former += "if empty means zero"
    french = explain("missing_quantity", "Qté, Retours", language="fr")
    assert in_language("missing_quantity", former, "fr") == french


def test_a_text_of_another_version_and_an_unknown_code_stay_as_they_are() -> None:
    assert in_language("missing_date", "the date is not there", "fr") == "the date is not there"
    assert in_language("a_code_of_tomorrow", "something", "fr") == "something"
