"""Good rows as canonical ones: signs, empties, wide columns, stores, order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

WEEK = "D07/r_2026-W05.csv"


def test_an_empty_amount_is_not_reported_and_a_zero_is_zero(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;1;\nB;1;0\n")
    assert desk.rows("net_amount") == [(None,), (Decimal(0),)]


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


def test_what_returns_were_worth_is_deducted_under_either_sign(desk: Any) -> None:
    columns = {**COLUMNS_WITH_RETURNS, "net_amount": "CA", "returned_amount": "Avoirs"}
    content = "Ref;Qty;Ret;CA;Avoirs\nA;5;1;50;10\nB;;2;;-20\nC;1;;7;\nD;1;;;\nE;x;1;9;2\n"
    desk.take_one(WEEK, content, columns=columns)
    assert desk.rows("net_amount") == [(40,), (-20,), (7,), (None,)]
    assert desk.faults("source_row, amount") == [(6, 7)]


def test_what_returns_were_worth_is_deducted_from_something(profile: Any) -> None:
    with pytest.raises(ValueError, match="expected 'returned_amount' beside net_amount only"):
        profile(columns={**COLUMNS_WITH_RETURNS, "returned_amount": "Avoirs"})


BY_KIND = {
    "columns": {"partner_product_code": "Ref", "sold_quantity": "Qty", "net_amount": "Amount"},
    "return_rows": [{"header": "Kind", "pattern": "^(Avoir|AV)$"}],
}


def test_rows_of_returns_came_back_and_are_given_back_under_any_sign(desk: Any) -> None:
    rows = "FA;A;5;50\nAvoir;A;2;20\nAV;B;-1;-9\nAvoir;C;3;\nAvoirs divers;D;4;8\n"
    outcome = desk.take_one(WEEK, "Kind;Ref;Qty;Amount\n" + rows, **BY_KIND)
    assert outcome.rows_quarantined == 0
    assert desk.rows("sold_quantity, returned_quantity, net_amount") == [
        (5, 0, 50), (0, 2, -20), (0, 1, -9), (0, 3, None), (4, 0, 8),
    ]  # fmt: skip


def test_a_minus_is_a_fault_of_the_other_rows_only(desk: Any) -> None:
    outcome = desk.take_one(WEEK, "Kind;Ref;Qty;Amount\nFA;A;-5;\nAV;A;-2;\nFA;B;1;\n", **BY_KIND)
    assert outcome.reasons == {"negative_quantity": 1}
    assert desk.faults("source_row") == [(2,)]


def test_what_is_at_stake_in_a_row_of_returns_is_deducted(desk: Any) -> None:
    units = {"unit_code": "Unit", **BY_KIND["columns"]}
    desk.take_one(
        WEEK,
        "Kind;Ref;Qty;Amount;Unit\nAV;A;2;20;?\nFA;A;5;50;?\nFA;A;1;1;PCE\nFA;A;1;1;PCE\n",
        return_rows=BY_KIND["return_rows"],
        columns=units,
        units={"PCE": "PCE"},
        max_quarantined_share=0.9,
    )
    assert desk.faults("source_row, reason_code, quantity, amount") == [
        (2, "unknown_unit", -2, -20),
        (3, "unknown_unit", 5, 50),
    ]


def test_rows_of_returns_hold_for_each_period_of_a_wide_report(desk: Any) -> None:
    content = "Type;Ref;Ventes S05/2026;Ventes S06/2026\nRetour;A;1;2\nVente;A;7;8\n"
    wide = [{"metric": "sold_quantity", "pattern": r"^Ventes S(?P<week>\d+)/(?P<year>\d+)$"}]
    desk.take_one(
        "D07/wide.csv",
        content,
        **{**WIDE, "wide": wide},
        return_rows=[{"header": "Type", "pattern": "Retour"}],
    )
    assert desk.rows("slice_key, sold_quantity, returned_quantity") == [
        ("D07|sales|2026-W05", 0, 1),
        ("D07|sales|2026-W06", 0, 2),
        ("D07|sales|2026-W05", 7, 0),
        ("D07|sales|2026-W06", 8, 0),
    ]


def test_an_empty_quantity_may_mean_zero(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;;\n", empty_is_zero=True)
    assert desk.rows("sold_quantity") == [(0,)]


DATED = {"partner_product_code": "Ref", "sold_quantity": "Qty", "sale_date": "Day"}


def test_landed_rows_lie_in_period_order(desk: Any) -> None:
    period = {"frequency": "month", "source": "column", "header": "Day", "date_format": "%d/%m/%Y"}
    lines = "".join(f"{day:02d}/{month:02d}/2026;A;1\n" for day in range(1, 29) for month in (3, 1, 2))
    desk.take_one("D07/sales.csv", "Day;Ref;Qty\n" + lines, period=period, columns=DATED)
    files = desk.paths.landing / "feeds" / "sell_out" / "D07" / "sales" / "*.parquet"
    dates = [row[0] for row in duckdb.sql(f"select sale_date from read_parquet('{files}')").fetchall()]
    assert dates == sorted(dates)
    assert len(dates) == 84


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
