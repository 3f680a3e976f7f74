"""Texts to exact decimals, in SQL: marks, signs, affixes, and amounts without their tax.

What belongs here: what is a number. What does not: what it counts (`canonical`) and units (`codes`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from connectors.contract import MONEY, QUANTITY
from connectors.feeds.profile import Profile
from connectors.feeds.table import UNUSUAL_SPACES, quoted

_AMOUNTS: Final = ("net_amount", "returned_amount")
_MINUS: Final = "\u2212"
_APOSTROPHES: Final = "'\u2019"
# 18 digits: DuckDB reads a text into a wider decimal a hundred times slower.
_AMOUNT_WITH_TAX: Final = "DECIMAL(18,6)"


def number_pattern(profile: Profile) -> str:
    """Regular expression of a number as the profile announces it; nothing else is taken for one."""
    decimal = re.escape(profile.decimal_mark)
    digits = r"(?:\d+"
    if profile.thousands_mark:
        mark = {" ": f"[ {UNUSUAL_SPACES}]", "'": f"[{_APOSTROPHES}]"}.get(
            profile.thousands_mark, re.escape(profile.thousands_mark)
        )
        digits += rf"|\d{{1,3}}(?:{mark}\d{{3}})+"
    figure = rf"(?:{digits})(?:{decimal}\d+)?|{decimal}\d+)"
    minus, gap = f"[-{_MINUS}]", f"[ {UNUSUAL_SPACES}]?"
    signed = rf"(?:[-+{_MINUS}]{gap}{figure}|{figure}{gap}{minus}|{figure}"
    return signed + (rf"|\({gap}{figure}{gap}\))" if profile.parentheses_are_negative else ")")


def number_example(profile: Profile) -> str:
    """A number as the profile announces it, for messages."""
    return f"1{profile.thousands_mark}234{profile.decimal_mark}56"


def _number(text: str, profile: Profile, type_: str) -> str:
    """SQL: the text as an exact decimal, rounded half away from zero to the type's scale; NULL if it is no
    number.
    """
    mark = profile.decimal_mark
    thousands = {" ": "", "'": _APOSTROPHES}.get(profile.thousands_mark, profile.thousands_mark)
    plain = f"translate({text}, {quoted(mark + _MINUS + thousands + ' +()' + UNUSUAL_SPACES)}, '.-')"
    signed = f"case when ends_with({plain}, '-') then '-' || {plain}[:-2] else {plain} end"
    if profile.parentheses_are_negative:
        signed = f"case when starts_with({text}, '(') then '-' || {plain} else {signed} end"
    usual = rf"-?\d+(?:{re.escape(mark)}\d+)?"
    # Most numbers are written the usual way: they are spared the search for every other sign.
    return (
        f"case when regexp_full_match({text}, {quoted(usual)}) "
        f"then try_cast(replace({text}, {quoted(mark)}, '.') as {type_}) "
        f"when regexp_full_match({text}, {quoted(number_pattern(profile))}) then try_cast({signed} as "
        f"{type_}) end"
    )


def _amount(text: str, profile: Profile) -> str:
    """SQL: the amount before tax. The tax is taken out in whole numbers: a decimal division would be one of
    floats.
    """
    if not profile.tax_rate:
        return _number(text, profile, MONEY)
    factor = 1 + Decimal(str(profile.tax_rate))
    shift = 10 ** max(0, -int(factor.as_tuple().exponent))
    divisor = int(factor * shift) * 100
    scaled = f"cast(({_number(text, profile, _AMOUNT_WITH_TAX)}) * 1000000 as hugeint)"
    rounded = f"sign({scaled}) * ((2 * abs({scaled}) * {shift} + {divisor}) // {2 * divisor})"
    return f"cast(cast({rounded} as decimal(38,0)) * cast(0.0001 as decimal(5,4)) as {MONEY})"


def figure_sql(text: str, profile: Profile) -> str:
    """SQL: the text of a cell for a figure; NULL where a dash alone stands for none."""
    dash, gap = f"[-–—{_MINUS}]", rf"[\s{UNUSUAL_SPACES}]*"
    pattern = dash
    if profile.number_affixes:
        affixes = "|".join(re.escape(affix) for affix in profile.number_affixes)
        pattern = rf"(?i)(?:(?:{affixes}){gap})?{dash}(?:{gap}(?:{affixes}))?"
    # Texts that begin with a figure are spared the pattern.
    is_dash = f"({text} < '.' or {text} > ':') and regexp_full_match({text}, {quoted(pattern)})"
    return f"case when {is_dash} then null else {text} end"


def metric_sql(text: str, metric: str, profile: Profile) -> str:
    """SQL: the text as the metric's decimal, affixes left out; NULL if it is no number."""
    if profile.number_affixes:
        affixes = "|".join(re.escape(affix) for affix in profile.number_affixes)
        gap = rf"[\s{UNUSUAL_SPACES}]*"
        # Signs and parentheses may stand on either side of a mark: -€ 5, (7,20 €).
        before = rf"(?i)^([-+({_MINUS}]?{gap})(?:{affixes}){gap}"
        after = rf"(?i){gap}(?:{affixes})({gap}[-){_MINUS}]?)$"
        for mark in (before, after):
            text = f"regexp_replace({text}, {quoted(mark)}, '\\1')"
    if metric in _AMOUNTS:
        return _amount(text, profile)
    return _number(text, profile, QUANTITY)


def metric_type(metric: str) -> str:
    """SQL type of a metric."""
    return MONEY if metric in _AMOUNTS else QUANTITY
