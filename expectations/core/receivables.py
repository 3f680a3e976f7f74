"""Promises on receivables: invoices and payments are those that landed, and agree with their lines."""

from __future__ import annotations

from great_expectations.expectations.expectation import Expectation

from expectations.core.documents import REBUILD
from expectations.core.ledgered import holds_what_the_ledger_says
from expectations.hub import Hub
from expectations.vocabulary import Suite, filled, no_finding, one_row_per, refers_to


def suites(hub: Hub) -> list[Suite]:
    found = []
    if hub.delivers("payments"):
        suite = _documents("fct_payments", "payments", "payment_number", "document_paid_amount")
        if hub.delivers("invoices"):
            suite = Suite(suite.table, (*suite.expectations, _pay_invoices_that_are_known()))
        found.append(suite)
    if hub.delivers("invoices"):
        suite = _documents("fct_receivables", "invoices", "invoice_number", "document_total_amount")
        found.append(Suite(suite.table, (*suite.expectations, _agrees_with_its_lines())))
    return found


def _documents(fact: str, entity: str, number: str, amount: str) -> Suite:
    return Suite(
        f"core.{fact}",
        (
            one_row_per(
                number,
                severity="critical",
                message=f"{fact} holds a document twice: balances of partners are wrong.",
                remedy=REBUILD,
            ),
            filled(number, "partner_code", severity="critical", remedy=REBUILD),
            refers_to(
                "partner_code", "core.dim_partners", "partner_code", severity="critical", remedy=REBUILD
            ),
            holds_what_the_ledger_says(
                "erp",
                entity,
                {"amount_total": f"sum({amount})"},
                message=f"{fact} is not what the ERP delivered: documents are doubled, lost or changed.",
            ),
        ),
    )


def _agrees_with_its_lines() -> Expectation:
    return no_finding(
        """
        with of_lines as (
            select invoice_number, sum(document_net_amount) as net_amount
            from core.fct_sell_in
            group by invoice_number
        ),
        whole as (
            select invoice_number, document_total_amount - document_tax_amount as net_amount
            from {batch}
        )
        select whole.invoice_number, whole.net_amount, of_lines.net_amount as net_of_lines_amount
        from whole
        left join of_lines on whole.invoice_number = of_lines.invoice_number
        where whole.net_amount <> coalesce(of_lines.net_amount, 0)
        order by whole.invoice_number
        """,
        name="agrees_with_its_lines",
        # Both come from the ERP: the figures of neither are made wrong by the other.
        severity="warning",
        message="Invoices as a whole, less tax, are not the sum of their lines in the ERP.",
        remedy="Compare the mapping queries invoices and invoice_lines, and the document in the ERP.",
        found="{invoice_number}: {net_amount}, its lines {net_of_lines_amount}",
        column="total_amount",
    )


def _pay_invoices_that_are_known() -> Expectation:
    return no_finding(
        """
        select partner_code, count(*) as payment_count, sum(settled_amount) as settled_amount,
            min(payment_date) as first_date, max(payment_date) as last_date
        from {batch}
        where invoice_number is not null
            and invoice_number not in (select invoice_number from core.fct_receivables)
        group by partner_code
        order by abs(sum(settled_amount)) desc nulls last, partner_code
        """,
        name="invoices_paid_are_known",
        # A payment on account counts as well, and a number may be mistyped: only a person can tell.
        severity="warning",
        message="Payments name invoices that the ERP does not deliver: their partners owe that much less.",
        remedy="Deliver these invoices, or leave payments of invoices from before the first one out of the "
        "mapping query payments; correct numbers that are mistyped.",
        found="{partner_code}: {settled_amount} by {payment_count}, {first_date} to {last_date}",
        column="invoice_number",
    )
