"""How the dbt project is started and how its models appear in Dagster.

What belongs here: the manifest and when it must be made anew, the names of assets, the arguments of a
dbt command. What does not: SQL (dbt_project/) and the assets themselves (`orchestration.defs.warehouse`).
"""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_dbt.asset_utils import get_manifest_and_translator_from_dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from connectors.errors import AvalError
from connectors.ledger import Ledger
from orchestration import plan, preview, standing
from orchestration.console import progress, say
from orchestration.settings import DBT_PROJECT, Settings, fingerprint

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

LAYERS = ("staging", "intermediate", "core", "marts")
Listener: TypeAlias = "Callable[[EventMsg], None]"


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
    engine = [f"{name} {version(name)}" for name in ("dbt-core", "dbt-duckdb")]
    # A seed is known by the folder of its project.
    wanted = fingerprint([], settings.model_code(), str(DBT_PROJECT), sys.version, *engine)
    state.mkdir(parents=True, exist_ok=True)
    with (state / "prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = [manifest, *(state / "target" / name for name in (_PARSED, _MODELS_ALONE)), stamp]
        if all(file.is_file() for file in made) and stamp.read_text() == wanted:
            return manifest
        stamp.unlink(missing_ok=True)
        # From what it parsed before, dbt would keep what a model reads through macros that
        # it calls by a name put together, as alerts do: of these it knows no change.
        (state / "target" / _PARSED).unlink(missing_ok=True)
        with redirect_stdout(io.StringIO()):
            result = invoke(settings, ["parse"], "touched", state / "target")
        if not result.success:
            raise AvalError(
                "dbt_parse_failed",
                f"the dbt project cannot be parsed:\n{reasons(result)}",
                "correct the model or its .yml as the message says",
            )
        _keep_models_alone(state / "target")
        stamp.write_text(wanted)
    return manifest


def parsed(settings: Settings, *, with_tests: bool = True) -> Manifest:
    """The project as `prepare_manifest` parsed it: nothing of a run's environment decides what it holds.

    dbt itself would parse everything anew in each run whose day or scope is another than the last one's.
    """
    prepare_manifest(settings)
    manifest = _read_manifest(settings.dbt_state / "target" / (_PARSED if with_tests else _MODELS_ALONE))
    # What macros see as `graph`; dbt builds it only where it parses.
    manifest.build_flat_graph()  # type: ignore[no-untyped-call]
    return manifest


_PARSED: Final = "partial_parse.msgpack"
_MODELS_ALONE: Final = "models_alone.msgpack"


def _read_manifest(path: Path) -> Manifest:
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    manifest: Manifest = Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
    return manifest


def _keep_models_alone(target: Path) -> None:
    """Keep the project without its tests as well, for the runs that do not test.

    The tests are three quarters of the project, all of which each start of dbt reads and links.
    """
    from dbt.parser.manifest import extended_mashumaro_encoder

    manifest = _read_manifest(target / _PARSED)
    manifest.nodes = {name: node for name, node in manifest.nodes.items() if not name.startswith("test.")}
    manifest.unit_tests = {}
    (target / _MODELS_ALONE).write_bytes(manifest.to_msgpack(extended_mashumaro_encoder))


def invoke(
    settings: Settings,
    arguments: Sequence[str],
    scope: plan.Scope,
    target: Path,
    *,
    manifest: Manifest | None = None,
    listener: Listener | None = None,
) -> dbtRunnerResult:
    """Run a dbt command in this process, in the company's environment, with its artifacts in `target`.

    A process of its own would import dbt again for each step, and outlive a run that is killed.
    """
    from dbt.cli.main import dbtRunner

    settings.paths.warehouse.parent.mkdir(parents=True, exist_ok=True)
    # The project asks for its paths by environment variables, of this process as of any other.
    os.environ.update(settings.dbt_environment(scope))
    folders = {
        "--project-dir": DBT_PROJECT,
        "--profiles-dir": DBT_PROJECT,
        "--target-path": target,
        "--log-path": target,
    }
    places = [str(part) for option in folders.items() for part in option]
    # What dbt would write stands in its result. It makes a line of each of thousands of events before it asks
    # whether the line is wanted, and looks for secrets in it among all variables of the environment.
    silent = ["--log-level", "none", "--log-level-file", "none"]
    runner = dbtRunner(manifest=manifest, callbacks=[listener] if listener else [])
    with chdir(DBT_PROJECT), _letting_go_of_the_warehouse():
        return runner.invoke([*arguments, *places, *silent])


@contextmanager
def _letting_go_of_the_warehouse() -> Iterator[None]:
    """dbt-duckdb keeps the file open until the process ends; gates and readers open it otherwise.

    It forgets its connection without closing it, and what tells of a failed model may hold it until
    Python's next search for garbage.
    """
    try:
        yield
    finally:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        if DuckDBConnectionManager._ENV is not None:
            DuckDBConnectionManager.env().close()
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def reasons(result: dbtRunnerResult) -> str:
    """Why a command failed, in dbt's own words; of a failed test also its rows' query and what to do."""
    lines = []
    for item in _nodes(result):
        if item.status in ("error", "fail", "runtime error"):
            lines.append(f"{item.node.resource_type} {item.node.name}: {(item.message or '').strip()}")
            if item.status == "fail":
                lines.append("  look at these rows; `aval run --full-refresh` builds all again from landing")
                lines += ["  its rows:", indent(item.node.compiled_code.strip(), "    ")]
    skipped = sum(item.status == "skipped" for item in _nodes(result))
    if skipped:
        lines.append(f"{skipped} more stand behind these and were not built")
    return "\n".join(lines) or str(result.exception).strip()


def _nodes(result: dbtRunnerResult) -> Sequence[Any]:
    """What became of each model, seed and test."""
    from dbt.artifacts.schemas.run import RunExecutionResult

    return result.result.results if isinstance(result.result, RunExecutionResult) else []


def findings(
    result: dbtRunnerResult, manifest: Mapping[str, Any], translator: DagsterDbtTranslator
) -> Iterator[dg.AssetObservation]:
    """What the models' own tests found, one observation for each asset that they read."""
    found: dict[dg.AssetKey, list[Any]] = {}
    for item in _nodes(result):
        if item.node.resource_type == "test":
            for name in item.node.depends_on.nodes:
                props = manifest["nodes"].get(name) or manifest["sources"].get(name)
                if props is not None:
                    found.setdefault(translator.get_asset_key(props), []).append(item)
    for key, items in found.items():
        failed = [item for item in items if item.status != "pass"]
        lines = ["| test | result | rows |", "| --- | --- | --- |"]
        lines += [
            f"| {item.node.name} | {item.status} | {'' if item.failures is None else item.failures} |"
            for item in sorted(items, key=lambda item: item.status == "pass")
        ]
        queries = "\n".join(
            f"-- {item.node.name}\n{item.node.compiled_code.strip()};"
            for item in failed
            if item.status == "fail"
        )
        yield dg.AssetObservation(
            key,
            description=f"{len(items)} tests of the models, {len(failed)} not passed",
            metadata={
                "tests": len(items),
                "not passed": len(failed),
                "results": dg.MetadataValue.md("\n".join(lines)),
                **({"their rows": dg.MetadataValue.md(f"```sql\n{queries}\n```")} if queries else {}),
            },
        )


def write_docs(settings: Settings, folder: Path) -> Path:
    """Write the project's documentation as one page; columns of tables and compiled SQL only if there is a
    warehouse, since models ask landing for its columns as they are compiled.
    """
    manifest = prepare_manifest(settings)
    target = settings.dbt_state / "docs"
    arguments = ["docs", "generate", "--static"]
    if not settings.paths.warehouse.is_file():
        arguments += ["--empty-catalog", "--no-compile"]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(manifest, target / "manifest.json")
    with redirect_stdout(io.StringIO()):
        result = invoke(settings, arguments, "touched", target)
    if not result.success:
        raise AvalError(
            "docs_failed",
            f"the documentation cannot be written:\n{reasons(result)}",
            "correct the model or its .yml as the message says",
        )
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    shutil.copyfile(target / "static_index.html", page)
    return page


def build_arguments(models: Sequence[str], *, full_refresh: bool, audit: bool) -> list[str]:
    """The dbt command of one step: models and seeds; an audit runs the project's data tests as well.

    dbt's own record of the run is not written: Dagster's history has what it says.
    """
    arguments = ["build", "--select", *models, "--no-write-json", "--exclude-resource-type", "unit_test"]
    if not audit:
        # Otherwise dbt looks through the graph for tests of each model that it is told to build.
        arguments += ["--indirect-selection", "empty", "--exclude-resource-type", "test"]
    if full_refresh:
        arguments.append("--full-refresh")
    return arguments


def build(context: dg.AssetExecutionContext, settings: Settings, options: plan.Options) -> Iterator[Any]:
    """Run one dbt step as the run's plan says, and show rows and first lines of what it built.

    Models that stand as the last run left them come as outputs too, since what is downstream of them waits
    for them; their metadata say that they were not built.
    """
    from dbt_common.events.functions import msg_to_dict

    work = _work(settings, options, context.run_id)
    os.environ["AVAL_ROLLED"] = work.rolled
    os.environ["AVAL_IN_ORDER"] = str(work.slices <= _KEPT_IN_ORDER).lower()
    step = context.op_execution_context.op.name
    target = settings.dbt_state / "runs" / f"{context.run_id}-{step}"
    messages: list[DbtCoreCliEventMessage] = []

    def listen(event: EventMsg) -> None:
        if event.info.name not in _RESULTS:
            return
        message = DbtCoreCliEventMessage(raw_event=msg_to_dict(event), event_history_metadata={})
        if message.is_result_event:
            node = message.raw_event["data"]["node_info"]
            if node["resource_type"] == "test":
                progress(f"tested {node['node_name']}")
            else:
                messages.append(message)
                progress(f"built {node['node_relation']['schema']}/{node['node_relation']['alias']}")

    project_as_parsed = parsed(settings, with_tests=work.audit)
    selected = {key.path[-1] for key in context.selected_asset_keys}
    wanted = (
        selected
        if work.unchanged is None
        else selected & standing.to_build(project_as_parsed, work.unchanged)
    )
    told: list[Any] = []
    result = None
    if wanted:
        result = invoke(
            settings,
            build_arguments(sorted(wanted), full_refresh=work.full_refresh, audit=work.audit),
            work.scope,
            target,
            manifest=project_as_parsed,
            listener=listen,
        )
        told += _told(context, settings, step, target, messages, result, audit=work.audit)
    if selected - wanted:
        say(context.log, f"{step}: {len(selected - wanted)} models stand as they were built before")
        told += [
            dg.Output(None, output_name=name, metadata=_STANDS)
            for name, key in context.assets_def.keys_by_output_name.items()
            if key in context.selected_asset_keys and key.path[-1] not in wanted
        ]
    yield from in_order(context.assets_def, told)
    if result is not None and not result.success:
        if isinstance(result.exception, dg.DagsterExecutionInterruptedError):
            raise result.exception
        raise dg.Failure(description=reasons(result), allow_retries=False)


_RESULTS: Final = {"LogModelResult", "LogSeedResult", "LogTestResult"}
"""Events of dbt that tell what became of a node: a few of thousands, of which each would be converted."""


def in_order(assets: dg.AssetsDefinition, events: Sequence[Any]) -> Iterator[Any]:
    """Outputs in the order of the graph, which Dagster wants, and then what else there is."""
    outputs = {event.output_name: event for event in events if isinstance(event, dg.Output)}
    names = {key: name for name, key in assets.keys_by_output_name.items()}
    own = {key: [dep for dep in assets.asset_deps[key] if dep in names] for key in names}
    for key in TopologicalSorter(own).static_order():
        if names[key] in outputs:
            yield outputs[names[key]]
    yield from (event for event in events if not isinstance(event, dg.Output))


_STANDS: Final = {"built in this run": "no: nothing that it reads has changed since it was built"}


_KEPT_IN_ORDER: Final = 10_000
"""Slices up to which facts are written in exactly the order of their files. Beyond, DuckDB would hold some
blocks of each small file until its turn comes, more than it may: they come nearly in order."""


@dataclass(frozen=True)
class _Work:
    """What the run's plan asks of dbt; `unchanged` as in the plan, `slices` those of reports to build."""

    full_refresh: bool
    audit: bool
    scope: plan.Scope
    rolled: plan.Scope
    unchanged: Sequence[str] | None
    slices: int


def _work(settings: Settings, options: plan.Options, run_id: str) -> _Work:
    with Ledger(settings.paths.ledger) as ledger:
        decided = plan.read_plan(ledger)
        if decided is None or decided.run_id != run_id:
            # Models launched alone, without landing: as the options say.
            scope: plan.Scope = "all" if options.full_refresh else "touched"
            slices = ledger.count_reported_slices(pending_only=scope == "touched")
            return _Work(options.full_refresh, options.audit, scope, "all", None, slices)
        slices = ledger.count_reported_slices(pending_only=decided.scope == "touched")
    # Stock and marts go on from where a run left them only if the gates have passed what it left.
    return _Work(
        decided.full_refresh, decided.audit, decided.scope, decided.gate_scope, decided.unchanged, slices
    )


def _told(
    context: dg.AssetExecutionContext,
    settings: Settings,
    step: str,
    target: Path,
    messages: Sequence[DbtCoreCliEventMessage],
    result: dbtRunnerResult,
    *,
    audit: bool,
) -> Iterator[Any]:
    """What dbt built and what an audit found, as Dagster's events."""
    manifest, translator, dbt_project = get_manifest_and_translator_from_dbt_assets([context.assets_def])
    events = [
        event
        for message in messages
        for event in message.to_default_asset_events(manifest, translator, context, target, dbt_project)
    ]
    built = sum(isinstance(event, dg.Output) for event in events)
    say(context.log, f"{step}: {built} models built")
    if audit:
        events += findings(result, manifest, translator)
        tests = [item.status for item in _nodes(result) if item.node.resource_type == "test"]
        say(context.log, f"{step}: {len(tests)} tests of the models, {tests.count('pass')} passed")
    with duckdb.connect(str(settings.paths.warehouse), read_only=True) as connection:
        stored = preview.stored_tables(connection)
        for event in events:
            if isinstance(event, dg.Output):
                schema, name = context.assets_def.keys_by_output_name[event.output_name].path
                shown = preview.table(connection, schema, name) if (schema, name) in stored else {}
                yield dg.Output(
                    event.value, output_name=event.output_name, metadata={**event.metadata, **shown}
                )
            else:
                yield event


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
