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

from connectors.feeds.excel import SHEET_STEP
from connectors.feeds.normalise.layout import METRICS, PRODUCT, STORE
from connectors.feeds.profile import Excel, Profile, Section
from connectors.feeds.table import RawTable, collapse, fold, locate, quoted

SECTION_TITLE: Final = "@section"


def fill_down(
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    profile: Profile,
    section: Section,
    file: str,
) -> RawTable:
    """Offer `raw`, which bears row numbers, with the column `@section`; its headings become blank rows.

    A heading rarely has as many cells as the header: that is no fault of it. Blank rows belong to no section.
    One that names a product or a store in another column, and has a figure, is a row of data as well: pivot
    tables leave labels blank that repeat the one above. A section ends with its sheet.
    """
    others = profile.others(section.header)
    position = locate(section.header, table.titles, file, table.header_row, others)
    is_data = _is_data(table, profile, position)
    width = len(table.titles)
    group = re.compile(section.pattern).groupindex["section"]
    cells = [f"c{i}" for i in range(width)]
    named = f"nullif(trim(regexp_extract(c{position}, {quoted(section.pattern)}, {group})), '')"
    emptied = ", ".join(f"case when heading is null or is_data then {cell} end as {cell}" for cell in cells)
    by_sheet = f"partition by _row // {SHEET_STEP} " if isinstance(profile.container, Excel) else ""
    is_blank = f"trim(concat({', '.join(cells)}, _malformed)) = ''"
    connection.execute(
        "create or replace temp table sectioned as "
        f"select * exclude ({', '.join(cells)}, _malformed, heading, is_data), {emptied}, "
        "case when heading is null or is_data then _malformed end as _malformed, "
        f"case when (heading is null or is_data) and not ({is_blank}) then last_value(heading ignore nulls) "
        f"over ({by_sheet}order by _row rows between unbounded preceding and current row) end as c{width} "
        f"from (select *, case when regexp_matches(c{position}, {quoted(section.pattern)}) then {named} end "
        f"as heading, {is_data} as is_data from raw)"
    )
    connection.execute("create or replace temp view raw as from sectioned")
    return replace(table, titles=(*table.titles, SECTION_TITLE))


def _is_data(table: RawTable, profile: Profile, heading: int) -> str:
    """SQL: whether a product or store is named in another column than that of headings, beside a figure."""
    named = profile.columns.named()

    def places(names: Sequence[str]) -> list[int]:
        titles = [
            title for name in names if name in named for title in (named[name], *profile.others(named[name]))
        ]
        wanted = {fold(title) for title in titles}
        return [
            place for place, title in enumerate(table.titles) if fold(title) in wanted and place != heading
        ]

    def is_filled(columns: Sequence[int]) -> str:
        return " or ".join(f"trim(coalesce(c{place}, '')) <> ''" for place in columns) or "false"

    wide = [
        place
        for place, title in enumerate(table.titles)
        if any(re.search(entry.pattern, collapse(title), re.IGNORECASE) for entry in profile.wide)
    ]
    return f"(({is_filled(places((*PRODUCT, *STORE)))}) and ({is_filled([*places(METRICS), *wide])}))"
