"""Dagster's history in PostgreSQL, as docs/deploy.md sets it up: old runs go from there too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from orchestration.history import remove_old_runs
from tests.unit.orchestration.test_history import figures, run_of

pytestmark = pytest.mark.slow
TABLES = ("runs", "run_tags", "event_logs", "asset_event_tags", "asset_check_executions")


def counts(url: str, run_id: str) -> dict[str, int]:
    """Rows of each table that name the run."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        found = {
            table: connection.execute(
                sa.text(f"select count(*) from {table} as t where t::text like :run"), {"run": f"%{run_id}%"}
            ).scalar_one()
            for table in TABLES
        }
    return {table: count for table, count in found.items() if count}


def test_old_runs_leave_nothing_in_postgresql(tmp_path: Path, postgres_database: str) -> None:
    ours = {"aval/data": "/data/acme"}
    storage = {"storage": {"postgres": {"postgres_url": postgres_database}}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=storage) as instance:
        old = run_of(instance, ours)
        between = datetime.now(UTC)
        new = run_of(instance, ours)
        assert {"runs", "run_tags", "event_logs", "asset_check_executions"} <= counts(
            postgres_database, old
        ).keys()

        assert remove_old_runs(instance, ours, between) == 1

        assert counts(postgres_database, old) == {}
        assert counts(postgres_database, new).keys() >= {"runs", "event_logs"}
        (record,) = instance.fetch_materializations(figures.key, limit=5).records
        assert record.event_log_entry.run_id == new
