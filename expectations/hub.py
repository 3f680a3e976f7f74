"""The hub: an in-memory DuckDB in which one gate sees landing, ledger and warehouse side by side.

The warehouse file is attached read-only and let go when the hub closes, so that a gate never changes
what it judges. What comes from Parquet is read once, into tables: a view over thousands of files would
open them all for every query. What belongs here: where things are and which of them count. What does
not: promises about them (the suites).

Names in the hub:

- `ledger.batches`, `ledger.slices` (live ones, and pending ones that are gone), `ledger.documents` (the
  reports that stand beside one another in a slice), `ledger.files`;
- `landing.<entity>` for ERP entities: the newest version of each key, deleted ones left out;
  `landing.newest_<entity>`: with the deleted ones; `landing.invoice_numbers`: of every version;
- `landing.expected_feeds`, `landing.thresholds`, `landing.unit_rules`, `landing.stock_adjustments`: the
  company's rules;
  `landing.names_in_rules`: where rules name a partner, a channel, a product, a family or a segment;
  `landing.channels`: those of partners; `landing.peer_schemes`, `landing.peer_segments`: the segments that
  targets can be set for;
- `landing.sell_out_in_scope`, `landing.inventory_in_scope`: a profile of each live report in scope;
- `core.*`, `marts.*`, `intermediate.*`: the warehouse; `published.*`: the marts last published;
- `core.fct_inventory` and the marts that are rolled forward: what this run replaced of them, with the
  week before it; `<name>_whole`: all of it;
- `core.fct_sell_out_by_slice`: rows and sums of the whole fact by slice and batch;
  `core.fct_sell_out_lines_in_scope`: its lines in touched slices, or all.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import sqlalchemy as sa

from expectations.terms import Gate, Scope

ERP_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "partners": ("partner_code",),
    "partner_terms": ("partner_code", "valid_from_date"),
    "products": ("product_code",),
    "product_units": ("product_code", "unit_code"),
    "product_costs": ("product_code", "valid_from_date"),
    "landed_cost_elements": ("product_code", "element_code", "valid_from_date"),
    "partner_prices": ("partner_code", "product_code", "valid_from_date"),
    "discount_approvals": ("approval_number",),
    "order_lines": ("order_number", "order_line_number"),
    "shipment_lines": ("shipment_number", "shipment_line_number"),
    "invoice_lines": ("invoice_number", "invoice_line_number"),
    "programme_costs": ("cost_number",),
    "deal_registrations": ("registration_number",),
    "supply_lines": ("supply_number", "supply_line_number"),
}
"""ERP entities that gates look at, with their keys."""

ATTRIBUTES: Final = (
    ("channel", "newest_partners", "channel_code"),
    ("channel", "newest_partner_terms", "channel_code"),
    ("country", "newest_partners", "country_code"),
    ("erp_segment", "newest_partners", "segment_code"),
    ("erp_segment", "newest_partner_terms", "segment_code"),
)
"""Measures by which segments are an attribute of the partner, and where landing has it."""

NAMES_IN_RULES: Final = (
    ("segment_members", "partner", "member_code", "member_kind_code = 'partner'"),
    ("targets", "partner", "partner_code", "partner_code is not null"),
    ("targets", "segment", "segment_code", "segment_code is not null"),
    ("budgets", "partner", "partner_code", "true"),
    ("budgets", "product", "product_code", "product_code is not null"),
    ("budgets", "family", "family_code", "family_code is not null"),
    ("discount_rules", "partner", "partner_code", "partner_code <> '*'"),
    ("discount_rules", "family", "family_code", "family_code <> '*'"),
    ("cost_corrections", "product", "product_code", "true"),
    ("commission_rates", "family", "family_code", "family_code <> '*'"),
    ("cash_discount_terms", "partner", "partner_code", "partner_code <> '*'"),
    ("partners", "partner", "partner_code", "true"),
    ("stores", "partner", "partner_code", "partner_code is not null"),
    ("units", "partner", "partner_code", "partner_code <> '*'"),
    ("units", "product", "product_code", "product_code <> '*'"),
    ("product_crosswalk", "product", "product_code", "true"),
    *(
        (name, "channel", "channel_code", "channel_code <> '*'")
        for name in ("thresholds", "alert_limits", "cash_discount_terms")
    ),
    *(
        (name, kind, "scope_code", f"dimension_code = '{kind}'")
        for name in ("campaign_scopes", "rebate_scopes")
        for kind in ("partner", "channel", "product", "family")
    ),
)
"""Rules that name what the ERP, or a scheme of segments, has: entity, kind, column, and in which rows."""

RULES_WITH_LINES: Final = ("segment_members", "targets")
"""Rules that land with the line of the file in which they stand."""


@dataclass(frozen=True)
class Report:
    """What gates look at in a kind of report: its date, measures, and columns that are never NULL."""

    date: str
    quantity: str
    amount: str
    required: tuple[str, ...]


REPORTS: Final = {
    "sell_out": Report(
        date="sale_date",
        quantity="sold_quantity",
        amount="net_amount",
        required=(
            "partner_code",
            "feed_code",
            "period_start_date",
            "period_end_date",
            "sale_date",
            "unit_code",
            "sold_quantity",
            "returned_quantity",
        ),
    ),
    "inventory": Report(
        date="stock_date",
        quantity="on_hand_quantity",
        amount="0",
        required=(
            "partner_code",
            "feed_code",
            "period_start_date",
            "period_end_date",
            "stock_date",
            "unit_code",
            "on_hand_quantity",
        ),
    ),
}
ROLLED: Final = {
    "core.fct_inventory": "week_start_date >= date '{week}' - 7",
    "marts.mart_channel_inventory_weekly": "week_start_date >= date '{week}' - 7",
    "marts.mart_sell_out_monthly": "month_start_date >= date '{month}'",
    "marts.mart_channel_balance_monthly": "month_start_date >= date '{month}'",
}
"""Tables that a run replaces from a week or a month on, and what it has replaced of them."""
_WAREHOUSE_SCHEMAS: Final = ("core", "marts", "intermediate")


@dataclass(frozen=True)
class Hub:
    """An open hub. `url` is what Great Expectations connects to."""

    url: str
    connection: duckdb.DuckDBPyConnection
    scope: Scope = "all"

    def first_month(self) -> date | None:
        """From which month on the monthly marts are looked at; None if it is all of them."""
        touched = self.touched_from()
        return touched[1] if touched is not None else None

    def touched_from(self) -> tuple[date, date] | None:
        """The first week and the first month that this run has replaced, if only they are in scope."""
        if self.scope == "all" or "intermediate.int_weeks_touched" not in self.tables():
            return None
        ((week, month),) = self.execute(
            "select first_week_date, first_month_date from intermediate.int_weeks_touched"
        )
        return week, month

    def execute(self, sql: str, parameters: list[object] | None = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, parameters).fetchall()

    def tables(self) -> set[str]:
        """Every table and view, as `schema.name`."""
        rows = self.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where database_name = current_database() union all "
            "select schema_name || '.' || view_name from duckdb_views() "
            "where database_name = current_database() and not internal"
        )
        return {row[0] for row in rows}

    def attached(self) -> list[str]:
        """Database files that are attached."""
        rows = self.execute("select database_name from duckdb_databases() where path is not null")
        return [row[0] for row in rows]

    def delivers(self, entity: str, system: str = "erp") -> bool:
        """Whether the ERP, or another system, has ever delivered rows of the entity."""
        ((count,),) = self.execute(
            "select count(*) from ledger.batches where system = ? and source = ?", [system, entity]
        )
        return bool(count)

    def thresholds(self) -> dict[str, str]:
        """The company's thresholds that hold for all channels, as text by name."""
        if "landing.thresholds" not in self.tables():
            return {}
        return dict(
            self.execute(
                "select threshold_code, cast(threshold_value as varchar) from landing.thresholds "
                "where channel_code = '*'"
            )
        )

    def columns(self, table: str) -> set[str]:
        """Columns of a table of the hub; empty if there is no such table."""
        schema, _, name = table.partition(".")
        rows = self.execute(
            "select column_name from duckdb_columns() where database_name = current_database() "
            "and schema_name = ? and table_name = ?",
            [schema, name],
        )
        return {row[0] for row in rows}


@contextmanager
def open_hub(
    gate: Gate,
    *,
    warehouse: Path | None,
    landing: Path,
    published: Path | None,
    scope: Scope,
    spill: Path,
    memory_limit: str | None,
) -> Iterator[Hub]:
    """Build the hub that the gate needs; it is gone when the context ends."""
    url = f"duckdb:///:memory:aval_{gate}_{secrets.token_hex(6)}"
    engine = sa.create_engine(url)
    try:
        with engine.connect() as session:
            raw: Any = session.connection.driver_connection
            hub = Hub(url, raw, scope)
            hub.execute(f"set temp_directory = {_literal(spill)}")
            # Each file is read once, and the system caches what lies on disk.
            hub.execute("set enable_external_file_cache = false")
            if memory_limit:
                hub.execute(f"set memory_limit = {_literal(memory_limit)}")
            for schema in ("ledger", "landing", "published", *_WAREHOUSE_SCHEMAS):
                hub.execute(f"create schema {schema}")
            _see_ledger(hub, landing)
            if gate != "marts":
                _see_documents(hub, landing)
            _see_rules(hub, landing)
            if gate == "landing":
                _see_reports(hub, landing, scope)
                _see_names_in_rules(hub, landing)
            if gate != "landing" and warehouse is not None:
                name = _see_warehouse(hub, warehouse)
                if gate == "core":
                    _see_scope(hub, scope, name)
            if gate == "marts" and published is not None and published.is_file():
                _see_published(hub, published)
            try:
                yield hub
            finally:
                # The instance lives as long as any connection to it: files are let go by name.
                for attached in hub.attached():
                    hub.execute(f'detach "{attached}"')
    finally:
        engine.dispose()


def _literal(value: Path | str) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _list(values: list[str]) -> str:
    return "[" + ", ".join(_literal(value) for value in values) + "]"


def _see_ledger(hub: Hub, landing: Path) -> None:
    for name, file in (("batches", "batches"), ("documents", "slices")):
        source = _literal(landing / "ledger" / f"{file}.parquet")
        hub.execute(f"create table ledger.{name} as select * from read_parquet({source})")
    sums = ", ".join(f"sum({name}) as {name}" for name in ("rows_landed", "quantity_total", "amount_total"))
    hub.execute(
        "create table ledger.slices as select system, entity, slice_key, max(batch_id) as batch_id, "
        "max(partner_code) as partner_code, max(feed_code) as feed_code, max(period_start_date) as "
        "period_start_date, max(period_end_date) as period_end_date, max(file) as file, "
        f"{sums}, bool_or(is_live) as is_live, bool_or(is_pending) as is_pending "
        "from ledger.documents group by system, entity, slice_key"
    )
    root = str(landing.resolve()) + "/"
    hub.execute(
        f"create table ledger.files as select replace(file, {_literal(root)}, '') as file "
        f"from glob({_literal(root + '**/*.parquet')})"
    )


def _see_documents(hub: Hub, landing: Path) -> None:
    """Resolve the ERP's versions: staging takes the newest batch of a key and drops deleted ones.

    Only batches that the ledger knows count. Rows of one batch with the same key all stay, to be seen.
    """
    known = "_batch_id in (select batch_id from ledger.batches where system = 'erp')"
    for entity, key in ERP_KEYS.items():
        folder = landing / "erp" / entity
        if not any(folder.glob("*.parquet")):
            continue
        versions = f"read_parquet({_literal(folder / '**' / '*.parquet')}, union_by_name = true)"
        hub.execute(
            f"create table landing.newest_{entity} as select * from {versions} where {known} "
            f"qualify rank() over (partition by {', '.join(key)} order by _batch_id desc) = 1"
        )
        hub.execute(
            f"create view landing.{entity} as select * from landing.newest_{entity} where not _is_deleted"
        )
        if entity == "invoice_lines":
            hub.execute(
                "create table landing.invoice_numbers as select invoice_number, "
                "min(invoice_date) as invoice_date, invoice_number in (select invoice_number from "
                f"landing.{entity}) as is_living from {versions} where {known} group by invoice_number"
            )


_FILES_AT_A_TIME: Final = 5_000
"""Reports read by one query: of each DuckDB holds some 70 kB beside the memory that it is allowed."""
_ALIKE_IN_A_REPORT: Final = (
    "slice_key",
    "partner_code",
    "feed_code",
    "period_start_date",
    "period_end_date",
    "month_start_date",
    "message_reference",
)
"""Columns in which the lines of one report do not differ."""
_FEWEST_DOUBLED: Final = 6
"""Lines from which on it is no chance that each has another one like it."""
_LINE_NUMBER: Final = (
    f"hash(*columns(name -> not starts_with(name, '_') and name not in {_ALIKE_IN_A_REPORT}))"
)
_IS_DOUBLED: Final = (
    f"count(*) >= {_FEWEST_DOUBLED} and bit_xor(line_number) = 0 "
    "and 5 * approx_count_distinct(line_number) >= 2 * count(*)"
)
"""Whether each line of a report has its double: numbers of which all stand an even number of times take one
another away. A few sales that each stand many times are no copy.
"""


def _see_reports(hub: Hub, landing: Path, scope: Scope) -> None:
    """Profile the lines of live reports, pending ones only or all, in one pass over their files.

    Each query over thousands of Parquet files opens them all at once, and again; so there is one for some
    thousand of them.
    """
    condition = "is_live and system = 'feeds'" + (" and is_pending" if scope == "touched" else "")
    hub.execute(f"create table ledger.documents_in_scope as select * from ledger.documents where {condition}")
    hub.execute(
        "create table ledger.slices_in_scope as select entity, slice_key, batch_id, sum(rows_landed) as "
        "rows_landed, sum(quantity_total) as quantity_total, sum(amount_total) as amount_total "
        "from ledger.documents_in_scope group by entity, slice_key, batch_id"
    )
    for entity, report in REPORTS.items():
        schema = landing / "feeds" / entity / "_schema.parquet"
        if not schema.is_file():
            continue
        rows = hub.execute(
            "select distinct file from ledger.documents_in_scope semi join ledger.files using (file) "
            "where entity = ? order by file",
            [entity],
        )
        files = [str(landing / file) for (file,) in rows]
        missing = "".join(
            f", count(*) filter (where {column} is null) as missing_{column}" for column in report.required
        )
        target = f"landing.{entity}_in_scope"
        for start in range(0, max(1, len(files)), _FILES_AT_A_TIME):
            read = _list([str(schema), *files[start : start + _FILES_AT_A_TIME]])
            hub.execute(
                (f"insert into {target} " if start else f"create table {target} as ")
                + "select slice_key, _batch_id as batch_id, min(partner_code) as partner_code, "
                f"count(*) as row_count, sum({report.quantity}) as quantity, sum({report.amount}) as amount, "
                f"count(*) filter (where {report.date} not between period_start_date and period_end_date) "
                f"as outside_period, {_IS_DOUBLED} as is_doubled{missing} "
                f"from (select *, {_LINE_NUMBER} as line_number "
                f"from read_parquet({read}, union_by_name = true)) as line "
                f"semi join (from ledger.documents_in_scope where entity = '{entity}') as live "
                "on line.slice_key = live.slice_key and line._batch_id = live.batch_id "
                "and coalesce(line.document_number, '') = live.document "
                "group by slice_key, _batch_id"
            )


def _see_rules(hub: Hub, landing: Path) -> None:
    """Expected feeds, thresholds, units, stock adjustments."""
    for entity, table in (
        ("feeds", "expected_feeds"),
        ("thresholds", "thresholds"),
        ("units", "unit_rules"),
        ("stock_adjustments", "stock_adjustments"),
    ):
        if rows := _newest_rules(landing, entity):
            hub.execute(f"create table landing.{table} as {rows}")
    if "landing.unit_rules" not in hub.tables():
        hub.execute(
            "create table landing.unit_rules (partner_code varchar, product_code varchar, unit_code varchar)"
        )


def _newest_rules(landing: Path, entity: str) -> str | None:
    """Rules land as a whole, and the newest batch is the truth: its rows as SQL, None if there is none."""
    folder = landing / "rules" / entity
    # By name, since a batch without rows says that there is no such rule any more.
    batches = sorted(folder.glob("[0-9]*.parquet"))
    if not batches:
        return None
    # The schema beside it has the columns that came after the batch.
    files = ", ".join(_literal(path) for path in (*folder.glob("_schema.parquet"), batches[-1]))
    return f"select * from read_parquet([{files}], union_by_name = true)"


def _see_names_in_rules(hub: Hub, landing: Path) -> None:
    """Where rules name a partner, channel, product, family or segment, by file and, where it lands, line; the
    channels that partners have or had, and the segments that targets can name.

    The scheme of `peers` has the segments of all its versions; of a scheme by channel, country or the ERP's
    segment, which sorts values that it does not list by themselves, also the values at any partner.
    """
    hub.execute(
        "create table landing.names_in_rules "
        "(kind_code varchar, source_file varchar, line_number bigint, name_code varchar)"
    )
    hub.execute("create table landing.peer_schemes (scheme_code varchar, measure_code varchar)")
    hub.execute("create table landing.peer_segments (segment_code varchar)")
    hub.execute("create table landing.channels (channel_code varchar)")
    for name, kind, column, condition in NAMES_IN_RULES:
        if rows := _newest_rules(landing, name):
            line = "line_number" if name in RULES_WITH_LINES else "null"
            hub.execute(
                f"insert into landing.names_in_rules select distinct '{kind}', _source_file, {line}, "
                f"{column} from ({rows}) where {condition}"
            )
    themes, schemes = (_newest_rules(landing, name) for name in ("scorecard_themes", "segment_schemes"))
    if themes and schemes:
        hub.execute(
            "insert into landing.peer_schemes select distinct scheme_code, measure_code "
            f"from ({schemes}) where scheme_code in (select peer_scheme_code from ({themes}))"
        )
    if segments := _newest_rules(landing, "segments"):
        hub.execute(
            f"insert into landing.peer_segments select distinct segment_code from ({segments}) "
            "where scheme_code in (select scheme_code from landing.peer_schemes)"
        )
    for measure, table, column in ATTRIBUTES:
        if f"landing.{table}" in hub.tables():
            if measure == "channel":
                hub.execute(
                    f"insert into landing.channels select distinct {column} from landing.{table} "
                    f"where {column} is not null"
                )
            hub.execute(
                f"insert into landing.peer_segments select distinct {column} from landing.{table} "
                f"where {column} is not null "
                f"and '{measure}' in (select measure_code from landing.peer_schemes)"
            )


def _see_warehouse(hub: Hub, warehouse: Path) -> str:
    """Attach the warehouse under its own name, which its views use; returns that name.

    Views of `intermediate` are left out: to name one is to open the Parquet files behind it.
    """
    name = warehouse.stem
    hub.execute(f'attach {_literal(warehouse)} as "{name}" (read_only)')
    rows = hub.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? "
        "and schema_name in ('core', 'marts', 'intermediate') union all "
        "select schema_name, view_name from duckdb_views() where database_name = ? "
        "and schema_name in ('core', 'marts') and not internal",
        [name, name],
    )
    for schema, table in rows:
        rolled = "_whole" if f"{schema}.{table}" in ROLLED else ""
        hub.execute(f'create view {schema}.{table}{rolled} as select * from "{name}".{schema}.{table}')
    touched = hub.touched_from()
    for table, in_scope in ROLLED.items():
        if table.partition(".")[::2] in rows:
            # A date in the text lets DuckDB skip what lies before: these tables are in its order.
            condition = in_scope.format(week=touched[0], month=touched[1]) if touched else "true"
            hub.execute(f"create view {table} as select * from {table}_whole where {condition}")
    return name


def _see_scope(hub: Hub, scope: Scope, warehouse: str) -> None:
    """What of sell-out this run replaced: the slices that the ledger or changed master data touched."""
    lines, reports = "core.fct_sell_out_lines", "core.dim_sell_out_reports"
    if not (hub.columns(lines) and hub.columns(reports)):
        return
    # By number first: the texts of a report are joined to its sums, not to its lines.
    hub.execute(
        "create table core.fct_sell_out_by_slice as select "
        "coalesce(report.slice_key, 'unknown, of a report that is not live') as slice_key, "
        "coalesce(report.source_batch_id, 'number ' || line.report_number) as source_batch_id, "
        "line.* exclude (report_number) from ("
        "select report_number, min(period_start_date) as first_period_date, count(*) as row_count, "
        "sum(sold_quantity_in_unit) as sold_quantity_in_unit, sum(sold_quantity) as sold_quantity, "
        "sum(returned_quantity) as returned_quantity, sum(net_amount) as net_amount, "
        "sum(document_net_amount) as document_net_amount "
        f"from {lines} group by report_number"
        f") as line left join {reports} as report on line.report_number = report.report_number"
    )
    source = "select slice_key from ledger.slices where is_pending and entity = 'sell_out'"
    if hub.execute(
        "select 1 from duckdb_tables() where database_name = ? and schema_name = 'staging' "
        "and table_name = 'stg_ledger__touched_slices'",
        [warehouse],
    ):
        source += (
            f' union select slice_key from "{warehouse}".staging.stg_ledger__touched_slices '
            "where entity_code = 'sell_out'"
        )
    hub.execute(f"create table ledger.touched_slices as {source}")
    ((is_part, first, last),) = hub.execute(
        "select count(*) filter (where touched.slice_key is null) > 0, "
        "min(first_period_date) filter (where touched.slice_key is not null), "
        "max(first_period_date) filter (where touched.slice_key is not null) "
        "from core.fct_sell_out_by_slice as built left join ledger.touched_slices as touched "
        "on built.slice_key = touched.slice_key"
    )
    condition = "true"
    if scope == "touched" and is_part:
        condition = (
            f"report_number in (select report_number from {reports} "
            "where slice_key in (select slice_key from ledger.touched_slices))"
        )
        if first is not None:
            # The dates let DuckDB skip row groups: facts are written in order of their periods.
            condition += f" and period_start_date between '{first}' and '{last}'"
    hub.execute(f"create view {lines}_in_scope as select * from {lines} where {condition}")


def _see_published(hub: Hub, published: Path) -> None:
    # Readers resolve the link: DuckDB hands out an open instance by its path.
    hub.execute(f"attach {_literal(published.resolve())} as former (read_only)")
    rows = hub.execute(
        "select table_name from duckdb_tables() where database_name = 'former' and schema_name = 'marts'"
    )
    for (table,) in rows:
        hub.execute(f"create view published.{table} as select * from former.marts.{table}")
