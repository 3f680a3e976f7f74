"""What the steps share: the company (which holds the run's lock), the run's options, and who is told.

What belongs here: resources only; a module that also held the definitions would lose them.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
import duckdb
from pydantic import Field, PrivateAttr

from connectors.errors import AvalError, BusyError, Place
from connectors.landing import remove_leftovers as remove_landing_leftovers
from connectors.ledger import Ledger
from orchestration import plan, publish
from orchestration.disk import with_remedy
from orchestration.history import remove_old_runs, tags
from orchestration.lock import run_lock
from orchestration.settings import Settings, load_settings


class CompanyResource(dg.ConfigurableResource["CompanyResource"]):
    """The company of `AVAL_COMPANY`, read anew for each run, as of the day on which that begins.

    Holds the run lock from the first step to the last, because the job runs in one process; what a killed
    run left half done is put right as soon as the lock is held.
    """

    _settings: Settings | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[CompanyResource]:
        settings = load_settings().on_one_day()
        with run_lock(settings.paths.state, f"run {context.run_id or 'by hand'}"):
            repair(settings)
            if context.instance is not None:
                self._keep_history(context.instance, context.run_id, settings)
            self._settings = settings
            yield self

    @staticmethod
    def _keep_history(instance: dg.DagsterInstance, run_id: str | None, settings: Settings) -> None:
        if run_id is not None:
            # A run of single assets, launched from their page, comes without those of the job.
            instance.add_run_tags(run_id, tags(settings))
        kept_from = datetime.now(UTC) - timedelta(days=settings.company.schedule.history_days)
        remove_old_runs(instance, tags(settings), kept_from)

    @property
    def settings(self) -> Settings:
        if self._settings is None:
            raise RuntimeError("the company is only there during a run")
        return self._settings

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with Ledger(self.settings.paths.ledger) as ledger:
            yield ledger


class RunOptions(dg.ConfigurableResource["RunOptions"]):
    """What to do beyond the daily run; the options of `aval run`, in Dagster's launchpad."""

    rebuild: str = Field(default="", description="Span of months to build again, as 2026-01..2026-03.")
    audit: bool = Field(default=False, description="Look at all data, not only at the slices that changed.")
    full_refresh: bool = Field(default=False, description="Build every fact again from landing.")
    accept_deleted_documents: bool = Field(
        default=False,
        description="Accept that posted documents, or all rows of an entity, have vanished from the ERP.",
    )

    def options(self) -> plan.Options:
        return plan.Options(self.rebuild, self.audit, self.full_refresh, self.accept_deleted_documents)


class Notifier(dg.ConfigurableResource["Notifier"]):
    """Who hears of a failed run: a command that gets the message on its standard input."""

    command: str = Field(default="", description="Command run by the shell, from AVAL_NOTIFY_COMMAND.")

    def tell(self, message: str) -> None:
        if self.command:
            # The command is the operator's own setting, as a cron line is.
            subprocess.run(self.command, shell=True, input=message, text=True, check=False, timeout=60)  # noqa: S602


def repair(settings: Settings) -> list[str]:
    """Put right what a killed run left half done; returns what was found, in words."""
    found = []
    if holds_nothing(settings.paths.warehouse):
        settings.paths.warehouse.unlink()
        found.append(f"removed {settings.paths.warehouse.name}, which was never written to")
    wait_until_free(settings.paths.warehouse)
    found += [f"removed {path.name}" for path in remove_landing_leftovers(settings.paths.landing)]
    found += [f"removed {path.name}" for path in publish.remove_leftovers(settings.paths.published)]
    for folder in _old_artifacts(settings.dbt_state / "runs"):
        shutil.rmtree(folder)
    return found


def holds_nothing(warehouse: Path) -> bool:
    """Whether the file is what a full disk leaves of a warehouse that was to be made: without its headers."""
    return warehouse.is_file() and warehouse.stat().st_size < _HEADERS


def wait_until_free(warehouse: Path, seconds: float = 300.0) -> None:
    """Wait until nobody else has the warehouse open: a person's shell, or a dbt that was started by hand.

    Opening the file also replays the log that a killed writer left. BusyError if it is still held in the end.
    """
    until = time.monotonic() + seconds
    while warehouse.is_file():
        try:
            duckdb.connect(str(warehouse)).close()
            return
        except duckdb.IOException as error:
            if "lock" not in str(error):
                if with_remedy(str(error)) != str(error):
                    # Of the disk, not of the file: the step's failure says what to do.
                    raise
                raise AvalError(
                    "broken_warehouse",
                    f"the warehouse cannot be opened ({str(error).splitlines()[0]})",
                    "remove the file, and the one beside it that ends in .wal: the next run builds all that "
                    "was in it from landing",
                    Place(file=warehouse),
                ) from error
            if time.monotonic() >= until:
                raise BusyError(
                    "warehouse_in_use",
                    f"another process has the warehouse open ({str(error).splitlines()[0]})",
                    "end that process; readers should open published/current.duckdb instead",
                ) from error
        time.sleep(0.5)


def _old_artifacts(runs: Path) -> list[Path]:
    """dbt's artifacts of former runs but for the newest: each start leaves some megabytes."""
    if not runs.is_dir():
        return []
    return sorted(runs.iterdir(), key=lambda folder: folder.stat().st_mtime)[:-_KEPT_ARTIFACTS]


_KEPT_ARTIFACTS: Final = 6
_HEADERS: Final = 3 * 4096
"""Bytes of the headers with which every file of DuckDB begins."""
