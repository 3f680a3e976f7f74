"""A report of a period that has not begun: a mistyped name or cell, and never a figure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

# The desk's day is 1 March 2026, in week 9; week 10 begins on 2 March, week 11 on 9 March.
SALES = "Ref;Qty;Amount\nA;1;2\n"
BY_COLUMN = {
    "period": {"frequency": "month", "source": "column", "header": "Day", "date_format": "%d/%m/%Y"},
    "columns": {"partner_product_code": "Ref", "sold_quantity": "Qty", "sale_date": "Day"},
}


@pytest.fixture(autouse=True)
def day_is_today(desk: Any) -> None:
    desk.company = desk.company.model_copy(update={"as_of_date": None})


@pytest.mark.parametrize("week", ["2026-W09", "2026-W10"])
def test_a_period_that_begins_tomorrow_may_have_begun_in_the_east(desk: Any, week: str) -> None:
    assert desk.take_one(f"D07/r_{week}.csv", SALES).state == "landed"


def test_a_file_that_names_a_period_to_come_is_rejected(desk: Any) -> None:
    outcome = desk.take_one("D07/r_2026-W11.csv", SALES)
    assert (outcome.state, outcome.reason_code) == ("rejected", "future_period")
    assert outcome.reason == (
        "D07/r_2026-W11.csv: the file's name spells 2026-W11, which begins on 2026-03-09 and has not begun "
        "-> rename the file after the period that it reports, or correct 'period.pattern' in the profile"
    )


def test_the_renamed_file_lands(desk: Any) -> None:
    desk.take_one("D07/r_2026-W11.csv", SALES)
    (desk.inbox / "D07/r_2026-W11.csv").unlink()
    outcome = desk.take_one("D07/r_2026-W09.csv", SALES)
    assert (outcome.state, outcome.slices) == ("landed", ("D07|sales|2026-W09",))


def test_a_row_of_a_period_to_come_is_held_back_and_the_others_land(desk: Any) -> None:
    content = "Day;Ref;Qty\n27/02/2026;A;1\n27/12/2026;A;5\n02/03/2026;A;2\n"
    outcome = desk.take_one("D07/r.csv", content, **BY_COLUMN)
    assert (outcome.state, outcome.rows_accepted, outcome.reasons) == ("landed", 2, {"future_period": 1})
    assert desk.faults("source_row, column_name, reason_code") == [(3, "Day", "future_period")]


def test_a_fixed_day_that_is_later_than_today_is_the_day(desk: Any) -> None:
    now = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
    later = desk.company.model_copy(update={"as_of_date": date(2026, 6, 30)})
    earlier = desk.company.model_copy(update={"as_of_date": date(2025, 6, 30)})
    assert desk.company.last_day_begun(now) == date(2026, 3, 2)
    assert later.last_day_begun(now) == date(2026, 6, 30)
    assert earlier.last_day_begun(now) == date(2026, 3, 2)


TEMPLATE = {
    "period": {"frequency": "week", "source": "header"},
    "columns": {"partner_product_code": "Ref"},
    "wide": [{"metric": "sold_quantity", "pattern": r"^S(?P<week>\d+)/(?P<year>\d+)$"}],
}


@pytest.mark.parametrize("blank", ["", "0"])
def test_a_template_reports_no_week_that_has_not_begun(desk: Any, blank: str) -> None:
    content = f"Ref;S08/2026;S09/2026;S20/2026\nA;3;0;{blank}\nB;;;\n"
    outcome = desk.take_one("D07/r.csv", content, **TEMPLATE)
    assert outcome.slices == ("D07|sales|2026-W08", "D07|sales|2026-W09")


def test_a_week_that_no_row_says_anything_of_is_not_reported(desk: Any) -> None:
    outcome = desk.take_one("D07/r.csv", "Ref;S07/2026;S08/2026\nA;;3\nB;;0\n", **TEMPLATE)
    assert outcome.slices == ("D07|sales|2026-W08",)


def test_an_empty_week_is_a_reported_zero_where_empty_means_zero(desk: Any) -> None:
    content = "Ref;S07/2026;S08/2026;S20/2026\nA;;3;\n"
    outcome = desk.take_one("D07/r.csv", content, **TEMPLATE, empty_is_zero=True)
    assert outcome.slices == ("D07|sales|2026-W07", "D07|sales|2026-W08")


def test_figures_under_a_title_of_a_week_to_come_reject_the_file(desk: Any) -> None:
    outcome = desk.take_one("D07/r.csv", "Ref;S08/2026;S20/2026\nA;3;4\n", **TEMPLATE)
    assert (outcome.state, outcome.reason_code) == ("rejected", "future_period")
    assert "'S20/2026': the title names 2026-W20, which begins on 2026-05-11" in outcome.reason
