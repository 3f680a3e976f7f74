"""What every reader delivers: the table of a report as text, in DuckDB, with its row numbers.

A reader leaves a relation `raw` in the connection with the columns `_row` (1 = first line of the file or
first row of the sheet), `_malformed` (raw text of a row whose cells do not fit the header, else NULL) and
`c0`, `c1`, … (VARCHAR, one per title). A reader that streams several files of equal titles at once adds
`_file`, the position of a row's file among them, from 0. What belongs here: that promise and the comparison
of titles. What does not: reading a container (`delimited`, `excel`) and the meaning of cells (`normalise`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import duckdb
import pyarrow as pa

from connectors.errors import Place, RejectedFile

UNUSUAL_SPACES: Final = "\u00a0\u202f\u2007\u2009"
"""No-break, narrow no-break, figure and thin space: what exports put between thousands and around cells."""

MOST_COLUMNS: Final = 4096
"""Columns that a report may have: more of them are a wrong delimiter or a stray cell."""


@dataclass(frozen=True)
class RawTable:
    """A report's table as loaded.

    `header_row` is the last row of the header, `above` the text of the rows before it, where one file is
    read. `separator` joins cells into raw text. `has_unusual_blanks` is False where the reader has seen
    that cells hold no blank but the common one. `expected_rows`, one number per file, is set by a reader
    whose `raw` streams from the files without row numbers: rows are then numbered in their order from the
    header on, which holds if and only if there are as many as expected. Where `names_faults` is set, `raw`
    also has `_part` (a row's place within its `_row`), and `_fault`, `_fault_value` and `_fault_reason`:
    what the reader itself finds wrong with a row, which then has `_malformed` set.
    """

    titles: tuple[str, ...]
    header_row: int
    separator: str
    has_unusual_blanks: bool = True
    expected_rows: tuple[int, ...] | None = None
    names_faults: bool = False
    above: tuple[str, ...] = ()


class UnprovenRows(Exception):
    """Files that were read together, or as a stream, turned out to need a reading of their own."""


def fold(title: str) -> str:
    """A title as it is compared: without case, accents, and doubled or unusual blanks."""
    letters = unicodedata.normalize("NFKD", title)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"\s+", " ", plain).strip().casefold()


def collapse(title: str) -> str:
    """A title as it is shown and matched by patterns: one blank between words, none around."""
    return re.sub(r"\s+", " ", title).strip()


def row_text(cells: Iterable[str]) -> str:
    """A row above the header as one text."""
    return collapse(" ".join(cells))


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


def locate(title: str, titles: Sequence[str], file: str, row: int, others: Sequence[str] = ()) -> int:
    """Position of `title`, or of one of the `others` that mean the same, in the file's titles; RejectedFile
    if none of them stands there, or several do.
    """
    wanted = {fold(name) for name in (title, *others)}
    found = [position for position, candidate in enumerate(titles) if fold(candidate) in wanted]
    if not found:
        present = ", ".join(repr(candidate) for candidate in titles if candidate) or "none"
        raise RejectedFile(
            "missing_header",
            f"the column {title!r} is missing; found: {present}",
            "ask the partner for the agreed layout, or correct 'columns' or 'header_row' in the profile; "
            "where other files are right under this title, name the new one under 'other_titles'",
            Place(file=file, row=row, column=title),
        )
    if len(found) > 1:
        raise RejectedFile(
            "duplicate_header",
            f"the column {title!r} stands {len(found)} times: "
            + ", ".join(repr(titles[position]) for position in found),
            "ask the partner to name each column once",
            Place(file=file, row=row, column=title),
        )
    return found[0]


def fill(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Make the temporary table `name` of Arrow rows."""
    connection.register("incoming", rows)
    connection.execute(f"create or replace temp table {name} as from incoming")
    connection.unregister("incoming")


def quoted(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
