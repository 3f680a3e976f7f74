"""Promises on reported sell-out: every live report once, line by line, and nothing else.

Sums of the whole fact are compared slice by slice with the ledger (one pass over four columns); what
needs the single lines looks at touched slices only. Measured on 20 M lines: see docs/gates.md.
"""

from __future__ import annotations

from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.core.currencies import amounts_have_a_rate
from expectations.core.documents import REBUILD
from expectations.core.ledgered import holds_what_the_ledger_says
from expectations.terms import Terms
from expectations.vocabulary import (
    Suite,
    filled,
    no_finding,
    no_row_where,
    one_of,
    one_row_per,
    refers_to,
)

RESOLUTIONS: Final = ("resolved", "product_unmatched", "unit_unknown")
FILE: Final = (
    "(select max(report.file) from (select report_number as number, source_file as file "
    "from core.dim_sell_out_reports) as report where report.number = report_number) as source_file"
)
"""The file of a line that is found, looked up for such lines alone."""


def suites(terms: Terms) -> list[Suite]:
    return [
        Suite("core.dim_sell_out_reports", _of_reports()),
        Suite("core.fct_sell_out_lines", (_holds_what_the_ledger_says(), holds_live_reports_only())),
        Suite("core.fct_sell_out_lines_in_scope", _of_lines(terms)),
        Suite(
            "core.fct_sell_out_weekly",
            (weeks_hold_what_the_lines_say(), amounts_have_a_rate("fct_sell_out_weekly")),
        ),
    ]


def _of_reports() -> tuple[Expectation, ...]:
    return (
        one_row_per(
            "report_number",
            severity="critical",
            message="dim_sell_out_reports holds a report twice: its lines count twice in every figure.",
            remedy=REBUILD,
            show=("slice_key", "source_file"),
            month="period_start_date",
        ),
        filled(
            "report_number",
            "slice_number",
            "slice_key",
            "partner_code",
            "source_batch_id",
            "source_file",
            severity="critical",
            remedy=REBUILD,
        ),
    )


def _holds_what_the_ledger_says() -> Expectation:
    return holds_what_the_ledger_says(
        "feeds",
        "sell_out",
        {"quantity_total": "sum(sold_quantity_in_unit)", "amount_total": "sum(document_net_amount)"},
        rows="sum(row_count)",
        table="core.fct_sell_out_by_slice",
        message="fct_sell_out does not hold what partners reported: lines are doubled, lost or changed.",
    )


def holds_live_reports_only() -> Expectation:
    """No line of a superseded or withdrawn report is left."""
    return no_finding(
        """
        select
            slice_key,
            source_batch_id,
            strftime(first_period_date, '%Y-%m') as month,
            row_count
        from core.fct_sell_out_by_slice
        where not exists (
            select 1 from ledger.documents as live
            where live.system = 'feeds' and live.entity = 'sell_out' and live.is_live
                and live.slice_key = fct_sell_out_by_slice.slice_key
                and live.batch_id = fct_sell_out_by_slice.source_batch_id
        )
        order by slice_key
        """,
        name="holds_live_reports_only",
        severity="critical",
        message="fct_sell_out still holds lines of a report that was superseded.",
        remedy=REBUILD,
        found="slice {slice_key}: {row_count} rows of batch {source_batch_id}",
        column="source_batch_id",
    )


def weeks_hold_what_the_lines_say() -> Expectation:
    """The weekly sums, which every mart reads, are those of the lines, slice by slice."""
    return no_finding(
        """
        with weekly as (
            select
                slice_key,
                sum(line_count) as row_count,
                sum(sold_quantity) as sold_quantity,
                sum(returned_quantity) as returned_quantity,
                sum(net_amount) as net_amount
            from {batch}
            group by slice_key
        ),
        lines as (
            select
                slice_key,
                min(first_period_date) as first_period_date,
                sum(row_count) as row_count,
                sum(sold_quantity) as sold_quantity,
                sum(returned_quantity) as returned_quantity,
                sum(net_amount) as net_amount
            from core.fct_sell_out_by_slice
            group by slice_key
        )
        select
            coalesce(lines.slice_key, weekly.slice_key) as slice_key,
            strftime(lines.first_period_date, '%Y-%m') as month,
            coalesce(weekly.row_count, 0) - coalesce(lines.row_count, 0) as rows_too_many,
            coalesce(weekly.sold_quantity, 0) - coalesce(lines.sold_quantity, 0) as units_too_many
        from lines
        full join weekly on lines.slice_key = weekly.slice_key
        where lines.row_count is distinct from weekly.row_count
            or lines.sold_quantity is distinct from weekly.sold_quantity
            or lines.returned_quantity is distinct from weekly.returned_quantity
            or lines.net_amount is distinct from weekly.net_amount
        order by slice_key
        """,
        name="weeks_hold_what_the_lines_say",
        severity="critical",
        message="fct_sell_out_weekly, which the marts read, does not sum up fct_sell_out.",
        remedy=REBUILD,
        found="slice {slice_key}: {rows_too_many} lines and {units_too_many} units too many",
        column="slice_key",
    )


def _of_lines(terms: Terms) -> tuple[Expectation, ...]:
    return (
        one_row_per(
            "report_number",
            "source_row",
            "source_column",
            severity="critical",
            message="fct_sell_out holds a reported line twice: it counts twice in every figure.",
            remedy=REBUILD,
            month="period_start_date",
        ),
        filled(
            "slice_number",
            "report_number",
            "partner_valid_from_date",
            "product_code",
            "sale_date",
            "sold_quantity_in_unit",
            "source_row",
            severity="critical",
            remedy=REBUILD,
        ),
        one_of("resolution_code", RESOLUTIONS, severity="critical", remedy=REBUILD),
        *(
            refers_to(column, table, column, severity="critical", remedy="`aval run --full-refresh`.")
            for column, table in (
                ("product_code", "core.dim_products"),
                ("channel_code", "core.dim_channels"),
                ("territory_code", "core.dim_territories"),
                ("store_key", "core.dim_stores"),
            )
        ),
        no_row_where(
            "net_quantity is distinct from sold_quantity - returned_quantity",
            name="net_is_sold_less_returned",
            show=(FILE, "source_row", "sold_quantity", "returned_quantity", "net_quantity"),
            severity="critical",
            message="Net sell-out is not sold less returned.",
            remedy=REBUILD,
            column="net_quantity",
        ),
        no_row_where(
            "(resolution_code = 'resolved' and (sold_quantity is null or product_code = 'UNMATCHED')) "
            "or (resolution_code <> 'resolved' and sold_quantity is not null)",
            name="unresolved_lines_have_no_base_units",
            show=(FILE, "source_row", "resolution_code", "product_code", "sold_quantity"),
            severity="critical",
            message="A line that could not be resolved counts base units, or a resolved one does not.",
            remedy=REBUILD,
            column="resolution_code",
        ),
        no_finding(
            """
            with used as (
                select
                    report_number,
                    partner_valid_from_date,
                    min(sale_date) as first_date,
                    max(sale_date) as last_date
                from {batch}
                group by report_number, partner_valid_from_date
            )
            select
                report.partner_code,
                report.source_file,
                used.partner_valid_from_date,
                used.first_date,
                used.last_date,
                strftime(used.first_date, '%Y-%m') as month
            from used
            left join core.dim_sell_out_reports as report
                on used.report_number = report.report_number
            left join core.dim_partners as partner
                on report.partner_code = partner.partner_code
                and used.partner_valid_from_date = partner.valid_from_date
            where partner.partner_code is null
                or used.first_date < partner.valid_from_date
                or used.last_date >= partner.valid_to_date
            """,
            name="terms_are_those_of_the_day",
            severity="critical",
            message="A line points to a version of its partner that did not hold on its date.",
            remedy=REBUILD,
            found="terms of {partner_code} from {partner_valid_from_date} on used from {first_date} to "
            "{last_date} ({source_file})",
            column="partner_valid_from_date",
        ),
        no_finding(
            f"""
            with reported as (
                select
                    report_number,
                    count(*) filter (where resolution_code <> 'resolved') as unresolved,
                    count(*) as row_count
                from {{batch}}
                group by report_number
            )
            select report.partner_code, sum(unresolved) as unresolved, sum(row_count) as row_count
            from reported
            left join core.dim_sell_out_reports as report
                on reported.report_number = report.report_number
            group by report.partner_code
            having sum(unresolved) > {terms.thresholds.max_unmatched_share} * sum(row_count)
            """,
            name="most_lines_are_resolved",
            severity="warning",
            message="Many lines of a partner name no known product or unit, so its sell-out is understated.",
            remedy="Add the partner's product codes to its crosswalk, or the GTINs and units to the ERP.",
            found="partner {partner_code}: {unresolved} of {row_count} lines",
            column="resolution_code",
        ),
    )
