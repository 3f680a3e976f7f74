"""Where things stand in the source rows, in SQL: a cell's text, a row's number, what holds for a file.

What belongs here: places. What does not: what a text means.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from connectors.feeds.normalise.layout import Layout
from connectors.feeds.table import UNUSUAL_SPACES, quoted

BLANKS: Final = f" \t\r\n{UNUSUAL_SPACES}\ufeff"


def text_sql(layout: Layout, position: int) -> str:
    """SQL: the cell without blanks around it, NULL if nothing is left."""
    cell, blanks = f"c{position}", quoted(BLANKS)
    # Trimming copies every cell; a look at both ends copies only those that need it. No text sorts before '!'
    # but one that begins with a blank, and the unusual blanks sort behind all of ASCII.
    edges = f"{cell} < '!' or ends_with({cell}, ' ')"
    if layout.table.has_unusual_blanks:
        edges += f" or {cell} > '~' or regexp_matches({cell}, {quoted(f'[{BLANKS}]$')})"
    return f"nullif(case when {edges} then trim({cell}, {blanks}) else {cell} end, '')"


def known_text_sql(layout: Layout, name: str) -> str:
    """SQL: the text of a canonical column, NULL where the file has none."""
    return text_sql(layout, layout.positions[name]) if name in layout.positions else "cast(null as varchar)"


def by_file(values: Sequence[str]) -> str:
    """SQL: the value of the row's file, of one per file."""
    return values[0] if len(set(values)) == 1 else f"([{', '.join(values)}])[_file + 1]"


def first_row_sql(layout: Layout) -> str:
    """SQL: what turns a position in a stream, from 0, into the number of the row in its file."""
    before = accumulate(layout.table.expected_rows or (), initial=0)
    return f"({by_file([str(layout.table.header_row + 1 - rows) for rows in before][:-1])})"
