"""When runs start by themselves, and what happens when one fails: job, schedule, sensor, failure hook."""

import hashlib
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from connectors.delivery.collect import Look, look
from connectors.ledger import Ledger
from orchestration.lock import is_locked
from orchestration.run import TOLD_TO_END
from orchestration.settings import Settings

JOB = "daily"
TAGS = {"aval/warehouse": "writer"}
"""One run at a time writes the warehouse: Dagster queues runs of this tag, the run lock refuses others."""


@dg.failure_hook(required_resource_keys={"notifier"})
def tell_failure(context: dg.HookContext) -> None:
    """Say in one message what failed and why, and hand it to the notifier."""
    message = failure_message(context.run_id, context.op.name, context.op_exception)
    context.log.error(message)
    context.resources.notifier.tell(message)


def failure_message(run_id: str, step: str, error: BaseException | None) -> str:
    """The message of a failed step: the sentence of the error, without a traceback."""
    is_told = isinstance(error, dg.DagsterExecutionInterruptedError)
    reason = TOLD_TO_END if is_told else getattr(error, "description", None) or str(error)
    return f"Aval run {run_id} failed at {step}; what was published stays as it was.\n{reason}"


def jobs() -> list[Any]:
    """The whole flow as one job."""
    return [
        dg.define_asset_job(
            JOB,
            selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
            description="Pull the ERP, take in reports, build, judge and publish.",
            executor_def=dg.in_process_executor,
            hooks={tell_failure},
            tags=TAGS,
        )
    ]


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The daily run, by the company's clock."""
    return [
        dg.ScheduleDefinition(
            name="daily_run",
            job_name=JOB,
            cron_schedule=settings.company.schedule.cron,
            execution_timezone=settings.company.time_zone,
            description="The daily run, in the company's time zone.",
        )
    ]


def sensors(settings: Settings) -> Sequence[dg.SensorDefinition]:
    """A run as soon as the files in the inbox have changed."""

    @dg.sensor(
        name="inbox",
        job_name=JOB,
        minimum_interval_seconds=60,
        description="Starts a run when files of the inbox have come, gone or changed, and are whole.",
    )
    def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if at_work := _at_work(settings):
            return at_work
        state = inbox_state(settings, time.time())
        if state == context.cursor:
            return dg.SkipReason("nothing new in the inbox")
        # Without a key: Dagster starts none twice, and an inbox may become again what it was.
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=state)

    @dg.sensor(
        name="deliveries",
        job_name=JOB,
        minimum_interval_seconds=60 * settings.company.schedule.deliveries_minutes,
        description="Starts a run, which fetches it, when a partner's server or mailbox holds something new.",
    )
    def deliveries(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if at_work := _at_work(settings):
            return at_work
        with Ledger(settings.paths.ledger) as ledger:
            looks = look(settings.company, ledger, now=datetime.now(UTC))
        for seen in looks:
            if seen.problem:
                context.log.warning(f"delivery {seen.delivery}: {seen.problem}")
        state = deliveries_state(looks)
        if state is None or state == context.cursor:
            return dg.SkipReason("nothing new is delivered")
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=state)

    return [inbox, deliveries] if settings.company.deliveries else [inbox]


def _at_work(settings: Settings) -> dg.SkipReason | None:
    """A reason to look again later: a run that begins now would fail at the lock, and the one at work may
    have looked at the inbox before.
    """
    holder = is_locked(settings.paths.state)
    return dg.SkipReason(f"another run is at work ({holder})") if holder else None


def deliveries_state(looks: Sequence[Look]) -> str | None:
    """One value that changes with what is new at the sources; None if nothing is."""
    new = sorted(f"{seen.delivery}\0{name}" for seen in looks for name in seen.new)
    return hashlib.sha256("\0".join(new).encode()).hexdigest()[:32] if new else None


def inbox_state(settings: Settings, now: float) -> str:
    """One value that changes when a file of the inbox comes, goes or changes: names, sizes and times.

    A file that may still be written (`inbox.settle_seconds`) is not seen yet: the run would leave it alone.
    """
    digest = hashlib.sha256()
    root = settings.company.inbox.path
    for path in sorted(root.rglob("*")):
        try:
            status = path.stat()
        except (FileNotFoundError, PermissionError):
            # Taken away in between, a link that leads nowhere, or not ours to read: the run says which.
            continue
        is_settled = now - status.st_mtime >= settings.company.inbox.settle_seconds
        if path.is_file() and not path.name.startswith(".") and is_settled:
            digest.update(os.fsencode(path.relative_to(root)))
            digest.update(f"\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:32]
