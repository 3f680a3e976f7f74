"""Promises on the marts of what is spent on the channel: commissions, and what it returns."""

from __future__ import annotations

from expectations.hub import Hub
from expectations.marts.promises import REBUILD, does_not_collapse, rate_follows, ties
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, one_row_per


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    return [_commissions(hub, terms), _channel_roi(hub, terms)]


def _commissions(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_commissions_monthly"
    return Suite(
        f"marts.{mart}",
        (
            one_row_per(
                "agent_code",
                "partner_code",
                "month_start_date",
                severity="critical",
                message=f"{mart} holds a month of an agent and partner twice.",
                remedy=REBUILD,
            ),
            rate_follows(
                "commission_rate", "accrued_amount", "basis_amount", show=("agent_code", "partner_code")
            ),
            ties(
                mart,
                "core.fct_commissions",
                month_of_mart="month_start_date",
                month_of_fact="cast(date_trunc('month', event_date) as date)",
                sums={"accrued_amount": "commission_amount", "paid_amount": "paid_amount"},
                until=terms,
                where=f"case when event_code = 'paid' then due_date else event_date end <= {terms.as_of_sql}",
            ),
            *does_not_collapse(mart, hub, terms),
        ),
    )


def _channel_roi(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_channel_roi_monthly"
    named = ("channel_code", "partner_code")
    return Suite(
        f"marts.{mart}",
        (
            one_row_per(
                "level_code",
                *named,
                "month_start_date",
                severity="critical",
                message=f"{mart} holds a month of a channel or partner twice.",
                remedy=REBUILD,
            ),
            rate_follows("roi_rate", "channel_contribution_amount", "programme_cost_amount", show=named),
            rate_follows("cost_to_serve_rate", "cost_to_serve_amount", "invoice_sales_amount", show=named),
            no_finding(
                """
                with mart as (
                    select
                        month_start_date,
                        level_code,
                        sum(invoice_sales_amount) as invoice_sales_amount,
                        sum(gross_margin_amount) as gross_margin_amount,
                        sum(transaction_cost_amount + coalesce(programme_cost_amount, 0)) as cost_amount
                    from {batch}
                    group by all
                ),
                fact as (
                    select
                        month_start_date,
                        sum(invoice_sales_amount) as invoice_sales_amount,
                        sum(
                            invoice_sales_amount - cost_of_goods_amount - coalesce(landed_cost_amount, 0)
                        ) as gross_margin_amount,
                        sum(
                            coalesce(price_protection_amount, 0) + coalesce(ship_and_debit_amount, 0)
                            + coalesce(freight_amount, 0) + coalesce(cash_discount_amount, 0)
                            + coalesce(rebate_amount, 0) + coalesce(mdf_amount, 0)
                            + coalesce(commission_amount, 0) + coalesce(spiff_amount, 0)
                            + coalesce(training_amount, 0) + coalesce(channel_staff_amount, 0)
                            + coalesce(tools_amount, 0)
                        ) as cost_amount
                    from core.fct_margin_lines
                    group by all
                ),
                levels as (
                    select fact.*, level_code from fact, (values ('partner'), ('channel')) as t(level_code)
                )
                select
                    strftime(coalesce(mart.month_start_date, levels.month_start_date), '%Y-%m') as month,
                    coalesce(mart.level_code, levels.level_code) as level,
                    coalesce(mart.gross_margin_amount, 0) - coalesce(levels.gross_margin_amount, 0)
                        as gross_margin,
                    coalesce(mart.cost_amount, 0) - coalesce(levels.cost_amount, 0) as costs
                from mart
                full join levels
                    on mart.month_start_date = levels.month_start_date
                    and mart.level_code = levels.level_code
                where coalesce(mart.invoice_sales_amount, 0) <> coalesce(levels.invoice_sales_amount, 0)
                    or coalesce(mart.gross_margin_amount, 0) <> coalesce(levels.gross_margin_amount, 0)
                    or coalesce(mart.cost_amount, 0) <> coalesce(levels.cost_amount, 0)
                order by month, level
                """,
                name="levels_tie_to_the_margin",
                severity="critical",
                message=f"{mart} does not tie to the margin: a cost is lost, or deducted twice.",
                remedy=REBUILD,
                found="{month}, {level}: gross margin {gross_margin}, costs {costs} too high",
                column="channel_contribution_amount",
            ),
            *does_not_collapse(mart, hub, terms),
        ),
    )
