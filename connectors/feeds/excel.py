"""Reader of Excel workbooks, .xlsx and .xls: one sheet, titles of one to three rows, cells as text.

Real dates and numbers become the text that the profile announces (its date format, its decimal mark), so
that they and text cells take the same way afterwards. A sheet is bounded by Excel itself (1,048,576 rows);
calamine gives cells as Python values, hence the comprehensions over cells here and nowhere else. What
belongs here: sheet to cells. What cells mean is `connectors.feeds.normalise`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    WorksheetNotFound,
    ZipError,
)

from connectors.errors import Place, RejectedFile
from connectors.feeds.profile import Excel, Profile
from connectors.feeds.table import RawTable, collapse, fill, fold

_LARGEST_INFLATED: Final = 4 << 30


def load(
    connection: duckdb.DuckDBPyConnection, path: Path, profile: Profile, container: Excel, file: str
) -> RawTable:
    """Load a sheet as `raw`; RejectedFile if it cannot be read as the profile says."""
    _refuse_bomb(path, file)
    sheet = _sheet(path, container, file)
    rows = sheet.to_python(skip_empty_area=False)
    first = container.header_row - 1
    body = first + container.header_rows
    if len(rows) < body:
        raise RejectedFile(
            "missing_header",
            f"the sheet {sheet.name!r} has {len(rows)} rows, none at the header row {container.header_row}",
            "correct 'header_row' in the profile, or ask the partner for the agreed layout",
            Place(file=file, row=container.header_row),
        )
    titles = join_titles(rows[first:body], merged_ranges(sheet, first, body))
    columns = list(zip(*rows[body:], strict=True)) or [()] * len(titles)
    formats = _date_formats(profile)
    arrays = [
        _text_column(column, profile.decimal_mark, formats.get(fold(title), profile.date_format))
        for column, title in zip(columns, titles, strict=True)
    ]
    sheet_rows = pa.table(
        {
            "_row": pa.array(range(body + 1, len(rows) + 1), pa.int64()),
            "_malformed": pa.nulls(len(rows) - body, pa.string()),
            **{f"c{i}": array for i, array in enumerate(arrays)},
        }
    )
    fill(connection, "cells", sheet_rows)
    connection.execute("create or replace temp view raw as from cells")
    return RawTable(titles, body, " | ")


def _refuse_bomb(path: Path, file: str) -> None:
    """An .xlsx is a zip: refuse one that claims to inflate beyond any real sheet."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > _LARGEST_INFLATED:
            raise RejectedFile(
                "oversized_workbook",
                "the workbook inflates to more than 4 GiB",
                "ask the partner for a smaller file or for delimited text",
                Place(file=file),
            )


def open_sheets(path: Path, file: str) -> list[tuple[str, CalamineSheet]]:
    """All sheets of a workbook with their names; RejectedFile if it cannot be read."""
    _refuse_bomb(path, file)
    with _refusals(file):
        workbook = CalamineWorkbook.from_path(str(path))
        return [(name, workbook.get_sheet_by_name(name)) for name in workbook.sheet_names]


def _sheet(path: Path, container: Excel, file: str) -> CalamineSheet:
    with _refusals(file):
        workbook = CalamineWorkbook.from_path(str(path))
        names = workbook.sheet_names
        if container.sheet is None:
            return workbook.get_sheet_by_index(0)
        wanted = [name for name in names if fold(name) == fold(container.sheet)]
        if len(wanted) == 1:
            return workbook.get_sheet_by_name(wanted[0])
    raise RejectedFile(
        "missing_sheet",
        f"the sheet {container.sheet!r} is missing; found: {', '.join(repr(name) for name in names)}",
        "correct 'sheet' in the profile, or ask the partner for the agreed layout",
        Place(file=file),
    )


@contextmanager
def _refusals(file: str) -> Iterator[None]:
    """Calamine's errors in words."""
    try:
        yield
    except PasswordError as error:
        raise RejectedFile(
            "protected_workbook",
            "the workbook is protected by a password",
            "ask the partner to send it unprotected",
            Place(file=file),
        ) from error
    except (CalamineError, ZipError, WorksheetNotFound) as error:
        raise RejectedFile(
            "unreadable_workbook",
            f"the file cannot be read as an Excel workbook ({error})",
            "ask the partner to send it again as .xlsx, or correct 'kind' in the profile",
            Place(file=file),
        ) from error


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


def join_titles(
    header: Sequence[Sequence[Any]], merged: list[tuple[int, int, int]] | None
) -> tuple[str, ...]:
    """Titles of the columns: the header rows joined by ' / ', blanks left out.

    The cells of a merged range all bear its title. Where a header of several rows has no merged range, the
    upper rows are filled to the right, as a person reads them.
    """
    names = [[collapse(_label(cell)) for cell in row] for row in header]
    if merged is not None:
        for number, left, right in merged:
            for column in range(left + 1, min(right + 1, len(names[number]))):
                names[number][column] = names[number][left]
    else:
        for row in names[:-1]:
            for column in range(1, len(row)):
                row[column] = row[column] or row[column - 1]
    return tuple(" / ".join(name for name in column if name) for column in zip(*names, strict=True))


def _label(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _date_formats(profile: Profile) -> dict[str, str]:
    """Date format by title, for the columns that hold dates."""
    formats = {}
    if profile.period.header and profile.period.date_format:
        formats[fold(profile.period.header)] = profile.period.date_format
    if profile.columns.sale_date:
        formats[fold(profile.columns.sale_date)] = profile.date_format
    return formats


def _text_column(cells: Sequence[Any], decimal_mark: str, date_format: str) -> pa.Array:
    def number(cell: float) -> str:
        if cell.is_integer() and abs(cell) < 1e18:
            return str(int(cell))
        # Excel itself keeps 15 digits; more of them only show how a float is stored.
        return format(Decimal(f"{cell:.15g}"), "f").replace(".", decimal_mark)

    def moment(cell: datetime) -> str:
        return cell.strftime(date_format)

    render: dict[type, Callable[[Any], str]] = {
        str: str,
        float: number,
        int: str,
        bool: lambda cell: "TRUE" if cell else "FALSE",
        datetime: moment,
        date: lambda cell: cell.strftime(date_format),
        time: time.isoformat,
        timedelta: str,
    }
    return pa.array([render[type(cell)](cell) for cell in cells], pa.string())
