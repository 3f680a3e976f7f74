"""The company's fiscal calendar: the days of its periods, from the pattern that `company.yml` names.

What belongs here: which days a fiscal year, quarter and period hold. What does not: the calendar of days
(`dim_dates`), and the periods of partners' reports (`connectors.feeds.periods`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from connectors.company import Calendar

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2100
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


def fiscal_periods(calendar: Calendar) -> list[FiscalPeriod]:
    """All periods of the fiscal years 1990 to 2100: without a gap, each day in exactly one."""
    return [period for year in range(FIRST_YEAR, LAST_YEAR + 1) for period in _of_year(calendar, year)]


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
