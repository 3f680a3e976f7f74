"""Promises on how orders are served, what comes back, what end customers do, and what becomes of leads."""

from __future__ import annotations

from expectations.marts.promises import REBUILD, of_grain, rate_follows, ties
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_row_where, one_row_per

SERVICE = "mart_order_service_monthly"
RETURNS = "mart_returns_monthly"
CUSTOMERS = "mart_sell_out_customers_monthly"
LEADS = "mart_lead_conversion_monthly"

BY_PARTNER = ("partner_code", "month_start_date")


def suites(terms: Terms) -> list[Suite]:
    return [_service(terms), _returns(terms), _customers(), _leads()]


def _service(terms: Terms) -> Suite:
    return Suite(
        f"marts.{SERVICE}",
        (
            one_row_per(
                *BY_PARTNER,
                severity="critical",
                message=f"{SERVICE} holds a partner twice in one month.",
                remedy=REBUILD,
            ),
            ties(
                SERVICE,
                "core.fct_orders",
                month_of_mart="month_start_date",
                month_of_fact="cast(date_trunc('month', order_date) as date)",
                sums={"line_count": "1"},
                until=terms,
                where="status_code <> 'cancelled' and ordered_quantity > 0 "
                f"and order_date <= {terms.as_of_sql}",
            ),
            *(
                rate_follows(rate, numerator, denominator, show=BY_PARTNER)
                for rate, numerator, denominator in (
                    ("order_fill_rate", "complete_order_count", "due_order_count"),
                    ("otif_rate", "on_time_order_count", "dated_due_order_count"),
                    ("unit_fill_rate", "filled_quantity", "due_quantity"),
                    ("order_error_rate", "claimed_order_count", "order_count"),
                    ("availability_rate", "available_line_count", "stocked_line_count"),
                )
            ),
            no_row_where(
                "on_time_order_count > complete_order_count or complete_order_count > due_order_count "
                "or due_order_count > order_count or filled_quantity > due_quantity "
                "or reordered_partner_count > judged_partner_count",
                name="parts_are_no_larger_than_the_whole",
                show=BY_PARTNER,
                severity="critical",
                message="More orders or units are served than there are.",
                remedy=REBUILD,
                column="complete_order_count",
            ),
        ),
    )


def _returns(terms: Terms) -> Suite:
    return Suite(
        f"marts.{RETURNS}",
        (
            *of_grain(RETURNS, (*BY_PARTNER, "product_code")),
            ties(
                RETURNS,
                "core.fct_sell_in",
                month_of_mart="month_start_date",
                month_of_fact="cast(date_trunc('month', invoice_date) as date)",
                sums={"sold_quantity": "sold_quantity", "returned_quantity": "credited_quantity"},
                until=terms,
                where=f"invoice_date <= {terms.as_of_sql}",
            ),
            rate_follows("return_rate", "returned_quantity", "sold_quantity"),
            rate_follows("cohort_return_rate", "cohort_returned_quantity", "sold_quantity"),
        ),
    )


def _customers() -> Suite:
    return Suite(
        f"marts.{CUSTOMERS}",
        (
            one_row_per(
                *BY_PARTNER,
                severity="critical",
                message=f"{CUSTOMERS} holds a partner twice in one month.",
                remedy=REBUILD,
            ),
            rate_follows("repeat_purchase_rate", "repeat_customer_count", "customer_count", show=BY_PARTNER),
            rate_follows("churn_rate", "lost_customer_count", "former_customer_count", show=BY_PARTNER),
        ),
    )


def _leads() -> Suite:
    show = (*BY_PARTNER, "lead_source_code")
    return Suite(
        f"marts.{LEADS}",
        (
            one_row_per(
                *show,
                severity="critical",
                message=f"{LEADS} holds a source twice.",
                remedy=REBUILD,
            ),
            rate_follows("conversion_rate", "won_lead_count", "lead_count", show=show),
            no_row_where(
                "won_lead_count + lost_lead_count + open_lead_count <> lead_count",
                name="every_lead_is_won_lost_or_open",
                show=show,
                severity="critical",
                message="Leads are counted twice, or not at all.",
                remedy=REBUILD,
                column="lead_count",
            ),
        ),
    )
