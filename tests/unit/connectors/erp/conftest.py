"""A small ERP in SQLite with mapping queries, and a pull on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.company import Company, Paths
from connectors.erp.pull import PullSummary, pull_erp
from connectors.ledger import Batch, Ledger, Slice

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

TABLES = """
create table partner (code text, name text, is_open integer);
create table product (code text, name text);
create table line (
    invoice text, position integer, partner text, day date, product text, quantity numeric, amount numeric,
    changed_at timestamp
);
insert into partner values ('P1', 'Nord', 1), ('P2', 'Sud', 1);
insert into product values ('SAV', 'Savon');
insert into line values
    ('F1', 1, 'P1', '2026-01-10', 'SAV', 2, 10.10, '2026-01-10 10:00:00'),
    ('F1', 2, 'P1', '2026-01-10', 'SAV', 1, 5.05, '2026-01-10 10:00:00'),
    ('F2', 1, 'P2', '2026-02-03', 'SAV', 4, 20.20, '2026-02-03 09:30:00');
"""

QUERIES = {
    "partners": """
        select code as partner_code, name as partner_name, 'direct' as channel_code, 'EUR' as currency_code,
            is_open as is_active
        from partner""",
    "products": """
        select code as product_code, name as product_name, 'F' as family_code, 'PCE' as base_unit_code,
            1 as is_active
        from product""",
    "invoice_lines": """
        select invoice as invoice_number, position as invoice_line_number, 'invoice' as invoice_type,
            partner as partner_code, day as invoice_date, product as product_code,
            quantity as invoiced_quantity, 'PCE' as unit_code, amount as gross_amount,
            0 as standard_discount_amount, 0 as exceptional_discount_amount, amount as net_amount,
            'EUR' as currency_code, changed_at as updated_at
        from line
        where changed_at >= :cursor""",
}


class SmallErp:
    """The ERP, its company directory and its landing."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder / "company", folder / "data")
        self.queries = folder / "company" / "erp"
        self.queries.mkdir(parents=True)
        self.database = folder / "erp.sqlite"
        self.connection = sqlite3.connect(self.database)
        self.connection.executescript(TABLES)
        for name, text in QUERIES.items():
            self.write_query(name, text)
        self.hours = 0
        self.settings: dict[str, Any] = {"retries": 2}

    def write_query(self, entity: str, text: str) -> Path:
        file = self.queries / f"{entity}.sql"
        file.write_text(text, encoding="utf-8")
        return file

    def change(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)
        self.connection.commit()

    @property
    def company(self) -> Company:
        return Company.model_validate(
            {
                "company": {"code": "acme", "name": "Acme"},
                "erp": {
                    "kind": "sql",
                    "url": f"sqlite:///{self.database}",
                    "queries": self.queries,
                    **self.settings,
                },
                "inbox": {"path": "inbox"},
            }
        )

    def pull(self, **options: Any) -> PullSummary:
        """Pull once; the clock goes on by an hour each time."""
        self.hours += 1
        with Ledger(self.paths.ledger) as ledger:
            return pull_erp(
                self.paths,
                self.company,
                ledger,
                now=NOW + timedelta(hours=self.hours),
                **{"first_pause": 0.01, **options},
            )

    def batches(self, source: str = "invoice_lines") -> list[Batch]:
        with Ledger(self.paths.ledger) as ledger:
            return [batch for batch in ledger.batches("erp") if batch.source == source]

    def recall(self, name: str) -> str | None:
        with Ledger(self.paths.ledger) as ledger:
            return ledger.recall(name)

    def slices(self, entity: str = "invoice_lines") -> dict[str, Slice]:
        """Live slices of an entity by key."""
        with Ledger(self.paths.ledger) as ledger:
            ledger.export(self.paths.landing)
        rows = duckdb.sql(
            f"select slice_key, rows_landed, quantity_total, amount_total from "
            f"'{self.paths.landing}/ledger/slices.parquet' where entity = '{entity}' and is_live order by 1"
        ).fetchall()
        return {key: (count, str(quantity), str(amount)) for key, count, quantity, amount in rows}

    def landed(self, columns: str, entity: str = "invoice_lines") -> list[tuple[Any, ...]]:
        """Every landed row, in order of batch and row."""
        return duckdb.sql(
            f"select {columns} from '{self.paths.landing}/erp/{entity}/*.parquet' "
            "order by _batch_id, _is_deleted, _source_row"
        ).fetchall()

    def files(self, entity: str = "invoice_lines") -> list[str]:
        return sorted(file.name for file in (self.paths.landing / "erp" / entity).glob("*"))


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[SmallErp]:
    small = SmallErp(tmp_path)
    yield small
    small.connection.close()
