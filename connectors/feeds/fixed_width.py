"""Reader of text with cells at fixed positions, in any encoding Python knows, in bounded memory.

As with delimited text, plain files stream through DuckDB's own reader and are proven by the number of their
lines; files with blank lines or mixed line ends are numbered line by line first. A line may lack blanks at
its end, unless the profile states how long lines are. What belongs here: lines to cells. What does not: bytes
to lines (`lines`), what cells mean (`normalise`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import duckdb

from connectors.errors import Place, RejectedFile
from connectors.feeds.lines import Text, as_utf8, inspect, mark_lines, number_lines, stream_lines
from connectors.feeds.profile import FixedWidth
from connectors.feeds.table import RawTable, collapse

_MARKED: Final = "lines.txt"
_LOOKED_AT: Final = 10_000
"""Lines whose lengths are compared."""


def look(path: Path, container: FixedWidth, decoded: Path, file: str) -> Text:
    """Look through a text file once; RejectedFile if it cannot be read as the profile says."""
    source = as_utf8(path, container.encoding, decoded, file)
    seen = inspect(source, file)
    titles = tuple(collapse(title) for title in container.fields)
    rows = seen.lines - container.skip_lines
    if rows < 0:
        raise RejectedFile(
            "missing_header",
            f"the file has {seen.lines} lines, fewer than the {container.skip_lines} that are to be skipped",
            "correct 'skip_lines' in the profile, or ask the partner for the agreed layout",
            Place(file=file),
        )
    if container.counted_in == "characters" and container.line_length is None:
        _refuse_bytes(source, container, file)
    with source.open("rb") as handle:
        lines = [line.decode("utf-8-sig", errors="replace") for line in islice(handle, container.skip_lines)]
    above = tuple(map(collapse, lines))
    return Text(source, file, titles, rows, seen.is_plain, seen.has_unusual_blanks, above=above)


def _refuse_bytes(source: Path, container: FixedWidth, file: str) -> None:
    """RejectedFile where lines are equally long in bytes alone: behind an accented letter each cell would be
    cut too late, and a quantity of 12 read as 12000.
    """
    with source.open("rb") as handle:
        lines = [line.rstrip(b"\r\n") for line in islice(handle, container.skip_lines, _LOOKED_AT)]
    in_bytes = {len(line) for line in lines if line.strip()}
    in_characters = {len(line.decode(errors="replace")) for line in lines if line.strip()}
    if len(in_bytes) == 1 < len(in_characters):
        raise RejectedFile(
            "counted_in_bytes",
            f"all lines are {max(in_bytes)} bytes long, and {min(in_characters)} to {max(in_characters)} "
            "characters: the partner counts positions in bytes",
            "write counted_in: bytes under container in the profile",
            Place(file=file),
        )


def offer(connection: duckdb.DuckDBPyConnection, texts: Sequence[Text], container: FixedWidth) -> RawTable:
    """Offer plain texts as one streaming `raw`, in this order.

    Reading it may end in `UnprovenRows`: then `load_carefully` each.
    """
    connection.execute(
        "create or replace temp view raw as select cast(file_index as integer) as _file, "
        f"cast(null as bigint) as _row, {_cells(container)} from {stream_lines(texts, container.skip_lines)}"
    )
    return RawTable(
        texts[0].titles,
        container.skip_lines,
        " | ",
        any(text.has_unusual_blanks for text in texts),
        tuple(text.rows for text in texts),
        above=texts[0].above if len(texts) == 1 else (),
    )


def load_carefully(
    connection: duckdb.DuckDBPyConnection, text: Text, container: FixedWidth, scratch: Path
) -> RawTable:
    """Load a text file as `raw` whatever its lines look like; `scratch` is a folder for the time being."""
    marked = scratch / _MARKED
    try:
        mark_lines(text.source, marked, text.file, container.encoding)
        number_lines(connection, marked, text.file)
    finally:
        marked.unlink(missing_ok=True)
    connection.execute(
        f"create or replace temp table split as select number as _row, {_cells(container)} from lines "
        f"where number > {container.skip_lines}"
    )
    connection.execute("create or replace temp view raw as from split")
    connection.execute("drop table lines")
    return RawTable(text.titles, container.skip_lines, " | ", above=text.above)


def _cells(container: FixedWidth) -> str:
    """SQL: the cells of a line; a line of another length than stated keeps its text as `_malformed`."""
    is_in_bytes = container.counted_in == "bytes"
    malformed = "cast(null as varchar)"
    if container.line_length is not None:
        length = "strlen(line)" if is_in_bytes else "length(line)"
        malformed = f"case when trim(line) <> '' and {length} <> {container.line_length} then line end"
    cells = [
        f"decode(encode(line)[{first}:{last}]) as c{i}"
        if is_in_bytes
        else f"substr(line, {first}, {last - first + 1}) as c{i}"
        for i, (first, last) in enumerate(container.ranges.values())
    ]
    return f"{malformed} as _malformed, {', '.join(cells)}"
