"""Promises on the facts made of ERP documents: orders, shipments, sell-in.

They hold exactly the newest versions that landed: rows, quantities and amounts are compared by month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.core.currencies import amounts_have_a_rate, company_amounts_are_as_reported
from expectations.terms import Terms
from expectations.vocabulary import (
    Suite,
    filled,
    no_finding,
    no_row_where,
    one_row_per,
    refers_to,
)

REBUILD: Final = "`aval run --rebuild <month>..<month>`, or `aval run --full-refresh`."


@dataclass(frozen=True)
class DocumentFact:
    """A fact and the landed entity it is made of; `sums` maps its columns to landed expressions."""

    name: str
    key: str
    number: str
    date: str
    entity: str
    landed_date: str
    sums: dict[str, str]


FACTS: Final = (
    DocumentFact(
        "fct_orders",
        "order_line_id",
        "order_number",
        "order_date",
        "order_lines",
        "order_date",
        {"ordered_quantity_in_unit": "ordered_quantity", "document_net_amount": "net_amount"},
    ),
    DocumentFact(
        "fct_shipments",
        "shipment_line_id",
        "shipment_number",
        "shipment_date",
        "shipment_lines",
        "shipment_date",
        {"shipped_quantity_in_unit": "shipped_quantity"},
    ),
    DocumentFact(
        "fct_sell_in",
        "invoice_line_id",
        "invoice_number",
        "invoice_date",
        "invoice_lines",
        "invoice_date",
        {
            "invoiced_quantity_in_unit": "invoiced_quantity",
            "document_gross_amount": "gross_amount",
            "document_standard_discount_amount": "standard_discount_amount",
            "document_exceptional_discount_amount": "exceptional_discount_amount",
            "document_net_amount": "net_amount",
        },
    ),
)


def suites(terms: Terms) -> list[Suite]:
    return [
        Suite(
            f"core.{fact.name}",
            (*_of_every_fact(fact), *(_of_sell_in(terms) if fact.name == "fct_sell_in" else ())),
        )
        for fact in FACTS
    ]


def _of_every_fact(fact: DocumentFact) -> list[Expectation]:
    return [
        one_row_per(
            fact.key,
            severity="critical",
            message=f"{fact.name} holds a document line twice: it counts twice in every figure.",
            remedy=REBUILD,
            month=fact.date,
        ),
        filled(fact.key, "partner_code", "product_code", fact.date, severity="critical", remedy=REBUILD),
        refers_to(
            "partner_code",
            "core.dim_partners",
            "partner_code",
            severity="critical",
            remedy="`aval run --full-refresh`.",
        ),
        refers_to(
            "product_code",
            "core.dim_products",
            "product_code",
            severity="critical",
            remedy="`aval run --full-refresh`.",
        ),
        holds_what_landed(fact),
        *(
            (amounts_have_a_rate(fact.name), company_amounts_are_as_reported(fact.key))
            if "document_net_amount" in fact.sums
            else ()
        ),
    ]


def holds_what_landed(fact: DocumentFact) -> Expectation:
    """By month, the fact has as many rows as landed, and each measure has the same sum, to the cent."""
    differences = " or ".join(f"fact.{name} is distinct from landed.{name}" for name in fact.sums)
    shown = ", ".join(
        f"coalesce(fact.{name}, 0) - coalesce(landed.{name}, 0) as {name}_too_much" for name in fact.sums
    )
    of_fact = ", ".join(f"sum({name}) as {name}" for name in fact.sums)
    of_landing = ", ".join(f"sum({source}) as {name}" for name, source in fact.sums.items())
    measure = "document_net_amount" if "document_net_amount" in fact.sums else next(iter(fact.sums))
    return no_finding(
        f"""
        with fact as (
            select strftime({fact.date}, '%Y-%m') as month, count(*) as row_count, {of_fact}
            from {{batch}}
            group by month
        ),
        landed as (
            select strftime({fact.landed_date}, '%Y-%m') as month, count(*) as row_count, {of_landing}
            from landing.{fact.entity}
            group by month
        )
        select
            coalesce(fact.month, landed.month) as month,
            coalesce(fact.row_count, 0) - coalesce(landed.row_count, 0) as rows_too_many,
            {shown}
        from fact
        full join landed on fact.month = landed.month
        where fact.row_count is distinct from landed.row_count or {differences}
        order by month
        """,
        name="holds_what_landed",
        severity="critical",
        message=f"{fact.name} does not hold what the ERP delivered: lines are doubled, lost or changed.",
        remedy=REBUILD,
        found=f"{{month}}: {{rows_too_many}} rows too many, {measure} too much by {{{measure}_too_much}}",
        column=measure,
    )


def _of_sell_in(terms: Terms) -> tuple[Expectation, ...]:
    return (
        no_finding(
            """
            select fact.invoice_number, fact.partner_version_id, fact.invoice_date,
                strftime(fact.invoice_date, '%Y-%m') as month
            from core.fct_sell_in as fact
            left join core.dim_partners as partner
                on fact.partner_version_id = partner.partner_version_id
                and fact.invoice_date >= partner.valid_from_date
                and fact.invoice_date < partner.valid_to_date
            where partner.partner_version_id is null
            """,
            name="terms_are_those_of_the_day",
            severity="critical",
            message="An invoice line points to a version of its partner that did not hold on its date.",
            remedy=REBUILD,
            found="{invoice_number} of {invoice_date}: {partner_version_id}",
            column="partner_version_id",
        ),
        # Without any cost none is connected.
        no_finding(
            """
            select
                product_code,
                count(*) as line_count,
                min(invoice_date) as first_date,
                strftime(min(invoice_date), '%Y-%m') as month
            from {batch}
            where cost_amount is null
            and exists (select 1 from core.fct_sell_in where cost_amount is not null)
            group by product_code
            order by product_code
            """,
            name="lines_have_a_cost",
            severity="warning",
            message="A product has no cost: its lines have no margin, and neither has a sum that holds one.",
            remedy="Give it a cost in the ERP (product_costs); its first one counts for days before it too.",
            found="product {product_code}: {line_count} lines from {first_date} on",
            column="cost_amount",
        ),
        no_row_where(
            "invoiced_quantity is distinct from sold_quantity - credited_quantity",
            name="invoiced_is_sold_less_credited",
            show=(
                "invoice_line_id",
                "invoiced_quantity",
                "sold_quantity",
                "credited_quantity",
                "strftime(invoice_date, '%Y-%m') as month",
            ),
            severity="critical",
            message="Invoiced units are not sold less credited units.",
            remedy=REBUILD,
            column="invoiced_quantity",
        ),
        no_row_where(
            "gross_amount - net_amount <> contract_discount_amount + promotion_discount_amount "
            "+ exception_discount_amount or (gross_amount - net_amount is not null "
            "and contract_discount_amount + promotion_discount_amount + exception_discount_amount is null)",
            name="reductions_are_attributed_whole",
            show=(
                "invoice_line_id",
                "gross_amount",
                "net_amount",
                "contract_discount_amount",
                "promotion_discount_amount",
                "exception_discount_amount",
            ),
            severity="critical",
            message="Contract, promotion and exception do not add up to what was taken off the list price.",
            remedy=REBUILD,
            column="exception_discount_amount",
        ),
        no_row_where(
            f"currency_code <> '{terms.currency}'",
            name="currency_is_the_companys",
            show=("invoice_number", "currency_code"),
            severity="critical",
            message=f"An amount is in another currency than {terms.currency}.",
            remedy=REBUILD,
            column="currency_code",
        ),
    )
