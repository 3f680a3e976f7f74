"""The figures at the foot of a demonstration are those of whole months."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.figures import telling_figures


def test_figures_are_of_whole_months_reports_in_full_and_the_newest_stock(tmp_path: Path) -> None:
    """Of 100 bought 80 were sold on; a month with one week of four, and one with cartons, say nothing."""
    published = tmp_path / "version.duckdb"
    with duckdb.connect(str(published)) as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.publication as
                select date '2026-03-15' as as_of_date, 9 as reports_received, 12 as reports_expected;
            create table marts.mart_sell_in_monthly as
                from (values
                    (date '2025-02-01', 1000.0, 100.0),
                    (date '2025-03-01', 20000.4, 3000.0),
                    (date '2026-02-01', 300.0, 40.0),
                    (date '2026-03-01', 5.0, 6.0)
                ) as months (month_start_date, net_amount, net_quantity);
            create table marts.mart_sell_out_monthly as
                select month_start_date, net_quantity / 2 as net_quantity from marts.mart_sell_in_monthly;
            create table marts.mart_channel_inventory_weekly as
                select *, week_end_date - 6 as week_start_date, 'D01' as partner_code
                from (values
                    (date '2026-03-15', 'P1', null, null),
                    (date '2026-03-08', 'P1', 5, 'shortage'),
                    (date '2026-03-01', 'P1', 700, 'overstock'),
                    (date '2026-02-09', 'P2', 30, 'overstock'),
                    (date '2026-02-08', 'P3', 4000, 'shortage'),
                    (date '2026-03-15', 'P4', 2, 'normal')
                ) as weeks (week_end_date, product_code, on_hand_quantity, stock_status_code);
            create table marts.mart_channel_balance_monthly (
                month_start_date date, sell_in_quantity integer, sell_out_quantity integer,
                coverage_rate integer, balance_status_code varchar
            );
            insert into marts.mart_channel_balance_monthly values
                (date '2026-01-01', 100, 70, 100, 'overstock_risk'),
                (date '2026-01-01', 0, 10, 100, 'no_sell_in'),
                (date '2026-02-01', 100, 20, 25, 'not_reported'),
                (date '2026-02-01', 100, 90, 95, 'normal_build'),
                (date '2026-02-01', 100, 3, 100, 'not_reported'),
                (date '2026-02-01', 100, null, 0, 'not_reported');
            """
        )
    figures = {figure.name: figure.value for figure in telling_figures(published, "EUR")}
    assert figures["Sell-out / sell-in, where sell-out is reported in full"] == "80.0 %"
    # Of March 2025 to February 2026; of stock the newest count that is known, if it is not five weeks old.
    assert list(figures.values()) == [
        "20 300 EUR",
        "3 040",
        "1 520",
        "80.0 %",
        "75.0 %",
        "37",
        "1",
        "1",
    ]
