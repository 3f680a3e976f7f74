"""Values of a partner's page are written as people of its language write them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from orchestration.declared import models
from orchestration.partner_page import MART, OF_A_TIER, SECTIONS, WORDS, Page, write_page, written
from orchestration.workbook import Kind, Locale


@pytest.mark.parametrize(
    ("value", "kind", "french", "english"),
    [
        (Decimal("1234567.8900"), "amount", "1\u202f234\u202f567,89", "1,234,567.89"),
        (Decimal("58.9079"), "percent", "58,9", "58.9"),
        (Decimal("1200.000"), "quantity", "1\u202f200", "1,200"),
        (Decimal("0.500"), "quantity", "0,500", "0.500"),
        (77, "count", "77", "77"),
        (date(2026, 6, 30), "date", "30/06/2026", "2026-06-30"),
        (date(2026, 5, 1), "month", "05/2026", "2026-05"),
        (True, "text", "oui", "yes"),
    ],
)
def test_a_value_is_written_in_either_language(value: Any, kind: Kind, french: str, english: str) -> None:
    assert (written(value, kind, "fr"), written(value, kind, "en")) == (french, english)


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_each_section_names_columns_of_the_mart_with_headings(locale: Locale) -> None:
    known = models()[MART]
    for columns in SECTIONS.values():
        for column in columns:
            name = column.format(locale=locale)
            assert name in known.types
            assert known.heading(name, locale) != name
    assert all(set(words) == {"fr", "en"} for words in WORDS.values())


def test_what_is_unknown_is_said_and_money_bears_its_currency() -> None:
    values = {
        "on_hand_quantity": None,
        "overdue_amount": Decimal("25535.9800"),
        "compliance_rate": Decimal(75),
    }
    page = Page("D07", "Provence", date(2026, 6, 30), "EUR", "fr", values, (), ())
    assert page.said("on_hand_quantity") == "non connu"
    assert page.said("overdue_amount") == "25\u202f535,98 EUR"
    assert page.said("compliance_rate") == "75,0 %"


@pytest.mark.parametrize(
    ("currency", "shown"), [("JPY", "25,536 JPY"), ("TND", "25,535.980 TND"), ("USD", "25,535.98 USD")]
)
def test_money_has_the_decimals_of_its_currency_and_days_have_theirs(currency: str, shown: str) -> None:
    values = {"overdue_amount": Decimal("25535.9800"), "days_sales_outstanding": Decimal("21.4500")}
    page = Page("D07", "Provence", date(2026, 6, 30), currency, "en", values, (), ())
    assert page.said("overdue_amount") == shown
    assert page.said("days_sales_outstanding") == "21.45"


def test_what_is_known_to_be_none_is_not_called_unknown() -> None:
    values: dict[str, Any] = {
        "territory_count": 0,
        "exclusive_territories": None,
        "open_territories": None,
        "terms_since_date": None,
        "next_tier_distance": None,
        "open_opportunity_count": 0,
        "next_opportunity_date": None,
    }
    page = Page("W01", "Raccord", date(2026, 6, 30), "EUR", "en", values, (), ())
    assert page.said("exclusive_territories") == "none"
    assert page.said("open_territories") == "none"
    assert page.said("terms_since_date") == "the beginning"
    assert page.said("next_tier_distance") == "none"
    assert page.said("next_opportunity_date") == "none"
    values |= {"territory_count": None, "open_opportunity_count": None}
    not_connected = Page("W01", "Raccord", date(2026, 6, 30), "EUR", "en", values, (), ())
    assert not_connected.said("exclusive_territories") == "not known"
    assert not_connected.said("next_opportunity_date") == "not known"


def test_the_next_tier_bears_the_unit_of_its_measure(tmp_path: Path) -> None:
    def page(measure: str) -> Page:
        shown = [column.format(locale="en") for columns in SECTIONS.values() for column in columns]
        values: dict[str, Any] = dict.fromkeys(shown) | {"next_tier_measure_code": measure}
        values |= {"next_tier_value": Decimal("1000.0000"), "next_tier_distance": Decimal("376.0000")}
        return Page("D21", "Franche-Comté", date(2026, 6, 30), "EUR", "en", values, (), ())

    pieces, money, months = page("units"), page("amount"), page("months")
    months.values.update({"next_tier_value": Decimal("9.0000"), "next_tier_distance": Decimal("2.0000")})
    assert [months.said(column) for column in OF_A_TIER] == ["9 months", "2 months"]
    assert [pieces.said(column) for column in OF_A_TIER] == ["1,000 units", "376 units"]
    assert [money.said(column) for column in OF_A_TIER] == ["1,000.00 EUR", "376.00 EUR"]
    file = tmp_path / "page.xlsx"
    write_page(money, file)
    rows = CalamineWorkbook.from_path(file).get_sheet_by_name("D21").to_python()
    assert [cell for cell in rows[1] if cell] == ["as of 2026-06-30, amounts in EUR"]
