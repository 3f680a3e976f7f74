"""Promises on currencies: an amount is converted at a rate of its day, or says that there is none."""

from __future__ import annotations

from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.vocabulary import no_finding, no_row_where

_UNCONVERTED: Final = {
    "fct_orders": ("order_date", "(amount_reason_code is not null)::integer"),
    "fct_sell_in": ("invoice_date", "(amount_reason_code is not null)::integer"),
    "fct_sell_out_weekly": ("week_start_date", "unconverted_line_count"),
}
"""Each fact with its date and, of a row, the count of lines whose amount has no rate."""


def amounts_have_a_rate(fact: str) -> Expectation:
    """No amount is left out of the figures because its currency has no rate on its day."""
    date, count = _UNCONVERTED[fact]
    return no_finding(
        f"""
        select
            partner_code,
            document_currency_code,
            sum({count}) as line_count,
            min({date}) as first_date,
            strftime(min({date}), '%Y-%m') as month
        from {{batch}}
        where {count} > 0
        group by partner_code, document_currency_code
        order by partner_code, document_currency_code
        """,
        name="amounts_have_a_rate",
        severity="warning",
        message="Amounts are in a currency that has no rate on their day: they are missing from the figures.",
        remedy="Put the central bank's eurofxref-hist.csv with those days into the company's rules/.",
        found="partner {partner_code}: {line_count} lines in {document_currency_code} from {first_date} on",
        column="net_amount",
    )


def company_amounts_are_as_reported(key: str) -> Expectation:
    """An amount in the company's own currency is not changed by the conversion."""
    return no_row_where(
        "document_currency_code = currency_code and net_amount is distinct from document_net_amount",
        name="company_amounts_are_as_reported",
        show=(key, "net_amount", "document_net_amount"),
        severity="critical",
        message="An amount in the company's own currency differs from that of the document.",
        remedy="`aval run --full-refresh`.",
        column="net_amount",
    )
