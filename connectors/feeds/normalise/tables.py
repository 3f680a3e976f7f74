"""A second table below the first: its rows would be read as rows of the first, stock as sales.

What belongs here: finding the titles of another table among the faulty rows. What does not: rejecting the
file (`connectors.feeds.intake`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import duckdb

from connectors.feeds.normalise.layout import METRICS, PRODUCT, Layout
from connectors.feeds.sniff import words
from connectors.feeds.synonyms import COLUMNS
from connectors.feeds.table import fold

_MEANINGS: Final = {
    phrase: {name for name, phrases in COLUMNS.items() if phrase in phrases}
    for phrases in COLUMNS.values()
    for phrase in phrases
}


def second_tables(connection: duckdb.DuckDBPyConnection, layout: Layout) -> Mapping[int, tuple[int, str]]:
    """By file the first row that bears the titles of another table, and these, where good rows stand above
    and below it.

    Such a row has words where the first table has figures, and no figure; at least one of the words is
    another title than the one above it. A header that is repeated on each page is none.
    """
    metrics = {layout.title(name): name for name in METRICS if name in layout.positions}
    metrics |= {column.title: column.metric for column in layout.wide}
    products = {layout.title(name): name for name in PRODUCT if name in layout.positions}
    values = [f"n_{name}" for name in METRICS if name in layout.positions]
    values += [f"w_{column.position}" for column in layout.wide]
    codes = [f"t_{name}" for name in products.values() if name != "gtin"]
    found: dict[int, tuple[int, str]] = {}
    # A report has few rows without any figure whose words differ from one another.
    for file, titles, cells, code, row in connection.execute(
        f"""
        with named as (
            select _file, source_row,
                list(column_name order by column_name) filter (reason_code = 'unparseable_number') as titles,
                list(value order by column_name) filter (reason_code = 'unparseable_number') as cells,
                max(value) filter (reason_code = 'invalid_gtin') as gtin_text
            from faults
            where reason_code in ('unparseable_number', 'invalid_gtin')
            group by _file, source_row
        )
        select named._file, titles, cells, coalesce({", ".join([*codes, "gtin_text"])}) as code,
            min(source_row) as first_row
        from named
        inner join judged on judged._file = named._file and judged._row = named.source_row
        where titles is not null and {" and ".join(f"{value} is null" for value in values)}
        group by all
        order by first_row
        """
    ).fetchall():
        if file not in found and _begins_another(layout, metrics, products, titles, cells, code):
            # Titles above all rows are those of the first table once more, in another language.
            good = connection.execute(
                "select bool_or(_row < ?) and bool_or(_row > ?) from judged "
                "where _file = ? and not is_skipped and not is_faulty",
                [row, row, file],
            ).fetchone()
            if good and good[0]:
                found[file] = (row, ", ".join(map(repr, cells)))
    return found


def _begins_another(
    layout: Layout,
    metrics: Mapping[str, str],
    products: Mapping[str, str],
    titles: Sequence[str],
    cells: Sequence[str],
    code: str | None,
) -> bool:
    """Whether a row of words is the header of another table: `cells` stand below `titles`, `code` where a
    product should.

    Where words stand below all figures it is enough to know what each means. Where some are blank, or a word
    is not known, the product's place must hold a title too.
    """
    pairs = list(zip(titles, cells, strict=True))
    means = [_MEANINGS.get(words(cell), set()) for cell in cells]
    is_own = [_is_title(layout, cell, title) for title, cell in pairs]
    is_known = [bool(names) or own for names, own in zip(means, is_own, strict=True)]
    is_other = [
        metrics[title] not in names and not own
        for title, names, own in zip(titles, means, is_own, strict=True)
    ]
    if not any(is_other):
        return False
    if code is not None and any(_is_title(layout, code, title) for title in products):
        return True
    is_named = code is not None and bool(_MEANINGS.get(words(code), set()) & set(PRODUCT))
    return all(is_known) and (is_named or set(titles) == metrics.keys())


def _is_title(layout: Layout, cell: str, title: str) -> bool:
    """Whether a cell repeats a title, or one of the rows that it is joined of."""
    names = (title, *layout.profile.others(title), *title.split(" / "))
    return fold(cell) in {fold(name) for name in names}
