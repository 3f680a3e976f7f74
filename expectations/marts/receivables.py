"""Promises on what partners owe: balances follow from documents and payments, month after month."""

from __future__ import annotations

from expectations.hub import Hub
from expectations.marts.promises import REBUILD
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, one_row_per

MART = "mart_receivables_monthly"


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    if not hub.delivers("invoices"):
        return []
    return [
        Suite(
            f"marts.{MART}",
            (
                one_row_per(
                    "month_start_date",
                    "partner_code",
                    severity="critical",
                    message=f"{MART} holds a partner twice in one month.",
                    remedy=REBUILD,
                ),
                no_finding(
                    """
                    select partner_code, month_start_date, opening_amount, closing_amount
                    from (
                        select *, lag(closing_amount, 1, 0) over (
                            partition by partner_code order by month_start_date
                        ) as former_closing_amount
                        from {batch}
                    ) as chained
                    where opening_amount <> former_closing_amount
                        or closing_amount <> opening_amount + invoiced_amount - paid_amount
                            - discount_with_tax_amount
                    order by partner_code, month_start_date
                    """,
                    name="balance_rolls_forward",
                    severity="critical",
                    message="A balance is not the former one plus invoices less payments and discounts.",
                    remedy=REBUILD,
                    found="{partner_code} {month_start_date}: {opening_amount} to {closing_amount}",
                    column="closing_amount",
                ),
                no_finding(
                    f"""
                    with owed as (
                        select partner_code, total_amount as amount, amount_reason_code
                        from core.fct_receivables
                        where invoice_date <= {terms.as_of_sql}
                        union all
                        select partner_code, -settled_amount, amount_reason_code from core.fct_payments
                        where payment_date <= {terms.as_of_sql}
                    ),
                    fact as (
                        select
                            partner_code, sum(amount) as amount,
                            count(amount_reason_code) as unconverted_count
                        from owed group by partner_code
                    ),
                    mart as (
                        select partner_code, closing_amount as amount from {{batch}}
                        qualify month_start_date = max(month_start_date) over (partition by partner_code)
                    )
                    select
                        coalesce(mart.partner_code, fact.partner_code) as partner_code,
                        coalesce(mart.amount, 0) - coalesce(fact.amount, 0) as too_much
                    from mart
                    full join fact on mart.partner_code = fact.partner_code
                    where coalesce(mart.amount, 0) <> coalesce(fact.amount, 0)
                        and not (
                            mart.partner_code is not null and mart.amount is null
                            and (
                                fact.unconverted_count > 0
                                or not exists (select 1 from core.fct_payments)
                            )
                        )
                    order by partner_code
                    """,
                    name="ties_to_the_facts",
                    severity="critical",
                    message="What partners owe is not their invoices less their payments and discounts.",
                    remedy=REBUILD,
                    found="{partner_code}: {too_much} too much",
                    column="closing_amount",
                ),
            ),
        )
    ]
