"""The sample company by the command line, as a user starts it: from ERP and inbox to published marts."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.ledger import Ledger
from tests.installation import run_aval

pytestmark = pytest.mark.slow


def ask(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file.resolve()), read_only=True) as connection:
        return connection.execute(query).fetchall()


def published(data: Path) -> tuple[str, str]:
    """The name and the hash of what readers have."""
    file = (data / "published" / "current.duckdb").resolve()
    return file.name, hashlib.sha256(file.read_bytes()).hexdigest()


def line(summary: str, name: str) -> str:
    """The figure of one line of the summary."""
    match = re.search(rf"^  {re.escape(name)}\s{{2,}}(.*?)\s*$", summary, re.MULTILINE)
    assert match, f"no line {name!r} in\n{summary}"
    return match.group(1)


def test_the_demo_ends_with_a_summary_and_a_publication(built_demo: Path) -> None:
    summary = (built_demo / "summary.txt").read_text()
    for gate in ("landing", "core", "marts"):
        assert line(summary, f"Gate {gate}").startswith("open")
    assert line(summary, "Published") == f"version {published(built_demo)[0].removesuffix('.duckdb')}"
    assert summary.count("marts.") >= 8
    assert "no value" not in summary


def test_the_summary_and_the_publication_say_what_the_gates_warn_of(built_demo: Path) -> None:
    folded = " ".join((built_demo / "summary.txt").read_text().split())
    (row,) = ask(built_demo / "published" / "current.duckdb", "select gate_results from marts.publication")
    gates = json.loads(row[0])
    assert [len(gate["warned"]) for gate in gates] == [gate["warnings"] for gate in gates]
    assert any(gate["warned"] for gate in gates)
    for text in (text for gate in gates for text in gate["warned"]):
        assert text in folded


def test_the_summary_counts_what_the_ledger_holds(built_demo: Path) -> None:
    summary = (built_demo / "summary.txt").read_text()
    with Ledger(built_demo / "landing" / "ledger.sqlite") as ledger:
        batches = ledger.batches("feeds")
    landed = [batch for batch in batches if batch.state in ("landed", "superseded")]
    accepted = sum(batch.rows_accepted for batch in landed)
    read = sum(batch.rows_read for batch in landed)
    assert line(summary, "Reports accepted") == f"{len(landed):,} files, {accepted:,} of {read:,} rows"
    for name, state in (("Files rejected", "rejected"), ("Files sent twice", "duplicate")):
        count = sum(batch.state == state for batch in batches)
        assert line(summary, name) == str(count)
        assert count > 0


def test_every_published_column_says_what_it_is(built_demo: Path) -> None:
    silent = ask(
        built_demo / "published" / "current.duckdb",
        "select schema_name || '.' || table_name || '.' || column_name from duckdb_columns() "
        "where schema_name = 'marts' and coalesce(comment, '') = ''",
    )
    assert silent == []


def test_only_public_schemas_leave_the_house(built_demo: Path) -> None:
    schemas = ask(
        built_demo / "published" / "current.duckdb",
        "select distinct schema_name from duckdb_tables() union "
        "select distinct schema_name from duckdb_views() where not internal order by 1",
    )
    assert schemas == [("core",), ("marts",)]


def test_parquet_and_duckdb_hold_the_same_marts_and_dimensions(built_demo: Path) -> None:
    current = built_demo / "published" / "current.duckdb"
    folder = (built_demo / "published" / "parquet" / "current").resolve()
    tables = ask(
        current,
        "select schema_name, table_name from duckdb_tables() "
        "where schema_name = 'marts' or starts_with(table_name, 'dim_')",
    )
    files = {(path.parent.name, path.stem) for path in folder.rglob("*.parquet")}
    assert files == set(tables)
    empty = set()
    for schema, table in tables:
        ((rows, written),) = ask(
            current,
            f"select (select count(*) from {schema}.{table}), "
            f"(select count(*) from '{folder}/{schema}/{table}.parquet')",
        )
        assert rows == written
        if schema == "marts" and rows == 0:
            empty.add(table)
    # In the sample company no partner sends the same thing through two feeds or names business customers, and
    # no month is closed.
    assert empty == {
        "mart_closing_adjustments_monthly",
        "mart_feed_differences_monthly",
        "mart_shared_customers_monthly",
    }


def test_a_second_demo_changes_nothing_and_says_so(demo_copy: Path) -> None:
    before = published(demo_copy)
    result = run_aval("demo", data=demo_copy)
    assert result.returncode == 0, result.stderr
    assert "nothing new" in line(result.stdout, "Published")
    assert line(result.stdout, "Gates") == "not run: nothing new"
    assert published(demo_copy) == before
    assert "making the sample company" not in result.stderr


def test_publishing_alone_does_not_bypass_the_gates(demo_copy: Path) -> None:
    before = published(demo_copy)
    with duckdb.connect(str(demo_copy / "warehouse" / "aval.duckdb")) as connection:
        connection.execute("insert into core.fct_sell_out_lines from core.fct_sell_out_lines limit 1")
    result = run_aval("publish", data=demo_copy)
    assert result.returncode == 3, result.stdout + result.stderr
    assert "gate core: CLOSED" in result.stderr
    assert "Traceback" not in result.stderr
    assert published(demo_copy) == before


def test_a_failed_run_is_told_to_the_operator_and_keeps_the_publication(
    demo_copy: Path, tmp_path: Path
) -> None:
    before = published(demo_copy)
    (demo_copy / "source" / "inbox").rename(demo_copy / "source" / "inbox_away")
    with Ledger(demo_copy / "landing" / "ledger.sqlite") as ledger:
        batches = len(ledger.batches())
    told = tmp_path / "told.txt"
    result = run_aval("run", data=demo_copy, AVAL_NOTIFY_COMMAND=f"cat > '{told}'")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "the inbox" in told.read_text()
    assert "failed landing_feeds" in result.stdout
    assert "unchanged, still version" in line(result.stdout, "Published")
    assert published(demo_copy) == before
    with Ledger(demo_copy / "landing" / "ledger.sqlite") as ledger:
        assert len(ledger.batches()) == batches
