"""Cells to values: numbers, dates, periods, units, tax, signs, empties, customers; one fault, one record."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from connectors.feeds.customers import KEY as PSEUDONYM_KEY

WEEK = "D07/r_2026-W05.csv"


@pytest.mark.parametrize(
    ("marks", "numbers"),
    [
        (
            {"decimal_mark": ","},
            {
                "12": "12", "1,5": "1.5", ",5": "0.5", "-3": "-3", "3-": "-3", "- 3": "-3", "+3": "3",
                "\u22123": "-3", "\u00a0 7 ": "7", "0,0005": "0.001", "-0,0005": "-0.001", "0,00049": "0",
            },
        ),
        ({"decimal_mark": "."}, {"1.5": "1.5", "-.5": "-0.5"}),
        (
            {"decimal_mark": ",", "thousands_mark": " "},
            {"1 234 567,5": "1234567.5", "1\u00a0234,5": "1234.5", "-1\u202f234": "-1234", "1234": "1234"},
        ),
        ({"decimal_mark": ",", "thousands_mark": "."}, {"1.234,5": "1234.5", "1234,5-": "-1234.5"}),
        ({"decimal_mark": ".", "thousands_mark": ","}, {"1,234.5": "1234.5"}),
        ({"decimal_mark": ".", "thousands_mark": "'"}, {"1\u2019234.5": "1234.5", "1'234": "1234"}),
        ({"decimal_mark": ",", "parentheses_are_negative": True}, {"(12,5)": "-12.5", "12,5": "12.5"}),
    ],
)  # fmt: skip
def test_a_number_is_read_by_the_marks_of_the_profile(
    desk: Any, marks: dict[str, Any], numbers: dict[str, str]
) -> None:
    content = "Ref;Qty;Amount\n" + "".join(f"A;{written};\n" for written in numbers)
    desk.take_one(WEEK, content, sold_is_net=True, **marks)
    assert [row[0] for row in desk.rows("sold_quantity")] == [Decimal(value) for value in numbers.values()]


def test_what_is_no_number_of_the_profile_is_never_guessed(desk: Any) -> None:
    wrong = [
        "x", "1.5", "1 234", "12,34,5", "1,", "--1", "-1-", "(1)", "1e3", "1_0", "'12", "=1+1",
        "=cmd|' /C calc'!A0", "12 pcs", "NaN", "inf", "999999999999999999", "\u0661",
    ]  # fmt: skip
    outcome = desk.take_one(WEEK, "Ref;Qty;Amount\n" + "".join(f"A;{written};\n" for written in wrong))
    assert outcome.reasons == {"unparseable_number": len(wrong)}
    assert desk.faults("source_row, value") == [(row, written) for row, written in enumerate(wrong, start=2)]


def test_an_amount_with_tax_is_divided_exactly_and_rounded_half_up(desk: Any) -> None:
    # 10 / 1.055 = 9.478672…; 0.00006330 / 1.055 = 0.00006 exactly; 120 / 1.055 = 113.744075…; 0.05275 /
    # 1.055 = 0.05
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;1;10\nB;1;-10\nC;1;120\nD;1;0,05275\n", tax_rate=0.055)
    assert [row[0] for row in desk.rows("net_amount")] == [
        Decimal("9.4787"),
        Decimal("-9.4787"),
        Decimal("113.7441"),
        Decimal("0.0500"),
    ]


def test_an_amount_without_tax_keeps_four_decimals(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;1;1,23455\nB;1;-1,23455\n")
    assert desk.rows("net_amount") == [(Decimal("1.2346"),), (Decimal("-1.2346"),)]


def test_an_empty_amount_is_not_reported_and_a_zero_is_zero(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;1;\nB;1;0\n")
    assert desk.rows("net_amount") == [(None,), (Decimal(0),)]


def test_a_negative_sale_is_a_fault_unless_the_profile_says_what_it_means(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;Amount\nA;-2;\n").reasons == {"negative_quantity": 1}


def test_a_negative_sale_may_be_a_return(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;-2;-10\nB;3;15\n", negative_sold_is_return=True)
    assert desk.rows("sold_quantity, returned_quantity") == [(0, 2), (3, 0)]


def test_a_sender_who_nets_may_report_negative_sales(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;-2;\n", sold_is_net=True)
    assert desk.rows("sold_quantity, returned_quantity") == [(-2, 0)]


COLUMNS_WITH_RETURNS = {"partner_product_code": "Ref", "sold_quantity": "Qty", "returned_quantity": "Ret"}


def test_returns_have_their_own_column_and_sign(desk: Any) -> None:
    outcome = desk.take_one(WEEK, "Ref;Qty;Ret\nA;5;1\nB;;2\nC;1;-1\n", columns=COLUMNS_WITH_RETURNS)
    assert desk.rows("sold_quantity, returned_quantity") == [(5, 1), (0, 2)]
    assert outcome.reasons == {"negative_quantity": 1}


def test_returns_written_with_a_minus_are_counted_positive_where_the_profile_says_so(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Ret\nA;5;-1\n", columns=COLUMNS_WITH_RETURNS, returns_are_negative=True)
    assert desk.rows("sold_quantity, returned_quantity") == [(5, 1)]


def test_an_empty_quantity_is_a_fault_unless_it_means_zero(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;Amount\nA;;\n").reasons == {"missing_quantity": 1}


def test_an_empty_quantity_may_mean_zero(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;;\n", empty_is_zero=True)
    assert desk.rows("sold_quantity") == [(0,)]


def test_blank_rows_and_declared_totals_are_skipped_and_counted(desk: Any) -> None:
    content = "Ref;Qty;Amount\nA;1;2\n;;\n\nTotal;1;2\nTOTAL GENERAL\n"
    outcome = desk.take_one(WEEK, content, skip_rows=[{"header": "ref", "pattern": "(?i)^total"}])
    assert (outcome.rows_read, outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (
        5,
        1,
        0,
        4,
    )


def test_each_fault_of_a_row_is_one_record_with_its_place_value_remedy_and_text(desk: Any) -> None:
    content = "Ref;Qty;Amount\nA;1;2\n;x;y\n"
    outcome = desk.take_one(WEEK, content)
    assert (outcome.rows_accepted, outcome.rows_quarantined) == (1, 1)
    assert outcome.reasons == {"missing_product": 1, "unparseable_number": 2}
    assert desk.faults("source_row, column_name, value, reason_code, raw_text") == [
        (3, "Amount", "y", "unparseable_number", ";x;y"),
        (3, "Qty", "x", "unparseable_number", ";x;y"),
        (3, "Ref", None, "missing_product", ";x;y"),
    ]
    assert all(" correct " in row[0] or "fill in" in row[0] for row in desk.faults("reason"))


DATED = {"partner_product_code": "Ref", "sold_quantity": "Qty", "sale_date": "Day"}


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


@pytest.mark.parametrize("name", ["report.csv", "r_2026-W54.csv", "r_2025-W53.csv"])
def test_a_file_whose_name_names_no_real_period_is_rejected(desk: Any, name: str) -> None:
    outcome = desk.take_one(f"D07/{name}", "Ref;Qty;Amount\nA;1;2\n")
    assert (outcome.state, outcome.reason_code) == ("rejected", "unknown_period")


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


def test_landed_rows_lie_in_period_order(desk: Any) -> None:
    period = {"frequency": "month", "source": "column", "header": "Day", "date_format": "%d/%m/%Y"}
    lines = "".join(f"{day:02d}/{month:02d}/2026;A;1\n" for day in range(1, 29) for month in (3, 1, 2))
    desk.take_one("D07/sales.csv", "Day;Ref;Qty\n" + lines, period=period, columns=DATED)
    files = desk.paths.landing / "feeds" / "sell_out" / "D07" / "sales" / "*.parquet"
    dates = [row[0] for row in duckdb.sql(f"select sale_date from read_parquet('{files}')").fetchall()]
    assert dates == sorted(dates)
    assert len(dates) == 84


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


# The year 2026 of 4-4-5 begins on 29 December 2025: P01 ends on 25 January, P02 on 22 February.
WEEKS_445 = {"frequency": "fiscal_period", "calendar": {"pattern": "4-4-5"}}


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


WIDE: dict[str, Any] = {
    "period": {"frequency": "week", "source": "header"},
    "columns": {"partner_product_code": "Ref"},
    "wide": [
        {"metric": "sold_quantity", "pattern": r"^Ventes S(?P<week>\d+)/(?P<year>\d+)$"},
        {"metric": "on_hand_quantity", "pattern": r"^Stock S(?P<week>\d+)/(?P<year>\d+)$"},
    ],
}


def test_a_wide_report_gives_a_line_per_period_and_row(desk: Any) -> None:
    content = "Ref;Ventes S05/2026;Stock S05/2026;Ventes S06/2026;Stock S06/2026\nA;1;10;2;8\nB;;;0;3\n"
    outcome = desk.take_one("D07/wide.csv", content, **WIDE)
    assert (outcome.rows_read, outcome.rows_accepted) == (2, 2)
    assert outcome.slices == ("D07|sales|2026-W05", "D07|sales|2026-W06")
    assert desk.rows("_source_row, _source_column, slice_key, sold_quantity") == [
        (2, "Ventes S05/2026", "D07|sales|2026-W05", 1),
        (2, "Ventes S06/2026", "D07|sales|2026-W06", 2),
        (3, "Ventes S06/2026", "D07|sales|2026-W06", 0),
    ]
    assert desk.rows("_source_row, stock_date, on_hand_quantity", "inventory") == [
        (2, date(2026, 2, 1), 10),
        (2, date(2026, 2, 8), 8),
        (3, date(2026, 2, 8), 3),
    ]


def test_one_bad_cell_of_a_wide_row_holds_the_whole_row_back(desk: Any) -> None:
    content = "Ref;Ventes S05/2026;Stock S05/2026;Ventes S06/2026;Stock S06/2026\nA;1;10;x;8\nB;;;;\n"
    outcome = desk.take_one("D07/wide.csv", content, **WIDE)
    assert (outcome.rows_accepted, outcome.rows_quarantined) == (0, 2)
    assert desk.faults("source_row, column_name, reason_code")[0] == (
        2,
        "Ventes S06/2026",
        "unparseable_number",
    )
    assert outcome.reasons == {"unparseable_number": 1, "missing_quantity": 1}


@pytest.mark.parametrize(
    ("header", "code"),
    [("Ref;Ventes S05/2026;Ventes S05/2026;Stock S05/2026", "duplicate_header"),
     ("Ref;A;B;C", "missing_header"), ("Ref;Ventes S60/2026;B;Stock S05/2026", "unknown_period")],
)  # fmt: skip
def test_a_wide_report_with_unclear_titles_is_rejected(desk: Any, header: str, code: str) -> None:
    assert desk.take_one("D07/wide.csv", f"{header}\nA;1;2;3\n", **WIDE).reason_code == code


def test_sales_and_stock_may_stand_in_one_row_and_either_may_be_empty(desk: Any) -> None:
    columns = {
        "partner_product_code": "Ref",
        "sold_quantity": "Qty",
        "on_hand_quantity": "Stock",
        "in_transit_quantity": "Transit",
    }
    desk.take_one(WEEK, "Ref;Qty;Stock;Transit\nA;1;10;2\nB;;-3;\nC;4;;\n", columns=columns)
    assert desk.rows("partner_product_code, sold_quantity") == [("A", 1), ("C", 4)]
    assert desk.rows(
        "partner_product_code, stock_date, on_hand_quantity, in_transit_quantity", "inventory"
    ) == [
        ("A", date(2026, 2, 1), 10, 2),
        ("B", date(2026, 2, 1), -3, None),
    ]


def test_titles_are_compared_without_case_accents_and_doubled_blanks(desk: Any) -> None:
    columns = {"partner_product_code": "Référence  article", "sold_quantity": "Quantité vendue"}
    outcome = desk.take_one(WEEK, "REFERENCE ARTICLE;quantite\u00a0 VENDUE\nA;1\n", columns=columns)
    assert outcome.rows_accepted == 1


def test_a_missing_title_rejects_the_file_and_names_those_found(desk: Any) -> None:
    outcome = desk.take_one(WEEK, "Ref;Quantity;Amount\nA;1;2\n")
    assert (outcome.state, outcome.reason_code) == ("rejected", "missing_header")
    assert "'Qty' is missing; found: 'Ref', 'Quantity', 'Amount'" in (outcome.reason or "")


def test_a_title_that_stands_twice_rejects_the_file(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;QTY;Amount\nA;1;1;2\n").reason_code == "duplicate_header"


GTIN = {"gtin": "EAN", "product_code": "Ref", "sold_quantity": "Qty"}


def test_a_gtin_is_digits_only(desk: Any) -> None:
    content = 'EAN;Ref;Qty\n3 401-234;;1\n="0340123";;1\nn/a;R1;1\n3,4E+12;;1\n;;1\n'
    desk.take_one(WEEK, content, columns=GTIN)
    assert desk.rows("_source_row, gtin, product_code") == [
        (2, "3401234", None),
        (3, "0340123", None),
        (4, None, "R1"),
    ]
    assert desk.faults("source_row, reason_code") == [(5, "invalid_gtin"), (6, "missing_product")]


def test_units_and_currencies_are_checked(desk: Any) -> None:
    columns = {"product_code": "Ref", "sold_quantity": "Qty", "unit_code": "Unit", "currency_code": "Cur"}
    content = "Ref;Qty;Unit;Cur\nA;1;carton;usd\nB;1;;\nC;1;Tub;€\nD;1;Carton;Euro\n"
    desk.take_one(WEEK, content, columns=columns, units={"Carton": "BOX"})
    assert desk.rows("product_code, unit_code, currency_code") == [("A", "BOX", "USD"), ("B", "PCE", "EUR")]
    assert desk.faults("source_row, reason_code") == [(4, "unknown_unit"), (5, "unknown_currency")]


CUSTOMER = {"product_code": "Ref", "sold_quantity": "Qty", "customer": "Client"}


def test_a_customer_lands_as_a_keyed_hash_and_nowhere_in_clear(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PSEUDONYM_KEY, "a key")
    person = "Zoé Martin;zoe@example.org"
    content = f"Ref;Qty;Client;Mail\nA;1;{person}\nB;;{person}\nC;1;Zoé Martin\nD;1;;\n"
    outcome = desk.take_one(WEEK, content, columns=CUSTOMER)
    assert (outcome.rows_accepted, outcome.rows_quarantined) == (2, 2)
    (partner,) = desk.rows("distinct partner_code")
    secret = hmac.new(b"a key", f"aval customer 1|{partner[0]}".encode(), hashlib.sha256).digest()
    expected = "1-" + hmac.new(secret, "zoé martin".encode(), hashlib.sha256).hexdigest()
    assert desk.rows("product_code, customer_key") == [("A", expected), ("D", None)]
    assert desk.faults("source_row, raw_text") == [
        (3, "B;;***;***"),
        (4, "(withheld: the row may name a customer)"),
    ]
    written = b"".join(path.read_bytes() for path in desk.paths.data.rglob("*") if path.is_file())
    assert "Zoé".encode() not in written
    assert b"zoe@" not in written


def test_a_row_whose_cells_have_slipped_shows_nothing_of_itself(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PSEUDONYM_KEY, "a key")
    content = "Ref;Qty;Client\nA;Zoé Martin;1\nB;zoe@example.org;1\nC;06 12 34 56 78;1\nD;1,2,3;x\n;1;x\n"
    desk.take_one(WEEK, content + "E;1;x\n" * 30, columns=CUSTOMER)
    hidden = "(withheld: the row may name a customer)"
    assert desk.faults("source_row, value, raw_text") == [
        (2, "***", hidden),
        (3, "***", hidden),
        (4, "***", hidden),
        (5, "1,2,3", "D;1,2,3;***"),
        (6, None, ";1;***"),
    ]


def test_personal_columns_neither_land_nor_show_in_quarantine(desk: Any) -> None:
    columns = {"product_code": "Ref", "sold_quantity": "Qty"}
    content = "Ref;Qty;Nom;Tel\nA;1;Zoé;06 12 34 56 78\nB;;Zoé;06 12 34 56 78\n"
    desk.take_one(WEEK, content, columns=columns, personal=["Nom", "Tel"], max_quarantined_share=1)
    assert desk.rows("product_code, customer_key") == [("A", None)]
    assert desk.faults("source_row, raw_text") == [(3, "B;;***;***")]


def test_a_wrong_header_row_does_not_put_a_customer_into_the_message(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PSEUDONYM_KEY, "a key")
    outcome = desk.take_one(WEEK, "A;1;Zoé Martin\nB;2;Zoé Martin\n", columns=CUSTOMER)
    assert outcome.reason_code == "missing_header"
    assert "Zoé" not in (outcome.reason or "")


def test_a_new_key_reads_the_files_of_the_inbox_again(
    desk: Any, profile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PSEUDONYM_KEY, "a key")
    desk.take_one(WEEK, "Ref;Qty;Client\nA;1;x\n", columns=CUSTOMER)
    monkeypatch.setenv(PSEUDONYM_KEY, "another key")
    monkeypatch.setenv("AVAL_PSEUDONYM_KEY_ID", "2027")
    (outcome,) = desk.take(sales=profile(columns=CUSTOMER)).files
    assert (outcome.state, len(outcome.superseded)) == ("landed", 1)
    (landed,) = [key for (key,) in desk.rows("customer_key") if key.startswith("2027-")]
    assert len(landed) == 5 + 64


def test_without_the_key_a_feed_with_customers_is_not_read_at_all(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PSEUDONYM_KEY, raising=False)
    outcome = desk.take_one(WEEK, "Ref;Qty;Client\nA;1;x\n", columns=CUSTOMER)
    assert (outcome.state, outcome.reason_code) == ("refused", "missing_secret")
    assert desk.ledger.batches("feeds") == []


@pytest.mark.parametrize(
    ("date_format", "written"),
    [
        ("%d %B %Y", ["27 janvier 2026", "27 Janv. 2026", "27 january 2026", "27 jan 2026"]),
        ("%A %d %B %Y", ["mardi 27 janvier 2026", "Mar. 27 janv. 2026", "Tuesday, 27 January 2026"]),
        ("%d-%b-%y", ["27-janv.-26", "27-Jan-26"]),
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


def test_signs_and_units_around_a_number_are_left_out_only_if_the_profile_names_them(desk: Any) -> None:
    content = "Ref;Qty;Amount\nA;12 pcs;1 250,50 €\nB;3 PCS;€ 4\nC;5 kg;1\n"
    outcome = desk.take_one(WEEK, content, number_affixes=["€", "pcs"], thousands_mark=" ")
    assert desk.rows("sold_quantity, net_amount") == [(12, Decimal("1250.5")), (3, 4)]
    assert desk.faults("source_row, value") == [(4, "5 kg")]
    assert outcome.reasons == {"unparseable_number": 1}


def test_a_cross_tab_of_stores_gives_a_line_for_each_store(desk: Any) -> None:
    content = "Ref;Lyon Qté;Lyon CA;Nice Qté;Nice CA;Total Qté\nA;1;10;2;20;3\nB;;;4;40;4\n"
    outcome = desk.take_one(
        WEEK,
        content,
        columns={"partner_product_code": "Ref"},
        wide=[
            {"metric": "sold_quantity", "pattern": "^(?!Total)(?P<store_code>.+) Qté$"},
            {"metric": "net_amount", "pattern": "^(?!Total)(?P<store_code>.+) CA$"},
        ],
    )
    assert (outcome.rows_read, outcome.rows_accepted) == (2, 2)
    assert desk.rows("store_code, partner_product_code, sold_quantity, net_amount, _source_column") == [
        ("Lyon", "A", 1, 10, "Lyon Qté"), ("Nice", "A", 2, 20, "Nice Qté"), ("Nice", "B", 4, 40, "Nice Qté"),
    ]  # fmt: skip


def test_a_cross_tab_can_name_store_and_period_and_take_the_period_from_a_column(desk: Any) -> None:
    desk.take_one(
        "D07/a.csv",
        "Ref;Lyon S05-2026;Nice S06-2026\nA;1;2\n",
        columns={"partner_product_code": "Ref"},
        period={"frequency": "week", "source": "header"},
        wide=[{"metric": "sold_quantity", "pattern": r"^(?P<store_code>\w+) S(?P<week>\d+)-(?P<year>\d+)$"}],
    )
    assert desk.rows("store_code, slice_key, sold_quantity") == [
        ("Lyon", "D07|sales|2026-W05", 1), ("Nice", "D07|sales|2026-W06", 2),
    ]  # fmt: skip
    desk.take_one(
        "D07/b.csv",
        "Sem;Ref;Lyon;Nice\n2026-07;A;1;2\n2026-08;A;3;4\n",
        columns={"partner_product_code": "Ref"},
        period={
            "frequency": "week",
            "source": "column",
            "header": "Sem",
            "pattern": r"(?P<year>\d{4})-(?P<week>\d\d)",
        },
        wide=[{"metric": "sold_quantity", "pattern": "^(?P<store_code>Lyon|Nice)$"}],
    )
    found = desk.rows("slice_key, store_code, sold_quantity", where="slice_key > 'D07|sales|2026-W06'")
    assert sorted(found) == [
        ("D07|sales|2026-W07", "Lyon", 1), ("D07|sales|2026-W07", "Nice", 2),
        ("D07|sales|2026-W08", "Lyon", 3), ("D07|sales|2026-W08", "Nice", 4),
    ]  # fmt: skip


def test_a_store_that_stands_in_two_columns_is_refused(desk: Any) -> None:
    outcome = desk.take_one(
        WEEK,
        "Ref;Lyon;Lyon\nA;1;2\n",
        columns={"partner_product_code": "Ref"},
        wide=[{"metric": "sold_quantity", "pattern": "^(?P<store_code>lyon)$"}],
    )
    assert (outcome.state, outcome.reason_code) == ("rejected", "duplicate_header")


def test_what_a_report_says_of_its_stores_lands_as_written(desk: Any) -> None:
    columns = {
        "partner_product_code": "Ref",
        "sold_quantity": "Qty",
        "store_name": "Magasin",
        "store_gln": "GLN",
        "store_siret": "SIRET",
        "store_address": "Rue",
        "postal_code": "CP",
        "store_city": "Ville",
    }
    content = "Ref;Qty;Magasin;GLN;SIRET;Rue;CP;Ville\n"
    content += "A;1; Lyon 3 ;3799900022010;73282932000074;17 rue S;69003;Lyon\n"
    desk.take_one(WEEK, content + "B;2;;;;;;\n", columns=columns)
    found = desk.rows(
        "store_code, store_name, store_gln, store_siret, store_address, postal_code, store_city"
    )
    place = ("Lyon 3", "3799900022010", "73282932000074", "17 rue S", "69003", "Lyon")
    assert found == [(None, *place), (None,) * 7]
