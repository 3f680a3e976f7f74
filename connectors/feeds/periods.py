"""Reporting periods: the day, ISO week, month, quarter or fiscal period that one report covers.

What belongs here: reading a period from a file's name, a column title or a cell, and its key and dates.
What does not: which rows belong to it (`connectors.feeds.normalise`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from connectors.calendar import FiscalPeriod, fiscal_period_of, fiscal_quarter_of, numbered_period
from connectors.company import Calendar
from connectors.feeds.months import month_number, parse_date
from connectors.feeds.profile import Frequency

EARLIEST_YEAR: Final = 1990
LATEST_YEAR: Final = 2100

DAYS: Final[dict[Frequency, tuple[int, int]]] = {
    "day": (1, 1),
    "week": (2, 7),
    "month": (27, 35),
    "quarter": (85, 97),
    "fiscal_period": (27, 42),
    "fiscal_quarter": (85, 105),
}
"""The fewest and the most days of a period, a partner's own included, which may begin on another day."""

_MOST_DAYS_IN_ONE_MONTH: Final = 45
_IN_THE_LAST_MONTH: Final = timedelta(days=14)
_SURELY_PAST: Final = timedelta(days=270)
"""A period that ended longer ago begins again in less than three months: it may be one to come."""


@dataclass(frozen=True, order=True)
class Span:
    """One period: its first and last day and its key.

    Keys are `2026-02-14`, `2026-W05`, `2026-02`, `2026-Q1`, `FY2026-P05` and `FY2026-Q2`.
    """

    start: date
    end: date
    key: str

    @property
    def line_date(self) -> date:
        """The day that a line without a date of its own counts on.

        The Thursday of a week lies in the month that holds most of the week (ISO 8601).
        """
        if self.start + timedelta(days=6) == self.end and "W" in self.key:
            return self.start + timedelta(days=3)
        return self.end

    @property
    def month(self) -> date:
        """First day of the month that a line without a date of its own counts in.

        It is the month that holds most of the period, the last one of a quarter (docs/figures.md).
        """
        days = (self.end - self.start).days
        if days < _MOST_DAYS_IN_ONE_MONTH:
            return (self.start + timedelta(days=days // 2)).replace(day=1)
        return (self.end - _IN_THE_LAST_MONTH).replace(day=1)

    def following(self, frequency: Frequency, calendar: Calendar | None = None) -> Span:
        """The period after this one."""
        return span_of(self.end + timedelta(days=1), frequency, calendar)


def span_of(day: date, frequency: Frequency, calendar: Calendar | None = None) -> Span:
    """The period of that frequency that holds `day`; fiscal ones by `calendar`."""
    if frequency == "day":
        return Span(day, day, day.isoformat())
    if frequency == "week":
        year, week, weekday = day.isocalendar()
        start = day - timedelta(days=weekday - 1)
        return Span(start, start + timedelta(days=6), f"{year}-W{week:02d}")
    if frequency == "fiscal_period":
        return _fiscal_period(fiscal_period_of(_given(calendar), day))
    if frequency == "fiscal_quarter":
        return _fiscal_quarter(*fiscal_quarter_of(_given(calendar), day))
    if frequency == "quarter":
        quarter = (day.month - 1) // 3 + 1
        start = date(day.year, 3 * quarter - 2, 1)
        return Span(start, _month_end(start.replace(month=3 * quarter)), f"{start.year}-Q{quarter}")
    start = day.replace(day=1)
    return Span(start, _month_end(start), f"{start.year}-{start.month:02d}")


def _month_end(month_start: date) -> date:
    return (month_start + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _given(calendar: Calendar | None) -> Calendar:
    if calendar is None:
        raise TypeError("a fiscal period needs a calendar")
    return calendar


def _fiscal_period(period: FiscalPeriod) -> Span:
    return Span(period.start, period.end, f"FY{period.year}-P{period.number:02d}")


def _fiscal_quarter(first: FiscalPeriod, last: FiscalPeriod) -> Span:
    return Span(first.start, last.end, f"FY{first.year}-Q{first.quarter}")


@dataclass(frozen=True)
class Year:
    """The year of periods that are named without one: `stated` by the file, or, where it is None, that of
    the last such period which had begun when the file was `received`.
    """

    received: date
    stated: int | None = None

    def span(
        self, groups: Mapping[str, str | None], frequency: Frequency, calendar: Calendar | None
    ) -> Span | None:
        """The period that the groups spell; None if they name no real one, or it is not clear which."""
        if self.stated is not None:
            return self._of(self.stated, groups, frequency, calendar)
        # A fiscal year may bear the number of the next one.
        years = range(self.received.year + 1, self.received.year - 2, -1)
        spans = (self._of(year, groups, frequency, calendar) for year in years)
        last = next((span for span in spans if span is not None and self.has_begun(span)), None)
        return last if last is not None and self.received - last.end <= _SURELY_PAST else None

    def has_begun(self, span: Span) -> bool:
        """Whether the file can report the period: the next day has begun in the east."""
        return span.start <= self.received + timedelta(days=1)

    @staticmethod
    def _of(
        year: int, groups: Mapping[str, str | None], frequency: Frequency, calendar: Calendar | None
    ) -> Span | None:
        return span_from_groups({**groups, "year": str(year)}, frequency, None, calendar)


def span_from_groups(
    groups: Mapping[str, str | None],
    frequency: Frequency,
    date_format: str | None,
    calendar: Calendar | None = None,
    year_of: Year | None = None,
) -> Span | None:
    """The period that named groups of a pattern spell; None if they name no real one, or a range of days
    that does not lie within one.
    """
    if year_of is not None:
        return year_of.span(groups, frequency, calendar)
    try:
        if groups.get("date"):
            span = _from_date(str(groups["date"]), frequency, date_format, calendar)
            until = groups.get("until")
            is_one = not until or _from_date(until, frequency, date_format, calendar) == span
            return span if is_one else None
        year = int(groups["year"] or "")
        year += 2000 if year < 100 else 0
        if frequency == "fiscal_period":
            return _fiscal_period(numbered_period(_given(calendar), year, int(groups["period"] or "")))
        if frequency == "fiscal_quarter":
            last = numbered_period(_given(calendar), year, 3 * int(groups["quarter"] or ""))
            return span_of(last.end, frequency, calendar)
        if frequency == "week":
            day = date.fromisocalendar(year, int(groups["week"] or ""), 1)
        elif frequency == "quarter":
            day = date(year, 3 * int(groups["quarter"] or ""), 1)
        else:
            day = date(year, month_number(groups["month"] or ""), int(groups.get("day") or 1))
    except (KeyError, ValueError):
        return None
    return span_of(day, frequency) if EARLIEST_YEAR <= day.year <= LATEST_YEAR else None


def span_from_text(
    text: str,
    pattern: str,
    frequency: Frequency,
    date_format: str | None = None,
    calendar: Calendar | None = None,
    year_of: Year | None = None,
) -> Span | None:
    """The period that `pattern` finds in `text`; None if it finds none."""
    match = re.search(pattern, text, re.IGNORECASE)
    if match is None:
        return None
    return span_from_groups(match.groupdict(), frequency, date_format, calendar, year_of)


def _from_date(text: str, frequency: Frequency, date_format: str | None, calendar: Calendar | None) -> Span:
    formats = (date_format,) if date_format else ("%Y-%m-%d", "%Y%m%d")
    for candidate in formats:
        try:
            return span_of(parse_date(text, candidate), frequency, calendar)
        except ValueError:
            continue
    raise ValueError(text)
