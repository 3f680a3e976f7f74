"""Fiscal calendars: which days a period holds, by patterns whose years are known from printed calendars."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from connectors.calendar import FiscalPeriod, fiscal_period_of, fiscal_periods, numbered_period
from connectors.company import Calendar

PATTERNS = ("month_end", "iso_weeks", "4-4-5", "4-5-4", "5-4-4")


def of_year(calendar: Calendar, year: int) -> list[FiscalPeriod]:
    return [period for period in fiscal_periods(calendar) if period.year == year]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("month", [1, 2, 7])
def test_every_day_lies_in_exactly_one_period(pattern: str, month: int) -> None:
    periods = fiscal_periods(Calendar.model_validate({"pattern": pattern, "year_start_month": month}))

    # The fiscal years 1990 to 2101.
    assert len(periods) == 112 * 12
    assert all(later.start == former.end + timedelta(days=1) for former, later in pairwise(periods))
    assert all(period.start <= period.end for period in periods)
    assert [period.number for period in periods[:13]] == [*range(1, 13), 1]
    assert [period.quarter for period in periods[:12]] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_a_year_of_months_is_called_after_the_year_it_ends_in() -> None:
    periods = of_year(Calendar(pattern="month_end", year_start_month=7), 2026)

    assert (periods[0].start, periods[0].end) == (date(2025, 7, 1), date(2025, 7, 31))
    assert (periods[7].start, periods[7].end) == (date(2026, 2, 1), date(2026, 2, 28))
    assert periods[11].end == date(2026, 6, 30)
    # 1 July 2025 is a Tuesday: its week has its Thursday in July.
    assert periods[0].first_week == date(2025, 6, 30)


def test_iso_weeks_belong_to_the_month_of_their_thursday() -> None:
    periods = of_year(Calendar(pattern="iso_weeks"), 2026)

    # ISO 2026 runs from 29 December 2025 to 3 January 2027 and has 53 weeks.
    assert (periods[0].start, periods[11].end) == (date(2025, 12, 29), date(2027, 1, 3))
    # The week of 26 January has its Thursday on 29 January, that of 30 March on 2 April.
    assert [periods[1].start, periods[3].start] == [date(2026, 2, 2), date(2026, 3, 30)]


@pytest.mark.parametrize(
    ("pattern", "starts"),
    [
        ("4-4-5", [date(2025, 12, 29), date(2026, 1, 26), date(2026, 2, 23), date(2026, 3, 30)]),
        ("4-5-4", [date(2025, 12, 29), date(2026, 1, 26), date(2026, 3, 2), date(2026, 3, 30)]),
        ("5-4-4", [date(2025, 12, 29), date(2026, 2, 2), date(2026, 3, 2), date(2026, 3, 30)]),
    ],
)
def test_a_quarter_of_weeks_follows_its_pattern(pattern: str, starts: list[date]) -> None:
    periods = of_year(Calendar.model_validate({"pattern": pattern}), 2026)

    assert [period.start for period in periods[:4]] == starts


def test_a_fifty_third_week_falls_to_the_last_period() -> None:
    calendar = Calendar(pattern="4-4-5")
    weeks = {
        year: [((period.end - period.start).days + 1) // 7 for period in of_year(calendar, year)]
        for year in (2025, 2026)
    }

    assert weeks[2025] == [4, 4, 5] * 4
    assert weeks[2026] == [*[4, 4, 5] * 3, 4, 4, 6]


def test_a_day_finds_its_period_to_both_ends_of_the_years() -> None:
    # 1 February 2025 is a Saturday: the year of weeks begins on Monday 3 February.
    retail = Calendar(pattern="4-4-5", year_start_month=2)

    assert fiscal_period_of(retail, date(2025, 2, 2)).number == 12
    first = fiscal_period_of(retail, date(2025, 2, 3))
    assert (first.year, first.number, first.end) == (2026, 1, date(2025, 3, 2))
    with pytest.raises(ValueError, match="1900-01-01"):
        fiscal_period_of(retail, date(1900, 1, 1))


@pytest.mark.parametrize(("year", "number"), [(2026, 0), (2026, 13), (1989, 1), (2102, 1)])
def test_there_is_no_other_period(year: int, number: int) -> None:
    with pytest.raises(ValueError, match="period"):
        numbered_period(Calendar(), year, number)
