"""Promises on what partners announce and on our own stock: each opportunity that is due counts once, rates
follow their parts, and a projected stock is what came and went."""

from __future__ import annotations

from expectations.marts.promises import REBUILD, rate_follows
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, no_row_where, one_of, one_row_per

RELIABILITY = "mart_partner_forecast_reliability_monthly"
SUPPLY = "mart_pipeline_supply_weekly"


def suites(terms: Terms) -> list[Suite]:
    keys = ("month_start_date", "partner_code")
    return [
        Suite(
            f"marts.{RELIABILITY}",
            (
                one_row_per(
                    *keys,
                    severity="critical",
                    message=f"{RELIABILITY} holds a row twice: its figures count twice.",
                    remedy=REBUILD,
                ),
                rate_follows("conversion_rate", "won_count", "closed_count", show=keys),
                rate_follows(
                    "wape_rate",
                    "absolute_error_amount",
                    "case when reason_code is distinct from 'order_or_amount_unknown' then bought_amount end",
                    show=keys,
                ),
                no_row_where(
                    "(reliability_rate is null) <> (reason_code is not null) "
                    "or (rolling_reliability_rate is null) <> (rolling_reason_code is not null) "
                    "or abs(reliability_rate - 100 + wape_rate) > 0.0001 "
                    "or announced_amount - bought_amount <> error_amount",
                    name="reliability_follows_or_says_why",
                    show=(*keys, "wape_rate", "reliability_rate", "reason_code"),
                    severity="critical",
                    message="A reliability is not 100 less the WAPE, or is missing and nothing says why.",
                    remedy=REBUILD,
                    column="reliability_rate",
                ),
                no_finding(
                    f"""
                    with fact as (
                        select partner_code, date_trunc('month', expected_date)::date as month_start_date,
                            count(*) as due_count
                        from core.fct_opportunities
                        where partner_code is not null
                            and date_trunc('month', expected_date) <= {terms.as_of_sql}
                            and (expected_date < {terms.as_of_sql} or stage_code in ('won', 'lost'))
                        group by all
                    )
                    select partner_code, month_start_date,
                        coalesce(mart.due_count, 0) - coalesce(fact.due_count, 0) as difference
                    from {{batch}} as mart
                    full join fact using (partner_code, month_start_date)
                    where coalesce(mart.due_count, 0) <> coalesce(fact.due_count, 0)
                    order by partner_code, month_start_date
                    """,
                    name="opportunities_due_are_those_of_the_fact",
                    severity="critical",
                    message=f"{RELIABILITY} does not tie to fct_opportunities: something is lost or doubled.",
                    remedy=REBUILD,
                    found="{partner_code} {month_start_date} is too high by due_count {difference}",
                    column="due_count",
                ),
            ),
        ),
        Suite(
            f"marts.{SUPPLY}",
            (
                one_row_per(
                    "product_code",
                    "week_start_date",
                    severity="critical",
                    message=f"{SUPPLY} holds a row twice: its figures count twice.",
                    remedy=REBUILD,
                ),
                no_row_where(
                    "demand_rate_quantity + coalesce(demand_pipeline_quantity, 0) - demand_quantity "
                    "not between -0.001 and 0.001 "
                    "or available_quantity <> on_hand_quantity - committed_quantity "
                    "or need_quantity < 0 or shortage_date < assessed_date "
                    "or (on_hand_quantity is null and reason_code is null)",
                    name="demand_and_stock_follow_their_parts_or_say_why",
                    show=("product_code", "week_start_date", "demand_quantity", "available_quantity"),
                    severity="critical",
                    message="A demand or a stock is not its parts, or is missing and nothing says why.",
                    remedy=REBUILD,
                    column="demand_quantity",
                ),
                no_finding(
                    """
                    with weeks as (
                        select product_code, week_start_date, closing_quantity,
                            coalesce(
                                lag(closing_quantity) over (
                                    partition by product_code order by week_start_date
                                ),
                                available_quantity
                            ) + coalesce(arriving_quantity, 0) - demand_quantity - closing_quantity
                                as difference
                        from {batch}
                        where is_projected and closing_quantity is not null
                    )
                    select * from weeks where abs(difference) > 0.01 order by product_code, week_start_date
                    """,
                    name="projected_stock_rolls_forward",
                    severity="critical",
                    message="A projected stock is not the one before, plus arrivals, less demand.",
                    remedy=REBUILD,
                    found="{product_code} {week_start_date} is off by {difference}",
                    column="closing_quantity",
                ),
                one_of(
                    "supply_status_code",
                    ("short", "order_now", "shortage_foreseen", "covered"),
                    severity="critical",
                    message="A status is none of those that are documented.",
                    remedy=REBUILD,
                ),
            ),
        ),
    ]
