"""Running the job in this process: Dagster's history."""

from __future__ import annotations

import uuid
from pathlib import Path

import dagster as dg

from orchestration.run import history_kept_open


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
