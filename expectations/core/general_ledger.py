"""Promises on the general ledger: its newest exports stand in the fact whole, and their entries balance."""

from __future__ import annotations

from expectations.core.documents import REBUILD
from expectations.core.ledgered import holds_what_the_ledger_says
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, one_row_per


def suites() -> list[Suite]:
    return [
        Suite(
            "core.fct_gl_entries",
            (
                one_row_per(
                    "gl_line_id",
                    severity="critical",
                    message="fct_gl_entries holds a line of the ledger twice.",
                    remedy=REBUILD,
                ),
                filled(
                    "gl_line_id",
                    "entry_date",
                    "account_code",
                    "balance_amount",
                    severity="critical",
                    remedy=REBUILD,
                ),
                holds_what_the_ledger_says(
                    "accounting",
                    "gl_entries",
                    {"amount_total": "sum(debit_amount)"},
                    message="The lines of the general ledger are not those of its newest exports.",
                ),
                no_row_where(
                    "not is_entry_balanced",
                    name="entries_balance",
                    show=("journal_code", "entry_number", "entry_date", "source_file", "source_row"),
                    # A torn export makes the reconciliation unsure, and no figure of the channel wrong.
                    severity="warning",
                    message="Debits and credits of an entry differ: lines are missing or quarantined.",
                    remedy="See the quarantined lines of the export, correct it and export the ledger again.",
                    column="balance_amount",
                ),
                no_finding(
                    """
                    with entries as (
                        select journal_code, entry_number, entry_date, list(distinct source_file) as files
                        from {batch}
                        where not is_opening
                        group by journal_code, entry_number, entry_date
                        having count(distinct slice_key) > 1
                    )
                    select
                        journal_code,
                        min(entry_date) as first_date,
                        list_aggregate(list_sort(list_distinct(flatten(list(files)))), 'string_agg', ', ')
                            as source_files,
                        case when count(*) = 1 then '1 entry' else count(*) || ' entries' end as counted
                    from entries
                    group by journal_code
                    order by journal_code
                    """,
                    name="entries_stand_in_one_export",
                    severity="warning",
                    message="Two exports of the general ledger hold the same entries, which count twice.",
                    remedy="Write the export that reaches into another fiscal year again, under its name and "
                    "without that year; look at accounting.fiscal_year_start_month.",
                    found="journal {journal_code} of {first_date}: {source_files}, {counted}",
                    column="slice_key",
                ),
            ),
        ),
    ]
