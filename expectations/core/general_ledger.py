"""Promises on the general ledger: its newest exports stand in the fact whole, and their entries balance."""

from __future__ import annotations

from expectations.core.documents import REBUILD
from expectations.core.ledgered import holds_what_the_ledger_says
from expectations.vocabulary import Suite, filled, no_row_where, one_row_per


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
            ),
        ),
    ]
