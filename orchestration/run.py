"""One run of the whole flow in this process: the same job as Dagster's, without a server.

What belongs here: Dagster's instance, starting the job, and what became of it. What does not: what the
steps do (`orchestration.defs`), and what the user reads at the end (`orchestration.summary`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from connectors.errors import AvalError
from orchestration.disk import with_remedy
from orchestration.history import end_killed_runs, history_kept_open, tags
from orchestration.lock import run_lock
from orchestration.plan import Options, Sent, span_of_months
from orchestration.publish import Publication
from orchestration.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

DAGSTER_YAML: Final = """\
# Written by aval; yours to change. With PostgreSQL storage: docs/deploy.md.
telemetry:
  enabled: false
# Dagster's page would ask each new visitor for an e-mail address.
nux:
  enabled: false
concurrency:
  # One run at a time writes the warehouse; the run lock of the data directory holds as well.
  pools:
    default_limit: 1
    granularity: run
  runs:
    tag_concurrency_limits:
      - key: aval/warehouse
        limit: 1
run_monitoring:
  enabled: true
"""


TOLD_TO_END: Final = "the run was told to end (SIGTERM or Ctrl-C) -> start it again when you like"
STARTED_BY_US: Final = {"aval/started_by": "aval run"}


def what_stays(*, is_published: bool) -> str:
    """What readers have after a run that failed before its publication, or after it."""
    if is_published:
        return "the newest version is published as a file, and PostgreSQL stays as it was"
    return "what was published stays as it was"


class ExitCode(IntEnum):
    """What `aval` tells the scheduler that started it."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    GATE_CLOSED = 3
    BUSY = 4


@dataclass(frozen=True)
class StepFailure:
    """A step that failed, and why in words."""

    step: str
    reason: str
    code: str | None
    is_setting: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a run."""

    run_id: str
    failures: tuple[StepFailure, ...]
    built: bool
    published: bool

    @property
    def exit_code(self) -> ExitCode:
        if not self.failures:
            return ExitCode.DONE
        if any(failure.code == "gate_closed" for failure in self.failures):
            return ExitCode.GATE_CLOSED
        if any(failure.is_setting for failure in self.failures):
            return ExitCode.WRONG_USE
        return ExitCode.FAILED


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Dagster's instance: the one of `DAGSTER_HOME`, or one of SQLite files below the data."""
    import dagster as dg

    home = prepare_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    return dg.DagsterInstance.get()


def prepare_home(settings: Settings) -> Any:
    """Make Dagster's home with our settings, if there is none."""
    home = settings.dagster_home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(DAGSTER_YAML, encoding="utf-8")
    return home


def execute(settings: Settings, options: Options) -> Outcome:
    """Run the whole flow; BusyError if another run holds the company's data."""
    if options.rebuild:
        span_of_months(options.rebuild)
    with run_lock(settings.paths.state, "aval run"):
        from orchestration.definitions import build
        from orchestration.defs.automation import JOB
        from orchestration.defs.resources import repair

        # The job does this too; here a warehouse that somebody else holds is told as what it is.
        repair(settings)

        job = build(settings).resolve_job_def(JOB)
        # When nothing is new the gates are skipped with the steps that they guard, and Dagster warns of each.
        logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)
        # dbt speaks on standard output, where the summary is to stand alone.
        log = settings.paths.state / "dbt" / "output.log"
        run_id = str(uuid4())
        with (
            open_instance(settings) as instance,
            history_kept_open(instance, run_id),
            log.open("w") as quiet,
            redirect_stdout(quiet),
        ):
            # No other run begins before it has the lock, which this one holds.
            by_us = {**tags(settings), **STARTED_BY_US}
            end_killed_runs(instance, by_us, spared_seconds=0)
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                run_config={
                    "resources": {"run_options": {"config": asdict(options)}},
                    "loggers": {"console": {}},
                },
                tags=by_us,
                raise_on_error=False,
            )
    steps = {event.step_key for event in result.all_events if event.is_step_success}
    return Outcome(
        run_id=result.run_id,
        failures=_failures(result),
        built="dbt_core" in steps,
        published="publish" in steps,
    )


def _failures(result: dg.ExecuteInProcessResult) -> tuple[StepFailure, ...]:
    found = []
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            user = data.user_failure_data
            named = {name: str(item.value) for name, item in (user.metadata if user else {}).items()}
            reason = (user.description if user else None) or _cause(data.error)
            is_setting = named.get("fault") == "ConfigError"
            found.append(StepFailure(event.step_key or "", reason, named.get("code"), is_setting))
        elif event.is_failure and not found and event.event_type_value == "PIPELINE_FAILURE":
            found.append(StepFailure("the run", event.message or "", None))
    return tuple(found)


def _cause(error: Any) -> str:
    """The innermost message of an unforeseen error; Dagster's history has the traceback."""
    while error is not None and error.cause is not None:
        error = error.cause
    if error is not None and error.cls_name == "DagsterExecutionInterruptedError":
        return TOLD_TO_END
    return with_remedy(str(error.message).strip()) if error is not None else "no reason known"


def lone_publication(settings: Settings) -> Iterator[Publication | Sent]:
    """Publish the warehouse as it is, without a run; the gates judge it if they have not yet.

    Gives what was published, one place after the other.
    """
    from connectors.ledger import Ledger
    from orchestration.defs.resources import repair
    from orchestration.release import release, send

    if not settings.paths.warehouse.is_file():
        raise AvalError(
            "no_warehouse", f"there is no warehouse at {settings.paths.warehouse}", "run `aval run` first"
        )
    with run_lock(settings.paths.state, "aval publish"), Ledger(settings.paths.ledger) as ledger:
        repair(settings)
        yield release(settings, ledger, "publish-by-hand")
        if sent := send(settings, ledger):
            yield sent
