"""Reader of delimited text: any encoding Python knows, any delimiter, in bounded memory.

Two ways lead to the same table. The straight way streams one or many files of a feed through DuckDB's own
parallel CSV reader; it holds when a look at the bytes and the number of parsed records prove that each line
is one well-formed record, so that the position of a record is its line. Every other file (blank lines, line
breaks inside quotes, mixed line ends, rows that do not fit the header) goes the careful way: lines are
numbered first, joined to records where a quoted cell runs over line ends, and split in SQL. No row is lost
on either way, and none is handled in Python. A delimiter of several characters is read as one: the file is
copied with a control character in its place, and cells that hold one within quotes get it back.

What belongs here: lines to cells. What does not: bytes to lines (`lines`), what cells mean (`normalise`).
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import duckdb

from connectors.errors import Place, RejectedFile
from connectors.feeds.lines import NO_NULL, Text, as_utf8, decode, inspect, mark_lines, number_lines
from connectors.feeds.profile import Delimited
from connectors.feeds.table import MOST_COLUMNS, RawTable, join_titles, quoted, row_text

_MARKED: Final = "lines.txt"
_CHUNK: Final = 1 << 22
_LONGEST_HEADER: Final = 1 << 20
_LONGEST_RECORD_LINES: Final = 200
# What stands for a delimiter of several characters.
_UNIT_MARK: Final = "\x1f"


def look(path: Path, container: Delimited, decoded: Path, file: str) -> Text:
    """Look through a text file once; RejectedFile if it cannot be read as the profile says.

    What is not UTF-8 is copied into the file `decoded`, what has a long delimiter beside it.
    """
    source, delimiter = as_utf8(path, container.encoding, decoded, file), container.delimiter
    if len(delimiter) > 1:
        marked = decoded.with_suffix(".marked")
        _shorten_delimiter(source, marked, delimiter, file)
        source, delimiter = marked, _UNIT_MARK
        decoded.unlink(missing_ok=True)
    seen = inspect(source, file)
    titles, above = _read_header(source, container, delimiter, file)
    if delimiter != container.delimiter:
        titles = tuple(title.replace(delimiter, container.delimiter) for title in titles)
    rows = seen.lines - container.body
    is_plain = seen.is_plain and rows >= 0
    return Text(source, file, titles, rows, is_plain, seen.has_unusual_blanks, delimiter, above)


def _shorten_delimiter(source: Path, target: Path, delimiter: str, file: str) -> None:
    """Copy with `_UNIT_MARK` in place of the delimiter, from left to right."""
    wanted, mark = delimiter.encode(), _UNIT_MARK.encode()
    kept = b""
    with source.open("rb") as incoming, target.open("wb") as outgoing:
        while chunk := incoming.read(_CHUNK):
            if mark in chunk:
                raise RejectedFile(
                    "binary_content",
                    f"the file holds the control character {_UNIT_MARK!r} beside the delimiter {delimiter!r}",
                    "ask the partner for a text file without control characters",
                    Place(file=file),
                )
            *whole, rest = (kept + chunk).split(wanted)
            # The end may be the beginning of a delimiter that the next chunk completes.
            safe = max(len(rest) - len(wanted) + 1, 0)
            kept = rest[safe:]
            outgoing.write(mark.join([*whole, rest[:safe]]))
        outgoing.write(kept)


def offer(connection: duckdb.DuckDBPyConnection, texts: Sequence[Text], container: Delimited) -> RawTable:
    """Offer plain texts of equal titles as one streaming `raw`, in this order.

    Reading it may end in `UnprovenRows`: then `load_carefully` each.
    """
    titles = texts[0].titles
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(titles)))
    cells = ", ".join(_restored(f"c{i}", texts[0], container) for i in range(len(titles)))
    quote = quoted(container.quote or "")
    sources = ", ".join(quoted(str(text.source)) for text in texts)
    connection.execute(
        "create or replace temp view raw as select cast(file_index as integer) as _file, "
        f"cast(null as bigint) as _row, cast(null as varchar) as _malformed, {cells} "
        f"from read_csv([{sources}], delim={quoted(texts[0].delimiter)}, quote={quote}, "
        f"escape={quote}, header=false, skip={container.body}, auto_detect=false, "
        f"columns={{{columns}}}, nullstr={quoted(NO_NULL)}, strict_mode=true)"
    )
    return RawTable(
        titles,
        container.body,
        container.delimiter,
        any(text.has_unusual_blanks for text in texts),
        tuple(text.rows for text in texts),
        above=texts[0].above if len(texts) == 1 else (),
    )


def load_carefully(
    connection: duckdb.DuckDBPyConnection, text: Text, container: Delimited, scratch: Path
) -> RawTable:
    """Load a text file as `raw` whatever its lines look like; `scratch` is a folder for the time being."""
    lines = scratch / _MARKED
    try:
        mark_lines(text.source, lines, text.file, container.encoding)
        _load_lines(connection, lines, container, text)
    finally:
        lines.unlink(missing_ok=True)
    return RawTable(text.titles, container.body, container.delimiter, above=text.above)


def _restored(cell: str, text: Text, container: Delimited) -> str:
    """SQL: the cell with the file's own delimiter, where it holds one within quotes."""
    if text.delimiter == container.delimiter:
        return cell
    return f"replace({cell}, {quoted(text.delimiter)}, {quoted(container.delimiter)}) as {cell}"


# --- titles ---


def _read_header(
    source: Path, container: Delimited, delimiter: str, file: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The titles, which are the record that begins on the header row, and the text of the lines above."""
    with source.open("rb") as handle:
        head = handle.read(_LONGEST_HEADER)
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    text = decode(decoder, head, False, file, container.encoding, 0, 0)
    line_end = r"\r*\n" if "\n" in text else r"\r*\n|\r"
    lines = re.split(line_end, text, maxsplit=container.body + _LONGEST_RECORD_LINES)
    rest = lines[container.header_row - 1 :]
    if not rest or not "".join(rest[:1]).strip():
        raise RejectedFile(
            "missing_header",
            f"line {container.header_row} holds no column names",
            "correct 'header_row' in the profile, or ask the partner for the agreed layout",
            Place(file=file, line=container.header_row),
        )
    quote = container.quote

    def records(lines: Sequence[str]) -> Iterator[list[str]]:
        return csv.reader(
            (line + "\n" for line in lines),
            delimiter=delimiter,
            quotechar=quote or '"',
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        )

    try:
        header = list(islice(records(rest[:_LONGEST_RECORD_LINES]), container.header_rows))
        width = max(map(len, header))
        titles = join_titles([row + [""] * (width - len(row)) for row in header], None)
        above = tuple(row_text(row) for row in records(lines[: container.header_row - 1]))
    except csv.Error as error:
        raise RejectedFile(
            "unreadable_text",
            f"line {container.header_row} cannot be split into column names ({error})",
            "correct 'delimiter' or 'header_row' in the profile, or ask the partner for the agreed layout",
            Place(file=file, line=container.header_row),
        ) from error
    if len(titles) > MOST_COLUMNS:
        raise RejectedFile(
            "too_many_columns",
            f"the header names {len(titles):,} columns or more; at most {MOST_COLUMNS:,} are read",
            "correct 'delimiter' in the profile, or ask the partner for the agreed layout",
            Place(file=file, line=container.header_row),
        )
    return titles, above


# --- the careful way ---


def _load_lines(connection: duckdb.DuckDBPyConnection, lines: Path, container: Delimited, text: Text) -> None:
    width, delimiter = len(text.titles), text.delimiter
    number_lines(connection, lines, text.file)
    if container.quote:
        _join_lines(connection, delimiter, container.quote)
        cells = _quoted_cells(delimiter, container.quote)
    else:
        connection.execute(
            "create or replace temp table records as select number, line as text, false as has_quote from "
            "lines"
        )
        cells = f"string_split(text, {quoted(delimiter)})"
    # Cells under no title may be missing.
    titled = max((i + 1 for i, title in enumerate(text.titles) if title), default=width)
    fits = (
        f"len(cells) between {titled} and {width} or (len(cells) > {width} and "
        f"len(list_filter(cells[{width + 1}:], lambda cell: trim(cell) <> '')) = 0)"
    )
    picked = ", ".join(f"cells[{i + 1}] as c{i}" for i in range(width))
    connection.execute(
        "create or replace temp table split as select number as _row, "
        "case when broken or not fits then text end as _malformed, "
        f"{picked} from (select *, cells is null as broken, {fits} as fits from ("
        f"select number, text, {cells} as cells from records where number > "
        f"(select max(number) from records where number <= {container.body})))"
    )
    restored = ", ".join(
        _restored(cell, text, container) for cell in ("_malformed", *(f"c{i}" for i in range(width)))
    )
    connection.execute(f"create or replace temp view raw as select _row, {restored} from split")
    for table in ("lines", "records"):
        connection.execute(f"drop table if exists {table}")


def _patterns(delimiter: str, quote: str) -> tuple[str, str]:
    """Regular expressions of one cell, and of what may stand inside a quoted one."""
    d, q = re.escape(delimiter), re.escape(quote)
    inside = f"(?:[^{q}]|{q}{q})*"
    return f"(?: *{q}{inside}{q} *| *[^{q}{d} ][^{d}]*| *)", inside


def _join_lines(connection: duckdb.DuckDBPyConnection, delimiter: str, quote: str) -> None:
    """Join lines to records where a quoted cell runs over line ends: `records(number, text, has_quote)`.

    Each line with a quote is a function of "a quoted cell is open before it": it leaves one open or not. A
    line that cannot stand inside a quoted cell begins anew whatever was open. So the state before each line
    follows from the last line that fixes it and the number of lines since that turn it over. A run that
    does not close, or is longer than any real cell, is taken apart again: each of its lines stands for
    itself, and the one with the stray quote is malformed.
    """
    cell, inside = _patterns(delimiter, quote)
    d, q = re.escape(delimiter), re.escape(quote)
    opens = f"^(?:{cell}{d})* *{q}{inside}$"
    goes_on = f"^{inside}$"
    closes = f"^{inside}{q} *(?:{d}{cell})*$"
    reopens = f"^{inside}{q} *{d}(?:{cell}{d})* *{q}{inside}$"
    connection.execute(
        f"""
        create or replace temp table quoted_lines as
        with read as (
            select number, regexp_matches(line, {quoted(opens)}) as opens,
                   regexp_matches(line, {quoted(closes)}) as closes,
                   regexp_matches(line, {quoted(goes_on)}) or regexp_matches(line, {quoted(reopens)}) as stays
            from lines where contains(line, {quoted(quote)})
        ),
        functions as (
            select number, not (closes or stays) as is_anew, cast(opens as integer) as from_closed,
                   cast(case when closes then false when stays then true else opens end as integer)
                   as from_open
            from read
        ),
        turned as (
            select *, sum(cast(from_closed = 1 and from_open = 0 as integer)) over (order by number) as turns
            from functions
        ),
        fixed as (
            select *, last_value(
                case when from_closed = from_open then (from_closed + turns) % 2 end ignore nulls
            ) over (order by number) as base
            from turned
        ),
        states as (select number, is_anew, (coalesce(base, 0) + turns) % 2 = 1 as is_open_after from fixed)
        select *, is_anew or not coalesce(lag(is_open_after) over (order by number), false) as is_start
        from states
        """
    )
    connection.execute(
        f"""
        create or replace temp table runs as
        with ended as (
            select *, min(case when is_start or not is_open_after then number end) over (
                order by number rows between 1 following and unbounded following) as last_number
            from quoted_lines
        )
        select first_line.number as first_number, first_line.last_number
        from ended as first_line join quoted_lines as last_line on last_line.number = first_line.last_number
        where first_line.is_start and first_line.is_open_after and not last_line.is_start
          and first_line.last_number - first_line.number < {_LONGEST_RECORD_LINES}
        """
    )
    connection.execute(
        f"""
        create or replace temp table records as
        with placed as (
            select lines.number, lines.line,
                   case when runs.last_number >= lines.number then runs.first_number end as run
            from lines asof left join runs on lines.number >= runs.first_number
        )
        select number, line as text, contains(line, {quoted(quote)}) as has_quote
        from placed where run is null
        union all
        select run, string_agg(line, chr(10) order by number), true
        from placed where run is not null group by run
        """
    )
    connection.execute("drop table quoted_lines; drop table runs")


def _quoted_cells(delimiter: str, quote: str) -> str:
    """SQL for the cells of `text`; NULL where quotes are broken."""
    cell, _ = _patterns(delimiter, quote)
    d, q = quoted(delimiter), quoted(quote)
    pattern = f"(?s){re.escape(delimiter)}({cell})"
    found = f"regexp_extract_all({d} || text, {quoted(pattern)}, 1)"
    bare = (
        f"list_transform({found}, lambda cell: case when starts_with(ltrim(cell), {q}) "
        f"then replace(trim(cell)[2:-2], {q} || {q}, {q}) else cell end)"
    )
    complete = f"list_sum(list_transform({found}, lambda cell: length(cell) + 1)) = length(text) + 1"
    return f"case when not has_quote then string_split(text, {d}) when {complete} then {bare} end"
