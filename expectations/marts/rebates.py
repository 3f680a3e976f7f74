"""Promises on accruals of rebates: the three parts give the accrual, and the accruals tie to the fact."""

from __future__ import annotations

from expectations.marts.promises import REBUILD
from expectations.vocabulary import Suite, no_finding, no_row_where, one_row_per

MART = "mart_rebate_accruals_monthly"


def suites() -> list[Suite]:
    return [
        Suite(
            f"marts.{MART}",
            (
                one_row_per(
                    "mart_rebate_accrual_id",
                    severity="critical",
                    message=f"{MART} holds a rebate of a partner twice in one month.",
                    remedy=REBUILD,
                ),
                no_row_where(
                    "accrual_amount <> base_accrual_amount + prior_period_adjustment_amount "
                    "+ rate_adjustment_amount",
                    name="parts_give_the_accrual",
                    show=("programme_code", "partner_code", "month_start_date", "accrual_amount"),
                    severity="critical",
                    message="The three parts of an accrual do not add up to it.",
                    remedy=REBUILD,
                    column="accrual_amount",
                ),
                no_finding(
                    """
                    with mart as (
                        select month_start_date, sum(accrual_amount) as amount
                        from {batch} group by month_start_date
                    ),
                    fact as (
                        select month_start_date, sum(accrual_amount) as amount
                        from core.fct_rebate_accruals group by month_start_date
                    )
                    select
                        coalesce(mart.month_start_date, fact.month_start_date) as month_start_date,
                        coalesce(mart.amount, 0) - coalesce(fact.amount, 0) as too_much
                    from mart
                    full join fact on mart.month_start_date = fact.month_start_date
                    where coalesce(mart.amount, 0) <> coalesce(fact.amount, 0)
                    order by month_start_date
                    """,
                    name="ties_to_the_fact",
                    severity="critical",
                    message="The accruals of a month are not those of the fact.",
                    remedy=REBUILD,
                    found="{month_start_date}: {too_much} too much",
                    column="accrual_amount",
                ),
            ),
        )
    ]
