"""Publishing: whole versions, an atomic switch, readers that are never disturbed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.errors import AvalError
from orchestration.disk import fault_of_disk
from orchestration.publish import (
    Coverage,
    GateOutcome,
    current_version,
    fault_of_age,
    publish,
    remove_leftovers,
    versions,
)

OPEN = [GateOutcome("core", True, "all", 3, 0), GateOutcome("marts", True, "touched", 2, 0, 1)]


def build(warehouse: Path, amount: int = 10) -> Path:
    """A warehouse with one table in each public schema, and views and tables in the internal ones."""
    warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema staging; create schema intermediate; create schema quality")
        connection.execute("create schema core; create schema marts")
        connection.execute("create view staging.stg as select 1 as n")
        connection.execute("create view intermediate.int as select n from staging.stg")
        connection.execute("create table quality.gate_results as select 'x' as message")
        connection.execute("create table core.fct_sell_in as select 1 as line_id")
        connection.execute(f"create table marts.mart_month as select {amount}::decimal(18,4) as net_amount")
        connection.execute("comment on column marts.mart_month.net_amount is 'Net of discounts.'")
    return warehouse


def release(warehouse: Path, published: Path, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "run_id": "run-1",
        "code_version": "0.1.0+abc",
        "as_of": date(2026, 6, 30),
        "gates": OPEN,
        "coverage": Coverage(date(2026, 6, 29), date(2026, 6, 28), 10, 9, ("D03_ventes 2025-W35",)),
        "keep": 2,
        "parquet": True,
    }
    return publish(warehouse, published, **{**settings, **changes})


def ask(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file.resolve()), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_only_public_schemas_are_published(tmp_path: Path) -> None:
    publication = release(build(tmp_path / "w.duckdb"), tmp_path / "published")
    tables = ask(
        publication.path,
        "select schema_name || '.' || table_name from duckdb_tables() "
        "union all select schema_name || '.' || view_name from duckdb_views() where not internal order by 1",
    )
    assert tables == [("core.fct_sell_in",), ("marts.mart_month",), ("marts.publication",)]


def test_the_publication_says_what_it_holds(tmp_path: Path) -> None:
    moment = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
    publication = release(build(tmp_path / "w.duckdb"), tmp_path / "published", now=moment)
    (row,) = ask(
        publication.path,
        "select publication_id, run_id, published_at, code_version, as_of_date, newest_invoice_date, "
        "newest_sell_out_date, reports_expected, reports_received, reports_missing, "
        "gate_results->>'$[1].warnings' from marts.publication",
    )
    assert row == (
        publication.version,
        "run-1",
        datetime(2026, 7, 1, 4, 0),  # noqa: DTZ001 - DuckDB gives timestamps without a zone
        "0.1.0+abc",
        date(2026, 6, 30),
        date(2026, 6, 29),
        date(2026, 6, 28),
        10,
        9,
        '["D03_ventes 2025-W35"]',
        "1",
    )


def test_column_comments_survive(tmp_path: Path) -> None:
    publication = release(build(tmp_path / "w.duckdb"), tmp_path / "published")
    comments = ask(
        publication.path,
        "select column_name from duckdb_columns() where schema_name = 'marts' and comment is null",
    )
    assert comments == []


def test_the_file_can_be_read_by_older_clients(tmp_path: Path) -> None:
    publication = release(build(tmp_path / "w.duckdb"), tmp_path / "published")
    ((tags,),) = ask(
        publication.path, "select tags from duckdb_databases() where database_name = current_database()"
    )
    assert tags["storage_version"] == "v1.0.0+"


def test_the_warehouse_keeps_its_internal_schemas(tmp_path: Path) -> None:
    warehouse = build(tmp_path / "w.duckdb")
    release(warehouse, tmp_path / "published")
    assert ask(warehouse, "select n from intermediate.int") == [(1,)]


def test_parquet_holds_marts_and_dimensions_and_no_facts(tmp_path: Path) -> None:
    warehouse = build(tmp_path / "w.duckdb")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table core.dim_products as select 'A' as product_code")
    publication = release(warehouse, tmp_path / "published")
    folder = tmp_path / "published" / "parquet" / "current"
    assert folder.resolve().name == publication.version
    assert sorted(
        str(path.relative_to(folder.resolve())) for path in folder.resolve().rglob("*.parquet")
    ) == [
        "core/dim_products.parquet",
        "marts/mart_month.parquet",
        "marts/publication.parquet",
    ]
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select sum(net_amount) from read_parquet(?)", [str(folder / "marts" / "mart_month.parquet")]
        ).fetchall()
    assert rows == [(10,)]


@pytest.mark.parametrize(
    "gates",
    [
        [],
        [GateOutcome("core", True, "all", 3, 0)],
        [GateOutcome("core", True, "all", 3, 0), GateOutcome("marts", False, "all", 3, 1)],
        [*OPEN, GateOutcome("landing", False, "all", 3, 1)],
    ],
)
def test_nothing_is_published_past_a_closed_gate(tmp_path: Path, gates: list[GateOutcome]) -> None:
    published = tmp_path / "published"
    first = release(build(tmp_path / "w.duckdb"), published)
    before = first.path.read_bytes()
    with pytest.raises(AvalError, match="have not passed the gates"):
        release(build(tmp_path / "w.duckdb", amount=99), published, gates=gates)
    assert current_version(published) == first.version
    assert first.path.read_bytes() == before
    assert versions(published) == [first.version]


def test_a_public_view_is_refused(tmp_path: Path) -> None:
    warehouse = build(tmp_path / "w.duckdb")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create view marts.shortcut as select n from intermediate.int")
    with pytest.raises(AvalError, match=r"public view marts\.shortcut cannot be read"):
        release(warehouse, tmp_path / "published")
    assert list((tmp_path / "published").iterdir()) == []


def test_the_newest_versions_and_the_current_one_are_kept(tmp_path: Path) -> None:
    published = tmp_path / "published"
    start = datetime(2026, 7, 1, tzinfo=UTC)
    made = [
        release(build(tmp_path / "w.duckdb", day), published, now=start + timedelta(days=day)).version
        for day in range(4)
    ]
    assert versions(published) == made[2:]
    assert current_version(published) == made[3]
    folders = {path.name for path in (published / "parquet").iterdir()}
    assert folders == {*made[2:], "current"}


def test_a_copy_that_followed_links_can_be_published_again(tmp_path: Path) -> None:
    release(build(tmp_path / "w.duckdb"), tmp_path / "published")
    copied = tmp_path / "restored"
    shutil.copytree(tmp_path / "published", copied)
    assert not (copied / "parquet" / "current").is_symlink()

    version = release(build(tmp_path / "w.duckdb", 99), copied).version
    assert ask(copied / "current.duckdb", "select net_amount from marts.mart_month") == [(99,)]
    assert (copied / "parquet" / "current").resolve().name == version
    assert {path.name for path in (copied / "parquet").iterdir()} == {*versions(copied), "current"}


def test_a_crash_before_the_switch_leaves_the_former_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = tmp_path / "published"
    first = release(build(tmp_path / "w.duckdb"), published)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestration.publish._switch", dies)
    with pytest.raises(KeyboardInterrupt):
        release(build(tmp_path / "w.duckdb", 99), published)
    assert current_version(published) == first.version
    assert ask(published / "current.duckdb", "select net_amount from marts.mart_month") == [(10,)]


def test_a_copy_for_which_the_disk_has_no_room_does_not_stay_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:4096])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))

    warehouse, published = build(tmp_path / "w.duckdb"), tmp_path / "published"
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        release(warehouse, published)
    assert list(published.iterdir()) == []
    # Python names what was read before what could not be written.
    told = str(fault_of_disk(caught.value))
    assert told.startswith(f"{published}/.")
    assert "No space left on device -> free space there" in told


def test_leftovers_of_a_killed_publication_are_removed(tmp_path: Path) -> None:
    published = tmp_path / "published"
    version = release(build(tmp_path / "w.duckdb"), published).version
    (published / ".20260701-ab.duckdb.part").write_bytes(b"half")
    (published / ".20260701-ab.duckdb.part.wal").write_bytes(b"half")
    (published / "parquet" / ".20260701-ab.part" / "marts").mkdir(parents=True)
    (published / ".current.duckdb.1234.part").symlink_to("nowhere.duckdb")
    assert len(remove_leftovers(published)) == 4
    assert sorted(path.name for path in published.iterdir()) == [
        f"{version}.duckdb",
        "current.duckdb",
        "parquet",
    ]


READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print(connection.execute("select net_amount from marts.mart_month").fetchone()[0], flush=True)
for line in sys.stdin:
    print(connection.execute("select net_amount from marts.mart_month").fetchone()[0], flush=True)
"""


def test_a_reader_that_holds_the_file_open_is_neither_blocked_nor_broken(tmp_path: Path) -> None:
    published = tmp_path / "published"
    first = release(build(tmp_path / "w.duckdb", 10), published, keep=1)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(published / "current.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == "10.0000\n"
        second = release(build(tmp_path / "w.duckdb", 20), published, keep=1)
        # Its version has been pruned, and it still reads it whole.
        assert not first.path.exists()
        reader.stdin.write("again\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "10.0000\n"
        reader.stdin.close()
    assert current_version(published) == second.version
    assert ask(published / "current.duckdb", "select net_amount from marts.mart_month") == [(20,)]


def test_only_what_is_missing_is_taken_for_an_older_publication() -> None:
    def answer(query: str) -> str:
        with duckdb.connect() as connection:
            connection.execute("create table a (x int); create table b (x int)")
            with pytest.raises(duckdb.Error) as caught:
                connection.execute(query)
        return str(fault_of_age(caught.value))

    assert 'Referenced column "y" not found' in answer("select y from a")
    # If the query is wrong, not the publication, a run does not help.
    assert answer("select y from a").endswith(
        "-> run: aval run; what says the same after that is a fault of Aval's own"
    )
    assert "Table with name c does not exist" in answer("select * from c")
    assert answer("select x from a, b") == "None"
    assert answer("select cast('x' as int) from range(1)") == "None"
