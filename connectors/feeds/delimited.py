"""Reader of delimited text: any encoding Python knows, any one-character delimiter, in bounded memory.

Two ways lead to the same table. The straight way streams one or many files of a feed through DuckDB's own
parallel CSV reader; it holds when a look at the bytes and the number of parsed records prove that each line
is one well-formed record, so that the position of a record is its line. Every other file (blank lines, line
breaks inside quotes, mixed line ends, rows that do not fit the header) goes the careful way: lines are
numbered first, joined to records where a quoted cell runs over line ends, and split in SQL. No row is lost
on either way, and none is handled in Python.

What belongs here: bytes to cells. What cells mean is `connectors.feeds.normalise`.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from connectors.errors import Place, RejectedFile
from connectors.feeds import encodings
from connectors.feeds.profile import Delimited
from connectors.feeds.table import RawTable, collapse, quoted

_MARKED: Final = "lines.txt"
_CHUNK: Final = 1 << 22
MOST_COLUMNS: Final = 4096
# Small enough that what is found out about a chunk stays in the processor's cache.
_LOOK_CHUNK: Final = 1 << 17
_LONGEST_HEADER: Final = 1 << 20
_LONGEST_RECORD_LINES: Final = 200
# Tab, and the first bytes of the unusual spaces and of the byte order mark in UTF-8.
_UNUSUAL_BYTES: Final = (b"\t", b"\xc2", b"\xe2\x80", b"\xef\xbb")
_LINE_MARK: Final = "\x02"
# A mark that DuckDB takes for the delimiter while it reads whole lines: it must never stand in a file.
_NO_DELIMITER: Final = "\x03\x04\x05"
_NO_NULL: Final = "\x06\x07"


@dataclass(frozen=True)
class Text:
    """A text file as `look` found it: where it lies in UTF-8, its titles and rows, and whether each line may
    be one record.
    """

    source: Path
    file: str
    titles: tuple[str, ...]
    rows: int
    is_plain: bool
    has_unusual_blanks: bool


def look(path: Path, container: Delimited, decoded: Path, file: str) -> Text:
    """Look through a text file once; RejectedFile if it cannot be read as the profile says.

    What is not UTF-8 is copied into the file `decoded`.
    """
    source = _as_utf8(path, container.encoding, decoded, file)
    seen = _inspect(source, file)
    titles = _read_titles(source, container, file)
    rows = seen.lines - container.header_row
    return Text(source, file, titles, rows, seen.is_plain and rows >= 0, seen.has_unusual_blanks)


def offer(connection: duckdb.DuckDBPyConnection, texts: Sequence[Text], container: Delimited) -> RawTable:
    """Offer plain texts of equal titles as one streaming `raw`, in this order.

    Reading it may end in `UnprovenRows`: then `load_carefully` each.
    """
    titles = texts[0].titles
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(titles)))
    quote = quoted(container.quote or "")
    sources = ", ".join(quoted(str(text.source)) for text in texts)
    connection.execute(
        "create or replace temp view raw as select cast(file_index as integer) as _file, "
        f"cast(null as bigint) as _row, cast(null as varchar) as _malformed, * from read_csv([{sources}], "
        f"delim={quoted(container.delimiter)}, quote={quote}, escape={quote}, header=false, "
        f"skip={container.header_row}, auto_detect=false, columns={{{columns}}}, "
        f"nullstr={quoted(_NO_NULL)}, strict_mode=true)"
    )
    return RawTable(
        titles,
        container.header_row,
        container.delimiter,
        any(text.has_unusual_blanks for text in texts),
        tuple(text.rows for text in texts),
    )


def load_carefully(
    connection: duckdb.DuckDBPyConnection, text: Text, container: Delimited, scratch: Path
) -> RawTable:
    """Load a text file as `raw` whatever its lines look like; `scratch` is a folder for the time being."""
    lines = scratch / _MARKED
    try:
        _mark_lines(text.source, lines, text.file, container.encoding)
        _load_lines(connection, lines, container, len(text.titles), text.file)
    finally:
        lines.unlink(missing_ok=True)
    return RawTable(text.titles, container.header_row, container.delimiter)


# --- bytes ---


def _as_utf8(path: Path, encoding: str, target: Path, file: str) -> Path:
    """The file itself if it is UTF-8, otherwise a decoded copy in the scratch folder."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise RejectedFile(
            "unknown_encoding",
            f"the encoding {encoding!r} is not known",
            "name one such as utf-8, cp1252, iso8859-15 or utf-16 in the profile",
            Place(file=file),
        ) from error
    if name in ("utf-8", "utf-8-sig", "ascii"):
        return path
    decoder = codecs.getincrementaldecoder(name)()
    ascii_compatible = not name.startswith(("utf-16", "utf-32", "utf-7"))
    watch = encodings.Watch(name, file)
    done = lines = 0
    with path.open("rb") as incoming, target.open("wb") as outgoing:
        while chunk := incoming.read(_CHUNK):
            watch.see(chunk)
            if ascii_compatible and chunk.isascii():
                outgoing.write(chunk)
            else:
                outgoing.write(_decode(decoder, chunk, False, file, encoding, done, lines).encode())
            done += len(chunk)
            lines += chunk.count(b"\n")
        outgoing.write(_decode(decoder, b"", True, file, encoding, done, lines).encode())
    watch.conclude()
    return target


def _decode(
    decoder: codecs.IncrementalDecoder,
    chunk: bytes,
    final: bool,
    file: str,
    encoding: str,
    done: int,
    lines: int,
) -> str:
    pending = len(decoder.getstate()[0])
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        line = lines + 1 + bytes(error.object[: error.start]).count(b"\n")
        byte = done - pending + error.start + 1
        raise encodings.undecodable(bytes(error.object), error.start, encoding, byte, line, file) from error
    except UnicodeError as error:
        # UTF-16 without its mark: the decoder does not say where.
        raise RejectedFile(
            "undecodable_bytes",
            f"the file is not {encoding} ({error})",
            "state utf-16-le or utf-16-be for UTF-16 without a byte order mark, or the file's true encoding",
            Place(file=file, line=1),
        ) from error


@dataclass(frozen=True)
class _Look:
    lines: int
    is_plain: bool
    has_unusual_blanks: bool


def _inspect(source: Path, file: str) -> _Look:
    """Count lines and find what the straight way cannot number: blank lines and mixed line ends."""
    lines = returns = pairs = size = 0
    blank = unusual = False
    tail = b"\n"
    with source.open("rb") as handle:
        while chunk := handle.read(_LOOK_CHUNK):
            if b"\x00" in chunk:
                raise RejectedFile(
                    "binary_content",
                    "the file holds NUL bytes: it is no text in the stated encoding",
                    "state encoding: utf-16 if it is UTF-16, or ask the partner for a text file",
                    Place(file=file),
                )
            size += len(chunk)
            unusual = unusual or _has_unusual_bytes(chunk)
            # numpy counts bytes several times as fast as `bytes.count`.
            is_end = np.frombuffer(chunk, np.uint8) == ord("\n")
            lines += int(np.count_nonzero(is_end))
            blank = blank or bool((is_end[1:] & is_end[:-1]).any()) or (tail[-1:] + chunk[:1]) == b"\n\n"
            if b"\r" in chunk or tail.endswith(b"\r"):
                joined = tail + chunk
                returns += chunk.count(b"\r")
                pairs += joined.count(b"\r\n") - tail.count(b"\r\n")
                blank = blank or b"\n\r\n" in joined
            tail = (tail + chunk[-2:])[-2:]
    if size == 0:
        raise RejectedFile(
            "empty_file", "the file is empty", "ask the partner to send it again", Place(file=file)
        )
    ends = tail.endswith(b"\n")
    uniform = returns == 0 or returns == pairs == lines
    return _Look(lines + (0 if ends else 1), uniform and not blank, unusual)


def _has_unusual_bytes(chunk: bytes) -> bool:
    if b"\t" in chunk:
        return True
    # Looking for a single byte is many times faster than looking for two.
    return not chunk.isascii() and any(mark[:1] in chunk and mark in chunk for mark in _UNUSUAL_BYTES)


def _read_titles(source: Path, container: Delimited, file: str) -> tuple[str, ...]:
    """The titles: the record that begins on the header row."""
    with source.open("rb") as handle:
        head = handle.read(_LONGEST_HEADER)
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    text = _decode(decoder, head, False, file, container.encoding, 0, 0)
    line_end = r"\r*\n" if "\n" in text else r"\r*\n|\r"
    lines = re.split(line_end, text, maxsplit=container.header_row + _LONGEST_RECORD_LINES)
    rest = lines[container.header_row - 1 :]
    if not rest or not "".join(rest[:1]).strip():
        raise RejectedFile(
            "missing_header",
            f"line {container.header_row} holds no column names",
            "correct 'header_row' in the profile, or ask the partner for the agreed layout",
            Place(file=file, line=container.header_row),
        )
    quote = container.quote
    reader = csv.reader(
        (line + "\n" for line in rest[:_LONGEST_RECORD_LINES]),
        delimiter=container.delimiter,
        quotechar=quote or '"',
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    try:
        titles = tuple(collapse(title) for title in next(reader))
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
    return titles


# --- the careful way ---


def _mark_lines(source: Path, target: Path, file: str, encoding: str) -> None:
    """Copy with one kind of line end and a mark before each line, so that no line is blank to DuckDB."""
    with target.open("wb") as outgoing:
        outgoing.write(_LINE_MARK.encode())
        for chunk in _uniform_chunks(source, file, encoding):
            outgoing.write(chunk.replace("\n", "\n" + _LINE_MARK).encode())


def _uniform_chunks(source: Path, file: str, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    done = lines = 0
    kept = ""
    has_newline = _has_newline(source)
    with source.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            text = kept + _decode(decoder, chunk, False, file, encoding, done, lines)
            done += len(chunk)
            lines += chunk.count(b"\n")
            # Returns at the end of a chunk may belong to a line end that the next one completes.
            whole = text.rstrip("\r")
            kept = text[len(whole) :]
            yield _one_line_end(whole, has_newline)
    yield _one_line_end(kept + _decode(decoder, b"", True, file, encoding, done, lines), has_newline)


def _has_newline(source: Path) -> bool:
    with source.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            if b"\n" in chunk:
                return True
    return False


def _one_line_end(text: str, has_newline: bool) -> str:
    if "\r" not in text:
        return text
    if not has_newline:
        return text.replace("\r", "\n")
    # A return that ends no line stands within a cell; DuckDB would take it for a line end.
    return re.sub(r"\r+\n", "\n", text).replace("\r", " ")


def _load_lines(
    connection: duckdb.DuckDBPyConnection, lines: Path, container: Delimited, width: int, file: str
) -> None:
    try:
        connection.execute(
            f"create or replace temp table marked as from read_csv({quoted(str(lines))}, "
            f"delim={quoted(_NO_DELIMITER)}, quote='', escape='', header=false, auto_detect=false, "
            f"columns={{'line': 'VARCHAR'}}, nullstr={quoted(_NO_NULL)}, strict_mode=false, "
            "new_line='\\n', max_line_size=16777216)"
        )
    except duckdb.InvalidInputException as error:
        raise RejectedFile(
            "unreadable_text",
            f"the text cannot be split into lines: {str(error).splitlines()[0]}",
            "ask the partner for the agreed layout",
            Place(file=file),
        ) from error
    # The mark after the last line end is no line.
    connection.execute(
        "create or replace temp table lines as select rowid + 1 as number, substr(line, 2) as line from "
        "marked "
        f"where not (line = {quoted(_LINE_MARK)} and rowid = (select max(rowid) from marked))"
    )
    if container.quote:
        _join_lines(connection, container.delimiter, container.quote)
        cells = _quoted_cells(container.delimiter, container.quote)
    else:
        connection.execute(
            "create or replace temp table records as select number, line as text, false as has_quote from "
            "lines"
        )
        cells = f"string_split(text, {quoted(container.delimiter)})"
    fits = (
        f"len(cells) = {width} or (len(cells) > {width} and "
        f"len(list_filter(cells[{width + 1}:], lambda cell: trim(cell) <> '')) = 0)"
    )
    picked = ", ".join(f"cells[{i + 1}] as c{i}" for i in range(width))
    connection.execute(
        "create or replace temp table split as select number as _row, "
        "case when broken or not fits then text end as _malformed, "
        f"{picked} from (select *, cells is null as broken, {fits} as fits from ("
        f"select number, text, {cells} as cells from records where number > "
        f"(select max(number) from records where number <= {container.header_row})))"
    )
    connection.execute("create or replace temp view raw as from split")
    for table in ("marked", "lines", "records"):
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
