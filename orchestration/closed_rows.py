"""The schema `closed` of a published file: rows of finance marts as their months were closed.

A table for each mart, with the mart's own columns and the closing that a row belongs to, put together from
`core.fct_closed_figures`. What belongs here: that. What does not: what a close freezes
(`orchestration.closing`).
"""

from __future__ import annotations

from typing import Final

import duckdb

from connectors.feeds.table import quoted

CLOSED: Final = "closed"
_FIGURES: Final = "core.fct_closed_figures"


def write_closed_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the tables of closings that hold; none where no month is closed."""
    connection.execute(f"drop schema if exists {CLOSED} cascade")
    known = connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database() "
        "and schema_name = 'core' and table_name = 'fct_closed_figures'"
    ).fetchone()
    if known is None:
        return
    frozen: dict[str, list[str]] = {}
    for mart, column in connection.execute(
        f"select mart_name, column_name from {_FIGURES} join core.fct_closings using (closing_code) "
        f"where is_closed and sequence_number = 0 and row_key <> '*' group by all order by all"
    ).fetchall():
        frozen.setdefault(mart, []).append(column)
    if frozen:
        connection.execute(f"create schema {CLOSED}")
    for mart, columns in frozen.items():
        _write(connection, mart, columns)


def _write(connection: duckdb.DuckDBPyConnection, mart: str, frozen: list[str]) -> None:
    described = {
        name: (type_, comment)
        for name, type_, comment in connection.execute(
            "select column_name, data_type, comment from duckdb_columns() where database_name = "
            "current_database() and schema_name = 'marts' and table_name = ? order by column_index",
            [mart],
        ).fetchall()
    }
    # A column that the mart no longer has comes last, as it was kept.
    order = [name for name in described if name in frozen]
    order += [name for name in frozen if name not in described]
    values = []
    for name in order:
        is_column = f"column_name = {quoted(name)}"
        value = f"max(case when {is_column} then coalesce(figure_text, cast(figure_amount as varchar)) end)"
        type_ = described[name][0] if name in described else "VARCHAR"
        values.append(f'cast({value} as {type_}) as "{name}"')
    connection.execute(
        f'create table {CLOSED}."{mart}" as select closing_code, min(seen_date) as seen_date, '
        f"{', '.join(values)} from {_FIGURES} join core.fct_closings using (closing_code) "
        "where is_closed and sequence_number = 0 and row_key <> '*' and mart_name = ? "
        "group by closing_code, row_key order by closing_code, row_key",
        [mart],
    )
    connection.execute(
        f'comment on table {CLOSED}."{mart}" is '
        f"{quoted(f'Grain: one row per row of marts.{mart} as its month was closed (core.fct_closings).')}"
    )
    comments = {name: comment for name, (_, comment) in described.items() if name in order and comment}
    comments["closing_code"] = "Closing that froze the row (core.fct_closings)."
    comments["seen_date"] = "Day that the publication it comes from was as of."
    for name, comment in comments.items():
        connection.execute(f'comment on column {CLOSED}."{mart}"."{name}" is {quoted(comment)}')
