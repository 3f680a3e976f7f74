"""What a user is promised, seen from outside: files and ERPs that misbehave, gates that close, runs that die.

Each test looks at runs of `aval run` on the first months of the sample company; those that are killed start
as a user starts them.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from connectors.sample.changes import drop_invoices
from tests.installation import ROOT, environment
from tests.integration.first_months import Site, let_a_week_pass

# Which batch brought a row and when, and when it was published, differ between two runs by nature.
_BY_RUN = (
    "source_batch_id",
    "sell_out_line_id",
    "report_number",
    "gl_line_id",
    "report_id",
    "landed_at",
    "publication",
)


def _sold_by_week(file: Path) -> dict[tuple[str, str], Decimal | None]:
    """Units that each partner sold in each week, net of returns; None where it did not report."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return {
            (partner, week): sold
            for partner, week, sold in connection.execute(
                "select partner_code, strftime(week_start_date, '%G-W%V'), "
                "sum(sold_quantity - consumer_returned_quantity) "
                "from marts.mart_channel_inventory_weekly group by all"
            ).fetchall()
        }


def _columns(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """Columns of every published table but the publication itself, without what differs by run."""
    columns: dict[str, list[str]] = {}
    for table, name in connection.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns() "
        "where database_name = ? and not internal order by all",
        [database],
    ).fetchall():
        if table.split(".")[1] not in _BY_RUN and name not in _BY_RUN:
            columns.setdefault(table, []).append(name)
    return columns


def _assert_same(found: Path, expected: Path) -> None:
    """Two publications hold the same tables with the same columns, and each row as often."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{found}' as found (read_only)")
        connection.execute(f"attach '{expected}' as expected (read_only)")
        tables = _columns(connection, "expected")
        assert len(tables) > 50
        assert _columns(connection, "found") == tables
        different = {}
        for table, columns in tables.items():
            names = ", ".join(columns)
            # As many rows, and none of them is another: the same rows.
            more, others = connection.execute(
                f"select (select count(*) from found.{table}) - (select count(*) from expected.{table}), "
                f"(select count(*) from (select {names} from found.{table} "
                f"except all select {names} from expected.{table}))"
            ).fetchall()[0]
            if (more, others) != (0, 0):
                different[table] = f"{more} rows more, {others} others"
        assert different == {}


def test_files_that_are_lost_damaged_doubled_or_corrected(first_months: Site, a_week_later: Site) -> None:
    before, after = _sold_by_week(first_months.current), _sold_by_week(a_week_later.current)
    output = (a_week_later.data.parent / "week.txt").read_text("utf-8")
    status = a_week_later.aval("feeds", "status").stdout
    (damaged,) = {path.name for path in a_week_later.inbox.glob("D14/*")} - {
        path.name for path in first_months.inbox.glob("D14/*")
    }

    assert "1 duplicate" in output
    assert "1 rejected" in output
    assert damaged in output
    assert "Reports superseded   1 file," in output
    assert re.search(r"D09_hebdo.*2024-W42", status), status
    # W42 is the week that came: D01's report is there, the lost and the damaged one are not zero but unknown.
    assert after["D01", "2024-W42"] > 0
    assert after["D09", "2024-W42"] is None
    assert after["D14", "2024-W42"] is None
    changed = {
        key: (value, after[key]) for key, value in before.items() if value is not None and after[key] != value
    }
    (((partner, _), (old, new_value)),) = changed.items()
    assert (partner, new_value - old) == ("D01", 10)


def test_a_lost_day_of_invoices_closes_the_gate_and_changes_nothing(site: Site) -> None:
    before = site.published_hash()
    numbers = drop_invoices(site.sample, date(2024, 9, 10))
    assert numbers

    output = site.run(expect=3)

    assert "landing" in output
    assert numbers[0] in output
    assert "--accept-deleted-documents" in output
    assert site.published_hash() == before


def test_a_line_doubled_by_hand_closes_the_gate_and_a_rebuild_gives_what_the_increment_gave(
    a_week_later: Site, tmp_path: Path
) -> None:
    site = a_week_later.copy(tmp_path / "site")
    before = site.published_hash()
    with duckdb.connect(str(site.data / "warehouse" / "aval.duckdb")) as connection:
        connection.execute(
            "insert into core.fct_sell_out_lines select line.* from core.fct_sell_out_lines line "
            "join core.dim_sell_out_reports using (report_number) where partner_code = 'D03' limit 1"
        )

    output = site.run(expect=3)

    assert "fct_sell_out" in output
    assert "D03" in output
    assert site.published_hash() == before
    # An audit does not mend what it was asked to find.
    told = site.run("--audit", expect=1)
    assert "fct_sell_out_lines_report_number__source_row__source_column: Got 1 result" in told
    assert "`aval run --full-refresh` builds all again" in told
    assert site.published_hash() == before
    site.run("--full-refresh", "--audit")
    assert site.published_hash() != before
    _assert_same(site.current, a_week_later.current)


def test_a_rebuilt_span_and_a_new_week_give_what_was_there_and_build_no_more_than_they_have_to(
    first_months: Site, a_week_later: Site
) -> None:
    first, rebuilt, newest = a_week_later.versions
    assert first.name == first_months.current.name
    assert newest == a_week_later.current

    _assert_same(rebuilt, first_months.current)
    # What reads nothing new stands, and all is as where everything is built: above, and after a kill below.
    for told in ("rebuild.txt", "week.txt"):
        assert "models stand as they were built before" in (a_week_later.data.parent / told).read_text(
            "utf-8"
        )


class _Reader:
    """A process that holds the published file open."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def read(self) -> str:
        """What the file says now, as that process has had it open all the time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the reader has ended"
        return line


@contextmanager
def _reader(site: Site) -> Iterator[_Reader]:
    code = (
        "import duckdb, sys\n"
        f"c = duckdb.connect({str(site.current)!r}, read_only=True)\n"
        "q = 'select count(*), sum(net_amount) from core.fct_sell_in'\n"
        "for _ in sys.stdin:\n"
        "    print(c.execute(q).fetchone(), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield _Reader(process)
    assert process.returncode == 0


def _landing_has_begun(site: Site, before: set[Path]) -> bool:
    # One partner's folder: to look through all of them again and again would take a processor of its own.
    return bool(set((site.data / "landing" / "feeds" / "sell_out" / "D01").rglob("*.parquet")) - before)


def _models_are_built(site: Site, before: set[Path]) -> bool:
    wal = site.data / "warehouse" / "aval.duckdb.wal"
    return wal.exists() and wal.stat().st_size > 0


def _publication_has_begun(site: Site, before: set[Path]) -> bool:
    return any((site.data / "published").glob(".*.part"))


def _kill_a_run(site: Site, place: str, reached: Callable[[Site, set[Path]], bool]) -> None:
    before = set((site.data / "landing" / "feeds").rglob("*.parquet"))
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "run"],
        cwd=ROOT,
        env=environment(site.data, **site.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and not reached(site, before):
        time.sleep(0.002)
    assert process.poll() is None, f"the run ended before it could be killed in {place}"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_runs_killed_anywhere_leave_no_trace_and_disturb_no_reader(site: Site, a_week_later: Site) -> None:
    site.run()  # The copy's ERP is another database, which is read whole once: rows have other numbers there.
    old = site.published_hash()
    let_a_week_pass(site)
    with _reader(site) as reader:
        first, former = reader.read(), site.current
        for place, reached in (
            ("landing", _landing_has_begun),
            ("models", _models_are_built),
            ("publication", _publication_has_begun),
        ):
            _kill_a_run(site, place, reached)
            assert site.published_hash() == old, f"killed in {place}"
        site.run()
        assert site.current != former
        assert reader.read() == first
    _assert_same(site.current, a_week_later.current)


def test_the_published_file_opens_elsewhere_without_aval(first_months: Site, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "channel.duckdb"
    copy.parent.mkdir()
    shutil.copy(first_months.current, copy)

    result = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
            "print(c.execute('select count(*) from marts.mart_sell_in_monthly').fetchone()[0])",
            copy,
        ],
        cwd=copy.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(result.stdout) > 1000
