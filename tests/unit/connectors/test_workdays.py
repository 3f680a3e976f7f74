"""Working days: weekends and public holidays, by country and region."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.workdays import after_working_days, is_working_day, numbered_days, public_holidays


def test_the_first_of_may_is_a_holiday_in_france_and_none_in_geneva() -> None:
    # 30 April 2026 is a Thursday. In France 1 May is off, so Monday, Tuesday and Wednesday are counted.
    assert after_working_days(date(2026, 4, 30), 3, "FR") == date(2026, 5, 6)
    assert after_working_days(date(2026, 4, 30), 3, "CH-GE") == date(2026, 5, 5)


def test_moving_holidays_are_known() -> None:
    # Easter Monday, Ascension and Whit Monday of 2026.
    days = (date(2026, 4, 6), date(2026, 5, 14), date(2026, 5, 25))
    assert [is_working_day(day, "FR") for day in days] == [False] * 3


def test_days_are_numbered_by_the_working_days_up_to_them() -> None:
    found = list(numbered_days(date(2026, 4, 30), date(2026, 5, 4), "FR"))
    assert [(day.day, is_worked, number) for day, is_worked, number in found] == [
        (30, True, 1),
        (1, False, 1),
        (2, False, 1),
        (3, False, 1),
        (4, True, 2),
    ]


@pytest.mark.parametrize("code", ["XX", "FR-ZZZ"])
def test_an_unknown_country_or_region_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=code):
        public_holidays(code)
