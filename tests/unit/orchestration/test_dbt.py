"""dbt in the process of a run: what it is told, what it says, and what it leaves behind."""

from __future__ import annotations

import csv
import gc
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dbt.cli.main import dbtRunnerResult
from dbt.contracts.graph.nodes import SeedNode

from orchestration.dbt import (
    Translator,
    build_arguments,
    findings,
    in_order,
    invoke,
    parsed,
    prepare_manifest,
    reasons,
    write_docs,
)
from orchestration.settings import DBT_PROJECT, SAMPLE_COMPANY, Settings, load_settings


@pytest.fixture
def settings(manifest_data: Path, tmp_path: Path) -> Settings:
    data = shutil.copytree(manifest_data, tmp_path / "data")
    return load_settings(SAMPLE_COMPANY, data)


def test_tests_of_the_models_run_in_an_audit_only() -> None:
    daily = build_arguments(["fct_sell_in"], full_refresh=False, audit=False)
    assert daily[-2:] == ["--exclude-resource-type", "test"]
    audit = build_arguments(["fct_sell_in"], full_refresh=False, audit=True)
    assert "test" not in audit
    assert build_arguments(["fct_sell_in"], full_refresh=True, audit=False)[-1] == "--full-refresh"


def test_a_model_launched_alone_comes_without_those_that_read_it_or_that_it_reads() -> None:
    @dg.multi_asset(
        specs=[
            dg.AssetSpec("read"),
            dg.AssetSpec("alone", deps=["read"]),
            dg.AssetSpec("mart", deps=["alone"]),
        ],
        can_subset=True,
    )
    def models():  # type: ignore[no-untyped-def]
        yield from ()

    alone = models.subset_for({dg.AssetKey("alone")}, None)
    events = [dg.Output(None, output_name="alone")]
    assert list(in_order(alone, events)) == events
    outputs = [dg.Output(None, output_name=name) for name in ("mart", "alone", "read")]
    assert list(in_order(models, outputs)) == outputs[::-1]


@pytest.fixture
def no_garbage_collected() -> Iterator[None]:
    """What nobody closes stays open."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage_collected")
def test_a_failed_model_is_told_in_words_and_leaves_the_warehouse_free(settings: Settings) -> None:
    here = Path.cwd()
    target = settings.dbt_state / "runs" / "test"
    # Nothing has landed, so there is no file to read.
    models = ["stg_ledger__batches", "stg_erp__products"]

    result = invoke(
        settings,
        build_arguments(models, full_refresh=False, audit=False),
        "touched",
        target,
        manifest=parsed(settings),
    )

    assert not result.success
    told = reasons(result).splitlines()
    assert told[0].startswith("model stg_ledger__batches: ")
    assert "batches.parquet" in told[0] + told[1]
    assert told[-1] == "1 more stand behind these and were not built"
    assert Path.cwd() == here
    with duckdb.connect(str(settings.paths.warehouse), read_only=True) as other:
        assert other.execute("select 1").fetchone() == (1,)


def test_the_parsed_project_serves_another_day_and_another_place(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (settings.dbt_state / "target" / "partial_parse.msgpack").stat().st_mtime_ns
    monkeypatch.setitem(os.environ, "AVAL_MEMORY_LIMIT", "123MiB")
    assert "model.aval.fct_sell_in" in parsed(settings).nodes
    assert (settings.dbt_state / "target" / "partial_parse.msgpack").stat().st_mtime_ns == before


def test_a_changed_project_is_parsed_anew_and_not_from_what_it_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = settings.dbt_state / "target" / "partial_parse.msgpack"
    content = former.read_bytes()
    started_from: list[bool] = []

    def parse(*_: object) -> dbtRunnerResult:
        started_from.append(former.exists())
        former.write_bytes(content)
        return dbtRunnerResult(success=True)

    monkeypatch.setattr("orchestration.dbt.invoke", parse)
    (settings.dbt_state / "manifest.fingerprint").write_text("of a former version")
    prepare_manifest(settings)
    assert started_from == [False]


def test_a_checkout_that_was_moved_is_parsed_anew_since_its_seeds_are_known_by_their_place(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parses: list[object] = []

    def parse(*arguments: object) -> dbtRunnerResult:
        parses.append(arguments)
        (settings.dbt_state / "target" / "partial_parse.msgpack").write_bytes(content)
        return dbtRunnerResult(success=True)

    content = (settings.dbt_state / "target" / "partial_parse.msgpack").read_bytes()
    monkeypatch.setattr("orchestration.dbt.invoke", parse)
    prepare_manifest(settings)
    assert parses == []
    monkeypatch.setattr("orchestration.dbt.DBT_PROJECT", tmp_path / "moved" / "dbt_project")
    prepare_manifest(settings)
    prepare_manifest(settings)
    assert len(parses) == 1


def test_what_the_models_tests_found_stands_on_the_asset_with_the_query_of_its_rows(
    settings: Settings,
) -> None:
    target = settings.dbt_state / "runs" / "test"
    seed = build_arguments(["seed_channels"], full_refresh=False, audit=True)
    assert invoke(settings, seed, "all", target, manifest=parsed(settings)).success
    with duckdb.connect(str(settings.paths.warehouse)) as connection:
        connection.execute("insert into staging.seed_channels from staging.seed_channels limit 1")

    result = invoke(settings, ["test", "--select", "seed_channels"], "all", target, manifest=parsed(settings))

    assert not result.success
    manifest = json.loads((settings.dbt_state / "target" / "manifest.json").read_text())
    (observation,) = findings(result, manifest, Translator(["team:data"]))
    assert observation.asset_key == dg.AssetKey(["staging", "seed_channels"])
    assert observation.metadata["not passed"].value == 1
    told, query = reasons(result).split("  its rows:\n")
    assert told.startswith("test unique_seed_channels_channel_code: ")
    assert "having count(*) > 1" in query
    assert "having count(*) > 1" in observation.metadata["their rows"].value
    with duckdb.connect(str(settings.paths.warehouse), read_only=True) as connection:
        assert len(connection.execute(query).fetchall()) == 1


def test_a_project_that_was_parsed_by_an_earlier_version_is_parsed_again(settings: Settings) -> None:
    (settings.dbt_state / "target" / "models_alone.msgpack").unlink()

    alone = parsed(settings, with_tests=False)

    assert "model.aval.fct_sell_in" in alone.nodes
    assert not [name for name in alone.nodes if name.startswith("test.")]


def test_the_documentation_is_written_before_anything_has_landed(settings: Settings, tmp_path: Path) -> None:
    page = write_docs(settings, tmp_path / "docs")
    assert '"model.aval.mart_sell_out_monthly"' in page.read_text(encoding="utf-8")
    assert not settings.paths.warehouse.exists()


def test_seeds_are_read_in_a_folder_whatever_its_name(settings: Settings, tmp_path: Path) -> None:
    checkout = shutil.copytree(DBT_PROJECT / "seeds", tmp_path / "l'entrepôt à nous" / "seeds").parent
    manifest = parsed(settings)
    seed = manifest.nodes["seed.aval.seed_gap_causes"]
    assert isinstance(seed, SeedNode)
    seed.root_path = str(checkout)

    result = invoke(
        settings,
        build_arguments([seed.name], full_refresh=False, audit=False),
        "touched",
        settings.dbt_state / "runs" / "test",
        manifest=manifest,
    )

    assert result.success, reasons(result)
    with (checkout / seed.original_file_path).open(encoding="utf-8", newline="") as written:
        rows = [tuple(row.values()) for row in csv.DictReader(written)]
    with duckdb.connect(str(settings.paths.warehouse), read_only=True) as warehouse:
        assert warehouse.execute("select * from staging.seed_gap_causes").fetchall() == rows
