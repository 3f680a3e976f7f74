"""What Dagster shows of a file and of a table: their first lines, and nothing that names a customer."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration import preview

ROWS = (
    "select n as number, 'k' || n as customer_key, 'k' || n as ship_to_customer_key, "
    "date '2026-01-01' + n::int as day, case when n <> 2 then 'a|b' end as text, "
    "(n / 2)::decimal(9, 2) as half "
    "from range(1, 8) as numbers(n)"
)
LINES = """\
| number | day | text | half |
| --- | --- | --- | --- |
| 1 | 2026-01-02 | a\\|b | 0.50 |
| 2 | 2026-01-03 |  | 1.00 |
| 3 | 2026-01-04 | a\\|b | 1.50 |
| 4 | 2026-01-05 | a\\|b | 2.00 |
| 5 | 2026-01-06 | a\\|b | 2.50 |"""


def test_a_table_of_the_warehouse(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "aval.duckdb")) as connection:
        connection.execute(f"create schema core; create table core.fct as {ROWS}")
        connection.execute("create view core.shown as from core.fct")

        assert preview.stored_tables(connection) == {("core", "fct")}
        shown = preview.table(connection, "core", "fct")

    assert shown["dagster/row_count"] == 7
    assert shown["preview"].value == LINES


@pytest.mark.parametrize(("rows", "lines"), [(ROWS, LINES), (f"{ROWS} limit 0", LINES.split("\n| 1")[0])])
def test_a_landed_file(tmp_path: Path, rows: str, lines: str) -> None:
    file = tmp_path / "batch.parquet"
    duckdb.sql(f"copy ({rows}) to '{file}' (format parquet)")

    shown = preview.landed_file(file)

    assert shown["bytes"] == file.stat().st_size
    assert shown["preview"].value == lines
