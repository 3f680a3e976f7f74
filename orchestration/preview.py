"""What Dagster shows of a table beside its name: rows, bytes, and the first lines as a small table.

What belongs here: reading a few figures for metadata. What does not: checks and figures of the business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow.parquet as pq

_LINES = 5
_WIDTH = 40


def _markdown(names: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.MarkdownMetadataValue:
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def _is_shown(name: str) -> bool:
    """Dagster keeps what it shows; a customer's hash must go when the customer asks for it."""
    return not name.endswith("customer_key")


def _cell(value: object) -> str:
    text = "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def row_count(path: Path) -> int:
    """Rows of a Parquet file, from its footer."""
    return int(pq.read_metadata(path).num_rows)


def first_lines(path: Path) -> dg.MarkdownMetadataValue:
    """The first lines of a Parquet file."""
    with pq.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if _is_shown(name)]
        lines = next(file.iter_batches(_LINES, columns=names), None)
    return _markdown(names, zip(*lines.to_pydict().values(), strict=True) if lines is not None else [])


def landed_file(path: Path) -> Mapping[str, Any]:
    """Metadata of one Parquet file."""
    return {
        "dagster/row_count": row_count(path),
        "bytes": path.stat().st_size,
        "preview": first_lines(path),
    }


def stored_tables(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Schema and name of the warehouse's tables; views are none."""
    return set(connection.execute("select schema_name, table_name from duckdb_tables()").fetchall())


def table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> Mapping[str, Any]:
    """Metadata of a table of the warehouse."""
    row = connection.execute(f'select count(*) from "{schema}"."{name}"').fetchone()
    lines = connection.execute(f'from "{schema}"."{name}" limit {_LINES}')
    names = [column[0] for column in lines.description or []]
    shown = [place for place, column in enumerate(names) if _is_shown(column)]
    return {
        "dagster/row_count": int(row[0]) if row else 0,
        "preview": _markdown(
            [names[place] for place in shown],
            [[line[place] for place in shown] for line in lines.fetchall()],
        ),
    }
