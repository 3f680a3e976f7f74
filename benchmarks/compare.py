"""Do three independent computations agree? Totals of every fact and mart, taken from each and laid side by
side.

What belongs here: which columns are added up, and the comparison. A figure counts as equal when it differs
by less than one part in a billion, or a thousandth: pandas adds floats, the other two add decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

FIGURES: Final[dict[str, tuple[str, ...]]] = {
    "fct_orders": ("ordered_quantity", "shipped_quantity", "net_amount", "is_complete", "is_on_time"),
    "fct_shipments": ("signed_quantity",),
    "fct_sell_in": (
        "invoiced_quantity",
        "sold_quantity",
        "credited_quantity",
        "gross_amount",
        "standard_discount_amount",
        "net_amount",
        "cost_amount",
    ),
    "fct_sell_out": (
        "sold_quantity_in_unit",
        "returned_quantity_in_unit",
        "sold_quantity",
        "returned_quantity",
        "net_quantity",
        "net_amount",
    ),
    "fct_inventory": (
        "received_quantity",
        "returned_to_us_quantity",
        "sold_quantity",
        "consumer_returned_quantity",
        "opening_quantity",
        "calculated_quantity",
        "reported_quantity",
        "gap_quantity",
        "gap_rate",
        "is_negative_calculated",
    ),
    "mart_sell_in_monthly": (
        "ordered_quantity",
        "cancelled_quantity",
        "shipped_quantity",
        "sold_quantity",
        "credited_quantity",
        "net_quantity",
        "gross_amount",
        "standard_discount_amount",
        "exceptional_discount_amount",
        "net_amount",
        "invoice_count",
    ),
    "mart_sell_out_monthly": (
        "sold_quantity",
        "returned_quantity",
        "net_quantity",
        "net_amount",
        "line_count",
        "unresolved_line_count",
        "expected_period_count",
        "reported_period_count",
        "expected_day_count",
        "reported_day_count",
        "coverage_rate",
    ),
    "mart_channel_inventory_weekly": (
        "opening_quantity",
        "received_quantity",
        "sold_quantity",
        "calculated_quantity",
        "reported_quantity",
        "gap_quantity",
        "on_hand_quantity",
        "recent_sell_out_quantity",
        "recent_reported_day_count",
        "mean_daily_sell_out_quantity",
        "days_of_inventory",
        "weeks_of_supply",
    ),
    "mart_channel_balance_monthly": (
        "sell_in_quantity",
        "sell_out_quantity",
        "sell_out_sell_in_rate",
        "rolling_sell_in_quantity",
        "rolling_sell_out_quantity",
        "rolling_month_count",
        "rolling_sell_out_sell_in_rate",
        "opening_stock_quantity",
        "received_quantity",
        "returned_to_us_quantity",
        "closing_stock_quantity",
        "average_stock_quantity",
        "sell_through_a_rate",
        "sell_through_b_rate",
        "sell_through_c_rate",
        "stock_rotation_rate",
        "rolling_stock_rotation_rate",
        "coverage_rate",
    ),
}
"""Columns that are added up; of every one it is also counted in how many rows it is known."""

CODES: Final[dict[str, tuple[str, ...]]] = {
    "fct_sell_out": ("resolution_code", "territory_code"),
    "mart_channel_inventory_weekly": ("stock_status_code", "reason_code"),
    "mart_channel_balance_monthly": (
        "balance_status_code",
        "rolling_balance_status_code",
        "reason_code",
        "stock_reason_code",
    ),
}
"""Columns whose every value is counted."""


@dataclass(frozen=True)
class Difference:
    """A figure on which two computations do not agree."""

    table: str
    figure: str
    expected: float | None
    found: float | None

    def __str__(self) -> str:
        return f"{self.table}.{self.figure}: {self.found} instead of {self.expected}"


Totals = dict[tuple[str, str], float | None]


def totals_of_database(path: Path) -> Totals:
    """Totals of the tables and views in a DuckDB file, whatever schema each is in."""
    connection = duckdb.connect(path, read_only=True)
    try:
        found = connection.execute(
            "select table_name, table_schema from information_schema.tables"
        ).fetchall()
        schemas = dict(found)
        return _totals(
            connection, {table: f"{schemas[table]}.{table}" for table in FIGURES if table in schemas}
        )
    finally:
        connection.close()


def totals_of_folder(folder: Path) -> Totals:
    """Totals of `<table>.parquet` files."""
    connection = duckdb.connect()
    try:
        return _totals(connection, {table: f"read_parquet('{folder / table}.parquet')" for table in FIGURES})
    finally:
        connection.close()


def _totals(connection: duckdb.DuckDBPyConnection, sources: dict[str, str]) -> Totals:
    totals: Totals = {}
    for table, source in sources.items():
        columns = FIGURES[table]
        sums = ", ".join(f"cast(sum(cast({name} as double)) as double), count({name})" for name in columns)
        row = connection.execute(f"select count(*), {sums} from {source}").fetchone()
        assert row is not None
        totals[table, "rows"] = row[0]
        for i, name in enumerate(columns):
            totals[table, name] = row[1 + 2 * i]
            totals[table, f"{name} known"] = row[2 + 2 * i]
        for name in CODES.get(table, ()):
            for value, count in connection.execute(
                f"select {name}, count(*) from {source} group by all"
            ).fetchall():
                totals[table, f"{name} = {value}"] = count
    return totals


def differences(expected: Totals, found: Totals) -> list[Difference]:
    """Every figure of `expected` that `found` gives otherwise or not at all."""
    return [
        Difference(table, figure, value, found.get((table, figure)))
        for (table, figure), value in expected.items()
        if not _is_equal(value, found.get((table, figure)))
    ]


def _is_equal(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is right
    return abs(left - right) <= max(1e-3, 1e-9 * abs(left))
