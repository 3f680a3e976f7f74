"""What a user is promised, seen from outside: files and ERPs that misbehave, gates that close, runs that die.

Each test starts `aval run` as a user does, on the first months of the sample company.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from connectors.sample import generate
from connectors.sample.changes import damage, drop_invoices, next_week, send_correction, send_twice
from connectors.sample.generator import Sample
from tests.installation import ROOT, bring_parsed, environment, only_once, run_aval, shared_folder

AS_OF = date(2024, 10, 20)
NEXT_WEEK = date(2024, 10, 27)

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


@dataclass(frozen=True)
class Site:
    """A company directory and its data, as a user has them."""

    company: Path
    data: Path

    @property
    def inbox(self) -> Path:
        return self.data / "source" / "inbox"

    @property
    def sample(self) -> Sample:
        source = self.data / "source"
        return Sample(source, 20240701, AS_OF, f"sqlite:///{source / 'erp.sqlite'}", 0)

    @property
    def current(self) -> Path:
        return (self.data / "published" / "current.duckdb").resolve()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AVAL_COMPANY": str(self.company),
            "AVAL_PSEUDONYM_KEY": "a key for tests",
            "AVAL_BUSINESS_KEY": "a key for business customers",
            "TEST_DAY": (self.data / "day").read_text(),
        }

    def aval(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_aval(*arguments, data=self.data, **self.environment)

    def run(self, *arguments: str, expect: int = 0) -> str:
        result = self.aval("run", *arguments)
        output = result.stdout + result.stderr
        assert result.returncode == expect, output
        return output

    def published_hash(self) -> str:
        return hashlib.sha256(self.current.read_bytes()).hexdigest()

    def set_day(self, day: date) -> None:
        """Not in the company's settings: a change of these has the gates look at everything."""
        (self.data / "day").write_text(day.isoformat())

    def sold_by_week(self) -> dict[tuple[str, str], Decimal | None]:
        """Units that each partner sold in each week, net of returns; None where it did not report."""
        with duckdb.connect(str(self.current), read_only=True) as connection:
            return {
                (partner, week): sold
                for partner, week, sold in connection.execute(
                    "select partner_code, strftime(week_start_date, '%G-W%V'), "
                    "sum(sold_quantity - consumer_returned_quantity) "
                    "from marts.mart_channel_inventory_weekly group by all"
                ).fetchall()
            }


def _make_site(folder: Path, day: date) -> Site:
    site = Site(folder / "company", folder / "data")
    shutil.copytree(ROOT / "examples" / "demo", site.company)
    settings = site.company / "company.yml"
    lines = [
        "as_of_date: ${TEST_DAY}" if line.startswith("as_of_date:") else line
        for line in settings.read_text(encoding="utf-8").splitlines()
    ]
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    generate(site.data / "source", as_of=day)
    site.set_day(day)
    return site


@pytest.fixture(scope="session")
def first_months(tmp_path_factory: pytest.TempPathFactory, manifest_data: Path) -> Site:
    """The first months of the sample company, published once. Read only."""
    folder = shared_folder(tmp_path_factory) / "first_months"
    with only_once(folder) as is_first:
        if is_first:
            site = _make_site(folder, AS_OF)
            bring_parsed(manifest_data, site.data)
            site.run()
    return Site(folder / "company", folder / "data")


@pytest.fixture(scope="session")
def a_week_later(first_months: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The same company after one more week, come by one undisturbed increment. Read only."""
    folder = shared_folder(tmp_path_factory) / "a_week_later"
    with only_once(folder) as is_first:
        if is_first:
            site = _copy(first_months, folder)
            _let_a_week_pass(site)
            site.run()
    return Site(folder / "company", folder / "data")


@pytest.fixture
def site(first_months: Site, tmp_path: Path) -> Site:
    """A copy of the published first months that the test may change."""
    return _copy(first_months, tmp_path / "site")


def _copy(site: Site, folder: Path) -> Site:
    shutil.copytree(site.company.parent, folder, symlinks=True)
    return Site(folder / "company", folder / "data")


def _let_a_week_pass(site: Site) -> None:
    """New documents, new reports, and a correction of an earlier week."""
    next_week(site.sample)
    site.set_day(NEXT_WEEK)
    send_correction(site.sample, sorted(site.inbox.glob("D01/*.csv"))[5].name, extra=7)


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


def _assert_same(found: Site, expected: Site) -> None:
    """Two publications hold the same tables with the same columns, and each row as often."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{found.current}' as found (read_only)")
        connection.execute(f"attach '{expected.current}' as expected (read_only)")
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


def test_files_that_are_lost_damaged_doubled_or_corrected(site: Site) -> None:
    weekly = sorted(site.inbox.glob("D01/*.csv"))
    known = set(site.inbox.rglob("*.*"))
    before = site.sold_by_week()
    next_week(site.sample)
    site.set_day(NEXT_WEEK)
    new = sorted(set(site.inbox.rglob("*.*")) - known)
    lost = next(path for path in new if path.parent.name == "D09")
    damaged = next(path for path in new if path.parent.name == "D14")
    lost.unlink()
    damage(damaged)
    send_twice(site.sample, weekly[3])
    send_correction(site.sample, weekly[5].name, extra=10)

    output = site.run()
    status = site.aval("feeds", "status").stdout
    after = site.sold_by_week()

    assert "1 duplicate" in output
    assert "1 rejected" in output
    assert damaged.name in output
    assert "Reports superseded   1 files" in output
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
    site = _copy(a_week_later, tmp_path / "site")
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
    _assert_same(site, a_week_later)


def test_a_quiet_run_a_rebuilt_span_and_a_new_week_give_what_was_there_and_what_a_rebuild_gives(
    site: Site, first_months: Site, a_week_later: Site
) -> None:
    before = site.published_hash()
    assert "nothing new" in site.run().lower()
    assert site.published_hash() == before

    # Views name landing by its path: the first build in another place builds everything.
    assert "stand as they were built before" not in site.run("--rebuild", "2024-08..2024-09")
    assert site.published_hash() != before
    _assert_same(site, first_months)

    _let_a_week_pass(site)
    with _reader(site) as reader:
        first, old = reader.read(), site.current
        # What reads nothing new stands, and all is as where everything was built: in the undisturbed
        # increment, which is held against a rebuild above.
        assert "models stand as they were built before" in site.run()
        assert site.current != old
        assert reader.read() == first
    _assert_same(site, a_week_later)


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


@pytest.mark.parametrize(
    "reached",
    [_landing_has_begun, _models_are_built, _publication_has_begun],
    ids=["landing", "models", "publication"],
)
def test_a_run_killed_anywhere_leaves_no_trace(
    site: Site, a_week_later: Site, reached: Callable[[Site, set[Path]], bool]
) -> None:
    old = site.published_hash()
    _let_a_week_pass(site)
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
    assert process.poll() is None, "the run ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert site.published_hash() == old

    site.run()

    _assert_same(site, a_week_later)


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
