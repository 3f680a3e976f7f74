"""Reporting periods: the day, ISO week or calendar month that one report covers.

What belongs here: reading a period from a file's name, a column title or a cell, and its key and dates.
What does not: which rows belong to it (`connectors.feeds.normalise`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from connectors.feeds.months import month_number, parse_date
from connectors.feeds.profile import Frequency

EARLIEST_YEAR: Final = 1990
LATEST_YEAR: Final = 2100


@dataclass(frozen=True, order=True)
class Span:
    """One period: its first and last day and its key (`2026-02-14`, `2026-W05` or `2026-02`)."""

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


def span_of(day: date, frequency: Frequency) -> Span:
    """The period of that frequency that holds `day`."""
    if frequency == "day":
        return Span(day, day, day.isoformat())
    if frequency == "week":
        year, week, weekday = day.isocalendar()
        start = day - timedelta(days=weekday - 1)
        return Span(start, start + timedelta(days=6), f"{year}-W{week:02d}")
    start = day.replace(day=1)
    end = (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return Span(start, end, f"{start.year}-{start.month:02d}")


def span_from_groups(
    groups: Mapping[str, str | None], frequency: Frequency, date_format: str | None
) -> Span | None:
    """The period that named groups of a pattern spell; None if they name no real one."""
    try:
        if groups.get("date"):
            return _from_date(str(groups["date"]), frequency, date_format)
        year = int(groups["year"] or "")
        year += 2000 if year < 100 else 0
        if frequency == "week":
            day = date.fromisocalendar(year, int(groups["week"] or ""), 1)
        else:
            day = date(year, month_number(groups["month"] or ""), int(groups.get("day") or 1))
    except (KeyError, ValueError):
        return None
    return span_of(day, frequency) if EARLIEST_YEAR <= day.year <= LATEST_YEAR else None


def span_from_text(
    text: str, pattern: str, frequency: Frequency, date_format: str | None = None
) -> Span | None:
    """The period that `pattern` finds in `text`; None if it finds none."""
    match = re.search(pattern, text, re.IGNORECASE)
    return span_from_groups(match.groupdict(), frequency, date_format) if match else None


def _from_date(text: str, frequency: Frequency, date_format: str | None) -> Span:
    formats = (date_format,) if date_format else ("%Y-%m-%d", "%Y%m%d")
    for candidate in formats:
        try:
            return span_of(parse_date(text, candidate), frequency)
        except ValueError:
            continue
    raise ValueError(text)
