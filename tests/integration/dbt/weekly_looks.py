"""The alerts of the sample company as they were on a day: built from what had landed by then.

dbt compiles the models under `fct_alerts` once; their statements run in memory on the demo's landing, cut
to a day and a few partners. Ten runs of `aval run` would take minutes and say the same: where the cut was
held against real runs, their alerts were equal in every column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from connectors.contract import entity as contract_entity
from connectors.landing import column_definitions
from orchestration.dbt import reasons

if TYPE_CHECKING:
    from tests.integration.dbt.conftest import Company

COMPILED_FOR: Final = date(2026, 6, 30)
_DAY: Final = f"cast('{COMPILED_FOR}' as date)"

NOTHING: Final = "false"
KNOWN: Final = {
    "accounting.gl_entries": NOTHING,
    "erp.commission_payments": "payment_date <= $day",
    "erp.deal_registrations": "registered_at < $day + 1",
    "erp.discount_approvals": "approved_date <= $day",
    "erp.invoice_lines": "invoice_date <= $day",
    "erp.invoices": "invoice_date <= $day",
    "erp.leads": "created_date <= $day",
    "erp.opportunities": "created_date <= $day",
    "erp.order_lines": "order_date <= $day",
    "erp.partner_territories": "updated_at < $day + 1",
    "erp.payments": "payment_date <= $day",
    "erp.programme_claims": "claim_date <= $day",
    "erp.programme_costs": "cost_date <= $day",
    "erp.shipment_lines": "shipment_date <= $day",
    "erp.stock_levels": NOTHING,
    "erp.supply_lines": NOTHING,
    "ledger.batches": "system <> 'feeds' or received_at < $day + 1",
    "ledger.slices": "batch_id in (select batch_id from landing.ledger_batches)",
    "rules.alert_mutes": "muted_date <= $day",
}
"""What was there on a day. The ledger export and our own stock are left out: they are of all partners."""

NOT_YET: Final = {
    "erp.deal_registrations": "case when closed_at < $day + 1 then closed_at end as closed_at, "
    "case when closed_at >= $day + 1 then 'registered' else status_code end as status_code",
    "erp.leads": "case when closed_date <= $day then closed_date end as closed_date, "
    "case when closed_date > $day then 'passed' else status_code end as status_code",
    "erp.opportunities": "case when closed_date <= $day then closed_date end as closed_date, "
    "case when closed_date > $day then 'quoted' else stage_code end as stage_code",
    "erp.shipment_lines": "case when delivery_date <= $day then delivery_date end as delivery_date",
}
"""What rows that were there did not say yet."""


class Looks:
    """The demo of `built_demo` with `partners` alone, looked at on one day after another."""

    def __init__(self, company: Company, built_demo: Path, partners: Sequence[str]) -> None:
        result = company.dbt("compile", "--select", "+fct_alerts", scope="all", as_of=COMPILED_FOR)
        assert result.success, reasons(result)
        self._reads = re.compile(rf"read_parquet\(\['{company.landing}/(\w+)/(\w+)[/.][^)]*\)")
        self._models = [
            (node.schema, node.name, node.config.materialized == "view", node.compiled_code)
            for node in (each.node for each in result.result.results)
            if node.resource_type == "model"
        ]
        self.connection = duckdb.connect(":memory:", config={"threads": 1})
        self.connection.execute("attach ':memory:' as aval; use aval")
        for schema in ("landed", "landing", *{schema for schema, *_ in self._models}):
            self.connection.execute(f"create schema {schema}")
        self.entities = sorted({name for *_, sql in self._models for name in self._reads.findall(sql)})
        for system, entity in self.entities:
            self._load(built_demo / "landing" / system, entity, partners)
        self._take_seeds(built_demo)
        self._due = self._models

    def _load(self, folder: Path, entity: str, partners: Sequence[str]) -> None:
        if KNOWN.get(f"{folder.name}.{entity}") == NOTHING:
            columns = column_definitions(contract_entity(folder.name, entity))
            self.connection.execute(f"create table landed.{folder.name}_{entity} ({columns})")
            return
        files = folder / (f"{entity}.parquet" if folder.name == "ledger" else f"{entity}/**/*.parquet")
        rows = self.connection.read_parquet(str(files), union_by_name=True)
        if "partner_code" in rows.columns:
            kept = ", ".join(f"'{code}'" for code in ("*", *partners))
            rows = rows.filter(f"partner_code is null or partner_code in ({kept})")
        rows.create(f"landed.{folder.name}_{entity}")

    def _take_seeds(self, built_demo: Path) -> None:
        warehouse = built_demo / "warehouse" / "aval.duckdb"
        self.connection.execute(f"attach '{warehouse}' as demo (read_only)")
        for schema, name in self.connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = 'demo' and table_name like 'seed%'"
        ).fetchall():
            self.connection.execute(f"create table {schema}.{name} as from demo.{schema}.{name}")
        self.connection.execute("detach demo")

    def _moving(self) -> list[tuple[str, str, bool, str]]:
        """Models that say something else on another day: by the day itself, or by what they read."""
        moving: list[tuple[str, str, bool, str]] = []
        names: set[str] = set()
        for schema, name, is_view, sql in self._models:
            is_dated = _DAY in sql
            reads = {f"{system}.{entity}" for system, entity in self._reads.findall(sql)}
            if is_dated or reads & KNOWN.keys() or any(moved in sql for moved in names):
                names.add(f'"{schema}"."{name}"')
                # A view sees for itself what lies below it.
                if is_dated or not is_view:
                    moving.append((schema, name, is_view, sql))
        return moving

    def look(self, day: date) -> None:
        """Build everything anew as of that day; `marts.fct_alerts` is what was known of alerts then."""
        self._see(day)
        for model in self._due:
            self._build(*model, day)
        self._due = self._moving()

    def _see(self, day: date) -> None:
        for system, entity in self.entities:
            name = f"{system}.{entity}"
            replaced = f" replace ({NOT_YET[name]})" if name in NOT_YET else ""
            self.connection.execute(
                f"create or replace view landing.{system}_{entity} as select *{replaced} "
                f"from landed.{system}_{entity} where {KNOWN.get(name, 'true')}".replace(
                    "$day", f"date '{day}'"
                )
            )

    def _build(self, schema: str, name: str, is_view: bool, sql: str, day: date) -> None:
        dated = self._reads.sub(r"landing.\1_\2", sql).replace(_DAY, f"cast('{day}' as date)")
        kind = "view" if is_view else "table"
        self.connection.execute(f"create or replace {kind} {schema}.{name} as {dated}")
