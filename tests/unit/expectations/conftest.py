"""Small companies made by hand, on which each promise is seen to hold and to fail."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from connectors.contract import entity as contract_entity
from connectors.landing import column_definitions, entity_folder, write_schemas
from connectors.ledger import Batch, Ledger, Slice

NOW = datetime(2026, 3, 31, 6, tzinfo=UTC)
FIRST = "20260301T000000000000-00000001"
"""The batch that the rows of a world come with, unless a test says otherwise."""
Row = Mapping[str, object]


@dataclass
class World:
    """A company's landing folder and ledger, written through the contract."""

    data: Path
    batches: int = 0

    @property
    def landing(self) -> Path:
        return self.data / "landing"

    @property
    def warehouse(self) -> Path:
        return self.data / "warehouse" / "aval.duckdb"

    @property
    def quality(self) -> Path:
        return self.data / "quality"

    def ledger(self) -> Ledger:
        return Ledger(self.landing / "ledger.sqlite")

    def _batch_id(self, batch: str) -> str:
        """One batch holds one extract or file: a number keeps them apart."""
        self.batches += 1
        return f"{batch}{self.batches:02d}"

    def write(self, path: Path, system: str, name: str, rows: Sequence[Row], batch: str) -> None:
        """Write rows of an entity as one Parquet file; columns that are not given are NULL."""
        entity = contract_entity(system, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute(f"create table landed ({column_definitions(entity)})")
            for number, row in enumerate(rows, start=1):
                values = {
                    "_batch_id": batch,
                    "_source_file": f"{name}.csv",
                    "_source_row": number,
                    "_landed_at": NOW.replace(tzinfo=None),
                    "_is_deleted": False,
                    **row,
                }
                marks = ", ".join("?" * len(values))
                connection.execute(
                    f"insert into landed ({', '.join(values)}) values ({marks})", list(values.values())
                )
            connection.execute(f"copy landed to '{path}' (format parquet)")

    def erp(
        self,
        name: str,
        rows: Sequence[Row],
        batch: str = FIRST,
        totals: Mapping[str, str] | None = None,
        slices: Sequence[Slice] = (),
    ) -> None:
        """Land an extract of an ERP entity."""
        batch_id = self._batch_id(batch)
        path = entity_folder(self.landing, contract_entity("erp", name)) / f"{batch_id}.parquet"
        self.write(path, "erp", name, rows, batch_id)
        with self.ledger() as ledger:
            ledger.record(
                Batch(
                    batch_id,
                    "erp",
                    name,
                    "landed",
                    NOW,
                    NOW,
                    rows_read=len(rows),
                    rows_accepted=len(rows),
                    totals=dict(totals or {}),
                ),
                slices,
            )

    def report(
        self,
        partner: str,
        feed: str,
        week: tuple[str, date, date],
        lines: Sequence[Row],
        batch: str = FIRST,
        **counts: object,
    ) -> Path:
        """Land a weekly report of sell-out; returns its Parquet file."""
        defaults = {"sale_date": week[1], "returned_quantity": 0, "currency_code": "EUR"}
        return self._feed(
            "sell_out",
            "sold_quantity",
            partner,
            feed,
            week,
            [{**defaults, **row} for row in lines],
            batch,
            counts,
        )

    def stock(
        self, partner: str, feed: str, week: tuple[str, date, date], lines: Sequence[Row], batch: str = FIRST
    ) -> Path:
        """Land a weekly report of stocks; returns its Parquet file."""
        rows = [{"stock_date": week[2], **line} for line in lines]
        return self._feed("inventory", "on_hand_quantity", partner, feed, week, rows, batch, {})

    def _feed(
        self,
        entity: str,
        quantity: str,
        partner: str,
        feed: str,
        week: tuple[str, date, date],
        lines: Sequence[Row],
        batch: str,
        counts: Mapping[str, object],
    ) -> Path:
        label, first, last = week
        key = f"{partner}|{feed}|{label}"
        batch_id = self._batch_id(batch)
        file = f"feeds/{entity}/{partner}/{feed}/{batch_id}.parquet"
        head = {
            "slice_key": key,
            "partner_code": partner,
            "feed_code": feed,
            "period_start_date": first,
            "period_end_date": last,
            "unit_code": "PCE",
            "_source_column": "",
        }
        rows: list[Row] = [{**head, **row} for row in lines]
        self.write(self.landing / file, "feeds", entity, rows, batch_id)
        values: dict[str, object] = {
            "rows_read": len(rows),
            "rows_accepted": len(rows),
            "feed_code": feed,
            "partner_code": partner,
            "file_name": f"{feed}_{label}.csv",
            **counts,
        }
        totals = [str(sum(int(str(row.get(c) or 0)) for row in rows)) for c in (quantity, "net_amount")]
        with self.ledger() as ledger:
            ledger.record(
                Batch(batch_id, "feeds", feed, "landed", NOW, NOW, **values),  # type: ignore[arg-type]
                [Slice("feeds", entity, key, first, last, len(rows), *totals, partner, feed, file)],
            )
        return self.landing / file

    def source(self, name: str, entered: Slice, batch: str = FIRST) -> None:
        """Enter a reading of a source beside the ERP; what it landed is not looked at."""
        with self.ledger() as ledger:
            ledger.record(
                Batch(
                    self._batch_id(batch),
                    "sources",
                    name,
                    "landed",
                    NOW,
                    NOW,
                    rows_read=entered.rows_landed,
                    rows_accepted=entered.rows_landed,
                ),
                [entered],
            )

    def general_ledger(self, rows: int, debit: int, batch: str = FIRST) -> None:
        """Enter an export of the general ledger for the fiscal year 2026."""
        year = (date(2026, 1, 1), date(2026, 12, 31))
        with self.ledger() as ledger:
            ledger.record(
                Batch(self._batch_id(batch), "accounting", "gl_entries", "landed", NOW, NOW, rows_read=rows),
                [Slice("accounting", "gl_entries", "ledger|2026-12", *year, rows, amount_total=str(debit))],
            )

    def export(self) -> None:
        with self.ledger() as ledger:
            ledger.export(self.landing)


@pytest.fixture(scope="session")
def empty_landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing folder without a batch. Read only."""
    folder = tmp_path_factory.mktemp("empty") / "landing"
    write_schemas(folder)
    return folder


@pytest.fixture
def world(tmp_path: Path, empty_landing: Path) -> World:
    world = World(tmp_path / "data")
    shutil.copytree(empty_landing, world.landing)
    return world
