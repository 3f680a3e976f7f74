"""The real asset graph: every check and every dependency is bound to an asset that exists.

A check on a key that no asset has is silently never run, and a dependency on one runs at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from connectors.company import PostgresqlTarget
from connectors.contract import ENTITIES
from orchestration.console import STEPS
from orchestration.definitions import build
from orchestration.settings import SAMPLE_COMPANY, Settings, load_settings


@pytest.fixture(scope="module")
def settings(manifest_data: Path) -> Settings:
    return load_settings(SAMPLE_COMPANY, manifest_data)


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    return build(settings)


@pytest.fixture(scope="module")
def assets(definitions: dg.Definitions) -> list[dg.AssetsDefinition]:
    return [item for item in definitions.resolve_asset_graph().assets_defs if item.keys]


@pytest.fixture(scope="module")
def job(definitions: dg.Definitions) -> dg.JobDefinition:
    return definitions.resolve_job_def("daily")


def defined(definitions: dg.Definitions) -> set[dg.AssetKey]:
    """Keys that somebody has defined: a key that is only depended on does not count."""
    return {
        key
        for item in definitions.assets or []
        for key in ([item.key] if isinstance(item, dg.AssetSpec) else item.keys)  # type: ignore[union-attr]
    }


def dangling(definitions: dg.Definitions) -> set[str]:
    """Checks and dependencies on keys that nobody has defined."""
    known = defined(definitions)
    wanted: set[tuple[str, dg.AssetKey]] = set()
    for item in definitions.assets or []:
        specs: Iterable[dg.AssetSpec] = [item] if isinstance(item, dg.AssetSpec) else item.specs  # type: ignore[union-attr]
        wanted |= {
            (f"{spec.key.to_user_string()} depends on", dep.asset_key) for spec in specs for dep in spec.deps
        }
    for checks in definitions.asset_checks or []:
        for spec in checks.check_specs:
            wanted.add((f"check {spec.name} on", spec.asset_key))
            wanted |= {(f"check {spec.name} depends on", dep.asset_key) for dep in spec.additional_deps}
    return {f"{what} {key.to_user_string()}" for what, key in wanted if key not in known}


def test_every_check_and_dependency_is_bound_to_a_defined_asset(definitions: dg.Definitions) -> None:
    assert dangling(definitions) == set()


def test_a_check_and_a_dependency_without_an_asset_are_found() -> None:
    @dg.asset_check(asset="fact_that_was_renamed")
    def never_run() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    mistyped = dg.AssetSpec("mart", deps=["fcat"])
    assert dangling(dg.Definitions(assets=[mistyped], asset_checks=[never_run])) == {
        "check never_run on fact_that_was_renamed",
        "mart depends on fcat",
    }


def test_keys_follow_the_names_of_the_house(definitions: dg.Definitions) -> None:
    shapes = (
        r"landing/(erp|feeds|accounting|sources|rules|closing|ledger)/[a-z_]+",
        r"(staging|intermediate|core|marts)/[a-z0-9_]+",
        r"publish/(duckdb|parquet)",
        r"inbox/[A-Za-z0-9_-]+",
        r"source/(erp|general_ledger|company_directory|survey_answers|support_tickets|trainings|shop_visits)",
    )
    names = [key.to_user_string() for key in defined(definitions)]
    assert [name for name in names if not any(re.fullmatch(shape, name) for shape in shapes)] == []


def test_every_entity_of_the_contract_is_an_asset(definitions: dg.Definitions) -> None:
    keys = {tuple(key.path) for key in defined(definitions)}
    assert {("landing", entity.system, entity.name) for entity in ENTITIES.values()} <= keys


def test_every_asset_has_a_group_an_owner_and_a_kind(definitions: dg.Definitions) -> None:
    poor = [
        spec.key.to_user_string()
        for item in definitions.assets or []
        for spec in ([item] if isinstance(item, dg.AssetSpec) else item.specs)  # type: ignore[union-attr]
        if not (spec.group_name and spec.owners and spec.kinds)
    ]
    assert poor == []


def undescribed(definitions: dg.Definitions) -> set[str]:
    """What Dagster's page shows without saying what it is."""
    graph = definitions.resolve_asset_graph()
    found = {key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).description}
    for checks in definitions.asset_checks or []:
        found |= {
            f"{spec.name} of {spec.asset_key.to_user_string()}"
            for spec in checks.check_specs
            if not spec.description
        }
    automation = [*(definitions.schedules or []), *(definitions.sensors or []), *(definitions.jobs or [])]
    return found | {item.name for item in automation if not item.description}  # type: ignore[union-attr]


def test_everything_on_dagsters_page_says_what_it_is(definitions: dg.Definitions) -> None:
    assert undescribed(definitions) == set()


def test_what_says_nothing_of_itself_is_found() -> None:
    asset = dg.AssetSpec("bare")

    @dg.asset_check(asset=asset.key)
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    @dg.sensor(job_name="daily")
    def watch() -> dg.SkipReason:
        """A docstring that the page does not show."""
        return dg.SkipReason("nothing is watched")

    job = dg.define_asset_job("daily", description="Said.")
    bare = dg.Definitions(assets=[asset], asset_checks=[check], sensors=[watch], jobs=[job])
    assert undescribed(bare) == {"bare", "check of bare", "watch"}


def test_every_source_says_how_fresh_it_must_be(definitions: dg.Definitions) -> None:
    sources = [item for item in definitions.assets or [] if isinstance(item, dg.AssetSpec)]
    assert [
        spec.key.to_user_string()
        for spec in sources
        if spec.freshness_policy is None and spec.key.path != ["source", "company_directory"]
    ] == []


def upstream(job: dg.JobDefinition) -> dict[str, set[str]]:
    """Steps that each step waits for, directly or not."""
    direct: dict[str, set[str]] = {name: set() for name in job.graph.node_dict}
    for invocation, inputs in job.dependencies.items():
        name = invocation.alias or invocation.name
        for dependency in inputs.values():
            direct[name] |= {handle.node for handle in dependency.get_node_dependencies()}
    closed: dict[str, set[str]] = {}

    def reach(name: str) -> set[str]:
        if name not in closed:
            closed[name] = direct[name].union(*(reach(other) for other in direct[name]))
        return closed[name]

    return {name: reach(name) for name in direct}


@pytest.mark.parametrize(
    ("step", "behind"),
    [
        (
            "dbt_core",
            {
                "gate_landing",
                "landing_erp",
                "landing_feeds",
                "landing_accounting",
                "landing_sources",
                "landing_rules",
                "landing_ledger",
            },
        ),
        ("dbt_marts", {"gate_core", "dbt_core"}),
        ("publish", {"gate_landing", "gate_core", "gate_marts", "dbt_marts"}),
    ],
)
def test_no_step_runs_before_the_gate_in_front_of_it(
    job: dg.JobDefinition, step: str, behind: set[str]
) -> None:
    assert behind <= upstream(job)[step]


def test_the_freshness_of_sources_holds_nobody_up(job: dg.JobDefinition) -> None:
    waiting = {step for step, before in upstream(job).items() if "freshness_of_sources" in before}
    assert waiting == set()


def test_each_gate_guards_every_asset_of_its_stage(definitions: dg.Definitions) -> None:
    guarded = {
        (spec.name, spec.asset_key.to_user_string())
        for checks in definitions.asset_checks or []
        for spec in checks.check_specs
    }
    for key in defined(definitions):
        name = key.to_user_string()
        if key.path[0] in ("core", "marts"):
            assert (f"gate_{key.path[0]}", name) in guarded
        if key.path[:2] in (["landing", "erp"], ["landing", "sources"], ["landing", "rules"]):
            assert ("gate_landing", name) in guarded


def test_every_published_table_is_upstream_of_the_publication(definitions: dg.Definitions) -> None:
    (publication,) = [
        item
        for item in definitions.assets or []
        if dg.AssetKey(["publish", "duckdb"]) in getattr(item, "keys", ())
    ]
    deps = {dep.asset_key for spec in publication.specs for dep in spec.deps}  # type: ignore[union-attr]
    public = {key for key in defined(definitions) if key.path[0] in ("core", "marts")}
    assert deps == public


def test_a_company_with_a_database_for_its_readers_sends_what_is_published(settings: Settings) -> None:
    target = PostgresqlTarget(url="postgresql://127.0.0.1/marts")
    publication = settings.company.publish.model_copy(update={"postgresql": target})
    company = settings.company.model_copy(update={"publish": publication})
    sending = build(replace(settings, company=company))
    assert not dangling(sending)
    assert dg.AssetKey(["publish", "postgresql"]) in defined(sending)
    job = sending.resolve_job_def("daily")
    assert "publish" in upstream(job)["publish_postgresql"]
    assert len(job.graph.node_dict) == STEPS + 1


def test_the_progress_bar_is_as_long_as_the_job(job: dg.JobDefinition) -> None:
    assert len(job.graph.node_dict) == STEPS


@pytest.mark.parametrize(
    ("key", "steps"),
    [
        ("landing/rules/budgets", {"landing_rules", "gate_landing"}),
        ("staging/stg_rules__budgets", {"dbt_core"}),
        ("core/fct_sell_in", {"dbt_core", "gate_core"}),
        ("marts/fct_alerts", {"dbt_marts", "gate_marts"}),
        ("publish/duckdb", {"publish"}),
    ],
)
def test_each_asset_can_be_launched_from_its_own_page(
    definitions: dg.Definitions, key: str, steps: set[str]
) -> None:
    asset = dg.AssetKey.from_user_string(key)
    # As the page does: with what its step brings besides, and with its checks.
    launched = definitions.resolve_asset_graph().get(asset).execution_set_asset_keys
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=launched)
    assert set(job.graph.node_dict) == steps


def test_steps_that_write_the_warehouse_share_one_pool(job: dg.JobDefinition) -> None:
    pools = {name: node.definition.pool for name, node in job.graph.node_dict.items()}  # type: ignore[union-attr]
    writers = {"dbt_core", "dbt_marts", "gate_core", "gate_marts", "publish", "gate_landing"}
    assert {pools[name] for name in writers} == {"warehouse"}


def test_the_daily_run_starts_by_the_companys_clock(definitions: dg.Definitions, settings: Settings) -> None:
    (schedule,) = definitions.schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == settings.company.schedule.cron
    assert schedule.execution_timezone == settings.company.time_zone
