"""Reader of workbooks, .xlsx, .xls, .xlsb and .ods: sheets, titles of one to three rows, cells as text.

Real dates and numbers become the text that the profile announces (its date format, its decimal mark), so
that they and text cells take the same way afterwards. A sheet is bounded by Excel itself (1,048,576 rows);
calamine gives cells as Python values, hence the comprehensions over cells here and nowhere else. Of several
sheets, all with the same titles, the later ones' rows are numbered from `SHEET_STEP` on, and the name stands
in the column `@sheet`. What belongs here: sheets to cells. What does not: opening a workbook safely
(`workbooks`), and what cells mean (`normalise`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute
from python_calamine import CalamineSheet

from connectors.errors import Place, RejectedFile
from connectors.feeds.profile import EPOCHS, Excel, Profile
from connectors.feeds.table import MOST_COLUMNS, RawTable, collapse, fill, fold, join_titles, row_text
from connectors.feeds.workbooks import Opened, open_workbook

SHEET_STEP: Final = 10_000_000
"""Row 5 of the second sheet that is read has the number 20,000,005; those of the first keep theirs."""

SHEET_TITLE: Final = "@sheet"


def load(
    connection: duckdb.DuckDBPyConnection, path: Path, profile: Profile, container: Excel, file: str
) -> RawTable:
    """Load sheets as `raw`; RejectedFile if they cannot be read as the profile says."""
    opened = open_workbook(path, file)
    titles: tuple[str, ...] = ()
    blocks: list[pa.Table] = []
    above: list[str] = []
    body = container.header_row - 1 + container.header_rows
    chosen = _chosen(opened, container, file)
    for number, name in enumerate(chosen, start=1):
        rows = opened.sheet(name, file).to_python(skip_empty_area=False)
        found, block = _block(rows, opened, name, profile, container, file)
        if blocks and [fold(title) for title in found] != [fold(title) for title in titles]:
            raise RejectedFile(
                "unequal_sheets",
                f"the sheet {name!r} has other titles than the sheets before it: {', '.join(found)}",
                "ask the partner for sheets of one layout, or name those that have it under 'sheets'",
                Place(file=file, row=container.header_row),
            )
        titles = titles or found
        above += _above(rows[: container.header_row - 1], profile)
        offset = number * SHEET_STEP if number > 1 else 0
        shifted = pa.compute.add(block.column("_row"), offset)
        blocks.append(block.set_column(0, "_row", shifted))
    if container.sheet is None and container.sheets is None:
        _refuse_further_sheets(opened, chosen[0], titles, container, file)
    if container.sheets is not None:
        titles = (*titles, SHEET_TITLE)
    fill(connection, "cells", pa.concat_tables(blocks))
    connection.execute("create or replace temp view raw as from cells")
    return RawTable(titles, body, " | ", above=tuple(above))


def _block(
    rows: list[list[Any]], opened: Opened, name: str, profile: Profile, container: Excel, file: str
) -> tuple[tuple[str, ...], pa.Table]:
    """Titles and cells of one sheet."""
    first = container.header_row - 1
    body = first + container.header_rows
    if len(rows) < body:
        raise RejectedFile(
            "missing_header",
            f"the sheet {name!r} has {len(rows)} rows, none at the header row {container.header_row}",
            "correct 'header_row' in the profile, or ask the partner for the agreed layout",
            Place(file=file, row=container.header_row),
        )
    if rows and len(rows[0]) > MOST_COLUMNS:
        raise RejectedFile(
            "too_many_columns",
            f"the sheet {name!r} has {len(rows[0]):,} columns; at most {MOST_COLUMNS:,} are read",
            "ask the partner for a sheet without columns far to the right",
            Place(file=file, row=container.header_row),
        )
    opened.pad(name, rows)
    for (row, column), text in opened.errors.get(name, {}).items():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = text
    titles = join_titles(rows[first:body], merged_ranges(opened.sheet(name, file), first, body))
    columns = list(zip(*rows[body:], strict=True)) or [()] * len(titles)
    formats = _date_formats(profile)
    arrays = [
        _text_column(column, profile.decimal_mark, formats.get(fold(title), profile.date_format))
        for column, title in zip(columns, titles, strict=True)
    ]
    if container.sheets is not None:
        # A blank row stays blank: it belongs to no sheet.
        named = [name if any(str(cell).strip() for cell in row) else None for row in rows[body:]]
        arrays.append(pa.array(named, pa.string()))
    return titles, pa.table(
        {
            "_row": pa.array(range(body + 1, len(rows) + 1), pa.int64()),
            "_malformed": pa.nulls(len(rows) - body, pa.string()),
            **{f"c{i}": array for i, array in enumerate(arrays)},
        }
    )


def _above(rows: Sequence[Sequence[Any]], profile: Profile) -> list[str]:
    """The text of the rows above the header; days as the profile announces those of its period."""
    date_format = profile.period.date_format or "%Y-%m-%d"
    return [row_text(_text_column(row, profile.decimal_mark, date_format).to_pylist()) for row in rows]


def _chosen(opened: Opened, container: Excel, file: str) -> list[str]:
    """The sheets that the profile names, in the workbook's order; otherwise the first that is not hidden."""
    names = opened.names
    if container.sheets is not None:
        wanted = [name for name in names if re.search(container.sheets, collapse(name), re.IGNORECASE)]
        asked = f"that matches {container.sheets!r}"
    elif container.sheet is not None:
        wanted = [name for name in names if fold(name) == fold(container.sheet)][:1]
        asked = repr(container.sheet)
    else:
        wanted, asked = (opened.visible or opened.names)[:1], "at all"
    if wanted:
        return wanted
    raise RejectedFile(
        "missing_sheet",
        f"there is no sheet {asked}; found: {', '.join(repr(name) for name in names)}",
        "correct 'sheet' or 'sheets' in the profile, or ask the partner for the agreed layout",
        Place(file=file),
    )


def _refuse_further_sheets(
    opened: Opened, read: str, titles: tuple[str, ...], container: Excel, file: str
) -> None:
    """Programs go on in a second sheet where one is full, and nobody has said that it does not count."""
    first = container.header_row - 1
    body = first + container.header_rows
    for name in opened.visible:
        sheet = opened.sheet(name, file)
        if name == read or sheet.end is None or sheet.end[0] < body:
            continue
        header = sheet.to_python(skip_empty_area=False, nrows=body)[first:]
        found = join_titles(header, merged_ranges(sheet, first, body))
        if [fold(title) for title in found if title] == [fold(title) for title in titles if title]:
            raise RejectedFile(
                "unclear_sheets",
                f"the sheets {read!r} and {name!r} have the same titles, and the profile does not say which "
                "of them count",
                "name the one under 'sheet' or, with a pattern, all that count under 'sheets' in the profile",
                Place(file=file, row=container.header_row),
            )


def merged_ranges(sheet: CalamineSheet, first: int, body: int) -> list[tuple[int, int, int]] | None:
    """Merged ranges within the header rows as (row of the header, first column, last column); None if there
    are none.
    """
    ranges = [
        (top - first, left, right)
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or []
        if first <= top < body and right > left
    ]
    return ranges or None


def _date_formats(profile: Profile) -> dict[str, str]:
    """Date format by title, for the columns that hold dates."""
    formats = {}
    if profile.period.header and profile.period.date_format:
        formats[profile.period.header] = profile.period.date_format
    if profile.columns.sale_date:
        formats[profile.columns.sale_date] = profile.date_format
    return {
        fold(name): date_format
        for title, date_format in formats.items()
        for name in (title, *profile.others(title))
    }


def _text_column(cells: Sequence[Any], decimal_mark: str, date_format: str) -> pa.Array:
    def number(cell: float) -> str:
        if cell.is_integer() and abs(cell) < 1e18:
            return str(int(cell))
        # Excel itself keeps 15 digits; more of them only show how a float is stored.
        return format(Decimal(f"{cell:.15g}"), "f").replace(".", decimal_mark)

    def day(cell: date) -> str:
        if date_format in EPOCHS:
            return str((cell - EPOCHS[date_format]).days)
        return cell.strftime(date_format)

    def moment(cell: datetime) -> str:
        return day(cell.date()) if date_format in EPOCHS else cell.strftime(date_format)

    render: dict[type, Callable[[Any], str]] = {
        str: str,
        float: number,
        int: str,
        bool: lambda cell: "TRUE" if cell else "FALSE",
        datetime: moment,
        date: day,
        time: time.isoformat,
        timedelta: str,
    }
    return pa.array([render[type(cell)](cell) for cell in cells], pa.string())
