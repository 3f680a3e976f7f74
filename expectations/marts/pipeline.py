"""Promises on what partners announce: each opportunity that is due counts once, rates follow their parts."""

from __future__ import annotations

from expectations.marts.promises import REBUILD, rate_follows
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, no_row_where, one_row_per

RELIABILITY = "mart_partner_forecast_reliability_monthly"


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
                rate_follows("wape_rate", "absolute_error_amount", "bought_amount", show=keys),
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
        )
    ]
