"""A second table below the first: its rows would be read as rows of the first, stock as sales.

What belongs here: finding the titles of another table among the faulty rows. What does not: rejecting the
file (`connectors.feeds.intake`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import duckdb

from connectors.feeds.normalise.layout import METRICS, Layout
from connectors.feeds.sniff import words
from connectors.feeds.synonyms import COLUMNS
from connectors.feeds.table import fold

_MEANINGS: Final = {
    phrase: {name for name, phrases in COLUMNS.items() if phrase in phrases}
    for phrases in COLUMNS.values()
    for phrase in phrases
}


def second_tables(connection: duckdb.DuckDBPyConnection, layout: Layout) -> Mapping[int, tuple[int, str]]:
    """By file the first row that bears the titles of another table, and these, where good rows follow it.

    Titles of another table stand in the places of all figures, and at least one of them means another figure
    than the title above it. A header that is repeated on each page is none.
    """
    columns = {layout.title(name): name for name in METRICS if name in layout.positions}
    found: dict[int, tuple[int, str]] = {}
    # Titles hold no digits, and a report has few rows of such words that differ from one another.
    for file, titles, cells, row in connection.execute(
        """
        with named as (
            select _file, source_row, list(column_name order by column_name) as titles,
                list(value order by column_name) as cells
            from faults
            where reason_code = 'unparseable_number' and not regexp_matches(coalesce(value, '0'), '[0-9]')
            group by _file, source_row
        )
        select _file, titles, cells, min(source_row) as first_row from named group by all order by first_row
        """
    ).fetchall():
        if file in found or set(titles) != columns.keys():
            continue
        means = [_MEANINGS.get(words(cell), set()) for cell in cells]
        is_own = [fold(cell) == fold(title) for cell, title in zip(cells, titles, strict=True)]
        is_other = [
            bool(names) and columns[title] not in names and not own
            for names, title, own in zip(means, titles, is_own, strict=True)
        ]
        if all(names or own for names, own in zip(means, is_own, strict=True)) and any(is_other):
            good = connection.execute(
                "select count(*) from judged "
                "where _file = ? and _row > ? and not is_skipped and not is_faulty",
                [file, row],
            ).fetchone()
            if good and good[0]:
                found[file] = (row, ", ".join(map(repr, cells)))
    return found
