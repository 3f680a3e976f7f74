"""Promises on the margin by invoice line: each level follows from its steps, no cent of a source is lost."""

from __future__ import annotations

from typing import Final

from expectations.core.documents import REBUILD
from expectations.terms import Terms
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, one_row_per

STEPS: Final = {
    "invoice_sales": ("contract_discount", "promotion_discount", "exception_discount"),
    "pocket_sales": (
        "rebate",
        "price_protection",
        "ship_and_debit",
        "mdf",
        "freight",
        "cash_discount",
        "commission",
        "spiff",
    ),
    "pocket_margin": ("cost_of_goods", "landed_cost"),
    "channel_contribution": ("training", "channel_staff", "tools"),
}
"""The steps that lead to each level, from gross sales on."""

PROGRAMME_STEPS: Final = (*STEPS["pocket_sales"][1:], *STEPS["channel_contribution"])


def level_breaks() -> str:
    """A condition that holds where a level is not the former one less its steps."""
    former = "gross_sales_amount"
    faults = []
    for level, steps in STEPS.items():
        left = " - ".join((former, *(f"coalesce({step}_amount, 0)" for step in steps)))
        # A level of which a part is unknown is unknown; a sum over such lines is no fault.
        faults.append(f"coalesce({level}_amount <> {left}, false)")
        former = f"{level}_amount"
    return " or ".join(faults)


def suites(terms: Terms) -> list[Suite]:
    return [
        Suite(
            "core.fct_margin_lines",
            (
                one_row_per(
                    "margin_line_id",
                    severity="critical",
                    message="fct_margin_lines holds a line twice: its margin counts twice.",
                    remedy=REBUILD,
                ),
                filled(
                    "margin_line_id",
                    "month_start_date",
                    "partner_code",
                    "channel_code",
                    "product_code",
                    severity="critical",
                    remedy=REBUILD,
                ),
                no_row_where(
                    level_breaks(),
                    name="levels_follow_from_their_steps",
                    show=("margin_line_id", *(f"{level}_amount" for level in STEPS)),
                    severity="critical",
                    message="A level of the margin is not the former one less its steps.",
                    remedy=REBUILD,
                    column="pocket_margin_amount",
                ),
                no_finding(
                    _ties(terms),
                    name="ties_to_its_sources",
                    severity="critical",
                    message="A step of the margin is not what its source says: cents are lost or doubled.",
                    remedy=REBUILD,
                    found="{step_code} is too high by {too_much}",
                    column="margin_line_id",
                ),
            ),
        )
    ]


def _ties(terms: Terms) -> str:
    """Steps of which the sum over all lines differs from the sum of their source, up to the as-of day."""
    of_lines = {
        "gross_sales": "sum(gross_amount)",
        "contract_discount": "sum(contract_discount_amount)",
        "promotion_discount": "sum(promotion_discount_amount)",
        "exception_discount": "sum(exception_discount_amount)",
        "invoice_sales": "sum(net_amount)",
        "cost_of_goods": "sum(cost_amount)",
        "landed_cost": "sum(landed_cost_amount)",
    }
    parts = [
        f"select '{step}' as step_code, (select sum({step}_amount) from {{batch}}) as here, "
        f"(select {source} from core.fct_sell_in where invoice_date <= {terms.as_of_sql}) as there"
        for step, source in of_lines.items()
    ]
    parts.append(
        "select 'rebate' as step_code, (select sum(rebate_amount) from {batch}) as here, "
        "(select sum(expected_amount) from core.fct_rebate_lines) as there"
    )
    parts += [
        f"select '{step}' as step_code, (select sum({step}_amount) from {{batch}}) as here, "
        f"(select sum(amount) from core.fct_programme_costs where cost_step_code = '{step}') as there"
        for step in PROGRAMME_STEPS
    ]
    return (
        f"with sums as ({' union all '.join(parts)}) "
        "select step_code, coalesce(here, 0) - coalesce(there, 0) as too_much from sums "
        "where coalesce(here, 0) <> coalesce(there, 0)"
    )
