"""The one place that runs a checkpoint: `validate(gate, …)` gives a `Verdict`.

A verdict passes if no critical expectation failed; warnings are reported only. Every result is kept
in `quality.gate_results` of the warehouse, and shown as pages under `<quality>/docs`. What does not
belong here: promises (the suites) and what a closed gate stops (orchestration).

Great Expectations takes seconds to import, so it is imported when a gate runs, never before.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from expectations.deferred import imported_later
from expectations.hub import Hub, open_hub
from expectations.terms import Gate, Scope, Severity, Terms, Thresholds

if TYPE_CHECKING:
    from expectations.vocabulary import Suite

LOGGER: Final = logging.getLogger(__name__)
SAMPLE_ROWS: Final = 5
KEPT_PAGES: Final = 30


@dataclass(frozen=True)
class ExpectationOutcome:
    """What became of one expectation.

    `message` says what was found if it failed, and what it promises if it held; `remedy` what a person
    does about it. `sample` holds up to five findings as text.
    """

    name: str
    table: str
    column: str | None
    severity: Severity
    success: bool
    observed: str
    unexpected_count: int
    checked_rows: int
    message: str
    remedy: str
    sample: tuple[Mapping[str, str | None], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The outcome of a gate. `history_error` says why the results could not be kept, if so."""

    gate: Gate
    passed: bool
    results: tuple[ExpectationOutcome, ...]
    seconds: float
    history_error: str | None = None
    docs_page: Path | None = None

    @property
    def failures(self) -> tuple[ExpectationOutcome, ...]:
        """The critical expectations that failed: why the gate is closed."""
        return tuple(r for r in self.results if not r.success and r.severity == "critical")

    @property
    def warnings(self) -> tuple[ExpectationOutcome, ...]:
        return tuple(r for r in self.results if not r.success and r.severity == "warning")

    def explain(self) -> str:
        """Why the gate is closed, in sentences; one line that says that it is open otherwise."""
        if self.passed:
            warned = len(self.warnings)
            return (
                f"gate {self.gate}: open, {len(self.results)} expectations, "
                f"{warned} warning{'' if warned == 1 else 's'}"
            )
        lines = [f"gate {self.gate}: CLOSED, {len(self.failures)} of {len(self.results)} expectations failed"]
        for failure in self.failures:
            lines.append(f"  {failure.table} {failure.name}: {failure.message}")
            lines.append(f"    -> {failure.remedy}")
        return "\n".join(lines)


def validate(
    gate: Gate,
    *,
    warehouse: Path | None,
    landing: Path,
    quality: Path,
    run_id: str,
    as_of: date,
    scope: Scope = "touched",
    is_rebuilt: bool = False,
    currency: str = "EUR",
    published: Path | None = None,
    thresholds: Thresholds | None = None,
    memory_limit: str | None = None,
    pages: bool = True,
) -> Verdict:
    """Judge what the gate stands before.

    `warehouse` is created by the landing gate if it is not there yet, for the history; without one no
    history is kept. `published` is the last published file, with which the marts gate compares row counts.
    `is_rebuilt` says that everything was built again, by which marts may become smaller.
    `thresholds` takes the place of the company's own. `pages=False` leaves out the Data Docs.
    No other connection of this process may hold the warehouse while a gate runs.
    """
    started = time.monotonic()
    landing, quality = landing.resolve(), quality.resolve()
    with open_hub(
        gate,
        warehouse=warehouse if warehouse is not None and warehouse.is_file() else None,
        landing=landing,
        published=published,
        scope=scope,
        spill=quality / "spill",
        memory_limit=memory_limit,
    ) as hub:
        terms = Terms(
            scope=scope,
            is_rebuilt=is_rebuilt,
            as_of=as_of,
            currency=currency,
            thresholds=thresholds or Thresholds.of_company(hub.thresholds()),
        )
        outcomes, page = _judge(gate, hub, terms, quality / "docs" if pages else None, run_id)
    verdict = Verdict(
        gate=gate,
        passed=all(r.success or r.severity == "warning" for r in outcomes),
        results=tuple(outcomes),
        seconds=round(time.monotonic() - started, 3),
        docs_page=page,
    )
    if warehouse is None:
        return verdict
    try:
        _keep_history(warehouse, run_id, verdict)
    except (duckdb.Error, OSError) as error:
        # The verdict counts more than its history: the run must hear that a gate is closed.
        LOGGER.warning("the results of gate %s could not be kept: %s", gate, error)
        return replace(verdict, history_error=str(error))
    return verdict


def _suites(gate: Gate, hub: Hub, terms: Terms) -> list[Suite]:
    if gate == "landing":
        from expectations.landing import suites
    elif gate == "core":
        from expectations.core import suites
    else:
        from expectations.marts import suites
    return suites(hub, terms)


def _judge(
    gate: Gate, hub: Hub, terms: Terms, docs: Path | None, run_id: str
) -> tuple[list[ExpectationOutcome], Path | None]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with imported_later("altair", "scipy.stats"):
        import great_expectations as gx

    present = hub.tables()
    suites = _suites(gate, hub, terms)
    outcomes = [_missing(suite.table) for suite in suites if suite.table not in present]
    judged = [
        (suite.table, gx.ExpectationSuite(suite.table, expectations=list(suite.expectations)))
        for suite in suites
        if suite.table in present
    ]
    if not judged:
        return outcomes, None
    context = gx.get_context(mode="ephemeral", project_config=_project(docs))
    sources = _sources(context, hub, [table for table, _ in judged])
    try:
        # The batches themselves are asked. A checkpoint or a validation definition would first write down
        # each suite and then each result, which takes as long as the judging and serves the pages alone.
        results = [
            _batch(context, table).validate(
                suite,
                result_format={"result_format": "SUMMARY", "partial_unexpected_count": SAMPLE_ROWS},
            )
            for table, suite in judged
        ]
    finally:
        for source in sources:
            source.get_execution_engine().close()
            source.get_engine().dispose()
    for result in results:
        outcomes.extend(_outcomes(hub, result))
    # The pages take as long as the judging. What held in a run that looked at the changes alone stands in
    # quality.gate_results and in Dagster.
    if docs is None or (hub.scope == "touched" and all(item.success for item in outcomes)):
        return outcomes, None
    return outcomes, _write_pages(context, docs, run_id, [suite for _, suite in judged], results)


def _sources(context: Any, hub: Hub, tables: Sequence[str]) -> list[Any]:
    """A data source for each schema, with its tables as assets.

    It is made known with all its tables: GX writes down the whole source whenever a table comes to it.
    """
    from expectations.duckdb_engine import DuckDBDatasource

    sources: dict[str, Any] = {}
    for name in tables:
        schema, _, table = name.partition(".")
        if schema not in sources:
            sources[schema] = DuckDBDatasource(name=schema, connection_string=hub.url)
        sources[schema].add_table_asset(table)
    return [context.data_sources.add_duckdb(source) for source in sources.values()]


def _batch(context: Any, name: str) -> Any:
    """All rows of one table of the hub."""
    schema, _, table = name.partition(".")
    asset = context.data_sources.get(schema).get_asset(table)
    return asset.get_batch(asset.build_batch_request())


def _project(docs: Path | None) -> Any:
    """GX without a project folder: nothing is kept but the pages."""
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
        data_docs_sites={}
        if docs is None
        else {
            "quality": {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "store_backend": {
                    "class_name": "TupleFilesystemStoreBackend",
                    "base_directory": str(docs),
                },
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            }
        },
    )


def _missing(table: str) -> ExpectationOutcome:
    return ExpectationOutcome(
        name="is_there",
        table=table,
        column=None,
        severity="critical",
        success=False,
        observed="missing",
        unexpected_count=1,
        checked_rows=0,
        message=f"{table} does not exist, so none of its promises could be checked.",
        remedy="Look in the log of the run for the step that should have built it; then "
        "`aval run --full-refresh`.",
    )


def _outcomes(hub: Hub, result: Any) -> list[ExpectationOutcome]:
    """The outcomes of one suite, from GX's result."""
    table: str = result.suite_name
    ((rows,),) = hub.execute(f"select count(*) from {table}")
    return [_outcome(table, int(rows), item) for item in result.results]


def _outcome(table: str, rows: int, item: Any) -> ExpectationOutcome:
    config = item.expectation_config
    meta: dict[str, Any] = config.meta
    values: dict[str, Any] = item.result or {}
    fault = _exception(item.exception_info)
    success = bool(item.success)
    column = meta["column"]
    if "details" in values:
        sample = tuple(values["details"]["unexpected_rows"])
    else:
        partial = values.get("partial_unexpected_list") or []
        sample = tuple({column or "value": None if v is None else str(v)} for v in partial)
    if "details" in values:
        count = int(values["observed_value"])
        observed = f"{count} findings"
    elif "unexpected_count" in values:
        # GX counts nothing in an empty table.
        count = int(values["unexpected_count"] or 0)
        observed = f"{count} of {rows} rows"
    else:
        count = 0
        observed = str(values.get("observed_value"))
    message = str(meta["message"])
    if fault:
        message = f"{message} It could not be checked: {fault.splitlines()[0]}"
    elif not success:
        message = _found(message, meta["found"], sample, count)
    return ExpectationOutcome(
        name=meta["name"],
        table=table,
        column=column,
        # A promise that cannot be checked is not kept, whatever it weighs.
        severity="critical" if fault else config.severity.value,
        success=success,
        observed="not checked" if fault else observed,
        unexpected_count=count if count or success else 1,
        checked_rows=rows,
        message=message,
        remedy=_remedy(str(meta["remedy"]), sample),
        sample=sample[:SAMPLE_ROWS],
    )


def _found(message: str, template: str, sample: Sequence[Mapping[str, str | None]], count: int) -> str:
    """The message with its first findings spelt out."""
    if not template or not sample:
        return message
    shown = [template.format(**row) for row in sample[:3]]
    more = f"; and {count - len(shown)} more" if count > len(shown) else ""
    return f"{message} Found: {'; '.join(shown)}{more}."


def _remedy(template: str, sample: Sequence[Mapping[str, str | None]]) -> str:
    """The remedy for the first finding; `<month>` where there is none to take a month from."""
    if sample and sample[0].get("month"):
        return template.replace("<month>", str(sample[0]["month"]))
    return template


def _exception(info: Mapping[str, Any]) -> str | None:
    """The first exception that GX caught while it computed a metric, if any."""
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else None
    return next(
        (str(fault["exception_message"]) for fault in info.values() if fault["raised_exception"]),
        None,
    )


def _write_pages(
    context: Any, docs: Path, run_id: str, suites: Sequence[Any], results: Sequence[Any]
) -> Path | None:
    """Write the run's pages; a full disk must not lose the verdict. Old runs' pages are removed."""
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    run = RunIdentifier(run_name=run_id, run_time=datetime.now(UTC))
    for suite, result in zip(suites, results, strict=True):
        context.suites.add(suite)
        result.meta |= {"run_id": run, "validation_time": run.run_time}
        context.validation_results_store.store_validation_results(
            result,
            ValidationResultIdentifier(
                batch_identifier=result.batch_id,
                expectation_suite_identifier=ExpectationSuiteIdentifier(name=suite.name),
                run_id=run,
            ),
        )
    try:
        _forget_pages(docs)
        context.build_data_docs()
    except OSError as error:
        LOGGER.warning("the pages of the quality results could not be written: %s", error)
        return None
    return docs / "index.html"


def _forget_pages(docs: Path) -> None:
    """Keep the newest runs of each suite: `validations/<schema>/<table>/<run>/…`."""
    for suite in (docs / "validations").glob("*/*"):
        runs = sorted((p for p in suite.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
        for old in runs[:-KEPT_PAGES]:
            shutil.rmtree(old)


def _keep_history(warehouse: Path, run_id: str, verdict: Verdict) -> None:
    """Append the results to `quality.gate_results`, replacing those of the same run and gate."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    checked_at = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        (
            run_id,
            verdict.gate,
            r.name,
            r.table,
            r.column,
            r.severity,
            r.success,
            r.observed,
            r.unexpected_count,
            r.checked_rows,
            r.message,
            r.remedy,
            checked_at,
        )
        for r in verdict.results
    ]
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(_HISTORY)
        connection.execute("begin")
        connection.execute(
            "delete from quality.gate_results where run_id = ? and gate = ?", [run_id, verdict.gate]
        )
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"insert into quality.gate_results values ({marks})", rows)
        connection.execute("commit")


_HISTORY: Final = """
create schema if not exists quality;
create table if not exists quality.gate_results (
    run_id varchar not null,
    gate varchar not null,
    expectation varchar not null,
    table_name varchar not null,
    column_name varchar,
    severity varchar not null,
    success boolean not null,
    observed_value varchar,
    unexpected_count bigint not null,
    checked_rows bigint not null,
    message varchar not null,
    remedy varchar not null,
    checked_at timestamp not null
);
comment on table quality.gate_results is 'One row per run, gate and expectation: what was found.';
"""
