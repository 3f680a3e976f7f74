"""The answer key's part on programme costs: sums by step and month, agents' accounts, what was planted.

Worked out from the simulation's events in whole cents; nothing is read back from the ERP.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from connectors.sample import plants
from connectors.sample.cast import PARTNERS, START
from connectors.sample.documents import Documents
from connectors.sample.programmes import Claim, Programmes, status_of

Fact = dict[str, Any]


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def cost_of(claim: Claim, as_of: date) -> int:
    """Cents that a claim costs as things stand: what was granted, else what is claimed."""
    status, _, _ = status_of(claim, as_of)
    return claim.claimed if status == "claimed" or claim.granted is None else claim.granted


def costs_by_month(programmes: Programmes, documents: Documents) -> list[Fact]:
    """By step and month in which the cost counts: the sum of its source costs."""
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for claim in programmes.claims.values():
        totals[claim.step, f"{claim.last:%Y-%m}"] += cost_of(claim, programmes.as_of)
    for cost in programmes.costs.values():
        totals[cost.step, f"{cost.day:%Y-%m}"] += cost.amount
    for item in programmes.commissions:
        totals["commission", f"{item.day:%Y-%m}"] += item.amount
    for day, taken in zip(documents.payments.day.tolist(), programmes.discounts.tolist(), strict=True):
        totals["cash_discount", f"{START + timedelta(days=day):%Y-%m}"] += taken
    return [
        {"cost_step_code": step, "month": month, "amount": _money(cents)}
        for (step, month), cents in sorted(totals.items())
        if cents
    ]


def commissions_by_month(programmes: Programmes) -> list[Fact]:
    """By agent, partner and month: earned and clawed back by document, due by day, paid for the month."""
    totals: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for item in programmes.commissions:
        total = totals[item.agent, item.partner, f"{item.day:%Y-%m}"]
        total["basis"] += item.net
        total["clawback" if item.is_clawback else "commission"] += item.amount
        if item.due is not None:
            totals[item.agent, item.partner, f"{item.due:%Y-%m}"]["due"] += item.amount
    for payment in programmes.agent_payments.values():
        totals[payment.agent, payment.partner, f"{payment.month:%Y-%m}"]["paid"] += payment.amount
    return [
        {
            "agent_code": agent,
            "partner_code": partner,
            "month": month,
            **{
                f"{name}_amount": _money(total[name])
                for name in ("basis", "commission", "clawback", "due", "paid")
            },
        }
        for (agent, partner, month), total in sorted(totals.items())
    ]


def planted(programmes: Programmes, documents: Documents, resold: Mapping[str, int]) -> dict[str, Fact]:
    """What was planted; `resold` is what the partner of ship and debit reported, pieces by month."""
    facts: dict[str, Fact] = {}
    by_campaign: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, claim in programmes.claims.items():
        month = f"{claim.first:%Y-%m}"
        by_campaign[claim.partner, month].append(number)
        if claim.step == "ship_and_debit" and month == plants.DEBIT_TOO_MUCH:
            computed = (2 * resold[month] * plants.DEBIT_UNIT_TENTHS + 10) // 20
            facts["ship_and_debit_above_sell_out"] = {
                "from": claim.day.isoformat(),
                "claim_number": number,
                "partner_code": claim.partner,
                "product_code": claim.product,
                "claimed_quantity": claim.pieces,
                "reported_quantity": resold[month],
                "claimed_amount": _money(claim.claimed),
                "computed_amount": _money(computed),
            }
    double = by_campaign.get(plants.DOUBLE_CLAIM, [])
    if len(double) == 2:
        facts["claim_sent_twice"] = {
            "from": programmes.claims[double[1]].day.isoformat(),
            "claim_number": double[1],
            "duplicate_of_claim_number": double[0],
            "partner_code": plants.DOUBLE_CLAIM[0],
            "claimed_amount": _money(programmes.claims[double[1]].claimed),
        }
    facts |= _over_budget(programmes)
    facts |= _clawed_back(programmes)
    taken = [
        cents
        for cents, document in zip(
            programmes.discounts.tolist(), documents.payments.document.tolist(), strict=True
        )
        if cents and PARTNERS[int(documents.invoices.partner[document])].code == plants.DISCOUNT_TAKER
    ]
    facts["cash_discount_without_right"] = {
        "from": plants.DISCOUNT_TAKEN_FROM.isoformat(),
        "partner_code": plants.DISCOUNT_TAKER,
        "invoice_count": len(taken),
        "taken_without_right_amount": _money(sum(taken)),
    }
    facts["channel_without_return"] = {
        "from": plants.DIRECT_FROM.isoformat(),
        "channel_code": "direct",
        "own_cost_amount": _money(
            sum(
                cost.amount
                for cost in programmes.costs.values()
                if cost.channel == "direct" and cost.day >= plants.DIRECT_FROM
            )
        ),
    }
    return facts


def _over_budget(programmes: Programmes) -> dict[str, Fact]:
    partner, year = plants.OVER_BUDGET
    used, budget = 0, f"BUD-{year}-{partner}"
    for number, claim in programmes.claims.items():
        if claim.budget != budget:
            continue
        cost = cost_of(claim, programmes.as_of)
        if used + cost > plants.SMALL_BUDGET:
            return {
                "claim_over_budget": {
                    "from": claim.day.isoformat(),
                    "claim_number": number,
                    "partner_code": partner,
                    "budget_code": budget,
                    "budget_amount": _money(plants.SMALL_BUDGET),
                    "over_budget_amount": _money(min(cost, used + cost - plants.SMALL_BUDGET)),
                }
            }
        used += cost
    return {}


def _clawed_back(programmes: Programmes) -> dict[str, Fact]:
    own = [item for item in programmes.commissions if item.agent == plants.LEAVING_AGENT]
    late = [item for item in own if item.is_clawback and item.day >= plants.LEAVING_DATE]
    due = sum(item.amount for item in own if item.due is not None)
    paid = sum(
        item.amount for item in programmes.agent_payments.values() if item.agent == plants.LEAVING_AGENT
    )
    return {
        "commission_to_claw_back": {
            "from": plants.LEAVING_DATE.isoformat(),
            "agent_code": plants.LEAVING_AGENT,
            "partner_code": plants.LEAVING_PARTNER,
            "clawed_back_after_leaving_amount": _money(sum(item.amount for item in late)),
            "due_amount": _money(due),
            "paid_amount": _money(paid),
        }
    }
