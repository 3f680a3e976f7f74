"""A small company whose publications are written row by row: for closing, tracing and the finance pack.

Tables have the columns that the models declare; what a row does not say is NULL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from connectors.landing import batch_ids, write_schemas
from connectors.ledger import Batch, Ledger, Slice
from orchestration.declared import finance_marts, models
from orchestration.publish import Coverage, GateOutcome, Publication, publish
from orchestration.settings import Settings, load_settings

COMPANY = """
company: {code: acme, name: Acme}
erp: {kind: sql, url: "sqlite:///erp.sqlite", queries: erp}
inbox: {path: "${AVAL_DATA}/inbox"}
"""
OPEN = (GateOutcome("core", True, "all", 3, 0), GateOutcome("marts", True, "all", 2, 0))
NOTHING_MISSES = Coverage()
AS_OF = date(2026, 6, 30)

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def company(folder: Path, **more: str) -> Settings:
    """A company directory and an empty landing; figures are as of 2026-06-30."""
    lines = {"as_of_date": AS_OF.isoformat(), **more}
    (folder / "company" / "feeds").mkdir(parents=True)
    (folder / "company" / "company.yml").write_text(
        COMPANY + "".join(f"{key}: {value}\n" for key, value in lines.items())
    )
    settings = load_settings(folder / "company", folder / "data")
    write_schemas(settings.paths.landing)
    return settings


def land(
    settings: Settings,
    system: str,
    source: str,
    file_name: str | None = None,
    partner: str | None = None,
    feed: str | None = None,
) -> str:
    """Enter a batch with one slice, as a run does; returns its id."""
    now = datetime.now(UTC)
    with Ledger(settings.paths.ledger) as ledger:
        batch_id = next(batch_ids(now, ledger.last_batch_id()))
        month = date(2026, 5, 1)
        batch = Batch(
            batch_id,
            system,
            source,
            "landed",
            now,
            now,
            partner_code=partner,
            feed_code=feed,
            file_name=file_name,
            content_hash=f"{source}-hash".replace("_", "-"),
        )
        ledger.record(batch, [Slice(system, source, f"{system}|2026-05", month, month, 1)])
    return batch_id


def forget_pending(settings: Settings) -> None:
    """What has landed is published."""
    with Ledger(settings.paths.ledger) as ledger:
        ledger.clear_pending(ledger.pending_sequence())


def write_tables(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    """Make the tables with the columns and types that the models declare."""
    for schema in ("core", "marts"):
        connection.execute(f"create schema if not exists {schema}")
    for name, lines in rows.items():
        schema = "marts" if name.startswith("mart_") else "core"
        types = models()[name].types
        columns = ", ".join(f'"{column}" {type_}' for column, type_ in types.items())
        connection.execute(f"create or replace table {schema}.{name} ({columns})")
        for line in lines:
            unknown = set(line) - set(types)
            assert not unknown, f"{name} has no column {sorted(unknown)}"
            marks = ", ".join("?" for _ in line)
            names = ", ".join(f'"{column}"' for column in line)
            connection.execute(f"insert into {schema}.{name} ({names}) values ({marks})", [*line.values()])


def publication(
    settings: Settings,
    rows: Rows,
    *,
    as_of: date = AS_OF,
    gates: Sequence[GateOutcome] = OPEN,
    coverage: Coverage = NOTHING_MISSES,
    pinned: Sequence[str] = (),
) -> Publication:
    """Publish a warehouse that holds these rows; a finance mart without any is there, and empty."""
    settings.paths.warehouse.parent.mkdir(parents=True, exist_ok=True)
    settings.paths.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(settings.paths.warehouse)) as connection:
        empty: Rows = dict.fromkeys(finance_marts(), ())
        write_tables(connection, {"dim_thresholds": THRESHOLDS, "fct_reporting_periods": (), **empty, **rows})
    return publish(
        settings.paths.warehouse,
        settings.paths.published,
        run_id="run-1",
        code_version="0.1.0+abc",
        as_of=as_of,
        gates=gates,
        coverage=coverage,
        keep=1,
        parquet=False,
        pinned=pinned,
    )


THRESHOLDS = (
    {
        "threshold_code": "reconciliation_tolerance_amount",
        "channel_code": "*",
        "threshold_value": 1,
    },
)
