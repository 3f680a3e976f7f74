"""Promises on the general ledger: its newest exports stand in the fact whole, and their entries balance."""

from __future__ import annotations

from expectations.core.documents import REBUILD
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
                no_finding(
                    """
                    with ledgered as (
                        select slice_key, rows_landed, amount_total
                        from ledger.slices
                        where system = 'accounting' and is_live
                    ),
                    fact as (
                        select slice_key, count(*) as row_count, sum(debit_amount) as debit_amount
                        from {batch}
                        group by slice_key
                    )
                    select
                        coalesce(ledgered.slice_key, fact.slice_key) as slice_key,
                        coalesce(fact.row_count, 0) - coalesce(ledgered.rows_landed, 0) as rows_too_many,
                        coalesce(fact.debit_amount, 0) - coalesce(ledgered.amount_total, 0) as debit_too_much
                    from ledgered
                    full join fact on ledgered.slice_key = fact.slice_key
                    where coalesce(fact.row_count, 0) <> coalesce(ledgered.rows_landed, 0)
                        or coalesce(fact.debit_amount, 0) <> coalesce(ledgered.amount_total, 0)
                    order by slice_key
                    """,
                    name="holds_what_the_ledger_says",
                    severity="critical",
                    message="The lines of the general ledger are not those of its newest exports.",
                    remedy=REBUILD,
                    found="{slice_key}: {rows_too_many} lines and a debit of {debit_too_much} too many",
                    column="slice_key",
                ),
                no_row_where(
                    "not is_entry_balanced",
                    name="entries_balance",
                    show=("journal_code", "entry_number", "entry_date", "source_file", "source_row"),
                    # A torn export makes the reconciliation unsure, and no figure of the channel wrong.
                    severity="warning",
                    message="Debits and credits of an entry differ: lines are missing or quarantined.",
                    remedy="see the quarantined lines of the export, correct it and export the ledger again",
                    column="balance_amount",
                ),
            ),
        ),
    ]
