"""The first article's thresholds and the second one's checklist, each asked of the sample company.

The articles state numbers and abilities. The numbers stand here as they are written there; each ability is
asked for by one question whose answer the sample's answer key knows.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest

pytestmark = pytest.mark.slow

Key = dict[str, Any]


def _at_least(limit: float) -> Callable[[float], str]:
    return lambda figure: "good" if figure >= limit else "poor"


def _within(low: float, high: float) -> Callable[[float], str]:
    return lambda figure: "below" if figure < low else "above" if figure > high else "within"


def _balance(figure: float) -> str:
    """100 % is balance, below 80 % overstock, above 100 % a risk of shortage."""
    if figure < 80:
        return "overstock_risk"
    return "normal_build" if figure < 100 else "balanced" if figure == 100 else "shortage_risk"


def _promoters(figure: float) -> str:
    return "excellent" if figure > 50 else "good" if figure > 30 else "below"


THRESHOLDS = {
    "delivered in < 7 days": (
        "mart_order_service_monthly",
        "mean_lead_time_days",
        "lead_time_status_code",
        lambda figure: "good" if figure < 7 else "poor",
    ),
    "wrong orders < 2 %": (
        "mart_order_service_monthly",
        "order_error_rate",
        "order_error_status_code",
        lambda figure: "good" if figure < 2 else "poor",
    ),
    "products are there, > 95 %": (
        "mart_order_service_monthly",
        "availability_rate",
        "availability_status_code",
        _at_least(95),
    ),
    "customers buy again, > 25 %": (
        "mart_sell_out_customers_monthly",
        "repeat_purchase_rate",
        "repeat_purchase_status_code",
        _at_least(25),
    ),
    "promoters less detractors > 30, > 50": (
        "mart_partner_satisfaction_monthly",
        "rolling_net_promoter_score",
        "net_promoter_status_code",
        _promoters,
    ),
    "stock turns by 60 to 80 % a quarter": (
        "mart_channel_balance_monthly",
        "rolling_stock_rotation_rate",
        "rotation_status_code",
        _within(60, 80),
    ),
    "sell-out / sell-in, 80 and 100 %": (
        "mart_channel_balance_monthly",
        "sell_out_sell_in_rate",
        "balance_status_code",
        _balance,
    ),
    "2 to 5 % of web visitors buy": (
        "mart_conversion_monthly where channel_code <> 'direct'",
        "conversion_rate",
        "conversion_status_code",
        _within(2, 5),
    ),
    "10 to 20 % of direct leads buy": (
        "mart_conversion_monthly where channel_code = 'direct'",
        "conversion_rate",
        "conversion_status_code",
        _within(10, 20),
    ),
}


@pytest.mark.parametrize("asked", THRESHOLDS)
def test_a_status_is_what_the_article_calls_it(asked: str, published: duckdb.DuckDBPyConnection) -> None:
    mart, figure, status, judged = THRESHOLDS[asked]
    rows = published.sql(f"select distinct {status}, {figure}::double from marts.{mart}").fetchall()
    # A launch, and a month of which too little is known, have statuses of their own.
    told = [(code, value) for code, value in rows if value is not None]
    told = [(code, value) for code, value in told if code not in {None, "launch", "not_reported"}]

    assert len({code for code, _ in told}) > 1
    assert [(code, value) for code, value in told if code != judged(value)] == []


def test_orders_are_filled_above_95_percent(published: duckdb.DuckDBPyConnection) -> None:
    """Nearly every order of the sample is; a poor one stands in the unit test of the model."""
    rows = published.sql(
        "select order_fill_status_code, order_fill_rate::double from marts.mart_order_service_monthly "
        "where order_fill_rate is not null"
    ).fetchall()

    assert rows
    assert {code for code, rate in rows if rate > 95} == {"good"}
    assert {code for code, rate in rows if rate < 95} <= {"poor"}


def test_returns_of_what_was_sold_are_poor_above_two_percent(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.sql(
        "select return_status_code, cohort_return_rate::double from marts.mart_returns_monthly "
        "where return_status_code is not null"
    ).fetchall()

    assert {code for code, _ in rows} == {"good", "poor"}
    assert [row for row in rows if row[0] != ("good" if row[1] < 2 else "poor")] == []


def test_two_months_without_an_order_are_told(key: Key, published: duckdb.DuckDBPyConnection) -> None:
    silent = key["planted"]["silent_partner"]
    found = published.execute(
        "select status_code from marts.fct_alerts where rule_code = 'no_order' and partner_code = ?",
        [silent["partner_code"]],
    ).fetchall()

    assert silent["days_without_order"] > 60
    assert found == [("open",)]


def test_discounts_differ_by_partner_and_change_on_their_day(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    changes = [row for row in key["planted"]["terms_changes"]["partners"] if "discount_rate_after" in row]
    assert len(changes) == 2
    for change in changes:
        found = published.execute(
            "select conditions_date >= ?::date, min(contract_allowed_amount / gross_amount)::decimal(9, 4) "
            "from core.fct_sell_in where partner_code = ? and invoice_type = 'invoice' "
            "and gross_amount >= 100 and promotion_rule_code is null group by all order by all",
            [change["from"], change["partner_code"]],
        ).fetchall()
        rates = [(False, change["discount_rate_before"]), (True, change["discount_rate_after"])]
        assert [(after, float(rate)) for after, rate in found] == rates


def test_amounts_that_rules_compute_name_rule_and_version(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    lost = key["planted"]["lost_rebate_tier"]
    (reached,) = published.execute(
        "select reached_amount from marts.mart_rebate_accruals_monthly where partner_code = ? "
        "and programme_code = ? and month_start_date = make_date(?, 12, 1)",
        [lost["partner_code"], lost["programme_code"], lost["year"]],
    ).fetchone()
    (lines, unnamed) = published.sql(
        "select count(*), count(*) filter (where programme_code is null or programme_version_date is null) "
        "from core.fct_rebate_lines"
    ).fetchone()

    assert reached == Decimal(lost["earned_amount"])
    assert lines > 0
    assert unnamed == 0


def test_the_real_margin_of_a_reseller_is_not_its_revenue(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    destroyer = key["planted"]["margin_destroyer"]
    (sales, cost) = published.execute(
        "select sum(invoice_sales_amount), sum(cost_of_goods_amount) "
        "from marts.mart_margin_waterfall_monthly where partner_code = ?",
        [destroyer["partner_code"]],
    ).fetchone()

    assert sales == Decimal(destroyer["net_amount"])
    assert cost == Decimal(destroyer["cost_amount"])
    assert round(100 * (sales - cost) / sales, 4) == Decimal(str(destroyer["margin_rate"]))


def test_deals_stand_beside_the_stock_that_could_serve_them(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    deal = key["planted"]["announced_deal_open"]
    (announced, stale, available) = published.execute(
        "select announced_quantity, stale_quantity, available_quantity "
        "from marts.mart_pipeline_supply_weekly where product_code = ? and is_projected "
        "order by week_start_date limit 1",
        [deal["product_code"]],
    ).fetchone()

    assert announced >= deal["announced_quantity"]
    # Overdue since March: it is shown, and no longer counted upon.
    assert stale == deal["announced_quantity"]
    assert available is not None


def test_demand_is_forecast_for_all_partners_thirteen_weeks_ahead(
    published: duckdb.DuckDBPyConnection,
) -> None:
    weeks = published.sql(
        "select week_start_date::varchar, sum(demand_quantity), sum(demand_rate_quantity), "
        "sum(demand_pipeline_quantity) from marts.mart_pipeline_supply_weekly where is_projected "
        "and demand_quantity is not null group by all order by all"
    ).fetchall()

    # The week of 30 June 2026, and the twelve after it.
    assert (weeks[0][0], weeks[-1][0], len(weeks)) == ("2026-06-29", "2026-09-21", 13)
    assert all(demand == rate + deals for _, demand, rate, deals in weeks)
    assert sum(deals for *_, deals in weeks) > 0


def test_partners_are_in_segments_by_what_they_bring(key: Key, published: duckdb.DuckDBPyConnection) -> None:
    since = "2025-07"
    revenue: dict[str, Decimal] = {}
    for row in key["sell_in_monthly"]:
        if row["month"] >= since:
            partner = row["partner_code"]
            revenue[partner] = revenue.get(partner, Decimal(0)) + Decimal(row["net_amount"])
    segments: dict[str, list[Decimal]] = {}
    for partner, segment in published.sql(
        "select partner_code, segment_code from core.fct_partner_segments "
        "where scheme_code = 'value' and is_current"
    ).fetchall():
        segments.setdefault(segment, []).append(revenue.get(partner, Decimal(0)))
    mean = {segment: sum(amounts) / len(amounts) for segment, amounts in segments.items()}

    assert set(mean) == {"Gold", "Silver", "Bronze"}
    assert mean["Gold"] > mean["Silver"] > mean["Bronze"]


def test_a_conflict_over_a_territory_is_found_once(key: Key, published: duckdb.DuckDBPyConnection) -> None:
    poacher = key["planted"]["territory_poacher"]
    found = published.execute(
        "select partner_code, territory_code, net_quantity, at_stake_amount, evidence_count "
        "from marts.mart_territory_conflicts "
        "where kind_code = 'sell_out_in_exclusive_territory' and other_partner_code = ?",
        [poacher["exclusive_partner_code"]],
    ).fetchall()
    months = poacher["months"]

    assert found == [
        (
            poacher["partner_code"],
            poacher["territory_code"],
            sum(row["net_quantity"] for row in months),
            sum(Decimal(row["net_amount"]) for row in months),
            sum(row["line_count"] for row in months),
        )
    ]


def test_the_return_of_a_channel_is_that_of_its_partners_and_one_has_none(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    contribution = dict(
        published.sql(
            "select level_code, sum(channel_contribution_amount) "
            "from marts.mart_channel_roi_monthly group by all"
        ).fetchall()
    )
    without = key["planted"]["channel_without_return"]
    lowest = published.execute(
        "select channel_code from marts.mart_channel_roi_monthly where level_code = 'channel' "
        "and month_start_date >= ?::date group by all "
        "order by sum(channel_contribution_amount) / sum(programme_cost_amount) limit 1",
        [without["from"]],
    ).fetchone()

    assert contribution["channel"] == contribution["partner"]
    assert lowest == (without["channel_code"],)
