"""The warehouse: dbt builds core, a gate judges it, dbt builds the marts, a gate judges them.

Two definitions of dbt assets, so that the gate of core stands between them; each start of dbt takes
seconds, so there is no third.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration import dbt, gates
from orchestration.console import say
from orchestration.defs.resources import CompanyResource, RunOptions
from orchestration.settings import Settings

POOL = "warehouse"
MARTS = "path:models/marts"


def assets(settings: Settings, manifest: Path) -> list[dg.AssetsDefinition]:
    """Everything up to core, and the marts."""
    translator = dbt.Translator(settings.owners)
    project = dbt.project(settings)

    @dbt_assets(
        name="dbt_core",
        manifest=manifest,
        project=project,
        exclude=MARTS,
        dagster_dbt_translator=translator,
        pool=POOL,
    )
    def dbt_core(
        context: dg.AssetExecutionContext,
        company: CompanyResource,
        run_options: RunOptions,
    ) -> Iterator[Any]:
        """Staging, intermediate and core."""
        yield from dbt.build(context, company.settings, run_options.options())

    @dbt_assets(
        name="dbt_marts",
        manifest=manifest,
        project=project,
        select=MARTS,
        dagster_dbt_translator=translator,
        pool=POOL,
    )
    def dbt_marts(
        context: dg.AssetExecutionContext,
        company: CompanyResource,
        run_options: RunOptions,
    ) -> Iterator[Any]:
        """The marts."""
        yield from dbt.build(context, company.settings, run_options.options())

    return [dbt_core, dbt_marts]


def checks(manifest: Path) -> list[dg.AssetChecksDefinition]:
    """The gates core and marts."""
    content = json.loads(manifest.read_text(encoding="utf-8"))
    return [_gate("core", dbt.model_keys(content, "core")), _gate("marts", dbt.model_keys(content, "marts"))]


def _gate(gate: Literal["core", "marts"], keys: list[dg.AssetKey]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name=f"gate_{gate}",
        specs=[gates.check_spec(gate, key) for key in keys],
        # A model launched alone from Dagster's page brings its own check with it, and no other.
        can_subset=True,
        pool=POOL,
    )
    def judge(
        context: dg.AssetCheckExecutionContext, company: CompanyResource
    ) -> Iterator[dg.AssetCheckResult]:
        yield from gates.pass_through(
            company.settings,
            gate,
            context.run.run_id,
            keys,
            keys[0],
            {check.asset_key for check in context.selected_asset_check_keys},
            partial(say, context.log),
        )

    return judge
