"""Promises on the partners' landed reports: what the ledger says is what the files hold.

The table of each suite has one row per live report: counts and sums of its lines.
"""

from __future__ import annotations

from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.hub import REPORTS, Hub
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, no_row_where, refers_to

AGAIN: Final = (
    "The landed file was damaged after it was landed: restore it from the backup; or remove it, see that the "
    "partner's file lies in the inbox (`aval archive restore` has it) and run: it is read again."
)


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    present = hub.tables()
    return [
        Suite(f"landing.{entity}_in_scope", tuple(_of_reports(entity, terms)))
        for entity in REPORTS
        if f"landing.{entity}_in_scope" in present
    ]


def _of_reports(entity: str, terms: Terms) -> list[Expectation]:
    report = REPORTS[entity]
    missing = ", ".join(f"missing_{column}" for column in report.required)
    return [
        no_finding(
            f"""
            select slice_key, replace(counted, 'missing_', '') as column_name, missing
            from (unpivot (select slice_key, {missing} from {{batch}}) on {missing}
                into name counted value missing)
            where missing > 0
            """,
            name="required_columns_are_filled",
            severity="critical",
            message="A landed line lacks a value that every accepted line has.",
            remedy=AGAIN,
            found="{slice_key}: {column_name} is missing in {missing} lines",
        ),
        no_finding(
            f"""
            select
                ledgered.slice_key,
                ledgered.batch_id,
                ledgered.rows_landed as rows_in_ledger,
                coalesce(landed.row_count, 0) as rows_in_file,
                ledgered.quantity_total as units_in_ledger,
                coalesce(landed.quantity, 0) as units_in_file
            from ledger.slices_in_scope as ledgered
            left join landing.{entity}_in_scope as landed
                on ledgered.slice_key = landed.slice_key and ledgered.batch_id = landed.batch_id
            where ledgered.entity = '{entity}'
                and (
                    ledgered.rows_landed <> coalesce(landed.row_count, 0)
                    or ledgered.quantity_total <> coalesce(landed.quantity, 0)
                    or ledgered.amount_total <> coalesce(landed.amount, 0)
                )
            order by ledgered.slice_key
            """,
            name="files_hold_what_the_ledger_says",
            severity="critical",
            message="A landed report holds other lines than the ledger entered.",
            remedy=AGAIN,
            found="{slice_key}: {rows_in_file} rows and {units_in_file} units in the file, {rows_in_ledger} "
            "and {units_in_ledger} in the ledger, of {batch_id}.parquet",
            column="slice_key",
        ),
        no_row_where(
            "outside_period > 0",
            name="lines_lie_in_their_period",
            show=("slice_key", "outside_period"),
            severity="critical",
            message="Lines are dated outside the period that their report covers; a correction of that "
            "period would not replace them.",
            remedy="Remove the landed file, see that the partner's file lies in the inbox, and run: it is "
            "read again; if it comes back, report the fault.",
            column=report.date,
        ),
        no_row_where(
            "is_doubled",
            name="no_report_says_every_line_twice",
            show=("slice_key", "row_count", "quantity"),
            severity="warning",
            message="Each line of a report stands in it twice: it was pasted or exported twice, and all its "
            "units count double.",
            remedy="Ask the partner, and have it send the report again; it takes the place of this one. If "
            "all of it was so, nothing is to be done.",
            column="slice_key",
        ),
        refers_to(
            "partner_code",
            "landing.newest_partners",
            "partner_code",
            severity="critical",
            message="A feed is entered for a partner that the ERP does not know, so its sell-out has no "
            "sell-in.",
            remedy="Correct `partner` in the feed's profile, or create the partner in the ERP.",
        ),
    ]
