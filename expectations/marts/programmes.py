"""Promises on the marts of what is spent on the channel: commissions."""

from __future__ import annotations

from expectations.hub import Hub
from expectations.marts.promises import REBUILD, does_not_collapse, rate_follows, ties
from expectations.terms import Terms
from expectations.vocabulary import Suite, one_row_per


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    return [_commissions(hub, terms)]


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
            ),
            *does_not_collapse(mart, hub, terms),
        ),
    )
