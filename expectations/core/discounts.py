"""Promises on discounts outside the rules: each stands once and as the invoice line says; alerts if nobody
approved it.
"""

from __future__ import annotations

from typing import Final

from expectations.core.documents import REBUILD
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, one_of, one_row_per

ALERT_DAYS: Final = 31
"""Exceptions without an approval are told for that many days."""


def suites(terms: Terms) -> list[Suite]:
    return [
        Suite(
            "core.fct_discount_exceptions",
            (
                one_row_per(
                    "invoice_line_id",
                    severity="critical",
                    message="fct_discount_exceptions holds an invoice line twice.",
                    remedy=REBUILD,
                ),
                one_of(
                    "status_code",
                    ("approved", "over_approved_rate", "expired", "unapproved", "not_connected"),
                    severity="critical",
                    remedy=REBUILD,
                ),
                no_finding(
                    """
                    with lines as (
                        select invoice_line_id, exception_discount_amount
                        from core.fct_sell_in
                        where case when gross_amount < 0 then -1 else 1 end * exception_discount_amount > 0
                    )
                    select coalesce(lines.invoice_line_id, exceptions.invoice_line_id) as invoice_line_id
                    from lines
                    full join {batch} as exceptions on lines.invoice_line_id = exceptions.invoice_line_id
                    where lines.exception_discount_amount
                        is distinct from exceptions.exception_discount_amount
                    """,
                    name="ties_to_the_invoice_lines",
                    severity="critical",
                    message="Exceptions are not those of the invoice lines.",
                    remedy=REBUILD,
                    found="{invoice_line_id}",
                    column="exception_discount_amount",
                ),
                no_finding(
                    f"""
                    select partner_code, status_code, count(*) as line_count,
                        sum(unapproved_amount) as unapproved_amount
                    from {{batch}}
                    where unapproved_amount <> 0
                        and invoice_date > {terms.as_of_sql} - {ALERT_DAYS}
                    group by partner_code, status_code
                    order by abs(sum(unapproved_amount)) desc
                    """,
                    name="exceptions_are_approved",
                    severity="warning",
                    message=f"Discounts outside the rules were given in the last {ALERT_DAYS} days that "
                    "nobody approved, or no longer.",
                    remedy="Ask who gave them; have them approved in the ERP, add the agreement to "
                    "rules/discounts.yml, or stop them.",
                    found="{partner_code}, {status_code}: {unapproved_amount} on {line_count} lines",
                    column="unapproved_amount",
                ),
            ),
        )
    ]
