"""Everything that Dagster knows of this installation: `dagster dev -m orchestration.definitions`.

Only put together here; assets, checks, resources and automation stand in `orchestration.defs`.
"""

from __future__ import annotations

import json

import dagster as dg

from orchestration import dbt
from orchestration.console import console
from orchestration.defs import automation
from orchestration.defs.landing import assets as landing
from orchestration.defs.landing import checks as landing_checks
from orchestration.defs.publish import assets as publish
from orchestration.defs.resources import CompanyResource, Notifier, RunOptions
from orchestration.defs.warehouse import assets as warehouse
from orchestration.settings import Settings, load_settings


def build(settings: Settings) -> dg.Definitions:
    """The definitions of one company; makes dbt's manifest first if it is missing or old."""
    manifest = dbt.prepare_manifest(settings)
    content = json.loads(manifest.read_text(encoding="utf-8"))
    public = [*dbt.model_keys(content, "core"), *dbt.model_keys(content, "marts")]
    return dg.Definitions(
        assets=[
            *landing.sources(settings),
            *landing.assets(settings),
            *warehouse.assets(settings, manifest),
            *publish.assets(settings, public),
        ],
        asset_checks=[*landing_checks.checks(settings), *warehouse.checks(manifest)],
        jobs=automation.jobs(settings),
        schedules=automation.schedules(settings),
        sensors=automation.sensors(settings),
        resources={
            "company": CompanyResource(),
            "run_options": RunOptions(),
            "notifier": Notifier(command=dg.EnvVar("AVAL_NOTIFY_COMMAND").get_value("") or ""),
        },
        loggers={"console": console},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The company that `AVAL_COMPANY` names."""
    return build(load_settings())
