"""Dagster's history of runs."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.runs.schema import RunsTable

from orchestration.defs.resources import CompanyResource
from orchestration.history import history_kept_open, remove_old_runs, tags
from orchestration.settings import load_settings


def test_the_history_is_not_folded_at_each_event_while_a_run_writes_it(tmp_path: Path) -> None:
    run_id = str(uuid.uuid4())
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        storage = instance.event_log_storage
        log = Path(storage.path_for_shard("index") + "-wal")  # type: ignore[attr-defined]
        key = dg.AssetKey("asset")

        with history_kept_open(instance, run_id):
            instance.report_runless_asset_event(dg.AssetMaterialization(key))
            assert log.is_file()
        assert not log.exists()
        instance.report_runless_asset_event(dg.AssetMaterialization(key))
        assert not log.exists()
        assert len(instance.fetch_materializations(key, limit=5).records) == 2


def test_an_instance_without_files_needs_nothing_kept_open() -> None:
    with dg.DagsterInstance.ephemeral() as instance, history_kept_open(instance, "run"):
        assert instance.get_runs() == []


@dg.asset(check_specs=[dg.AssetCheckSpec("holds", asset="figures")])
def figures(context: dg.AssetExecutionContext) -> Iterator[Any]:
    context.log.info("counted")
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="holds", passed=True)])


def run_of(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    return dg.materialize([figures], instance=instance, tags=tags).run_id


def test_old_runs_of_a_company_leave_nothing_behind(tmp_path: Path) -> None:
    ours, theirs = {"aval/data": "/data/acme"}, {"aval/data": "/data/other"}
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        old, other = run_of(instance, ours), run_of(instance, theirs)
        between = datetime.now(UTC)
        new = run_of(instance, ours)

        assert remove_old_runs(instance, ours, between) == 1
        assert {run.run_id for run in instance.get_runs()} == {other, new}
        assert not list(tmp_path.rglob(f"*{old}*"))
        assert {
            record.event_log_entry.run_id
            for record in instance.fetch_materializations(figures.key, limit=5).records
        } == {other, new}
        checks = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(figures.key, "holds"), limit=5
        )
        assert {check.run_id for check in checks} == {other, new}
        assert remove_old_runs(instance, ours, between) == 0


@dg.job
def daily() -> None: ...


def test_a_run_that_has_not_ended_stays_however_old(tmp_path: Path) -> None:
    ours = {"aval/data": "/data/acme"}
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        waiting = instance.create_run_for_job(daily, tags=ours)
        later = datetime.now(UTC) + timedelta(days=1)
        assert remove_old_runs(instance, ours, later) == 0
        assert instance.has_run(waiting.run_id)


def test_a_long_history_is_cut_short_by_parts_the_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.history.REMOVED_AT_ONCE", 2)
    ours = {"aval/data": "/data/acme"}
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        runs = [run_of(instance, ours) for _ in range(3)]
        later = datetime.now(UTC) + timedelta(days=1)
        assert remove_old_runs(instance, ours, later) == 2
        assert [run.run_id for run in instance.get_runs()] == [runs[2]]
        assert remove_old_runs(instance, ours, later) == 1


def test_each_run_removes_what_is_older_than_the_company_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = tmp_path / "company"
    company.mkdir()
    (company / "company.yml").write_text(
        "company: {code: acme, name: Acme}\n"
        "erp: {kind: sql, url: 'sqlite:///erp.sqlite', queries: erp}\n"
        "inbox: {path: inbox}\n"
        "schedule: {history_days: 30}\n"
    )
    monkeypatch.setenv("AVAL_COMPANY", str(company))
    monkeypatch.setenv("AVAL_DATA", str(tmp_path / "data"))
    ours = tags(load_settings())
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        runs = {age: run_of(instance, ours) for age in (29, 31)}
        with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
            for age, run_id in runs.items():
                connection.execute(
                    sa.update(RunsTable)
                    .where(RunsTable.c.run_id == run_id)
                    .values(create_timestamp=datetime.now(UTC) - timedelta(days=age))
                )
        with (
            dg.build_init_resource_context(instance=instance) as context,
            CompanyResource().yield_for_execution(context),
        ):
            assert [run.run_id for run in instance.get_runs()] == [runs[29]]
