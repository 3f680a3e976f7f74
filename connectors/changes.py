"""What an extract changes: rows that are new or differ, keys that vanished, slices that are touched.

Everything is a comparison of three tables inside DuckDB: `incoming` (the extract), `keys` (all keys the
source has, where they were read) and `landed` (the newest landed version of each key). What belongs here:
that comparison and the writing of a batch. What does not: reading the ERP (`connectors.erp.reading`) or what
companies keep beside it (`connectors.sources`), and the order of things (`connectors.erp.pull`,
`connectors.sources.intake`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from connectors.contract import Entity
from connectors.errors import Place, SourceError
from connectors.landing import atomic_file, column_definitions, entity_folder
from connectors.ledger import Slice

MEASURES: Final = {
    "order_lines": ("ordered_quantity", "net_amount"),
    "shipment_lines": ("shipped_quantity", None),
    "invoice_lines": ("invoiced_quantity", "net_amount"),
    "invoices": (None, "total_amount"),
    "stock_levels": ("on_hand_quantity", None),
    "supply_lines": ("ordered_quantity", None),
    "opportunities": ("announced_quantity", "announced_amount"),
    "deal_registrations": (None, "expected_amount"),
    "payments": (None, "paid_amount"),
    "programme_claims": ("claimed_quantity", "claimed_amount"),
    "programme_costs": (None, "cost_amount"),
    "commission_payments": (None, "paid_amount"),
    "shop_visits": ("purchase_count", None),
}
"""The main quantity and amount of an entity, summed as control totals."""

ALL_TIME: Final = (date(1900, 1, 1), date(9999, 12, 31))


@dataclass(frozen=True)
class Totals:
    """Control totals of some rows, exact decimals as text."""

    rows: int
    documents: int
    quantity: str
    amount: str


NOTHING: Final = Totals(0, 0, "0", "0")


def open_engine() -> duckdb.DuckDBPyConnection:
    """The DuckDB in memory in which extracts are compared."""
    return duckdb.connect(config={"threads": 2})


class Comparison:
    """The comparison of one extract with what is landed. Use it as a context manager.

    `origin` is the query that gives the extract, for errors; `engine` an open DuckDB, whose start costs more
    than the comparison of a small entity, for who makes several.
    """

    def __init__(
        self,
        landing: Path,
        entity: Entity,
        origin: Path | None = None,
        engine: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        self.entity = entity
        self._origin = origin
        self._engine = engine
        self._folder = entity_folder(landing, entity)
        self._business = [column.name for column in entity.columns]
        self._keys = ", ".join(entity.key)

    def __enter__(self) -> Comparison:
        self._connection = self._engine.cursor() if self._engine is not None else open_engine()
        self._connection.execute(f"create temp table landed ({column_definitions(self.entity)})")
        self._connection.execute(f"create temp table incoming ({column_definitions(self.entity)})")
        self._load_landed()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _load_landed(self) -> None:
        files = [
            str(file) for file in sorted(self._folder.glob("*.parquet")) if not file.name.startswith("_")
        ]
        if not files:
            return
        relation = "read_parquet($files, union_by_name = true)"
        present = {
            row[0]
            for row in self._connection.execute(
                f"describe select * from {relation}", {"files": files}
            ).fetchall()
        }
        # A column that came into the contract later is NULL in older batches.
        columns = ", ".join(c.name for c in self.entity.all_columns if c.name in present)
        self._connection.execute(
            f"insert into landed by name select {columns} from {relation} "
            f"qualify row_number() over (partition by {self._keys} order by _batch_id desc) = 1",
            {"files": files},
        )

    def take(self, staged: Sequence[Path]) -> None:
        """Replace `incoming` by the staged files; SourceError if a key stands twice in them."""
        # dlt marks instants as UTC; the contract's carry no offset.
        columns = ", ".join(
            f"make_timestamp(epoch_us({c.name})) as {c.name}" if c.type == "TIMESTAMP" else c.name
            for c in self.entity.columns
        )
        self._take(
            f"select {columns}, _source_row from read_parquet($files)", {"files": [str(f) for f in staged]}
        )

    def take_tables(self, tables: Sequence[pa.Table]) -> None:
        """Replace `incoming` by an extract that is whole in memory."""
        if not tables:
            self._connection.execute("delete from incoming")
            return
        self._connection.register("extracted", pa.concat_tables(tables))
        self._take("select * from extracted", {})
        self._connection.unregister("extracted")

    def _take(self, query: str, values: dict[str, Any]) -> None:
        self._connection.execute("delete from incoming")
        self._connection.execute(f"insert into incoming by name {query}", values)
        self._refuse_double_keys("incoming")

    def know_keys(self, keys: pa.Table | None) -> None:
        """Tell which keys the ERP has: those of a sweep, or None when `incoming` is all there is."""
        if keys is None:
            self._connection.execute(
                f"create or replace temp table keys as select {self._keys} from incoming"
            )
        else:
            self._connection.register("swept", keys)
            self._connection.execute(f"create or replace temp table keys as select {self._keys} from swept")
            self._connection.unregister("swept")
            self._refuse_double_keys("keys")

    def _refuse_double_keys(self, table: str) -> None:
        double = self._connection.execute(
            f"select {self._keys}, count(*) from {table} "
            "group by all having count(*) > 1 order by all limit 1"
        ).fetchone()
        if double is not None:
            raise SourceError(
                "double_key",
                f"{double[-1]} rows of the extract have the same key",
                f"the mapping query must give {self.entity.grain} once: look for a join that multiplies rows",
                Place(
                    file=self._origin or f"{self.entity.name}.sql",
                    column=self._keys,
                    value=" | ".join(map(str, double[:-1])),
                ),
            )

    @property
    def landed_rows(self) -> int:
        """Keys that are landed and not deleted."""
        return self._count("select count(*) from landed where not _is_deleted")

    @property
    def key_count(self) -> int:
        return self._count("select count(*) from keys")

    def not_among_keys(self, others: pa.Table) -> list[tuple[Any, ...]]:
        """Of these keys those that `know_keys` did not tell."""
        self._connection.register("others", others)
        found = self._connection.execute(
            f"select distinct {self._keys} from others anti join keys using ({self._keys}) order by all"
        ).fetchall()
        self._connection.unregister("others")
        return found

    def lacks_rows(self) -> bool:
        """Whether the ERP has keys that neither landing nor the extract holds."""
        return bool(
            self._count(
                "select count(*) from keys "
                f"anti join (select * from landed where not _is_deleted) using ({self._keys}) "
                f"anti join incoming using ({self._keys})"
            )
        )

    def _count(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _changed(self) -> str:
        compared = [c for c in self._business if c != "updated_at"]
        left, right = ("row(" + ", ".join(f"{side}.{c}" for c in compared) + ")" for side in ("i", "l"))
        matches = " and ".join(f"i.{key} = l.{key}" for key in self.entity.key)
        return (
            f"select i.*, coalesce(l._is_deleted, false) as was_deleted from incoming i "
            f"left join landed l on {matches} "
            f"where l._batch_id is null or l._is_deleted or {left} is distinct from {right}"
        )

    def compare(self, *, keys_known: bool) -> int:
        """Work out what is to be landed; returns how many rows that is, tombstones included.

        A row whose `updated_at` alone moved is not changed: an invoice that is paid bills the same.
        """
        self._connection.execute(f"create or replace temp table changed as {self._changed()}")
        gone = f"anti join keys using ({self._keys}) where not _is_deleted" if keys_known else "where false"
        self._connection.execute(f"create or replace temp table vanished as select * from landed {gone}")
        self._connection.execute(
            "create or replace temp table after as "
            f"select {', '.join(self._business)} from landed anti join changed using ({self._keys}) "
            f"anti join vanished using ({self._keys}) where not _is_deleted "
            f"union all by name select {', '.join(self._business)} from changed"
        )
        return self._count("select (select count(*) from changed) + (select count(*) from vanished)")

    def changed(self) -> Totals:
        return self._totals("changed")

    def vanished(self) -> Totals:
        return self._totals("vanished")

    def restored_rows(self) -> int:
        """Rows to be landed whose document was marked as deleted."""
        return self._count("select count(*) from changed where was_deleted")

    def _totals(self, table: str, where: str = "true") -> Totals:
        quantity, amount = MEASURES.get(self.entity.name, (None, None))
        row = self._connection.execute(
            f"select count(*), count(distinct {self.entity.key[0]}), "
            f"coalesce(sum({quantity or '0'}), 0)::varchar, coalesce(sum({amount or '0'}), 0)::varchar "
            f"from {table} where {where}"
        ).fetchone()
        return Totals(*row) if row is not None else NOTHING

    def open_deletions(self) -> dict[str, Totals]:
        """Per batch, the tombstones that are still the last word on their key, as landing stands."""
        found = self._connection.execute("select distinct _batch_id from landed where _is_deleted").fetchall()
        return {batch: self._totals("landed", f"_is_deleted and _batch_id = '{batch}'") for (batch,) in found}

    def slices(self) -> list[Slice]:
        """The slices touched, with their totals as they stand once the batch is landed.

        A row touches the month of its date and, if it was landed before with another date, that month too.
        """
        date_column = self.entity.date_column
        if date_column is None:
            return [self._slice(f"{self.entity.system}|all", *ALL_TIME, where="true")]
        months = self._connection.execute(
            "select distinct date_trunc('month', day)::date as first, last_day(day) as last from ("
            f"select {date_column} as day from changed union all select {date_column} from vanished "
            f"union all select l.{date_column} from landed l semi join changed using ({self._keys})"
            ") where day is not null order by first"
        ).fetchall()
        return [
            self._slice(
                f"{self.entity.system}|{first:%Y-%m}",
                first,
                last,
                where=f"{date_column} between date '{first}' and date '{last}'",
            )
            for first, last in months
        ]

    def _slice(self, key: str, first: date, last: date, where: str) -> Slice:
        totals = self._totals("after", where)
        return Slice(
            self.entity.system,
            self.entity.name,
            key,
            first,
            last,
            totals.rows,
            totals.quantity,
            totals.amount,
        )

    def period(self) -> tuple[date, date] | tuple[None, None]:
        """First and last document date of what is to be landed."""
        column = self.entity.date_column
        if column is None:
            return None, None
        row = self._connection.execute(
            f"select min({column}), max({column}) from "
            f"(select {column} from changed union all select {column} from vanished)"
        ).fetchone()
        return row if row is not None else (None, None)

    def write(self, batch_id: str, source_file: str, now: datetime) -> Path:
        """Write the batch to landing, whole or not at all: changed rows, then tombstones of vanished ones.

        `source_file` is where rows come from that do not say so themselves.
        """
        final = self._folder / f"{batch_id}.parquet"
        landed_at = now.astimezone(UTC).replace(tzinfo=None)
        business = ", ".join(self._business)
        order = ", ".join(c for c in (self.entity.date_column, *self.entity.key) if c)
        values: dict[str, Any] = {"batch": batch_id, "file": source_file, "landed": landed_at}
        self._connection.execute(f"create or replace temp table batch ({column_definitions(self.entity)})")
        for table, deleted in (("changed", "false"), ("vanished", "true")):
            self._connection.execute(
                f"insert into batch by name select {business}, $batch as _batch_id, "
                "coalesce(_source_file, $file) as _source_file, "
                f"_source_row, $landed as _landed_at, {deleted} as _is_deleted from {table} order by {order}",
                values,
            )
        with atomic_file(final) as part:
            self._connection.execute("copy batch to $part (format parquet)", {"part": str(part)})
        return final
