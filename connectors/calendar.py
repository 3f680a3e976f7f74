"""The company's fiscal calendar: the days of its periods, from the pattern that `company.yml` names.

What belongs here: which days a fiscal year, quarter and period hold. What does not: the calendar of days
(`dim_dates`), and the periods of partners' reports (`connectors.feeds.periods`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Final

from connectors.company import Calendar

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2101
_WEEK: Final = timedelta(days=7)
_MONTHS: Final = 12


@dataclass(frozen=True)
class FiscalPeriod:
    """One fiscal period, first and last day included; `first_week` is the Monday of the year's week 1."""

    year: int
    quarter: int
    number: int
    start: date
    end: date
    first_week: date


@lru_cache(maxsize=64)
def fiscal_periods(calendar: Calendar) -> tuple[FiscalPeriod, ...]:
    """All periods of the fiscal years 1990 to 2101: without a gap, each day in exactly one."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    return tuple(period for year in years for period in _of_year(calendar, year))


def fiscal_period_of(calendar: Calendar, day: date) -> FiscalPeriod:
    """The period that holds a day; ValueError outside the fiscal years 1990 to 2101."""
    periods = fiscal_periods(calendar)
    place = bisect_right(periods, day, key=lambda period: period.start) - 1
    if place < 0 or day > periods[-1].end:
        raise ValueError(f"{day} lies in no fiscal year from {FIRST_YEAR} to {LAST_YEAR}")
    return periods[place]


def fiscal_quarter_of(calendar: Calendar, day: date) -> tuple[FiscalPeriod, FiscalPeriod]:
    """The first and the last period of the fiscal quarter that holds a day; ValueError as above."""
    within = fiscal_period_of(calendar, day)
    first, last = (numbered_period(calendar, within.year, 3 * within.quarter - back) for back in (2, 0))
    return first, last


def numbered_period(calendar: Calendar, year: int, number: int) -> FiscalPeriod:
    """Period 1 to 12 of a fiscal year; ValueError if there is none."""
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= number <= _MONTHS):
        raise ValueError(f"period {number} of {year}")
    return fiscal_periods(calendar)[(year - FIRST_YEAR) * _MONTHS + number - 1]


def calendar_code(calendar: Calendar) -> str:
    """The name of a calendar in landing: `4-4-5/02` is a year of 4-4-5 from February."""
    return f"{calendar.pattern}/{calendar.year_start_month:02d}"


def _of_year(calendar: Calendar, year: int) -> Iterator[FiscalPeriod]:
    # A fiscal year that begins in July 2025 is called after the year it ends in: 2026.
    start = date(year - (calendar.year_start_month > 1), calendar.year_start_month, 1)
    starts = [*_period_starts(calendar, start), _period_starts(calendar, _month_after(start, _MONTHS))[0]]
    first_week = starts[0] if calendar.pattern != "month_end" else _first_week(start)
    for index in range(_MONTHS):
        yield FiscalPeriod(
            year=year,
            quarter=index // 3 + 1,
            number=index + 1,
            start=starts[index],
            end=starts[index + 1] - timedelta(days=1),
            first_week=first_week,
        )


def _period_starts(calendar: Calendar, year_start: date) -> list[date]:
    """First days of the twelve periods of the year that begins on or about `year_start`."""
    if calendar.pattern == "month_end":
        return [_month_after(year_start, number) for number in range(_MONTHS)]
    if calendar.pattern == "iso_weeks":
        return [_first_week(_month_after(year_start, number)) for number in range(_MONTHS)]
    # Weeks of 4-4-5 repeat each quarter; a 53rd week falls to the last period, which ends with the year.
    weeks = [int(weeks) for weeks in calendar.pattern.split("-")] * 4
    return [_first_week(year_start) + _WEEK * before for before in accumulate([0, *weeks[:-1]])]


def _first_week(month_start: date) -> date:
    """Monday nearest to the month's first day: of the first ISO week whose Thursday lies in the month."""
    thursday = month_start + timedelta(days=(3 - month_start.weekday()) % 7)
    return thursday - timedelta(days=3)


def _month_after(month_start: date, months: int) -> date:
    years, month = divmod(month_start.month - 1 + months, _MONTHS)
    return date(month_start.year + years, month + 1, 1)
