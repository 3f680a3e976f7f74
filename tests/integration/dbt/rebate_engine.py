"""The models of the rebate engine on tables that a test writes: compiled by dbt once, run in memory.

Starting dbt for each case would take seconds; the statements are the same, with the day put in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import yaml

from connectors.contract import entity
from connectors.rebates import Rebates
from orchestration.dbt import reasons

if TYPE_CHECKING:
    from tests.integration.dbt.conftest import Company

COMPILED_FOR = date(2026, 3, 31)
MODELS = {
    "int_rebate_purchases_qualified": "intermediate",
    "int_rebate_accounts_accumulated": "intermediate",
    "int_rebate_conditions_judged": "intermediate",
    "dim_rebate_programmes": "core",
    "fct_rebate_payments": "core",
    "fct_rebate_accruals": "core",
    "fct_rebate_lines": "core",
    "fct_entitlements": "core",
    "mart_rebate_accruals_monthly": "marts",
}

TABLES = {
    "core.dim_partners": "partner_version_id varchar, partner_code varchar, channel_code varchar, "
    "segment_code varchar, territory_code varchar, valid_from_date date, valid_to_date date, "
    "is_current boolean",
    "core.dim_products": "product_code varchar, family_code varchar",
    "core.fct_sell_in": "invoice_line_id varchar, invoice_number varchar, invoice_type varchar, "
    "original_invoice_number varchar, partner_code varchar, partner_version_id varchar, "
    "channel_code varchar, product_code varchar, invoice_date date, due_date date, "
    "invoiced_quantity decimal(18,3), net_amount decimal(18,4), document_net_amount decimal(18,4), "
    "document_currency_code varchar",
    "core.fct_orders": "order_number varchar, order_line_number varchar, partner_code varchar, "
    "partner_version_id varchar, product_code varchar, order_date date, status_code varchar, "
    "ordered_quantity decimal(18,3), net_amount decimal(18,4)",
    "core.fct_shipments": "order_number varchar, order_line_number varchar, partner_code varchar, "
    "partner_version_id varchar, product_code varchar, arrival_date date, signed_quantity decimal(18,3)",
    "core.fct_reporting_periods": "partner_code varchar, feed_code varchar, report_kind_code varchar, "
    "period_start_date date, is_expected boolean, is_of_record boolean, is_reported boolean, "
    "due_date date, received_at timestamp, first_received_at timestamp",
    "core.fct_trainings": "training_number varchar, partner_code varchar, training_date date, "
    "certification_code varchar, certified_from_date date, certified_to_date date",
    "core.fct_payments": "payment_number varchar, invoice_number varchar, payment_date date, "
    "paid_amount decimal(18,4), settled_amount decimal(18,4), document_paid_amount decimal(18,4), "
    "document_settled_amount decimal(18,4), document_currency_code varchar",
    "core.fct_receivables": "invoice_number varchar, total_amount decimal(18,4), "
    "document_total_amount decimal(18,4)",
    "staging.stg_rules__rebate_payments": "programme_code varchar, partner_code varchar, "
    "period_start_date date, payment_date date, paid_amount decimal(18,4), reference varchar, "
    "source_file varchar, source_row bigint",
}

Row = Mapping[str, Any]


def partner(code: str, **more: Any) -> Row:
    """A partner with one version, unless `more` says otherwise."""
    return {
        "partner_version_id": f"{code}|1900-01-01",
        "partner_code": code,
        "channel_code": "regional_distributor",
        "valid_from_date": "1900-01-01",
        "valid_to_date": "9999-12-31",
        "is_current": True,
        **more,
    }


def line(number: str, day: str, quantity: Any, amount: Any, **more: Any) -> Row:
    """An invoice of one line to D1 of product P1, unless `more` says otherwise."""
    who = more.get("partner_code", "D1")
    return {
        "invoice_line_id": f"{number}|1",
        "invoice_number": number,
        "invoice_type": "invoice",
        "partner_code": who,
        "partner_version_id": f"{who}|1900-01-01",
        "channel_code": "regional_distributor",
        "product_code": "P1",
        "invoice_date": day,
        "invoiced_quantity": quantity,
        "net_amount": amount,
        "document_net_amount": amount,
        "document_currency_code": "EUR",
        **more,
    }


def payment(invoice: str, day: str, settled: Any) -> Row:
    """A payment that takes `settled` off the invoice."""
    return {
        "payment_number": f"{invoice}|{day}",
        "invoice_number": invoice,
        "payment_date": day,
        "document_paid_amount": settled,
        "document_settled_amount": settled,
        "document_currency_code": "EUR",
    }


@dataclass
class World:
    """What the engine reads."""

    rules: str
    partners: Iterable[Row] = field(default_factory=lambda: [partner("D1")])
    products: Iterable[Row] = field(
        default_factory=lambda: [
            {"product_code": "P1", "family_code": "F1"},
            {"product_code": "P2", "family_code": "F2"},
        ]
    )
    lines: Iterable[Row] = ()
    orders: Iterable[Row] = ()
    shipments: Iterable[Row] = ()
    payments: Iterable[Row] = ()
    totals: Mapping[str, Any] = field(default_factory=dict)
    """With tax, by invoice, where the ERP delivers it."""
    reports: Iterable[Row] = ()
    trainings: Iterable[Row] = ()
    settlements: Iterable[Row] = ()


class Engine:
    """The compiled models."""

    def __init__(self, company: Company) -> None:
        result = company.dbt("compile", "--select", *MODELS, as_of=COMPILED_FOR)
        assert result.success, reasons(result)
        folder = company.target / "compiled" / "aval" / "models"
        self._models = {name: (folder / layer / f"{name}.sql").read_text() for name, layer in MODELS.items()}

    def run(self, world: World, as_of: str) -> duckdb.DuckDBPyConnection:
        """The tables that come of that world as of that day; the caller closes the connection."""
        connection = duckdb.connect(":memory:", config={"threads": 1})
        connection.execute("attach ':memory:' as aval; use aval")
        for schema in ("staging", "intermediate", "core", "marts"):
            connection.execute(f"create schema aval.{schema}")
        contents = {
            "core.dim_partners": world.partners,
            "core.dim_products": world.products,
            "core.fct_sell_in": world.lines,
            "core.fct_orders": world.orders,
            "core.fct_shipments": world.shipments,
            "core.fct_reporting_periods": world.reports,
            "core.fct_trainings": world.trainings,
            "core.fct_payments": world.payments,
            "core.fct_receivables": [
                {"invoice_number": invoice, "total_amount": total, "document_total_amount": total}
                for invoice, total in world.totals.items()
            ],
            "staging.stg_rules__rebate_payments": world.settlements,
        }
        for name, columns in TABLES.items():
            _fill(connection, name, columns, contents[name])
        rebates = Rebates.model_validate(yaml.safe_load(world.rules))
        for name, rows in {
            "rebate_programmes": rebates.programme_rows(),
            "rebate_tiers": rebates.tier_rows(),
            "rebate_scopes": rebates.scope_rows(),
            "rebate_entitlements": rebates.entitlement_rows(),
        }.items():
            columns = ", ".join(f"{column.name} {column.type}" for column in entity("rules", name).columns)
            _fill(connection, f"staging.stg_rules__{name}", columns, rows)
        for name, sql in self._models.items():
            dated = sql.replace(f"cast('{COMPILED_FOR}' as date)", f"cast('{as_of}' as date)")
            connection.execute(f"create table {MODELS[name]}.{name} as {dated}")
        return connection


def _fill(connection: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Iterable[Row]) -> None:
    connection.execute(f"create table {name} ({columns})")
    rows = list(rows)
    for row in rows:
        names = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        connection.execute(f"insert into {name} ({names}) values ({marks})", list(row.values()))
