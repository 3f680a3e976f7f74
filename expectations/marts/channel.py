"""Promises on the channel marts: balance by month, stock by week."""

from __future__ import annotations

from expectations.hub import Hub
from expectations.marts.promises import (
    REBUILD,
    does_not_collapse,
    has_reason,
    of_grain,
    of_time,
    rate_follows,
    ties,
)
from expectations.terms import SELL_OUT_OF_RECORD, Terms
from expectations.vocabulary import Suite, between, no_row_where, one_of

BALANCE = (
    "balanced",
    "normal_build",
    "overstock_risk",
    "shortage_risk",
    "no_sell_in",
    "not_reported",
    "launch",
)
ROTATION = ("below", "within", "above")
STOCK = ("shortage", "low", "normal", "overstock", "no_movement", "not_reported")

RATES = {
    "sell_out_sell_in_rate": ("sell_out_quantity", "sell_in_quantity"),
    "rolling_sell_out_sell_in_rate": ("rolling_sell_out_quantity", "rolling_sell_in_quantity"),
    "sell_through_a_rate": ("sell_out_quantity", "received_quantity"),
    "sell_through_b_rate": ("sell_out_quantity", "(opening_stock_quantity + received_quantity)"),
    "sell_through_c_rate": ("sell_out_quantity", "(sell_out_quantity + closing_stock_quantity)"),
    "stock_rotation_rate": (
        "sell_out_quantity",
        "((opening_stock_quantity + closing_stock_quantity) / 2.0)",
    ),
}
"""Each rate of the balance with what stands above and below its line."""


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    return [_balance(hub, terms), _stock(hub, terms)]


def _balance(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_channel_balance_monthly"
    since = hub.first_month()
    return Suite(
        f"marts.{mart}",
        (
            *of_grain(mart, ("month_start_date", "partner_code", "product_code")),
            of_time("month_start_date", terms),
            one_of("balance_status_code", BALANCE, severity="critical", remedy=REBUILD),
            one_of("rotation_status_code", ROTATION, severity="critical", remedy=REBUILD),
            between("coverage_rate", 0, 100, severity="critical", remedy=REBUILD),
            *(rate_follows(rate, numerator, denominator) for rate, (numerator, denominator) in RATES.items()),
            ties(
                mart,
                "core.fct_sell_in",
                month_of_mart="month_start_date",
                month_of_fact="cast(date_trunc('month', invoice_date) as date)",
                sums={"sell_in_quantity": "invoiced_quantity"},
                until=terms,
                where=f"invoice_date <= {terms.as_of_sql}",
                since=since,
                name="sell_in_ties_to_the_fact",
            ),
            ties(
                mart,
                "core.fct_sell_out_weekly",
                month_of_mart="month_start_date",
                month_of_fact="month_start_date",
                sums={"sell_out_quantity": "net_quantity"},
                until=terms,
                where=f"product_code <> 'UNMATCHED' and {SELL_OUT_OF_RECORD}",
                since=since,
                name="sell_out_ties_to_the_fact",
            ),
            has_reason(("sell_out_sell_in_rate",)),
            has_reason(("sell_through_b_rate", "stock_rotation_rate"), "stock_reason_code"),
            *does_not_collapse(mart, hub, terms),
        ),
    )


def _stock(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_channel_inventory_weekly"
    return Suite(
        f"marts.{mart}",
        (
            *of_grain(mart, ("week_start_date", "partner_code", "product_code")),
            of_time("week_start_date", terms),
            ties(
                mart,
                "core.fct_inventory",
                month_of_mart="cast(date_trunc('month', week_start_date) as date)",
                month_of_fact="cast(date_trunc('month', week_start_date) as date)",
                sums={"on_hand_quantity": "coalesce(reported_quantity, calculated_quantity)"},
                until=terms,
            ),
            one_of("stock_status_code", STOCK, severity="critical", remedy=REBUILD),
            no_row_where(
                "(days_of_inventory is not null) <> (on_hand_quantity is not null "
                "and coalesce(recent_sell_out_quantity > 0, false))",
                name="days_of_inventory_needs_movement",
                show=(
                    "week_start_date",
                    "partner_code",
                    "product_code",
                    "on_hand_quantity",
                    "recent_sell_out_quantity",
                    "days_of_inventory",
                ),
                severity="critical",
                message="Days of inventory stand where nothing was sold, or are missing where something was.",
                remedy=REBUILD,
                column="days_of_inventory",
            ),
            has_reason(("days_of_inventory",)),
            *does_not_collapse(mart, hub, terms),
        ),
    )
