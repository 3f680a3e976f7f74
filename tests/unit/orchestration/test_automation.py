"""What starts runs by itself, and who hears of a failure."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType, EventLogEntry
from dagster._core.events import EngineEventData
from dagster._utils.error import SerializableErrorInfo

from connectors.company import Paths
from connectors.errors import BusyError, ConfigError
from orchestration.defs.automation import failure_message, inbox_state, jobs, sensors, untold_failure
from orchestration.defs.resources import CompanyResource, Notifier
from orchestration.history import tags
from orchestration.lock import run_lock
from orchestration.settings import Settings, load_settings

COMPANY = """
company: {code: acme, name: Acme}
erp: {kind: sql, url: "sqlite:///erp.sqlite", queries: erp}
inbox: {path: "${AVAL_DATA}/inbox", settle_seconds: 60}
"""
NOW = 1_800_000_000.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "company").mkdir()
    (tmp_path / "company" / "company.yml").write_text(COMPANY)
    return load_settings(tmp_path / "company", tmp_path / "data")


def put(settings: Settings, name: str, text: str, age: float) -> Path:
    path = settings.company.inbox.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - age, NOW - age))
    return path


def test_the_inbox_is_new_when_a_file_comes_changes_or_goes(settings: Settings) -> None:
    empty = inbox_state(settings, NOW)
    path = put(settings, "D01/a.csv", "one", 300)
    one = inbox_state(settings, NOW)
    put(settings, "D01/a.csv", "other", 200)
    other = inbox_state(settings, NOW)
    assert len({empty, one, other}) == 3
    assert inbox_state(settings, NOW) == other
    path.unlink()
    assert inbox_state(settings, NOW) == empty


def test_neither_a_link_to_nothing_nor_a_name_that_is_no_text_stops_the_look(settings: Settings) -> None:
    settings.company.inbox.path.mkdir(parents=True)
    empty = inbox_state(settings, NOW)
    (settings.company.inbox.path / "gone.csv").symlink_to("nowhere.csv")
    assert inbox_state(settings, NOW) == empty
    put(settings, os.fsdecode(b"D01/\xe9t\xe9.csv"), "one", 300)
    assert inbox_state(settings, NOW) != empty


def test_a_folder_whose_files_may_not_be_looked_at_stops_no_look(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, "D01/a.csv", "one", 300)
    closed = put(settings, "D02/b.csv", "two", 300)
    whole, stat = inbox_state(settings, NOW), Path.stat

    def refusing(path: Path, **options: Any) -> os.stat_result:
        if path == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refusing)
    assert inbox_state(settings, NOW) != whole


def test_a_file_that_is_still_being_written_starts_no_run_until_it_has_settled(settings: Settings) -> None:
    empty = inbox_state(settings, NOW)
    put(settings, "D01/a.csv", "half", 10)
    assert inbox_state(settings, NOW) == empty
    assert inbox_state(settings, NOW + 60) != empty


def test_the_sensor_asks_for_one_run_per_state_of_the_inbox(settings: Settings) -> None:
    put(settings, "D01/a.csv", "one", 300)
    sensor = sensors(settings)[0]
    repository = dg.Definitions(jobs=[_job()], sensors=[sensor]).get_repository_def()
    first = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository))
    assert len(first.run_requests or []) == 1
    again = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository, cursor=first.cursor))
    assert not again.run_requests
    assert again.skip_message == "nothing new in the inbox"


def test_an_inbox_that_becomes_again_what_it_was_starts_a_run(settings: Settings) -> None:
    """A mistaken correction is undone by putting the former file back; Dagster starts no run key twice."""
    sensor = sensors(settings)[0]
    repository = dg.Definitions(jobs=[_job()], sensors=[sensor]).get_repository_def()
    cursor, keys = None, []
    for text, age in (("one", 300_000_000), ("other", 200_000_000), ("one", 300_000_000)):
        put(settings, "D01/a.csv", text, age)
        tick = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository, cursor=cursor))
        keys += [request.run_key for request in tick.run_requests or []]
        cursor = tick.cursor
    assert len(keys) == 3
    named = [key for key in keys if key is not None]
    assert len(named) == len(set(named))


def test_a_file_that_comes_while_a_run_is_at_work_starts_one_when_that_has_ended(settings: Settings) -> None:
    """The run that is at work may have looked at the inbox before; another would only fail at the lock."""
    put(settings, "D01/a.csv", "one", 300)
    sensor = sensors(settings)[0]
    repository = dg.Definitions(jobs=[_job()], sensors=[sensor]).get_repository_def()
    context = dg.build_sensor_context(repository_def=repository)
    with run_lock(settings.paths.state, "aval run"):
        meanwhile = sensor.evaluate_tick(context)
    assert not meanwhile.run_requests
    assert meanwhile.skip_message is not None
    assert meanwhile.skip_message.startswith("another run is at work (aval run, process ")
    assert meanwhile.cursor is None
    assert len(sensor.evaluate_tick(context).run_requests or []) == 1


def test_the_sensor_of_deliveries_asks_for_a_run_when_a_source_holds_something_new(tmp_path: Path) -> None:
    company = tmp_path / "company"
    company.mkdir()
    (company / "company.yml").write_text(
        COMPANY + "deliveries: {share: {kind: local, partner: D07, path: drop}}\n"
        "schedule: {deliveries_minutes: 5}\n"
    )
    (company / "drop").mkdir()
    settings = load_settings(company, tmp_path / "data")
    sensor = sensors(settings)[1]
    assert sensor.minimum_interval_seconds == 300
    repository = dg.Definitions(jobs=[_job()], sensors=[sensor]).get_repository_def()
    nothing = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository))
    assert nothing.skip_message == "nothing new is delivered"
    report = company / "drop" / "ventes.csv"
    report.write_text("a;b")
    os.utime(report, (NOW - 300_000_000, NOW - 300_000_000))
    first = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository))
    again = sensor.evaluate_tick(dg.build_sensor_context(repository_def=repository, cursor=first.cursor))
    assert (len(first.run_requests or []), again.run_requests) == (1, [])
    assert not settings.company.inbox.path.exists()


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job(name="daily")
    def daily() -> None:
        nothing()

    return daily


def test_runs_that_write_the_warehouse_are_tagged_for_the_queue(settings: Settings) -> None:
    (job,) = jobs(settings)
    assert job.tags == {"aval/warehouse": "writer", "aval/data": str(settings.paths.data.resolve())}


def test_a_failure_is_told_in_one_sentence_without_a_traceback() -> None:
    message = failure_message(
        "run-1", "gate_core", dg.Failure(description="gate core: CLOSED\n  a line is double")
    )
    assert message == (
        "Aval run run-1 failed at gate_core; what was published stays as it was.\n"
        "gate core: CLOSED\n  a line is double"
    )


def test_a_failure_after_the_publication_says_that_the_file_is_new() -> None:
    said = failure_message("run-1", "publish_postgresql", dg.Failure(description="connection refused"))
    assert said == (
        "Aval run run-1 failed at publish_postgresql; the newest version is published as a file, and "
        "PostgreSQL stays as it was.\nconnection refused"
    )


def test_a_run_that_was_killed_blocks_no_other_and_one_that_just_began_goes_on(settings: Settings) -> None:
    """Where the machine stopped, Dagster's daemon waits for ever for the end of the run that was at work."""
    sensor = next(sensor for sensor in sensors(settings) if sensor.name == "killed_runs")
    with dg.DagsterInstance.ephemeral() as instance:
        killed, beginning = (_started_run(instance, settings, age) for age in (3600, 5))
        context = dg.build_sensor_context(instance=instance)
        with run_lock(settings.paths.state, "run"):
            sensor.evaluate_tick(context)
        assert [_status(instance, run) for run in (killed, beginning)] == ["STARTED", "STARTED"]
        sensor.evaluate_tick(context)
        assert [_status(instance, run) for run in (killed, beginning)] == ["FAILURE", "STARTED"]


def test_a_run_of_single_assets_says_which_data_it_writes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, it is found by what it says; the page launches it without the tags of the job."""
    monkeypatch.setenv("AVAL_COMPANY", str(settings.paths.company))
    monkeypatch.setenv("AVAL_DATA", str(settings.paths.data))

    @dg.asset(required_resource_keys={"company"})
    def mart() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([mart], instance=instance, resources={"company": CompanyResource()})
        run = instance.get_run_by_id(done.run_id)
        assert run is not None
        assert run.tags.items() >= tags(settings).items()


def test_a_run_at_work_on_other_data_is_not_taken_for_killed(settings: Settings, tmp_path: Path) -> None:
    """Two companies in one Dagster home: the lock of the one says nothing of the other's run."""
    sensor = next(sensor for sensor in sensors(settings) if sensor.name == "killed_runs")
    other = replace(settings, paths=Paths(settings.paths.company, tmp_path / "other"))
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = _started_run(instance, other, 3600)
        sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        assert _status(instance, run_id) == "STARTED"


def test_a_run_that_was_killed_is_told(settings: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = _started_run(instance, settings, 3600)
        instance.report_run_failed(instance.get_run_by_id(run_id))  # type: ignore[arg-type]
        assert untold_failure(instance, run_id) == (
            f"Aval run {run_id} failed outside its steps; what was published stays as it was.\n"
            "its process was killed: by the system, for want of memory, by hand, or with the machine "
            "-> start it again when you like; it puts right what was left half done"
        )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ConfigError("value", "company.yml:9: 'currency' has the wrong value 'euro'", "write EUR"), True),
        (BusyError("run_in_progress", "another run holds the warehouse", "wait"), False),
    ],
)
def test_a_run_that_ends_before_its_steps_is_told_unless_another_was_at_work(
    fault: Exception, told: bool
) -> None:
    @dg.resource
    def company() -> None:
        raise fault from OSError("what lies beneath")

    @dg.op(required_resource_keys={"company"})
    def step() -> None: ...

    @dg.job(resource_defs={"company": company})
    def daily() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        run_id = daily.execute_in_process(instance=instance, raise_on_error=False).run_id
        message = untold_failure(instance, run_id)
    said = f"Aval run {run_id} failed outside its steps; what was published stays as it was.\n{fault}"
    assert message == (said if told else None)


def test_a_run_that_could_not_leave_the_queue_is_told_by_the_fault_and_not_by_all_traces(
    settings: Settings,
) -> None:
    """While a profile has a fault the location cannot be loaded; Dagster gives its traces as one text."""
    sentence = "feeds/D07_sales.yml:17: unknown key 'colums' -> remove it or correct its spelling"
    traces = (
        "Failure loading orchestration.definitions: dagster._core.errors.DagsterUserCodeLoadError: Error "
        'occurred during the loading\n\nStack Trace:\n  File "server.py", line 504, in __init__\n\n'
        "The above exception was caused by the following exception:\n"
        f'connectors.errors.ConfigError: {sentence}\n\nStack Trace:\n  File "errors.py", line 279\n\n'
        "The above exception was caused by the following exception:\n"
        "pydantic_core._pydantic_core.ValidationError: 2 validation errors for Profile\n"
    )
    error = SerializableErrorInfo(
        f"dagster._core.errors.DagsterCodeLocationLoadError: {traces}", [], "DagsterCodeLocationLoadError"
    )
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = _started_run(instance, settings, 3600)
        run = instance.get_run_by_id(run_id)
        assert run is not None
        instance.report_engine_event("not dequeued", run, EngineEventData.engine_error(error))
        instance.report_run_failed(run)
        message = untold_failure(instance, run_id)
    assert message == (
        f"Aval run {run_id} failed outside its steps; what was published stays as it was.\n{sentence}"
    )


def test_a_failed_run_is_told_once_by_its_step_or_else_by_the_sensor(
    settings: Settings, tmp_path: Path
) -> None:
    @dg.op
    def step() -> None:
        raise dg.Failure("the ERP does not answer")

    @dg.job(name="daily")
    def daily() -> None:
        step()

    sensor = next(sensor for sensor in sensors(settings) if sensor.name == "untold_failures")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    notifier = Notifier(command=f"cat >> '{tmp_path}/told.txt'")
    repository = dg.Definitions(
        jobs=[daily], sensors=[sensor], resources={"notifier": notifier}
    ).get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, repository_def=repository, resources={"notifier": notifier}
        )
        context.update_cursor(sensor.evaluate_tick(context).cursor)
        daily.execute_in_process(instance=instance, raise_on_error=False)
        killed = _started_run(instance, settings, 3600)
        instance.report_run_failed(instance.get_run_by_id(killed))  # type: ignore[arg-type]
        for _ in range(3):
            context.update_cursor(sensor.evaluate_tick(context).cursor)
    assert (tmp_path / "told.txt").read_text().count("Aval run") == 1
    assert f"Aval run {killed} failed" in (tmp_path / "told.txt").read_text()


def _started_run(instance: dg.DagsterInstance, settings: Settings, age: float) -> str:
    """A run whose process is not there, as the queue has started it so many seconds ago."""
    run = instance.create_run_for_job(_job(), tags=tags(settings))
    event = DagsterEvent(DagsterEventType.RUN_START.value, "daily")
    entry = EventLogEntry(
        None, "debug", "", run.run_id, time.time() - age, job_name="daily", dagster_event=event
    )
    instance.handle_new_event(entry)
    return run.run_id


def _status(instance: dg.DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status.value


def test_a_run_that_was_told_to_end_says_so(settings: Settings) -> None:
    message = failure_message("run-1", "dbt_core", dg.DagsterExecutionInterruptedError())
    assert message.endswith("the run was told to end (SIGTERM or Ctrl-C) -> start it again when you like")


def test_the_notifier_hands_the_message_to_the_operators_command(tmp_path: Path) -> None:
    Notifier(command=f"cat > '{tmp_path}/told.txt'").tell("the ERP is down")
    assert (tmp_path / "told.txt").read_text() == "the ERP is down"


def test_without_a_command_nobody_is_told_and_nothing_fails() -> None:
    Notifier().tell("the ERP is down")
