"""What a run does before its first step: put right what a killed one left."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from connectors.errors import AvalError, BusyError
from connectors.ledger import Ledger
from orchestration import plan, release
from orchestration.defs.resources import CompanyResource, repair, wait_until_free
from orchestration.settings import SAMPLE_COMPANY, file_fingerprint, load_settings

HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "aval.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select 1 as n")
    return path


def hold(warehouse: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_run_waits_for_another_process_to_let_the_warehouse_go(warehouse: Path) -> None:
    with hold(warehouse) as other:
        timer = threading.Timer(1.0, other.kill)
        timer.start()
        wait_until_free(warehouse, seconds=30)
        assert other.poll() is not None


def test_a_warehouse_that_is_never_let_go_is_named(warehouse: Path) -> None:
    with hold(warehouse) as other:
        with pytest.raises(BusyError, match="another process has the warehouse open"):
            wait_until_free(warehouse, seconds=0.1)
        other.kill()


def test_looking_whether_the_warehouse_is_free_does_not_change_it(warehouse: Path) -> None:
    before = file_fingerprint(warehouse)
    wait_until_free(warehouse)
    assert file_fingerprint(warehouse) == before


def test_there_is_nothing_to_wait_for_before_the_first_run(tmp_path: Path) -> None:
    wait_until_free(tmp_path / "aval.duckdb", seconds=0)


@pytest.mark.parametrize("size", [0, 8192])
def test_what_a_full_disk_left_of_a_new_warehouse_is_removed(tmp_path: Path, size: int) -> None:
    settings = load_settings(SAMPLE_COMPANY, tmp_path)
    warehouse = settings.paths.warehouse
    warehouse.parent.mkdir()
    duckdb.connect(str(warehouse)).close()
    with warehouse.open("r+b") as handle:
        handle.truncate(size)
    assert repair(settings) == ["removed aval.duckdb, which was never written to"]
    assert not warehouse.exists()


def test_a_warehouse_without_a_table_is_kept(tmp_path: Path) -> None:
    settings = load_settings(SAMPLE_COMPANY, tmp_path)
    settings.paths.warehouse.parent.mkdir()
    duckdb.connect(str(settings.paths.warehouse)).close()
    assert repair(settings) == []
    assert settings.paths.warehouse.exists()


def test_a_damaged_warehouse_is_named_with_its_remedy(warehouse: Path) -> None:
    with warehouse.open("r+b") as handle:
        handle.write(b"damaged" * 2000)
    with pytest.raises(
        AvalError, match=r"aval\.duckdb: the warehouse cannot be opened .* -> remove the file"
    ):
        wait_until_free(warehouse)


def test_a_warehouse_that_may_not_be_opened_is_not_called_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: str) -> None:
        # Not a real file: an account that may read everything, as root, is refused nothing.
        raise duckdb.IOException('IO Error: Cannot open file "aval.duckdb": Permission denied')

    warehouse = tmp_path / "aval.duckdb"
    warehouse.write_bytes(b"\0" * 20_000)
    monkeypatch.setattr(duckdb, "connect", refused)
    with pytest.raises(duckdb.IOException, match="Permission denied"):
        wait_until_free(warehouse)


class Clock(datetime):
    moment = datetime(2026, 6, 30, 21, 59, tzinfo=UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return cls.moment.astimezone(tz)


def test_a_run_over_midnight_keeps_the_day_on_which_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or facts would end on one day, marts on the next, and the gate would compare them by a third."""
    company = tmp_path / "company"
    company.mkdir()
    (company / "company.yml").write_text(
        "company: {code: acme, name: Acme}\n"
        "time_zone: Europe/Paris\n"
        "erp: {kind: sql, url: 'sqlite:///erp.sqlite', queries: erp}\n"
        "inbox: {path: inbox}\n"
    )
    monkeypatch.setenv("AVAL_COMPANY", str(company))
    monkeypatch.setenv("AVAL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("connectors.company.datetime", Clock)
    with (
        dg.build_init_resource_context() as context,
        CompanyResource().yield_for_execution(context) as resource,
    ):
        assert resource.settings.company.today() == date(2026, 6, 30)
        monkeypatch.setattr(Clock, "moment", datetime(2026, 6, 30, 22, 1, tzinfo=UTC))
        assert resource.settings.company.today() == date(2026, 6, 30)
        assert resource.settings.dbt_environment("all")["AVAL_AS_OF"] == "2026-06-30"
    assert load_settings().company.today() == date(2026, 7, 1)


def test_a_warehouse_that_is_published_on_a_later_day_stays_as_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(SAMPLE_COMPANY, tmp_path)
    settings.paths.warehouse.parent.mkdir()
    settings.paths.warehouse.write_text("built")
    told: dict[str, Any] = {}

    class Stopped(Exception):
        pass

    def publish(*_: object, **given: Any) -> None:
        told.update(given)
        raise Stopped

    for name in ("checkpoint", "book_changes"):
        monkeypatch.setattr(release, name, lambda *_: None)
    monkeypatch.setattr(release, "_newest_dates", lambda _: (None, None))
    monkeypatch.setattr(release, "publish", publish)
    with Ledger(settings.paths.ledger) as ledger:
        built = plan.decide("r1", plan.Options(), plan.situation(settings, ledger))
        plan.save_plan(ledger, replace(built, as_of="2026-06-28"))
        plan.save_validated(ledger, file_fingerprint(settings.paths.warehouse) or "", [])
        with pytest.raises(Stopped):
            release.release(settings, ledger, "by hand")
    assert told["as_of"] == date(2026, 6, 28)
