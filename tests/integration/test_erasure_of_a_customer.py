"""One customer of the sample company is erased: afterwards no byte of the data directory names it.

Compressed files are searched by what they say, all others byte by byte.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from connectors.feeds.customers import KEY, all_keys, normalised
from tests.installation import ROOT, environment
from tests.integration.first_months import Site

pytestmark = pytest.mark.slow

FIGURES = """
select feed_code, product_code, month_start_date, count(*), sum(sold_quantity), sum(net_amount)
from core.fct_sell_out where partner_code = 'W01' group by all order by all
"""


def only_of_the_first_shop(data: Path) -> str:
    """The newest customer of W01 whose code W02 does not use: there it would be somebody else."""
    inbox = data / "source" / "inbox"
    others = "".join(path.read_text(encoding="utf-8", errors="replace") for path in inbox.glob("W02/*"))
    return next(
        code
        for report in sorted(inbox.glob("W01/commandes_*.csv"), reverse=True)
        for code in re.findall(r";(C\d{5});", report.read_text(encoding="utf-8"))
        if code not in others
    )


def naming(data: Path, needles: list[str]) -> set[str]:
    """Files that hold one of the needles: byte by byte, and in the texts of Parquet and DuckDB files, which
    are compressed in them.
    """
    found = set()
    for path in sorted(data.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        is_found = any(needle.encode() in content for needle in needles)
        if path.suffix == ".parquet":
            is_found = is_found or parquet_says(path, needles)
        elif path.suffix == ".duckdb":
            is_found = is_found or database_says(path, needles)
        if is_found:
            found.add(path.relative_to(data).as_posix())
    return found


def parquet_says(path: Path, needles: list[str]) -> bool:
    for column in pq.read_table(path).columns:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string(column.type):
            texts = pc.unique(column)
            if any(pc.any(pc.match_substring(texts, needle)).as_py() for needle in needles):
                return True
    return False


def database_says(path: Path, needles: list[str]) -> bool:
    with duckdb.connect(str(path), read_only=True) as connection:
        columns = connection.execute(
            "select c.schema_name, c.table_name, c.column_name from duckdb_columns() as c "
            "join duckdb_tables() as t using (database_name, schema_name, table_name) "
            "where c.data_type = 'VARCHAR'"
        ).fetchall()
        tests: dict[str, list[str]] = {}
        for schema, table, column in columns:
            tests.setdefault(f'"{schema}"."{table}"', []).extend(
                f"contains(\"{column}\", '{needle}')" for needle in needles
            )
        return any(
            connection.execute(f"select 1 from {table} where {' or '.join(conditions)} limit 1").fetchone()
            for table, conditions in tests.items()
        )


def figures(data: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str((data / "published" / "current.duckdb").resolve()), read_only=True) as connection:
        return connection.execute(FIGURES).fetchall()


def test_after_an_erasure_nothing_names_the_customer_and_no_figure_has_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = site.data
    monkeypatch.setenv(KEY, site.environment[KEY])
    customer = only_of_the_first_shop(data)
    hashes = [key.hash(text) for key in all_keys("W01") for text in normalised([customer])]
    needles = [customer, *hashes]
    before = naming(data, needles)
    # The search finds what there is: in landing, in the warehouse, in what is published, in the inbox.
    for part in ("landing/feeds/sell_out/W01/", "warehouse/aval.duckdb", "published/", "source/inbox/W01/"):
        assert any(name.startswith(part) for name in before), part
    told = figures(data)

    erased = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "privacy", "erase", "--partner", "W01"],
        cwd=ROOT,
        env=environment(data, **site.environment),
        input=customer,
        capture_output=True,
        text=True,
        check=False,
    )
    assert erased.returncode == 0, erased.stdout + erased.stderr
    assert naming(data, needles) == set()
    assert figures(data) == told

    # The next run builds the slices again, writes Dagster's history and logs, and publishes.
    again = site.run()
    assert naming(data, needles) == set()
    assert figures(data) == told
    assert customer not in erased.stdout + erased.stderr + again
