"""When runs start by themselves, and what happens when one fails: job, schedule, sensors, failure hook."""

import hashlib
import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from connectors.delivery.collect import Look, look
from connectors.errors import BusyError, ConfigError
from connectors.ledger import Ledger
from orchestration.defs.resources import Notifier
from orchestration.history import end_killed_runs, tags
from orchestration.lock import is_locked
from orchestration.postgresql import SENDING
from orchestration.run import TOLD_TO_END, what_stays
from orchestration.settings import Settings

JOB = "daily"
_FAULT: Final = re.compile(
    rf"^{ConfigError.__module__}\.{ConfigError.__name__}: (.+?)\n\nStack Trace:", re.DOTALL | re.MULTILINE
)


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
    stays = what_stays(is_published=step == SENDING)
    return f"Aval run {run_id} failed at {step}; {stays}.\n{reason}"


@dg.run_failure_sensor(
    name="untold_failures",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of runs that failed outside their steps: killed, or with a fault in company.yml.",
)
def tell_untold_failure(context: dg.RunFailureSensorContext, notifier: Notifier) -> None:
    """Tell what the failure hook, which belongs to a step and its process, cannot."""
    message = untold_failure(context.instance, context.dagster_run.run_id)
    if message and not context.get_step_failure_events():
        context.log.error(message)
        notifier.tell(message)


def untold_failure(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """The message of a run that failed outside its steps; None of one that only met the lock of another."""
    logs = instance.all_logs(run_id, {dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.RUN_FAILURE})
    said = [entry.dagster_event.event_specific_data for entry in logs if entry.dagster_event]
    errors = [error for data in said if (error := getattr(data, "error", None))]
    reason = (
        "its process was killed: by the system, for want of memory, by hand, or with the machine "
        "-> start it again when you like; it puts right what was left half done"
    )
    if errors:
        error = errors[-1]
        while error.cause and error.cls_name and error.cls_name.startswith("Dagster"):
            error = error.cause
        if error.cls_name == BusyError.__name__:
            return None
        # Dagster writes the class before the sentence.
        reason = error.message.partition(f"{error.cls_name}: ")[2].strip() or error.message.strip()
        # A location that cannot be loaded comes with the traces of all its causes in one text.
        if fault := _FAULT.search(reason):
            reason = fault[1]
    return f"Aval run {run_id} failed outside its steps; what was published stays as it was.\n{reason}"


def jobs(settings: Settings) -> list[Any]:
    """The whole flow as one job."""
    return [
        dg.define_asset_job(
            JOB,
            selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
            description="Pull the ERP, take in reports, build, judge and publish.",
            executor_def=dg.in_process_executor,
            hooks={tell_failure},
            tags=tags(settings),
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
    """What is looked at between runs: killed runs and failures that nobody told, always; the inbox and
    deliveries, once they are switched on.
    """

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

    @dg.sensor(
        name="killed_runs",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks runs as failed that were killed and stand as started, so that others can begin.",
    )
    def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if at_work := _at_work(settings):
            return at_work
        killed = end_killed_runs(context.instance, tags(settings), spared_seconds=60)
        return dg.SkipReason(f"runs found killed: {killed}")

    watched = [inbox, deliveries] if settings.company.deliveries else [inbox]
    return [*watched, killed_runs, tell_untold_failure]


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
