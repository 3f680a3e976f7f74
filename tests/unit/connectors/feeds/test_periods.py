"""Periods: days, ISO weeks and months, their keys and dates."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.feeds.periods import Span, span_from_text, span_of
from connectors.feeds.profile import Frequency


@pytest.mark.parametrize(
    ("day", "frequency", "span", "line_date"),
    [
        ("2026-02-14", "day", ("2026-02-14", "2026-02-14", "2026-02-14"), "2026-02-14"),
        ("2026-01-01", "week", ("2025-12-29", "2026-01-04", "2026-W01"), "2026-01-01"),
        ("2027-01-03", "week", ("2026-12-28", "2027-01-03", "2026-W53"), "2026-12-31"),
        ("2026-02-01", "week", ("2026-01-26", "2026-02-01", "2026-W05"), "2026-01-29"),
        ("2028-02-14", "month", ("2028-02-01", "2028-02-29", "2028-02"), "2028-02-29"),
        ("2026-12-31", "month", ("2026-12-01", "2026-12-31", "2026-12"), "2026-12-31"),
    ],
)
def test_the_period_that_holds_a_day(
    day: str, frequency: Frequency, span: tuple[str, str, str], line_date: str
) -> None:
    start, end, key = span
    expected = Span(date.fromisoformat(start), date.fromisoformat(end), key)
    assert span_of(date.fromisoformat(day), frequency) == expected
    assert expected.line_date == date.fromisoformat(line_date)


@pytest.mark.parametrize(
    ("text", "pattern", "frequency", "key"),
    [
        ("ventes_S05_26.csv", r"S(?P<week>\d\d)_(?P<year>\d\d)", "week", "2026-W05"),
        ("ventes_s05_2026.csv", r"S(?P<week>\d\d)_(?P<year>\d{4})", "week", "2026-W05"),
        ("x_2026-13.csv", r"(?P<year>\d{4})-(?P<month>\d\d)", "month", None),
        ("x_1826-01.csv", r"(?P<year>\d{4})-(?P<month>\d\d)", "month", None),
        ("x_2025-53.csv", r"(?P<year>\d{4})-(?P<week>\d\d)", "week", None),
        ("x_20260230.csv", r"(?P<date>\d{8})", "day", None),
        ("x_20260228.csv", r"(?P<date>\d{8})", "day", "2026-02-28"),
        ("x.csv", r"(?P<date>\d{8})", "day", None),
    ],
)
def test_a_period_is_read_from_text_or_not_at_all(
    text: str, pattern: str, frequency: Frequency, key: str | None
) -> None:
    span = span_from_text(text, pattern, frequency)
    assert (span.key if span else None) == key


def test_a_date_is_read_by_the_format_of_the_profile() -> None:
    span = span_from_text("x_14.02.26", r"(?P<date>[\d.]+)$", "week", "%d.%m.%y")
    assert span is not None
    assert span.key == "2026-W07"
