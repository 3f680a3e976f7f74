"""Promises on the margin marts: they tie to the lines, levels follow from steps, effects give variances."""

from __future__ import annotations

from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.core.margin import STEPS, level_breaks
from expectations.hub import Hub
from expectations.marts.promises import REBUILD, does_not_collapse, ties
from expectations.terms import Terms
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, one_of, one_row_per

EFFECTS: Final = (
    "price",
    "discount",
    "rebate",
    "programme",
    "cost",
    "currency",
    "volume",
    "mix",
    "new_product",
    "discontinued_product",
    "without_units",
)
LEVELS: Final = ("gross_sales", *STEPS)


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    return [_waterfall(hub, terms), _variance()]


def _waterfall(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_margin_waterfall_monthly"
    keys = ("month_start_date", "partner_code", "channel_code", "product_code")
    # Where a cost or a rate is missing, the mart has no level that it enters; lines that know theirs have.
    known = tuple(
        step
        for step in (*LEVELS, *(step for steps in STEPS.values() for step in steps))
        if step not in ("pocket_sales", "pocket_margin", "channel_contribution")
    )
    return Suite(
        f"marts.{mart}",
        (
            one_row_per(
                *keys,
                severity="critical",
                message=f"{mart} holds a row twice: its figures count twice.",
                remedy=REBUILD,
            ),
            filled(*keys, severity="critical", remedy=REBUILD),
            no_row_where(
                level_breaks(),
                name="levels_follow_from_their_steps",
                show=(*keys, *(f"{level}_amount" for level in LEVELS)),
                severity="critical",
                message="A level of the margin is not the former one less its steps.",
                remedy=REBUILD,
                column="pocket_margin_amount",
            ),
            ties(
                mart,
                "core.fct_margin_lines",
                month_of_mart="month_start_date",
                month_of_fact="month_start_date",
                sums={f"{step}_amount": f"{step}_amount" for step in known},
                until=terms,
            ),
            *(_share(level, of) for level in LEVELS for of in ("gross", "net")),
            *does_not_collapse(mart, hub, terms),
        ),
    )


def _share(level: str, of: str) -> Expectation:
    rate = f"{level}_{of}_rate"
    whole = "gross_sales_amount" if of == "gross" else "invoice_sales_amount"
    return no_row_where(
        f"abs({rate} - 100.0 * {level}_amount / nullif({whole}, 0)) > 0.0001 "
        f"or ({rate} is not null) <> ({level}_amount is not null and coalesce({whole} > 0, false))",
        name=f"{rate}_follows_its_parts",
        show=("month_start_date", "partner_code", "product_code", f"{level}_amount", whole, rate),
        severity="critical",
        message=f"{rate} is not {level}_amount / {whole} x 100, or stands where there is no denominator.",
        remedy=REBUILD,
        column=rate,
    )


def _variance() -> Suite:
    mart = "mart_margin_variance_monthly"
    keys = (
        "comparison_code",
        "scope_code",
        "month_start_date",
        "partner_code",
        "family_code",
        "product_code",
    )
    effects = " + ".join(f"{effect}_effect_amount" for effect in EFFECTS)
    return Suite(
        f"marts.{mart}",
        (
            one_row_per(
                *keys,
                severity="critical",
                message=f"{mart} holds a row twice.",
                remedy=REBUILD,
            ),
            one_of("scope_code", ("company", "partner", "product"), severity="critical", remedy=REBUILD),
            one_of(
                "comparison_code",
                ("former_year", "former_period", "budget"),
                severity="critical",
                remedy=REBUILD,
            ),
            no_row_where(
                f"variance_amount <> {effects} or (variance_amount is null) <> (({effects}) is null) "
                "or variance_amount <> pocket_margin_amount - base_pocket_margin_amount",
                name="effects_give_the_variance",
                show=(*keys, "variance_amount"),
                severity="critical",
                message="The effects do not add up to what the margin differs by.",
                remedy=REBUILD,
                column="variance_amount",
            ),
            no_finding(
                """
                with company as (
                    select comparison_code, month_start_date, sum(variance_amount) as amount
                    from {batch} where scope_code = 'company' and variance_amount is not null
                    group by 1, 2
                ),
                products as (
                    select comparison_code, month_start_date, sum(variance_amount) as amount
                    from {batch} where scope_code = 'product'
                    group by 1, 2
                )
                select comparison_code, month_start_date, company.amount - products.amount as too_much
                from company
                left join products using (comparison_code, month_start_date)
                where company.amount is distinct from products.amount
                """,
                name="scopes_show_the_same_money",
                severity="critical",
                message="The company's variance is not that of its products.",
                remedy=REBUILD,
                found="{comparison_code} {month_start_date}: {too_much} too much",
                column="variance_amount",
            ),
        ),
    )
