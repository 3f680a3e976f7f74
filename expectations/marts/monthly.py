"""Promises on the monthly marts of sell-in and sell-out."""

from __future__ import annotations

from expectations.hub import Hub
from expectations.marts.promises import (
    REBUILD,
    does_not_collapse,
    of_grain,
    of_time,
    rate_follows,
    ties,
)
from expectations.terms import SELL_OUT_OF_RECORD, Terms
from expectations.vocabulary import Suite, between, no_row_where

GRAIN = ("month_start_date", "partner_code", "product_code")


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    return [_sell_in(hub, terms), _sell_out(hub, terms)]


def _month(column: str) -> str:
    return f"cast(date_trunc('month', {column}) as date)"


def _sell_in(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_sell_in_monthly"
    return Suite(
        f"marts.{mart}",
        (
            *of_grain(mart, GRAIN),
            of_time("month_start_date", terms),
            ties(
                mart,
                "core.fct_sell_in",
                month_of_mart="month_start_date",
                month_of_fact=_month("invoice_date"),
                sums={
                    "sold_quantity": "sold_quantity",
                    "credited_quantity": "credited_quantity",
                    "net_quantity": "invoiced_quantity",
                    "gross_amount": "gross_amount",
                    "standard_discount_amount": "standard_discount_amount",
                    "exceptional_discount_amount": "exceptional_discount_amount",
                    "net_amount": "net_amount",
                },
                until=terms,
                where=f"invoice_date <= {terms.as_of_sql}",
            ),
            ties(
                mart,
                "core.fct_shipments",
                month_of_mart="month_start_date",
                month_of_fact=_month("shipment_date"),
                sums={"shipped_quantity": "case when shipment_type = 'delivery' then shipped_quantity end"},
                until=terms,
                where=f"shipment_date <= {terms.as_of_sql}",
                name="shipped_ties_to_the_fact",
            ),
            ties(
                mart,
                "core.fct_orders",
                month_of_mart="month_start_date",
                month_of_fact=_month("order_date"),
                sums={"ordered_quantity": "case when status_code <> 'cancelled' then ordered_quantity end"},
                until=terms,
                where=f"order_date <= {terms.as_of_sql}",
                name="ordered_ties_to_the_fact",
            ),
            *does_not_collapse(mart, hub, terms),
        ),
    )


def _sell_out(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_sell_out_monthly"
    # On 30 June, a Tuesday, the week has begun, and counts in July as its Thursday does.
    of_week_begun = (
        "month_start_date in (select month_start_date from core.fct_sell_out_weekly "
        f"where week_start_date <= {terms.as_of_sql})"
    )
    return Suite(
        f"marts.{mart}",
        (
            *of_grain(mart, GRAIN),
            of_time("month_start_date", terms, unless=of_week_begun),
            ties(
                mart,
                "core.fct_sell_out_weekly",
                month_of_mart="month_start_date",
                month_of_fact="month_start_date",
                sums={
                    "sold_quantity": "sold_quantity",
                    "returned_quantity": "returned_quantity",
                    "net_quantity": "net_quantity",
                    "net_amount": "net_amount",
                    "line_count": "line_count",
                },
                until=terms,
                where=SELL_OUT_OF_RECORD,
                since=hub.first_month(),
            ),
            between(
                "coverage_rate",
                0,
                100,
                severity="critical",
                message="Coverage is not between 0 and 100 %.",
                remedy="Check `expected_from` and `expected_to` of the feed's profile.",
            ),
            rate_follows("coverage_rate", "reported_day_count", "expected_day_count"),
            no_row_where(
                "reported_period_count > expected_period_count",
                name="no_more_reported_than_expected",
                show=(*GRAIN, "reported_period_count", "expected_period_count"),
                severity="critical",
                message="More periods are reported than expected.",
                remedy="Check `expected_from` and `expected_to` of the feed's profile.",
                column="reported_period_count",
            ),
            no_row_where(
                "estimated_sold_quantity is not null and (estimation_method_code is null "
                "or reported_period_count >= expected_period_count)",
                name="estimates_are_flagged_and_fill_gaps_only",
                show=(*GRAIN, "estimated_sold_quantity", "estimation_method_code"),
                severity="critical",
                message="An estimate stands where everything was reported, or does not say what it is.",
                remedy=REBUILD,
                column="estimated_sold_quantity",
            ),
            *does_not_collapse(mart, hub, terms),
        ),
    )
