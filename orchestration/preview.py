"""What Dagster shows of a table beside its name: rows, bytes, and the first lines as a small table.

What belongs here: reading a few figures for metadata. What does not: checks and figures of the business.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

_LINES = 5
_WIDTH = 40


def markdown(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """The first lines of a query as a Markdown table."""
    result = connection.execute(f"select * from ({query}) limit {_LINES}")
    names = [column[0] for column in result.description or []]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in result.fetchall()]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def landed(folder: Path, date_column: str | None = None) -> Mapping[str, Any]:
    """Metadata of the Parquet files below `folder`: rows, files, bytes, period and first lines."""
    files = [path for path in folder.rglob("*.parquet") if not path.name.startswith((".", "_"))]
    if not files:
        return {"dagster/row_count": 0, "files": 0}
    source = f"read_parquet('{_quoted(folder)}/**/*.parquet', union_by_name = true)"
    connection = duckdb.connect()
    try:
        period = f"min({date_column}), max({date_column})" if date_column else "null, null"
        row = connection.execute(f"select count(*), {period} from {source}").fetchone()
        rows, first, last = row if row else (0, None, None)
        newest = max(files, key=lambda path: path.name)
        return {
            "dagster/row_count": int(rows),
            "files": len(files),
            "bytes": sum(path.stat().st_size for path in files),
            **({"period": f"{first} to {last}"} if first else {}),
            "preview": dg.MetadataValue.md(markdown(connection, f"from read_parquet('{_quoted(newest)}')")),
        }
    finally:
        connection.close()


def landed_file(path: Path) -> Mapping[str, Any]:
    """Metadata of one Parquet file."""
    connection = duckdb.connect()
    try:
        row = connection.execute("select count(*) from read_parquet(?)", [str(path)]).fetchone()
        return {
            "dagster/row_count": int(row[0]) if row else 0,
            "bytes": path.stat().st_size,
            "preview": dg.MetadataValue.md(markdown(connection, f"from read_parquet('{_quoted(path)}')")),
        }
    finally:
        connection.close()


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
