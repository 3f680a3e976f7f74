"""The promise that a table holds what the intake ledger says has landed, slice by slice.

What belongs here: that comparison, for whatever the ledger counts. What does not: which tables make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.core.documents import REBUILD
from expectations.vocabulary import no_finding

WORDS: Final = {"row_count": "rows", "quantity_total": "units", "amount_total": "in amount"}
"""What the ledger counts of a slice, as people call it."""


def holds_what_the_ledger_says(
    system: str,
    entity: str,
    totals: Mapping[str, str],
    *,
    message: str,
    rows: str = "count(*)",
    table: str = "{batch}",
) -> Expectation:
    """Each live slice has the rows and the totals that were landed, and no other slice has any. `totals` maps
    the ledger's totals to sums over `table`, `rows` counts its rows.
    """
    of_fact = ", ".join(f"{expression} as {total}" for total, expression in totals.items())
    counted = {"row_count": "rows_landed", **{total: total for total in totals}}
    differences = " or ".join(
        f"coalesce(fact.{ours}, 0) <> coalesce(ledgered.{theirs}, 0)" for ours, theirs in counted.items()
    )
    too_many = ", ".join(
        f"coalesce(fact.{ours}, 0) - coalesce(ledgered.{theirs}, 0) as {ours}_too_much"
        for ours, theirs in counted.items()
    )
    *first, last = (f"{{{ours}_too_much}} {WORDS[ours]}" for ours in counted)
    return no_finding(
        f"""
        with ledgered as (
            select slice_key, period_start_date, {", ".join(counted.values())}
            from ledger.slices
            where system = '{system}' and entity = '{entity}' and is_live
        ),
        fact as (
            select slice_key, {rows} as row_count, {of_fact}
            from {table}
            group by slice_key
        )
        select
            coalesce(ledgered.slice_key, fact.slice_key) as slice_key,
            strftime(ledgered.period_start_date, '%Y-%m') as month,
            {too_many}
        from ledgered
        full join fact on ledgered.slice_key = fact.slice_key
        where {differences}
        order by slice_key
        """,
        name="holds_what_the_ledger_says",
        severity="critical",
        message=message,
        remedy=REBUILD,
        found=f"slice {{slice_key}}: {', '.join(first)} and {last} too many",
        column="slice_key",
    )
