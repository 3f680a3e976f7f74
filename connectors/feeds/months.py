"""Months and weekdays in words, in the languages of `synonyms`: `3 mars 2026`, `janv. 26`, `Okt 26`.

DuckDB and Python read English names only, so a text is put into English before it is parsed, in SQL and in
Python by the same patterns. What belongs here: dates in words. What does not: periods (`periods`).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

from connectors.feeds.synonyms import MONTHS, WEEKDAYS
from connectors.feeds.table import fold, quoted

_ACCENTS: Final = str.maketrans({"a": "[aäá]", "e": "[eé]", "i": "[iì]", "u": "[uû]"})
_ENGLISH: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def month_number(text: str) -> int:
    """The month that a number or a name says; ValueError if none."""
    if text.isdigit():
        return int(text)
    name = fold(text).rstrip(".")
    for number, names in enumerate(MONTHS, start=1):
        if name in names:
            return number
    raise ValueError(text)


def name_pattern(names: tuple[str, ...]) -> str:
    """A regular expression of any of these names, with and without their accents; for Python and DuckDB."""
    longest_first = sorted(names, key=len, reverse=True)
    return "|".join(name.translate(_ACCENTS) for name in longest_first)


def names_months(date_format: str) -> bool:
    """Whether dates in this format hold the name of a month."""
    return "%B" in date_format or "%b" in date_format


def in_english_format(date_format: str) -> str:
    """The format of texts that have been put into English."""
    return re.sub(r"%[aA],? *", "", date_format).replace("%B", "%b")


_WEEKDAY: Final = (rf"(?i)^(?:{name_pattern(WEEKDAYS)})\.?,? +", "")
# The first of a month is written 1er in French.
_NAMES: Final = (
    (r"(?i)\b1er\b", "1"),
    *(
        (rf"(?i)(^|[^a-zäáéìû])(?:{name_pattern(names)})\.?($|[^a-zäáéìû.])", rf"\1{english}\2")
        for names, english in zip(MONTHS, _ENGLISH, strict=True)
    ),
)


def _replaced(date_format: str) -> tuple[tuple[str, str], ...]:
    """What is replaced by what; "mar" is a weekday only where the format names one."""
    return (_WEEKDAY, *_NAMES) if re.search("%[aA]", date_format) else _NAMES


def in_english_sql(text: str, date_format: str) -> str:
    """SQL: the text with names of months as strptime reads them."""
    for pattern, english in _replaced(date_format):
        text = f"regexp_replace({text}, {quoted(pattern)}, {quoted(english)})"
    return text


def parse_date(text: str, date_format: str) -> date:
    """A date by its format, months in words included; ValueError if it is none."""
    if names_months(date_format):
        for pattern, english in _replaced(date_format):
            text = re.sub(pattern, english, text, count=1)
        date_format = in_english_format(date_format)
    return datetime.strptime(text, date_format).replace(tzinfo=UTC).date()
