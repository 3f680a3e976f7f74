"""Promises on programme costs: what the lines carry is what the sources cost, and claims are in order."""

from __future__ import annotations

from great_expectations.expectations.expectation import Expectation

from expectations.hub import Hub
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, no_row_where, refers_to

REBUILD = "`aval run --full-refresh`; if it comes back, report it as a fault of Aval."


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    return [
        Suite(
            "core.fct_programme_costs",
            (
                refers_to(
                    "cost_step_code",
                    "core.dim_margin_steps",
                    "margin_step_code",
                    severity="critical",
                    remedy="docs/programme-costs.md lists the steps; correct the mapping query.",
                ),
                costs_tie_to_their_sources(terms, with_booked="landing.programme_costs" in hub.tables()),
                no_row_where(
                    "amount is null",
                    name="amounts_have_a_rate",
                    show=("programme_cost_id", "cost_date"),
                    severity="warning",
                    message="A programme cost has no exchange rate on its day: the margin lacks it.",
                    remedy="Put the central bank's eurofxref-hist.csv with those days into rules/.",
                    column="amount",
                ),
            ),
        ),
        Suite(
            "core.fct_commissions",
            (
                no_row_where(
                    "commission_reason_code = 'plan_without_rate'",
                    name="plans_have_a_rate",
                    show=("agent_code", "plan_code", "invoice_line_id"),
                    severity="warning",
                    message="A commission is not computed: the plan has no rate for the family on that day.",
                    remedy="Complete `commissions` in rules/programme_costs.yml, or correct the assignment.",
                    column="commission_amount",
                ),
            ),
        ),
        Suite(
            "core.fct_programme_claims",
            (
                no_row_where(
                    "status_code = 'claimed' "
                    "and (is_near_duplicate or is_over_budget or is_outside_budget or is_without_proof "
                    "or is_over_computed)",
                    name="open_claims_are_in_order",
                    show=(
                        "claim_number",
                        "partner_code",
                        "claimed_amount",
                        "concat_ws(', ', case when is_near_duplicate then 'like ' || "
                        "duplicate_of_claim_number end, case when is_over_budget then 'over budget' end, "
                        "case when is_outside_budget then 'budget ' || budget_code || ' is not for it' end, "
                        "case when is_without_proof then 'no proof' end, "
                        "case when is_over_computed then 'above reports' end) as why",
                    ),
                    severity="warning",
                    message="A claim that nobody has decided on is not in order.",
                    remedy="Look at the claim before granting it: docs/programme-costs.md.",
                    column="status_code",
                ),
            ),
        ),
    ]


def costs_tie_to_their_sources(terms: Terms, *, with_booked: bool) -> Expectation:
    """Claim by claim, cost by cost, and commissions as a whole, the lines carry what the source costs.

    Up to the as-of day: what is dated later does not count yet.

    A booked cost in another currency is converted by the model, and looked at for its existence only; so is
    what has no exchange rate.
    """
    booked = f"""
            union all
            select 'cost|' || trim(cost_number), case when currency_code = '{terms.currency}'
                then cast(cost_amount as decimal(18, 2)) end
            from landing.programme_costs
            where cast(cost_amount as decimal(18, 2)) <> 0 and cost_date <= {terms.as_of_sql}
    """
    return no_finding(
        f"""
        with source as (
            select 'claim|' || claim_number as cost, cost_amount as amount
            from core.fct_programme_claims
            where cost_amount is distinct from 0 and cost_date <= {terms.as_of_sql}
            union all
            select 'cash_discount|' || invoice_number, cost_amount
            from core.fct_cash_discounts
            where cost_date <= {terms.as_of_sql} and cost_amount is distinct from 0
            union all
            select 'commission', sum(commission_amount)
            from core.fct_commissions
            where event_code <> 'paid' and event_date <= {terms.as_of_sql}
            having count(*) filter (
                where commission_amount <> 0 or commission_reason_code = 'rate_missing'
            ) > 0
            {booked if with_booked else ""}
        ),
        fact as (
            select
                case when programme_cost_id like 'commission|%' then 'commission'
                    else programme_cost_id end as cost,
                sum(amount) as amount
            from {{batch}}
            group by 1
        )
        select
            coalesce(source.cost, fact.cost) as cost,
            source.amount as source_amount,
            fact.amount as carried_amount
        from source
        full join fact on source.cost = fact.cost
        where source.cost is null or fact.cost is null or fact.amount <> source.amount
        order by 1
        """,
        name="costs_tie_to_their_sources",
        severity="critical",
        message="Invoice lines carry another amount than the programme cost that was spread over them.",
        remedy=REBUILD,
        found="{cost}: carried {carried_amount} of {source_amount}",
        column="amount",
    )
