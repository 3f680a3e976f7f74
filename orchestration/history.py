"""Dagster's history of a company's runs: held open while one runs, put right after a kill, and cut short.

What belongs here: what Dagster stores of runs. What does not: starting one (`orchestration.run`), and when
they start by themselves (`orchestration.defs.automation`).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from orchestration.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

REMOVED_AT_ONCE: Final = 100
"""Old runs that one run removes at most, so that a long history is cut short without holding a run up."""


def tags(settings: Settings) -> dict[str, str]:
    """Tags of a run. One at a time writes a warehouse: Dagster queues runs of the first tag; the second names
    the data directory, whose run lock refuses others.
    """
    return {"aval/warehouse": "writer", "aval/data": str(settings.paths.data.resolve())}


@contextmanager
def history_kept_open(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Keep one connection to each SQLite file of Dagster's history that the run writes to.

    Dagster makes an engine and a connection for every event, of which a run has some 750: each statement is
    compiled anew, whenever the last connection closes SQLite folds its log into the file, and each event
    waits for the disk. Held open they are written at once; should the power fail, the newest may be lost.
    It also asks anew for each asset and check whether its tables are there, which it made when it was opened.
    """
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
        INDEX_SHARD_NAME,
        SqliteEventLogStorage,
    )

    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        yield
        return
    with storage.run_connection(run_id):
        pass  # makes the run's own file
    former = storage.run_connection
    with ExitStack() as kept:
        files = {
            shard: kept.enter_context(_held(storage.conn_string_for_shard(shard)))
            for shard in (INDEX_SHARD_NAME, run_id)
        }

        def run_connection(run_id: str | None = None) -> Any:
            return files[run_id]() if run_id in files else former(run_id)

        storage.run_connection = run_connection  # type: ignore[method-assign]
        storage.index_connection = files[INDEX_SHARD_NAME]  # type: ignore[method-assign]
        storage.has_table = cache(storage.has_table)  # type: ignore[method-assign]
        try:
            yield
        finally:
            # The class's own methods stand again.
            del storage.run_connection, storage.index_connection, storage.has_table


@contextmanager
def _held(url: str) -> Iterator[Callable[[], AbstractContextManager[sa.Connection]]]:
    """Give transactions on one connection that stays open, one at a time."""
    engine = sa.create_engine(url, pool_size=1, max_overflow=0)

    @sa.event.listens_for(engine, "connect")
    def _do_not_wait(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("pragma synchronous = normal")

    try:
        yield engine.begin
    finally:
        engine.dispose()


def end_killed_runs(instance: dg.DagsterInstance, tags: Mapping[str, str], spared_seconds: float) -> int:
    """Mark runs of these tags as failed that stand as started, while the run lock says that none is at work.

    Dagster itself would show them as running for ever, and count them against the limit of one. Spared is
    what has begun within `spared_seconds`: between its start and the lock.
    """
    import dagster as dg

    started = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags={**tags}))
    until = time.time() - spared_seconds
    killed = [record.dagster_run for record in started if (record.start_time or 0) <= until]
    for run in killed:
        instance.report_run_failed(run, "The process of this run was killed; it was found so later.")
    return len(killed)


def remove_old_runs(instance: dg.DagsterInstance, tags: Mapping[str, str], before: datetime) -> int:
    """Remove ended runs of these tags that began before that moment, with their events, checks and logs.

    Dagster removes none by itself. At most `REMOVED_AT_ONCE`, the oldest first; returns how many went.
    """
    import dagster as dg

    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    old = instance.get_runs(
        dg.RunsFilter(statuses=ended, tags={**tags}, created_before=before),
        limit=REMOVED_AT_ONCE,
        ascending=True,
    )
    for run in old:
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
        instance.delete_run(run.run_id)
        _remove_what_delete_run_leaves(instance, run.run_id)
    return len(old)


def _remove_what_delete_run_leaves(instance: dg.DagsterInstance, run_id: str) -> None:
    """Results of checks, and with SQLite the run's own file, as large as before."""
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            connection.execute(
                sa.delete(AssetCheckExecutionsTable).where(AssetCheckExecutionsTable.c.run_id == run_id)
            )
    if isinstance(storage, SqliteEventLogStorage):
        Path(storage.path_for_shard(run_id)).unlink(missing_ok=True)
