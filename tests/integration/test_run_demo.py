"""The sample company through the command line, as a user starts it: from its ERP and inbox to published marts."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.ledger import Ledger
from tests.conftest import Aval

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
        "select distinct schema_name from duckdb_tables() union select distinct schema_name from duckdb_views() "
        "where not internal order by 1",
    )
    assert schemas == [("core",), ("marts",)]


def test_parquet_and_duckdb_hold_the_same_marts(built_demo: Path) -> None:
    current = built_demo / "published" / "current.duckdb"
    folder = built_demo / "published" / "parquet" / "current" / "marts"
    tables = [name for (name,) in ask(current, "select table_name from duckdb_tables() where schema_name = 'marts'")]
    assert sorted(path.stem for path in folder.iterdir()) == sorted(tables)
    for table in tables:
        counts = ask(
            current,
            f"select (select count(*) from marts.{table}), (select count(*) from '{folder}/{table}.parquet')",
        )
        assert counts[0][0] == counts[0][1] > 0


def test_a_second_demo_changes_nothing_and_says_so(demo_copy: Path, aval: Aval) -> None:
    before = published(demo_copy)
    result = aval("demo", data=demo_copy)
    assert result.returncode == 0, result.stderr
    assert "nothing new" in line(result.stdout, "Published")
    assert line(result.stdout, "Gates") == "not run: nothing new"
    assert published(demo_copy) == before
    assert "making the sample company" not in result.stderr


def test_a_line_doubled_by_hand_closes_the_gate_and_the_publication_stays_byte_for_byte(
    demo_copy: Path, aval: Aval, tmp_path: Path
) -> None:
    before = published(demo_copy)
    with duckdb.connect(str(demo_copy / "warehouse" / "aval.duckdb")) as connection:
        connection.execute("insert into core.fct_sell_out select * from core.fct_sell_out limit 1")
    told = tmp_path / "told.txt"
    result = aval("run", data=demo_copy, AVAL_NOTIFY_COMMAND=f"cat > '{told}'")
    assert result.returncode == 3, result.stdout + result.stderr
    assert line(result.stdout, "Gate core").startswith("CLOSED")
    assert "reported line twice" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert "gate core: CLOSED" in told.read_text()
    assert published(demo_copy) == before

    # Neither a launch of the publication alone nor the next run forgets it.
    alone = aval("publish", data=demo_copy)
    assert alone.returncode == 3, alone.stdout + alone.stderr
    assert published(demo_copy) == before


def test_what_partners_send_wrong_is_told_file_by_file_and_stops_nobody(demo_copy: Path, aval: Aval) -> None:
    inbox = demo_copy / "source" / "inbox" / "D01"
    newest = max(inbox.glob("*.csv"), key=lambda path: path.stat().st_mtime)
    before = published(demo_copy)
    # A correction: the newest report once more, without its last line.
    lines = newest.read_bytes().splitlines(keepends=True)
    stem, week = newest.stem.rsplit("S", 1)
    correction = newest.with_name(f"{stem}S{week[:2]}_corrige.csv")
    correction.write_bytes(b"".join(lines[:-1]))
    # The same file once more under another name, and a damaged one of a week to come.
    shutil.copyfile(newest, newest.with_name(f"{newest.stem} (copie).csv"))
    damaged = newest.with_name("ventes_2026-S27.csv")
    damaged.write_bytes(os.urandom(2000))
    result = aval("run", data=demo_copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert line(result.stdout, "Files rejected") == "1"
    assert line(result.stdout, "Files sent twice") == "1"
    assert line(result.stdout, "Reports superseded").startswith("1 files")
    for name in (newest.name, damaged.name):
        assert f"D01/{name}" in result.stdout
    assert published(demo_copy)[0] != before[0]
    status = aval("feeds", "status", "--files", "5", data=demo_copy)
    assert status.returncode == 0
    for state in ("rejected", "duplicate", "superseded"):
        assert state in status.stdout
