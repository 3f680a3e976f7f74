"""What Dagster shows of a table beside its name: rows, bytes, and the first lines as a small table.

What belongs here: reading a few figures for metadata. What does not: checks and figures of the business.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow.parquet as pq

_LINES = 5
_WIDTH = 40


def markdown(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """The first lines of a query as a Markdown table."""
    # Dagster keeps what it shows; a customer's hash must go when the customer asks for it.
    result = connection.execute(
        f"select columns(name -> not ends_with(name, 'customer_key')) from ({query}) limit {_LINES}"
    )
    names = [column[0] for column in result.description or []]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in result.fetchall()]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def row_count(path: Path) -> int:
    """Rows of a Parquet file, from its footer."""
    return int(pq.read_metadata(path).num_rows)


def first_lines(path: Path) -> dg.MarkdownMetadataValue:
    """The first lines of a Parquet file."""
    with duckdb.connect() as connection:
        return dg.MetadataValue.md(markdown(connection, f"from read_parquet('{_quoted(path)}')"))


def landed_file(path: Path) -> Mapping[str, Any]:
    """Metadata of one Parquet file."""
    return {
        "dagster/row_count": row_count(path),
        "bytes": path.stat().st_size,
        "preview": first_lines(path),
    }


def table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> Mapping[str, Any]:
    """Metadata of a table of the warehouse; of a view only that it is one."""
    kind = connection.execute(
        "select table_type from information_schema.tables where table_schema = ? and table_name = ?",
        [schema, name],
    ).fetchone()
    if kind is None or kind[0] != "BASE TABLE":
        return {}
    row = connection.execute(f'select count(*) from "{schema}"."{name}"').fetchone()
    return {
        "dagster/row_count": int(row[0]) if row else 0,
        "preview": dg.MetadataValue.md(markdown(connection, f'from "{schema}"."{name}"')),
    }


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
