"""Working days: Monday to Friday but for the public holidays of a country or a region of it.

What belongs here: which days are worked, and counting them. What does not: when a report is due
(`connectors.feeds.profile`). The `holidays` library needs 0.2 s to import, so it is imported where used.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from holidays import HolidayBase

_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


@lru_cache(maxsize=64)
def public_holidays(code: str) -> HolidayBase:
    """The public holidays of a country (`FR`) or one of its regions (`CH-GE`); ValueError if unknown."""
    from holidays import country_holidays

    country, _, region = code.partition("-")
    try:
        return country_holidays(country, subdiv=region or None)
    # How the library says that it knows no such country or region.
    except NotImplementedError as error:
        raise ValueError(f"{code!r} names no country or region with known public holidays") from error


def is_working_day(day: date, code: str) -> bool:
    return day.weekday() < _SATURDAY and day not in public_holidays(code)


def after_working_days(day: date, count: int, code: str) -> date:
    """The `count`-th working day after `day`."""
    while count:
        day += _DAY
        count -= is_working_day(day, code)
    return day


def numbered_days(first: date, last: date, code: str) -> Iterator[tuple[date, bool, int]]:
    """Each day from `first` to `last`: whether it is worked, and how many working days came up to it."""
    number, day = 0, first
    while day <= last:
        is_worked = is_working_day(day, code)
        number += is_worked
        yield day, is_worked, number
        day += _DAY
