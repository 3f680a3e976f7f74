"""Texts to codes, in SQL: GTINs, currencies and units.

What belongs here: which code a text is. What does not: whose code it is, which the facts find out.
"""

from __future__ import annotations

from connectors.feeds.currencies import CURRENCIES
from connectors.feeds.normalise.layout import Layout
from connectors.feeds.table import quoted


def gtin_sql(text: str) -> str:
    """SQL: the digits of a GTIN, whatever stands between them; NULL if it has letters or more than 14."""
    digits = quoted(r"\d{1,14}")
    letters = f"regexp_replace({text}, '[^0-9A-Za-z]', '', 'g')"
    return (
        f"case when regexp_full_match({text}, {digits}) then {text} "
        f"when regexp_full_match({letters}, {digits}) then {letters} end"
    )


def currency_sql(layout: Layout) -> str:
    """SQL: the currency of a row, the profile's where it names none; NULL if it is unknown."""
    own = quoted(layout.profile.currency)
    if "currency_code" not in layout.positions:
        return own
    text = "replace(upper(t_currency_code), '\u20ac', 'EUR')"
    known = ", ".join(quoted(code) for code in CURRENCIES)
    return f"case when t_currency_code is null then {own} when {text} in ({known}) then {text} end"


def unit_sql(layout: Layout) -> str:
    """SQL: our code of the row's unit, the profile's where it names none; NULL if it is unknown."""
    own = quoted(layout.profile.unit)
    if "unit_code" not in layout.positions:
        return own
    units = layout.profile.units
    if not units:
        return f"coalesce(t_unit_code, {own})"
    arms = " ".join(
        f"when lower(t_unit_code) = {quoted(name.strip().lower())} then {quoted(code)}"
        for name, code in units.items()
    )
    return f"case when t_unit_code is null then {own} {arms} end"
