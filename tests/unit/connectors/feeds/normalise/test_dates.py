"""Texts to days and periods: in cells, titles and names of files, in words, in fiscal calendars."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from connectors.feeds.normalise.dates import date_example, period_example
from connectors.feeds.profile import EXCEL_1900, Period

WEEK = "D07/r_2026-W05.csv"
DATED = {"partner_product_code": "Ref", "sold_quantity": "Qty", "sale_date": "Day"}
# The year 2026 of 4-4-5 begins on 29 December 2025: P01 ends on 25 January, P02 on 22 February.
WEEKS_445 = {"frequency": "fiscal_period", "calendar": {"pattern": "4-4-5"}}


def test_a_date_outside_the_period_of_the_file_is_a_fault(desk: Any) -> None:
    # Week 5 of 2026 is 26 January to 1 February.
    content = "Day;Ref;Qty\n26/01/2026;A;1\n01/02/2026;A;1\n25/01/2026;A;1\n02/02/2026;A;1\n"
    outcome = desk.take_one(WEEK, content, columns=DATED)
    assert outcome.rows_accepted == 2
    assert desk.faults("source_row, reason_code") == [(4, "outside_period"), (5, "outside_period")]


def test_a_date_that_is_not_in_the_format_is_a_fault(desk: Any) -> None:
    wrong = ["31/02/2026", "2026-01-27", "27/01/26", "27/01/2026 10:00", "soon"]
    outcome = desk.take_one(
        WEEK, "Day;Ref;Qty\n" + "".join(f"{day};A;1\n" for day in (*wrong, "")), columns=DATED
    )
    assert outcome.reasons == {"unparseable_date": 5, "missing_date": 1}


@pytest.mark.parametrize(
    ("date_format", "said"),
    [
        ("%d/%m/%Y", "31/12/2026"),
        ("%Y%m%d", "20261231"),
        ("%d/%m/%y %H:%M", "31/12/26 12:00"),
        (EXCEL_1900, "46387"),
    ],
)
def test_what_a_date_should_look_like_is_shown_and_not_its_format(date_format: str, said: str) -> None:
    assert date_example(date_format) == said


@pytest.mark.parametrize(
    ("frequency", "settings", "said"),
    [
        ("week", {"pattern": r"^S(?P<week>\d+)-(?P<year>\d+)$"}, "S53-2026"),
        ("month", {"pattern": r"(?P<month>\d\d)/(?P<year>\d\d)"}, "12/26"),
        ("fiscal_period", {**WEEKS_445, "pattern": r"P(?P<period>\d\d) (?P<year>\d{4})"}, "P12 2026"),
        ("week", {"pattern": r"(?P<date>[0-9.]+)", "date_format": "%d.%m.%Y"}, "31.12.2026"),
        ("day", {"date_format": "%d/%m/%Y"}, "31/12/2026"),
        ("month", {"pattern": r"(?P<month>[a-z]+) ?(?P<year>\d{4})"}, r"(?P<month>[a-z]+) ?(?P<year>\d{4})"),
    ],
)
def test_what_a_period_should_look_like_is_shown_unless_its_pattern_allows_for_much(
    frequency: str, settings: dict[str, Any], said: str
) -> None:
    period = {"source": "column", "header": "P", **settings, "frequency": frequency}
    assert period_example(Period.model_validate(period)) == said


@pytest.mark.parametrize(
    ("frequency", "pattern", "name", "start", "end", "line_date", "key"),
    [
        (
            "day", r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", "r_20260214.csv",
            "2026-02-14", "2026-02-14", "2026-02-14", "2026-02-14",
        ),
        (
            "week", r"S(?P<week>\d+)-(?P<year>\d+)", "r_S1-2026.csv",
            "2025-12-29", "2026-01-04", "2026-01-01", "2026-W01",
        ),
        ("week", r"(?P<date>\d{8})", "r_20260214.csv", "2026-02-09", "2026-02-15", "2026-02-12", "2026-W07"),
        (
            "month", r"(?P<month>\d\d)-(?P<year>\d\d)", "r_02-28.csv",
            "2028-02-01", "2028-02-29", "2028-02-29", "2028-02",
        ),
    ],
)  # fmt: skip
def test_the_period_stands_in_the_files_name(
    desk: Any, frequency: str, pattern: str, name: str, start: str, end: str, line_date: str, key: str
) -> None:
    period = {"frequency": frequency, "source": "file_name", "pattern": pattern}
    desk.take_one(f"D07/{name}", "Ref;Qty;Amount\nA;1;2\n", period=period)
    assert desk.rows("period_start_date, period_end_date, sale_date, slice_key") == [
        (
            date.fromisoformat(start),
            date.fromisoformat(end),
            date.fromisoformat(line_date),
            f"D07|sales|{key}",
        )
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.csv", "names no week by the pattern"),
        ("r_2026-W54.csv", "names no real week ('2026-W54')"),
        ("r_2025-W53.csv", "names no real week ('2025-W53')"),
    ],
)
def test_a_file_whose_name_names_no_real_period_is_rejected(desk: Any, name: str, said: str) -> None:
    outcome = desk.take_one(f"D07/{name}", "Ref;Qty;Amount\nA;1;2\n")
    assert (outcome.state, outcome.reason_code) == ("rejected", "unknown_period")
    assert said in outcome.reason


def test_a_period_column_splits_a_file_into_slices(desk: Any) -> None:
    period = {"frequency": "month", "source": "column", "header": "Day", "date_format": "%d/%m/%Y"}
    content = "Day;Ref;Qty\n03/02/2026;A;1\n31/01/2026;A;2\n28/02/2026;A;4\n;A;8\nx;A;16\n"
    outcome = desk.take_one("D07/sales.csv", content, period=period, columns=DATED)
    assert outcome.slices == ("D07|sales|2026-01", "D07|sales|2026-02")
    assert desk.rows("slice_key, sale_date, sold_quantity") == [
        ("D07|sales|2026-02", date(2026, 2, 3), 1),
        ("D07|sales|2026-01", date(2026, 1, 31), 2),
        ("D07|sales|2026-02", date(2026, 2, 28), 4),
    ]
    assert desk.faults("source_row, reason_code") == [
        (5, "missing_period"),
        (6, "unparseable_date"),
        (6, "unparseable_period"),
    ]


def test_a_week_may_be_written_in_words_of_the_partner(desk: Any) -> None:
    period = {
        "frequency": "week",
        "source": "column",
        "header": "Semaine",
        "pattern": r"S(?P<week>\d+)-(?P<year>\d+)",
    }
    columns = {"partner_product_code": "Ref", "sold_quantity": "Qty"}
    content = "Semaine;Ref;Qty\nS05-2026;A;1\nS06-2026;A;2\nweek 7;A;4\n"
    outcome = desk.take_one("D07/sales.csv", content, period=period, columns=columns)
    assert desk.rows("slice_key, sale_date, sold_quantity") == [
        ("D07|sales|2026-W05", date(2026, 1, 29), 1),
        ("D07|sales|2026-W06", date(2026, 2, 5), 2),
    ]
    assert outcome.reasons == {"unparseable_period": 1}


def test_a_fiscal_period_may_stand_in_the_files_name(desk: Any) -> None:
    period = {**WEEKS_445, "source": "file_name", "pattern": r"P(?P<period>\d\d)_(?P<year>\d{4})"}
    outcome = desk.take_one("D07/sales_P02_2026.csv", "Ref;Qty;Amount\nA;1;2\n", period=period)
    assert (outcome.period_start_date, outcome.period_end_date) == (date(2026, 1, 26), date(2026, 2, 22))
    assert desk.rows("slice_key, sale_date, month_start_date") == [
        ("D07|sales|FY2026-P02", date(2026, 2, 22), date(2026, 2, 1))
    ]


def test_a_cell_may_name_a_fiscal_period(desk: Any) -> None:
    # 5-4-4: P01 is 29 December to 1 February and counts in January.
    period = {
        "frequency": "fiscal_period",
        "calendar": {"pattern": "5-4-4"},
        "source": "column",
        "header": "Période",
        "pattern": r"P(?P<period>\d\d) (?P<year>\d{4})",
    }
    columns = {"partner_product_code": "Ref", "sold_quantity": "Qty"}
    content = "Période;Ref;Qty\nP01 2026;A;1\nP02 2026;A;2\nP14 2026;A;4\n"
    outcome = desk.take_one("D07/sales.csv", content, period=period, columns=columns)
    assert desk.rows("slice_key, sale_date, month_start_date") == [
        ("D07|sales|FY2026-P01", date(2026, 2, 1), date(2026, 1, 1)),
        ("D07|sales|FY2026-P02", date(2026, 3, 1), date(2026, 2, 1)),
    ]
    assert outcome.reasons == {"unparseable_period": 1}


def test_days_fall_into_fiscal_periods_and_count_in_their_own_month(desk: Any) -> None:
    period = {**WEEKS_445, "source": "column", "header": "Day", "date_format": "%d/%m/%Y"}
    content = "Day;Ref;Qty\n25/01/2026;A;1\n26/01/2026;A;2\n01/02/2026;A;4\n30/02/2026;A;8\n"
    outcome = desk.take_one("D07/sales.csv", content, period=period, columns=DATED)
    assert desk.rows("slice_key, sale_date, month_start_date") == [
        ("D07|sales|FY2026-P01", date(2026, 1, 25), None),
        ("D07|sales|FY2026-P02", date(2026, 1, 26), None),
        ("D07|sales|FY2026-P02", date(2026, 2, 1), None),
    ]
    assert outcome.reasons == {"unparseable_period": 1, "unparseable_date": 1}


def test_a_day_outside_the_fiscal_period_of_its_row_is_a_fault(desk: Any) -> None:
    period = {
        **WEEKS_445,
        "source": "column",
        "header": "Period",
        "pattern": r"P(?P<period>\d\d) (?P<year>\d{4})",
    }
    content = "Period;Day;Ref;Qty\nP02 2026;26/01/2026;A;1\nP02 2026;22/02/2026;A;1\n"
    content += "P02 2026;25/01/2026;A;1\nP02 2026;23/02/2026;A;1\n"
    outcome = desk.take_one("D07/sales.csv", content, period=period, columns=DATED)
    assert (outcome.rows_accepted, outcome.reasons) == (2, {"outside_period": 2})


def test_columns_may_name_fiscal_quarters(desk: Any) -> None:
    outcome = desk.take_one(
        "D07/sales.csv",
        "Ref;T1 2026;T2 2026\nA;1;2\n",
        period={"frequency": "fiscal_quarter", "calendar": {"pattern": "4-4-5"}, "source": "header"},
        columns={"partner_product_code": "Ref"},
        wide=[{"metric": "sold_quantity", "pattern": r"^T(?P<quarter>\d) (?P<year>\d{4})$"}],
    )
    assert outcome.slices == ("D07|sales|FY2026-Q1", "D07|sales|FY2026-Q2")
    # 29 December to 29 March, and from then to 28 June.
    assert desk.rows("sale_date, month_start_date, sold_quantity") == [
        (date(2026, 3, 29), date(2026, 3, 1), 1),
        (date(2026, 6, 28), date(2026, 6, 1), 2),
    ]


@pytest.mark.parametrize(
    ("date_format", "written"),
    [
        ("%d %B %Y", ["27 janvier 2026", "27 Janv. 2026", "27 january 2026", "27 jan 2026"]),
        ("%A %d %B %Y", ["mardi 27 janvier 2026", "Mar. 27 janv. 2026", "Tuesday, 27 January 2026"]),
        ("%d-%b-%y", ["27-janv.-26", "27-Jan-26"]),
        ("%d. %B %Y", ["27. Januar 2026", "27. januar 2026"]),
        ("%d de %B de %Y", ["27 de enero de 2026"]),
        ("%A %d %B %Y", ["martedì 27 gennaio 2026", "Dienstag, 27 Januar 2026", "dinsdag 27 januari 2026"]),
        ("%Y-%m-%d %H:%M:%S", ["2026-01-27 14:30:00"]),
        ("excel", ["46049", "46049,5", "46049.25"]),
        ("excel1904", ["44587"]),
    ],
)
def test_a_date_is_read_in_words_and_as_excel_counts_days(
    desk: Any, date_format: str, written: list[str]
) -> None:
    content = "Jour;Ref;Qty\n" + "".join(f"{text};A;1\n" for text in written) + "27 brumaire 2026;A;1\n"
    outcome = desk.take_one(
        WEEK,
        content,
        columns={"sale_date": "Jour", "product_code": "Ref", "sold_quantity": "Qty"},
        date_format=date_format,
    )
    assert desk.rows("sale_date") == [(date(2026, 1, 27),)] * len(written)
    assert outcome.reasons == {"unparseable_date": 1}


@pytest.mark.parametrize(
    ("month", "number"),
    [
        ("1er août", 8), ("3 mai", 5), ("28 févr.", 2), ("1 fevrier", 2), ("2 mars", 3), ("31 décembre", 12),
        ("9 Sept.", 9),
    ],
)  # fmt: skip
def test_every_month_is_known_with_and_without_its_accents(desk: Any, month: str, number: int) -> None:
    desk.take_one(
        "D07/r.csv",
        f"Jour;Ref;Qty\n{month} 2026;A;1\n",
        period={"frequency": "month", "source": "column", "header": "Jour", "date_format": "%d %B %Y"},
        columns={"product_code": "Ref", "sold_quantity": "Qty"},
    )
    assert desk.rows("month(period_start_date)") == [(number,)]
