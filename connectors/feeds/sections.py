"""Rows that head a section, `Magasin : Lyon` above its products: their text is filled down as a column.

What belongs here: turning such rows into the column `@section` of the rows below them. What does not: reading
files (`delimited`, `excel`), and what the column means, which the profile says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import duckdb

from connectors.feeds.profile import Section
from connectors.feeds.table import RawTable, locate, quoted

SECTION_TITLE: Final = "@section"


def fill_down(
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    section: Section,
    file: str,
    others: Sequence[str] = (),
) -> RawTable:
    """Offer `raw`, which bears row numbers, with the column `@section`; its headings become blank rows.

    A heading rarely has as many cells as the header: that is no fault of it. Blank rows belong to no section.
    """
    position = locate(section.header, table.titles, file, table.header_row, others)
    width = len(table.titles)
    group = re.compile(section.pattern).groupindex["section"]
    cells = [f"c{i}" for i in range(width)]
    named = f"nullif(trim(regexp_extract(c{position}, {quoted(section.pattern)}, {group})), '')"
    emptied = ", ".join(f"case when heading is null then {cell} end as {cell}" for cell in cells)
    is_blank = f"trim(concat({', '.join(cells)}, _malformed)) = ''"
    connection.execute(
        "create or replace temp table sectioned as "
        f"select * exclude ({', '.join(cells)}, _malformed, heading), {emptied}, "
        "case when heading is null then _malformed end as _malformed, "
        f"case when heading is null and not ({is_blank}) then last_value(heading ignore nulls) "
        f"over (order by _row rows between unbounded preceding and current row) end as c{width} "
        f"from (select *, case when regexp_matches(c{position}, {quoted(section.pattern)}) then {named} end "
        "as heading from raw)"
    )
    connection.execute("create or replace temp view raw as from sectioned")
    return replace(table, titles=(*table.titles, SECTION_TITLE))
