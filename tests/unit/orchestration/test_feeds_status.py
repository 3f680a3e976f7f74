"""Which reports are expected, missing, late or not due yet."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.company import Calendar
from connectors.feeds.profile import Profile
from connectors.ledger import Batch
from orchestration.feeds_status import coverage, expected_periods, feed_status


def profile(frequency: str, pattern: str, **settings: Any) -> Profile:
    return Profile.model_validate(
        {
            "partner": "P1",
            "files": {"glob": "*.csv"},
            "container": {"kind": "delimited"},
            "period": {"frequency": frequency, "source": "file_name", "pattern": pattern},
            "columns": {"gtin": "EAN", "sold_quantity": "Qty"},
            **settings,
        }
    )


def weekly(**settings: Any) -> Profile:
    return profile("week", r"(?P<year>\d{4})-W(?P<week>\d\d)", **settings)


def report(week_end: date, received: datetime, **fields: Any) -> Batch:
    return Batch(
        **{
            "batch_id": received.isoformat(),
            "system": "feeds",
            "source": "P1_weekly",
            "state": "landed",
            "received_at": received,
            "landed_at": received,
            "period_start_date": date.fromordinal(week_end.toordinal() - 6),
            "period_end_date": week_end,
            **fields,
        }
    )


def labels(chosen: Profile, today: date) -> list[str]:
    return [period.label for period in expected_periods(chosen, today)]


def test_weeks_are_expected_once_they_have_ended() -> None:
    # 2026-06-01 is a Monday, the first day of ISO week 23; week 25 ends on Sunday 2026-06-21.
    chosen = weekly(expected_from=date(2026, 6, 1))
    assert labels(chosen, date(2026, 6, 20)) == ["2026-W23", "2026-W24"]
    assert labels(chosen, date(2026, 6, 21)) == ["2026-W23", "2026-W24", "2026-W25"]


def test_a_period_that_began_before_the_first_day_is_not_expected() -> None:
    assert labels(weekly(expected_from=date(2026, 6, 3)), date(2026, 6, 22)) == ["2026-W24", "2026-W25"]
    monthly = profile("month", r"(?P<year>\d{4})-(?P<month>\d\d)", expected_from=date(2026, 1, 2))
    assert labels(monthly, date(2026, 4, 15)) == ["2026-02", "2026-03"]


def test_a_feed_that_has_ended_is_expected_no_more() -> None:
    chosen = weekly(expected_from=date(2026, 6, 1), expected_to=date(2026, 6, 14))
    assert labels(chosen, date(2026, 7, 31)) == ["2026-W23"]


def test_iso_weeks_at_the_turn_of_the_year_keep_their_iso_year() -> None:
    # 2026 has 53 ISO weeks; week 53 runs from 2026-12-28 to 2027-01-03.
    chosen = weekly(expected_from=date(2026, 12, 21))
    assert labels(chosen, date(2027, 1, 12)) == ["2026-W52", "2026-W53", "2027-W01"]


def test_days_are_expected_each() -> None:
    daily = profile("day", r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", expected_from=date(2026, 6, 28))
    assert labels(daily, date(2026, 6, 30)) == ["2026-06-28", "2026-06-29", "2026-06-30"]


def test_missing_late_and_not_yet_due_are_told_apart() -> None:
    chosen = weekly(expected_from=date(2026, 6, 1), due_days=3)
    batches = [
        report(date(2026, 6, 7), datetime(2026, 6, 9, tzinfo=UTC)),
        # Week 24 ends on the 14th and is due on the 17th.
        report(date(2026, 6, 14), datetime(2026, 6, 18, tzinfo=UTC), rows_quarantined=2),
    ]
    live = {"P1|P1_weekly|2026-W23", "P1|P1_weekly|2026-W24"}
    status = feed_status("P1_weekly", chosen, batches, live, date(2026, 7, 1))
    assert (status.expected, status.received) == (4, 2)
    assert status.late == ["2026-W24"]
    assert status.missing == ["2026-W25"]
    assert status.waited_for == ["2026-W26"]
    assert status.last_period == "2026-W24"
    assert status.rows_quarantined == 2


def test_a_correction_of_a_report_that_came_in_time_is_not_late() -> None:
    chosen = weekly(expected_from=date(2026, 6, 1), due_days=3)
    batches = [
        report(date(2026, 6, 7), datetime(2026, 6, 8, tzinfo=UTC), state="superseded"),
        report(date(2026, 6, 7), datetime(2026, 6, 25, tzinfo=UTC)),
    ]
    status = feed_status("P1_weekly", chosen, batches, {"P1|P1_weekly|2026-W23"}, date(2026, 6, 12))
    assert status.late == []


def test_a_report_of_several_periods_speaks_for_all_of_them() -> None:
    chosen = weekly(expected_from=date(2026, 6, 1), due_days=3)
    month = report(date(2026, 6, 21), datetime(2026, 6, 22, tzinfo=UTC), period_start_date=date(2026, 6, 1))
    # Of weeks 23 to 25 the report has a line in week 24 only.
    status = feed_status("P1_weekly", chosen, [month], {"P1|P1_weekly|2026-W24"}, date(2026, 6, 27))
    assert (status.received, status.missing) == (3, [])


def test_coverage_counts_reports_that_are_due() -> None:
    chosen = weekly(expected_from=date(2026, 6, 1), due_days=3)
    status = feed_status("P1_weekly", chosen, [], {"P1|P1_weekly|2026-W23"}, date(2026, 7, 1))
    found = coverage([status], date(2026, 6, 30), None)
    # Weeks 23 to 25 are due by 1 July, week 26 is not; of the three, one came.
    assert (found.reports_expected, found.reports_received) == (3, 1)
    assert list(found.reports_missing) == ["P1_weekly 2026-W24", "P1_weekly 2026-W25"]


def test_quarters_and_fiscal_periods_are_expected_by_their_calendar() -> None:
    quarterly = profile("quarter", r"(?P<year>\d{4})-Q(?P<quarter>\d)", expected_from=date(2025, 11, 2))
    assert labels(quarterly, date(2026, 6, 29)) == ["2026-Q1"]
    chosen = profile("week", r"(?P<year>\d{4})-W(?P<week>\d\d)", expected_from=date(2025, 12, 29))
    # 4-4-5: P01 ends on 25 January, P02 on 22 February, P03 on 29 March 2026.
    period = chosen.period.model_copy(
        update={"frequency": "fiscal_period", "calendar": Calendar(pattern="4-4-5")}
    )
    chosen = chosen.model_copy(update={"period": period})
    assert labels(chosen, date(2026, 3, 28)) == ["FY2026-P01", "FY2026-P02"]


def test_working_days_leave_out_weekends_and_public_holidays() -> None:
    monthly = profile(
        "month",
        r"(?P<year>\d{4})-(?P<month>\d\d)",
        expected_from=date(2026, 4, 1),
        due_working_days=3,
        holidays="FR",
    )
    # April 2026 ends on a Thursday, 1 May is a holiday: 4, 5 and 6 May are the three working days.
    (april,) = expected_periods(monthly, date(2026, 5, 1))
    assert april.due == date(2026, 5, 6)


def test_a_report_arrives_on_the_day_of_the_companys_clock() -> None:
    chosen = weekly(expected_from=date(2026, 6, 1), due_days=1)
    # Week 23 ends on 7 June, due on the 8th. 22:30 UTC on the 8th is half past midnight on the 9th in Paris.
    batches = [report(date(2026, 6, 7), datetime(2026, 6, 8, 22, 30, tzinfo=UTC))]
    live = {"P1|P1_weekly|2026-W23"}
    by_zone = [
        feed_status("P1_weekly", chosen, batches, live, date(2026, 6, 12), zone).late
        for zone in (UTC, ZoneInfo("Europe/Paris"))
    ]
    assert by_zone == [[], ["2026-W23"]]


def test_rows_wait_in_quarantine_since_the_day_of_the_companys_clock() -> None:
    # 20:30 UTC on the 8th is half past eight in the morning of the 9th in Auckland.
    batches = [report(date(2026, 6, 7), datetime(2026, 6, 8, 20, 30, tzinfo=UTC), rows_quarantined=1)]
    live = {"P1|P1_weekly|2026-W23"}
    chosen, auckland = weekly(expected_from=date(2026, 6, 1)), ZoneInfo("Pacific/Auckland")
    status = feed_status("P1_weekly", chosen, batches, live, date(2026, 6, 9), auckland)
    assert status.quarantined_since == date(2026, 6, 9)
