"""How the dbt project is started and how its models appear in Dagster.

What belongs here: the manifest and when it must be made anew, the names of assets, the arguments of a
dbt command. What does not: SQL (dbt_project/) and the assets themselves (`orchestration.defs.warehouse`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
)
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from packaging.version import Version

from connectors.errors import AvalError
from connectors.ledger import Ledger
from orchestration import plan, preview
from orchestration.console import progress, say
from orchestration.settings import DBT_PROJECT, Settings, fingerprint

LAYERS = ("staging", "intermediate", "core", "marts")


def executable() -> str:
    """The dbt of this Python environment, whatever the PATH says."""
    return str(Path(sys.executable).with_name("dbt"))


def project(settings: Settings) -> DbtProject:
    """The dbt project, with its artifacts below the company's data: several companies share the code."""
    return DbtProject(project_dir=DBT_PROJECT, target_path=settings.dbt_state / "target")


def prepare_manifest(settings: Settings) -> Path:
    """Make the manifest if there is none or the project has changed since; returns its path.

    Several processes of Dagster load the definitions at once: one parses, the others wait.
    """
    state = settings.dbt_state
    manifest = state / "target" / "manifest.json"
    stamp = state / "manifest.fingerprint"
    wanted = fingerprint([], settings.model_code(), *sys.version_info[:2].__repr__())
    state.mkdir(parents=True, exist_ok=True)
    with (state / "prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if manifest.is_file() and stamp.is_file() and stamp.read_text() == wanted:
            return manifest
        stamp.unlink(missing_ok=True)
        _dbt(settings, ["parse"], "dbt_parse_failed", "the dbt project cannot be parsed")
        stamp.write_text(wanted)
    return manifest


def _dbt(settings: Settings, arguments: Sequence[str], code: str, problem: str) -> None:
    """Start dbt in the company's environment; AvalError with its own words if it fails."""
    result = subprocess.run(  # noqa: S603 - dbt of this environment, with arguments of this module
        [executable(), "--quiet", *arguments],
        cwd=DBT_PROJECT,
        env={
            **os.environ,
            **settings.dbt_environment("touched"),
            **artifacts(settings.dbt_state),
            "DBT_PROJECT_DIR": str(DBT_PROJECT),
            "DBT_PROFILES_DIR": str(DBT_PROJECT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        said = (result.stdout + result.stderr).strip()
        raise AvalError(code, f"{problem}:\n{said}", "correct the model or its .yml as the message says")


def artifacts(state: Path) -> dict[str, str]:
    """Where dbt writes: below the company's data, never in the checkout."""
    return {"DBT_TARGET_PATH": str(state / "target"), "DBT_LOG_PATH": str(state / "logs")}


def write_docs(settings: Settings, folder: Path) -> Path:
    """Write the project's documentation as one page; columns of tables only if there is a warehouse."""
    prepare_manifest(settings)
    arguments = ["docs", "generate", "--static", "--target-path", str(settings.dbt_state / "docs")]
    if not settings.paths.warehouse.is_file():
        arguments.append("--empty-catalog")
    _dbt(settings, arguments, "docs_failed", "the documentation cannot be written")
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    shutil.copyfile(settings.dbt_state / "docs" / "static_index.html", page)
    return page


def build_arguments(*, full_refresh: bool, audit: bool) -> list[str]:
    """The dbt command of one step: models and seeds; an audit runs the project's data tests as well."""
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    if not audit:
        arguments += ["--exclude-resource-type", "test"]
    if full_refresh:
        arguments.append("--full-refresh")
    return arguments


def build(
    context: dg.AssetExecutionContext, cli: DbtCliResource, settings: Settings, options: plan.Options
) -> Iterator[Any]:
    """Run one dbt step as the run's plan says, and show rows and first lines of what it built."""
    with Ledger(settings.paths.ledger) as ledger:
        decided = plan.read_plan(ledger)
    if decided is None or decided.run_id != context.run_id:
        # Models launched alone, without landing: as the options say.
        full_refresh, audit = options.full_refresh, options.audit
        scope = "all" if full_refresh or audit else "touched"
    else:
        full_refresh, audit, scope = decided.full_refresh, decided.audit, decided.scope
    settings.paths.warehouse.parent.mkdir(parents=True, exist_ok=True)
    # dbt learns its paths by environment variables, and dagster-dbt hands this process's on.
    os.environ.update({**settings.dbt_environment(scope), **artifacts(settings.dbt_state)})
    invocation = cli.cli(
        build_arguments(full_refresh=full_refresh, audit=audit),
        context=context,
        target_path=settings.dbt_state / "runs" / f"{context.run_id}-{context.op_execution_context.op.name}",
    )
    events: list[Any] = []
    failure: str | None = None
    try:
        for event in invocation.stream():
            if isinstance(event, dg.Output):
                progress(f"built {'/'.join(context.assets_def.keys_by_output_name[event.output_name].path)}")
            events.append(event)
    except DagsterDbtCliRuntimeError as error:
        failure = str(error)
    built = sum(isinstance(event, dg.Output) for event in events)
    say(context.log, f"{context.op_execution_context.op.name}: {built} models built")
    with duckdb.connect(str(settings.paths.warehouse), read_only=True) as connection:
        for event in events:
            if isinstance(event, dg.Output):
                key = context.assets_def.keys_by_output_name[event.output_name]
                yield dg.Output(
                    event.value,
                    output_name=event.output_name,
                    metadata={**event.metadata, **preview.table(connection, *key.path)},
                )
            else:
                yield event
    if failure is not None:
        raise dg.Failure(description=failure, allow_retries=False)


class DbtResource(DbtCliResource):
    """dagster-dbt's resource without its two extra starts of dbt.

    It asks `dbt --version` in a process of its own and builds a second adapter in this one, only to count
    rows: 6 s of a run on two cores (measured 2026-11-22). The version is known from the installed package,
    and rows are counted by `preview`.
    """

    @property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


class Translator(DagsterDbtTranslator):
    """Names of dbt resources in Dagster: `<schema>/<model>`; sources are `landing/<system>/<entity>`."""

    def __init__(self, owners: Sequence[str]) -> None:
        # Data tests run in audits only, so they are no checks of every run: the gates are.
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=False))
        self._owners = list(owners)

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return source_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        return self._owners


def source_key(props: Mapping[str, Any]) -> dg.AssetKey:
    """The asset that a dbt source reads: `landing/<system>/<entity>`."""
    system = str(props["source_name"]).removeprefix("landing_")
    return dg.AssetKey(["landing", system, str(props["name"])])


def model_keys(manifest: Mapping[str, Any], schema: str) -> list[dg.AssetKey]:
    """Keys of the models of one schema."""
    names = sorted(
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == schema
    )
    return [dg.AssetKey([schema, name]) for name in names]
