"""The figures at the foot of a demonstration are those of whole months."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.figures import telling_figures


def test_the_ratio_is_of_months_that_were_reported_in_full(tmp_path: Path) -> None:
    """Of 100 bought 80 were sold on; a month with one week of four, and one with cartons, say nothing."""
    published = tmp_path / "version.duckdb"
    with duckdb.connect(str(published)) as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.publication as
                select date '2026-03-15' as as_of_date, 10 as reports_received, 10 as reports_expected;
            create table marts.mart_sell_in_monthly as
                select date '2026-01-01' as month_start_date, 1.0 as net_amount, 1.0 as net_quantity;
            create table marts.mart_sell_out_monthly as from marts.mart_sell_in_monthly;
            create table marts.mart_channel_inventory_weekly as
                select date '2026-03-09' as week_start_date, date '2026-03-15' as week_end_date,
                    'D01' as partner_code, 'P1' as product_code, 5 as on_hand_quantity,
                    'normal' as stock_status_code;
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
