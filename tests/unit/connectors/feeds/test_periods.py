"""Periods: days, ISO weeks and months, their keys and dates."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.calendar import fiscal_periods
from connectors.company import Calendar
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
        ("2026-05-20", "quarter", ("2026-04-01", "2026-06-30", "2026-Q2"), "2026-06-30"),
        ("2026-12-31", "quarter", ("2026-10-01", "2026-12-31", "2026-Q4"), "2026-12-31"),
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


# The year 2026 of these calendars begins on Monday 29 December 2025.
WEEKS = {pattern: Calendar.model_validate({"pattern": pattern}) for pattern in ("4-4-5", "5-4-4")}


@pytest.mark.parametrize(
    ("pattern", "day", "frequency", "span", "month"),
    [
        ("4-4-5", "2026-01-25", "fiscal_period", ("2025-12-29", "2026-01-25", "FY2026-P01"), "2026-01-01"),
        ("4-4-5", "2026-01-26", "fiscal_period", ("2026-01-26", "2026-02-22", "FY2026-P02"), "2026-02-01"),
        # Five weeks that end on the first of February are January's.
        ("5-4-4", "2026-02-01", "fiscal_period", ("2025-12-29", "2026-02-01", "FY2026-P01"), "2026-01-01"),
        ("4-4-5", "2026-01-26", "fiscal_quarter", ("2025-12-29", "2026-03-29", "FY2026-Q1"), "2026-03-01"),
        # 2027 begins on 4 January, so its first quarter ends on 4 April: it is March's.
        ("4-4-5", "2027-04-04", "fiscal_quarter", ("2027-01-04", "2027-04-04", "FY2027-Q1"), "2027-03-01"),
    ],
)
def test_fiscal_periods_count_in_the_month_that_holds_most_of_them_and_quarters_in_their_last(
    pattern: str, day: str, frequency: Frequency, span: tuple[str, str, str], month: str
) -> None:
    found = span_of(date.fromisoformat(day), frequency, WEEKS[pattern])
    assert (found.start.isoformat(), found.end.isoformat(), found.key) == span
    assert found.line_date == found.end
    assert found.month == date.fromisoformat(month)


def test_a_week_counts_in_the_month_of_its_thursday() -> None:
    assert span_of(date(2026, 2, 1), "week").month == date(2026, 1, 1)
    assert span_of(date(2026, 4, 1), "week").month == date(2026, 4, 1)


@pytest.mark.parametrize(
    ("text", "pattern", "frequency", "key"),
    [
        ("P05 2026", r"P(?P<period>\d+) (?P<year>\d+)", "fiscal_period", "FY2026-P05"),
        ("P13 2026", r"P(?P<period>\d+) (?P<year>\d+)", "fiscal_period", None),
        ("T2 26", r"T(?P<quarter>\d) (?P<year>\d+)", "fiscal_quarter", "FY2026-Q2"),
        ("T5 26", r"T(?P<quarter>\d) (?P<year>\d+)", "fiscal_quarter", None),
        ("T2 26", r"T(?P<quarter>\d) (?P<year>\d+)", "quarter", "2026-Q2"),
        ("T0 26", r"T(?P<quarter>\d) (?P<year>\d+)", "quarter", None),
        ("x_20260126", r"(?P<date>\d{8})", "fiscal_period", "FY2026-P02"),
    ],
)
def test_fiscal_periods_and_quarters_are_read_from_text(
    text: str, pattern: str, frequency: Frequency, key: str | None
) -> None:
    span = span_from_text(text, pattern, frequency, calendar=WEEKS["4-4-5"])
    assert (span.key if span else None) == key


@pytest.mark.parametrize("pattern", ["month_end", "iso_weeks", "4-4-5", "4-5-4", "5-4-4"])
@pytest.mark.parametrize("first_month", [1, 2, 4, 7, 10])
def test_each_fiscal_period_counts_in_a_month_of_its_own(pattern: str, first_month: int) -> None:
    calendar = Calendar.model_validate({"pattern": pattern, "year_start_month": first_month})
    months = [Span(period.start, period.end, "").month for period in fiscal_periods(calendar)]
    numbers = [12 * month.year + month.month for month in months]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
