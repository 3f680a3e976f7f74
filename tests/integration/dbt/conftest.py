"""A company in miniature for tests of the dbt project: landing written row by row, and dbt run on it.

Rows are written as the contract demands them, not through intake, so that these tests say what SQL does with
what landed, whatever brought it there. dbt runs as it does in `aval run`: in this process, on the project as
it was parsed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from connectors.company import Company as CompanySettings
from connectors.company import Paths
from connectors.contract import Entity, entity
from connectors.landing import atomic_file, batch_ids, column_definitions, write_schemas
from connectors.ledger import Batch, Ledger, Retired, Slice
from orchestration.dbt import build_arguments, invoke, parsed, reasons
from orchestration.plan import Scope
from orchestration.settings import Settings
from tests.integration.dbt.rebate_engine import Engine

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

AS_OF = date(2026, 3, 31)
NOW = datetime(2026, 4, 1, 6, tzinfo=UTC)
SETTINGS = {
    "company": {"code": "mini", "name": "Mini"},
    "currency": "EUR",
    "time_zone": "UTC",
    "erp": {"kind": "tryton", "url": "sqlite://"},
    "inbox": {"path": "inbox"},
}

Row = Mapping[str, Any]

# What a row has unless it says otherwise: the columns that the contract requires and tests rarely care about.
DEFAULTS: dict[str, dict[str, Any]] = {
    "partners": {
        "channel_code": "regional_distributor",
        "country_code": "FR",
        "currency_code": "EUR",
        "is_active": True,
    },
    "products": {"family_code": "F1", "base_unit_code": "PCE", "is_active": True},
    "partner_terms": {"valid_to_date": "9999-12-31"},
    "product_costs": {"valid_to_date": "9999-12-31", "currency_code": "EUR"},
    "product_prices": {"valid_to_date": "9999-12-31", "currency_code": "EUR", "price_list_code": "L"},
    "partner_prices": {"valid_to_date": "9999-12-31", "currency_code": "EUR"},
    "landed_cost_elements": {
        "valid_to_date": "9999-12-31",
        "currency_code": "EUR",
        "element_code": "freight_in",
    },
    "shipment_lines": {"shipment_line_number": "1", "shipment_type": "delivery", "unit_code": "PCE"},
    "order_lines": {
        "order_line_number": "1",
        "unit_code": "PCE",
        "net_amount": 0,
        "currency_code": "EUR",
        "status_code": "closed",
    },
    "invoice_lines": {
        "invoice_line_number": "1",
        "invoice_type": "invoice",
        "unit_code": "PCE",
        "standard_discount_amount": 0,
        "exceptional_discount_amount": 0,
        "currency_code": "EUR",
    },
    "sell_out": {"unit_code": "PCE", "returned_quantity": 0, "currency_code": "EUR", "_source_column": ""},
    "inventory": {"unit_code": "PCE", "_source_column": ""},
    "product_crosswalk": {
        "unit_code": "PCE",
        "valid_from_date": "1900-01-01",
        "valid_to_date": "9999-12-31",
    },
    "product_matches": {
        "unit_code": "PCE",
        "valid_from_date": "1900-01-01",
        "valid_to_date": "9999-12-31",
        "decision_code": "accepted",
        "decided_by": "Ana",
        "decided_at": "2026-03-30 09:00:00",
    },
    "stores": {"valid_from_date": "1900-01-01", "valid_to_date": "9999-12-31"},
    "store_matches": {
        "valid_from_date": "1900-01-01",
        "valid_to_date": "9999-12-31",
        "decision_code": "accepted",
        "decided_by": "Ana",
        "decided_at": "2026-03-30 09:00:00",
    },
    "units": {"valid_from_date": "1900-01-01", "valid_to_date": "9999-12-31"},
    "feeds": {
        "frequency_code": "week",
        "reports_sell_out": True,
        "reports_inventory": True,
        "expected_from_date": "2026-01-05",
        "due_days": 3,
    },
    "thresholds": {"channel_code": "*"},
}


def week(label: str) -> tuple[date, date]:
    """Monday and Sunday of an ISO week such as `2026-W05`."""
    year, number = label.split("-W")
    monday = date.fromisocalendar(int(year), int(number), 1)
    return monday, monday + timedelta(days=6)


class Company:
    """Landing, ledger and warehouse of one company under test; `parsed_in` holds the parsed dbt project."""

    def __init__(self, data: Path, parsed_in: Path) -> None:
        self.data = data
        self.parsed_in = parsed_in
        self.landing = data / "landing"
        self.target = data / "target"
        self.warehouse = data / "aval.duckdb"
        write_schemas(self.landing)
        self.ledger = Ledger(self.landing / "ledger.sqlite")
        with self.ledger as ledger:
            ledger.export(self.landing)

    # --- landing ---

    def erp(self, name: str, rows: Iterable[Row], *, deleted: bool = False) -> None:
        """Land one extract of an ERP entity."""
        target = entity("erp", name)
        rows = list(rows)
        batch_id = self._batch_id()
        self._write(
            target,
            f"erp/{name}/{batch_id}.parquet",
            [{**row, "_is_deleted": deleted} for row in rows],
            batch_id,
            "erp",
        )
        months = (
            {str(row[target.date_column])[:7] for row in rows} if target.date_column is not None else {"all"}
        )
        slices = []
        for month in sorted(months):
            start = date.fromisoformat(f"{month}-01") if month != "all" else date(1900, 1, 1)
            slices.append(Slice("erp", name, f"erp|{month}", start, start, len(rows)))
        with self.ledger as ledger:
            ledger.record(Batch(batch_id, "erp", name, "landed", NOW, NOW), slices)
            ledger.export(self.landing)

    def rules(self, name: str, rows: Iterable[Row]) -> None:
        """Land the whole state of a rule entity."""
        rows = list(rows)
        batch_id = self._batch_id()
        file = f"rules/{name}/{batch_id}.parquet"
        self._write(entity("rules", name), file, rows, batch_id, "rules")
        slices = [
            Slice("rules", name, "rules|all", date(1900, 1, 1), date(9999, 12, 31), len(rows), file=file)
        ]
        with self.ledger as ledger:
            ledger.record(Batch(batch_id, "rules", name, "landed", NOW, NOW), slices)
            ledger.export(self.landing)

    def report(
        self,
        partner: str,
        feed: str,
        period: str,
        *,
        sell_out: Iterable[Row] | None = None,
        inventory: Iterable[Row] | None = None,
        span: tuple[date, date] | None = None,
        document: str = "",
        supersedes: bool = True,
        retired: str | None = None,
    ) -> None:
        """Land one report of an ISO week, or of `span`. Lines of a week are dated on its Thursday.

        A report by EDI has a `document` number, may stand beside what is there, and take another one back.
        """
        start, end = span or week(period)
        day = start + timedelta(days=3) if (end - start).days == 6 else end
        batch_id = self._batch_id()
        slice_key = f"{partner}|{feed}|{period}"
        slices = []
        for name, lines, date_column, line_date in (
            ("sell_out", sell_out, "sale_date", day),
            ("inventory", inventory, "stock_date", end),
        ):
            if lines is None:
                continue
            rows = [
                {
                    "slice_key": slice_key,
                    "partner_code": partner,
                    "feed_code": feed,
                    "period_start_date": start,
                    "period_end_date": end,
                    date_column: line_date,
                    "document_number": document or None,
                    **line,
                }
                for line in lines
            ]
            file = f"feeds/{name}/{partner}/{feed}/{batch_id}.parquet"
            self._write(entity("feeds", name), file, rows, batch_id, f"{feed}_{period}.csv")
            measure = "sold_quantity" if name == "sell_out" else "on_hand_quantity"
            quantity = sum((Decimal(str(row.get(measure, 0))) for row in rows), Decimal(0))
            amount = sum((Decimal(str(row.get("net_amount") or 0)) for row in rows), Decimal(0))
            slices.append(
                Slice(
                    "feeds",
                    name,
                    slice_key,
                    start,
                    end,
                    len(rows),
                    str(quantity),
                    str(amount),
                    partner,
                    feed,
                    file,
                    document,
                    supersedes,
                )
            )
        batch = Batch(
            batch_id,
            "feeds",
            f"{partner}/{feed}",
            "landed",
            NOW,
            NOW,
            partner_code=partner,
            feed_code=feed,
            file_name=f"{feed}_{period}.csv",
            period_start_date=start,
            period_end_date=end,
        )
        with self.ledger as ledger:
            ledger.record(batch, slices, [Retired(feed, retired)] if retired else [])
            ledger.export(self.landing)

    def published(self) -> None:
        """Forget what is pending, as a publication does."""
        with self.ledger as ledger:
            ledger.clear_pending(ledger.pending_sequence())
            ledger.export(self.landing)

    def _batch_id(self) -> str:
        with self.ledger as ledger:
            return next(batch_ids(NOW, ledger.last_batch_id()))

    def _write(self, target: Entity, file: str, rows: list[Row], batch_id: str, source: str) -> None:
        names = [column.name for column in target.all_columns]
        complete = [
            {
                "_source_row": number,
                "_is_deleted": False,
                # Partners are an entity of the ERP and one of the rules.
                **{name: value for name, value in DEFAULTS.get(target.name, {}).items() if name in names},
                **row,
                "_batch_id": batch_id,
                "_source_file": source,
                "_landed_at": NOW.replace(tzinfo=None),
            }
            for number, row in enumerate(rows, start=1)
        ]
        unknown = {name for row in complete for name in row} - set(names)
        assert not unknown, f"{target.name} has no column {sorted(unknown)}"
        with duckdb.connect() as connection, atomic_file(self.landing / file) as part:
            connection.execute(f"create table landed ({column_definitions(target)})")
            if complete:
                marks = ", ".join("?" for _ in names)
                connection.executemany(
                    f"insert into landed values ({marks})",
                    [[row.get(name) for name in names] for row in complete],
                )
            connection.execute("copy landed to ? (format parquet)", [str(part)])

    # --- warehouse ---

    def dbt(
        self,
        *arguments: str,
        scope: Scope = "touched",
        warehouse: Path | None = None,
        as_of: date = AS_OF,
        with_tests: bool = False,
    ) -> dbtRunnerResult:
        """Run dbt on this company's landing; `with_tests` knows the tests of the models as well."""
        company = CompanySettings.model_validate({**SETTINGS, "as_of_date": as_of})
        project = Settings(Paths(self.data, self.parsed_in), company, {})
        paths = Paths(self.data, self.data)
        paths.warehouse = warehouse or self.warehouse
        settings = Settings(paths, company, {})
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("AVAL_ROLLED", raising=False)
            # dbt's are set by `invoke`, and taken back here.
            for name, value in settings.dbt_environment(scope).items():
                patch.setenv(name, value)
            manifest = parsed(project, with_tests=with_tests)
            return invoke(settings, arguments, scope, self.target, manifest=manifest)

    def build(
        self,
        models: str = "*",
        *,
        scope: Scope = "touched",
        warehouse: Path | None = None,
        as_of: date = AS_OF,
    ) -> None:
        """Build models as a run does: all of them unless others are selected."""
        arguments = build_arguments([models], full_refresh=scope == "all", audit=False)
        result = self.dbt(*arguments, scope=scope, warehouse=warehouse, as_of=as_of)
        assert result.success, reasons(result)

    def query(self, sql: str, *, warehouse: Path | None = None) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse or self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def company(tmp_path: Path, manifest_data: Path) -> Company:
    """An empty company: landing without a batch."""
    return Company(tmp_path, manifest_data)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, manifest_data: Path) -> Engine:
    """The compiled models of the rebate engine."""
    return Engine(Company(tmp_path_factory.mktemp("rebates"), manifest_data))
