"""The same facts and marts as `benchmarks.floor`, written with pandas as one would in a script or a
notebook.

Text that repeats is categorical and quantities are floats, which spares memory and is what people do;
results go to one Parquet file per table. What belongs here: pandas at its best for this input. What does
not: anything shared with the other two.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

OPEN_END = pd.Timestamp("2262-01-01")
"""The latest that nanosecond timestamps hold; stands for 9999-12-31."""


def read_erp(path: Path) -> dict[str, pd.DataFrame]:
    """The ERP's tables with dates and numbers typed."""
    connection = sqlite3.connect(path)
    try:
        names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        tables = {name: pd.read_sql_query(f"select * from {name}", connection) for name in names}
    finally:
        connection.close()
    for frame in tables.values():
        for column in frame:
            if column.endswith("_date"):
                frame[column] = pd.to_datetime(frame[column].replace("9999-12-31", "2262-01-01"))
            elif column.endswith(("_quantity", "_amount", "_rate")):
                frame[column] = frame[column].astype(float)
    return tables


def read_sales(inbox: Path, crosswalk: pd.DataFrame, erp: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """All reported lines of both layouts, with product and base quantity where they are known."""
    products = erp["products"].set_index("gtin")["product_code"]
    units = erp["product_units"].set_index(["product_code", "unit_code"])["base_quantity"]
    units_of_codes = crosswalk.assign(
        base=units.reindex(pd.MultiIndex.from_frame(crosswalk[["product_code", "unit_code"]])).to_numpy()
    ).set_index("partner_product_code")
    parts = []
    for path in sorted(inbox.glob("*/*.csv")):
        found = re.fullmatch(r"(?:sales|ventes)_(\d{4})[-_][WS](\d{2})\.csv", path.name)
        if not found:
            continue
        partner, week = path.parent.name, f"{found[1]}-W{found[2]}"
        if path.name.startswith("sales"):
            part = pd.read_csv(
                path,
                engine="c",
                dtype={"ean": "str", "zip": "str", "store": "category", "ticket": "str"},
            )
            part["sale_date"] = pd.to_datetime(part.pop("date"), format="%Y-%m-%d")
            part["product_code"] = part["ean"].map(products)
            part["unit_code"] = "PCE"
            part["base"] = part["product_code"].notna().map({True: 1.0, False: None})
            part = part.rename(
                columns={"ean": "reported_gtin", "zip": "postal_code", "ticket": "transaction_id"}
            )
            feed = f"{partner}_sales"
        else:
            part = pd.read_csv(
                path,
                engine="c",
                sep=";",
                decimal=",",
                dtype={"Référence": "str", "Dépôt": "category", "Ticket": "str"},
            )
            part["sale_date"] = pd.to_datetime(part.pop("Date"), format="%d/%m/%Y")
            part["product_code"] = part["Référence"].map(units_of_codes["product_code"])
            part["unit_code"] = part["Référence"].map(units_of_codes["unit_code"]).fillna("PCE")
            part["base"] = part["Référence"].map(units_of_codes["base"])
            quantity = part.pop("Qté")
            part["sold"], part["returned"] = quantity.clip(lower=0), (-quantity).clip(lower=0)
            part = part.rename(
                columns={
                    "Référence": "partner_product_code",
                    "Dépôt": "store",
                    "Montant HT": "amount",
                    "Ticket": "transaction_id",
                }
            )
            feed = f"{partner}_ventes"
        part["partner_code"], part["feed_code"], part["week_label"], part["source_file"] = (
            partner,
            feed,
            week,
            path.name,
        )
        part["source_row"] = range(2, len(part) + 2)
        part["period_start_date"] = pd.Timestamp(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        parts.append(part)
    sales = pd.concat(parts, ignore_index=True)
    for column in (
        "partner_code", "feed_code", "week_label", "source_file", "store", "postal_code", "product_code",
        "unit_code", "partner_product_code", "reported_gtin",
    ):  # fmt: skip
        sales[column] = sales[column].astype("category")
    return sales


def at_date(lines: pd.DataFrame, ranges: pd.DataFrame, keys: list[str], day: str) -> pd.DataFrame:
    """Lines with the columns of the range that holds their date (a row per line)."""
    left = lines.assign(_order=range(len(lines))).sort_values(day, kind="stable")
    for key in keys:
        left[key] = left[key].astype("str")
    joined = pd.merge_asof(
        left, ranges.sort_values("valid_from_date"), left_on=day, right_on="valid_from_date", by=keys
    )
    return joined.sort_values("_order").drop(columns="_order").reset_index(drop=True)


def build_sell_out(sales: pd.DataFrame, partners: pd.DataFrame) -> pd.DataFrame:
    """fct_sell_out: one row per reported line."""
    terms = partners[["partner_code", "valid_from_date", "partner_version_id", "channel_code"]]
    fact = at_date(sales, terms, ["partner_code"], "sale_date").drop(columns="valid_from_date")
    fact["partner_code"] = fact["partner_code"].astype("category")
    row = fact["source_row"].astype("str")
    fact["sell_out_line_id"] = (
        fact["partner_code"].astype("str") + "|" + fact["source_file"].astype("str") + "|" + row
    )
    fact["slice_key"] = (
        fact["partner_code"].astype("str")
        + "|"
        + fact["feed_code"].astype("str")
        + "|"
        + fact["week_label"].astype("str")
    ).astype("category")
    fact["period_end_date"] = fact["period_start_date"] + pd.Timedelta(days=6)
    fact["week_start_date"] = fact["period_start_date"]
    fact["month_start_date"] = fact["sale_date"].dt.to_period("M").dt.to_timestamp()
    fact["territory_code"] = fact["postal_code"].astype("object").str[:2].astype("category")
    matched = fact["product_code"].notna()
    fact["resolution_code"] = matched.map({True: "resolved", False: "product_unmatched"}).astype("category")
    fact["product_code"] = fact["product_code"].cat.add_categories("UNMATCHED").fillna("UNMATCHED")
    for name, source in (("sold", "sold"), ("returned", "returned")):
        fact[f"{name}_quantity_in_unit"] = fact[source].astype(float)
        fact[f"{name}_quantity"] = fact[source] * fact["base"]
    fact["net_quantity"] = fact["sold_quantity"] - fact["returned_quantity"]
    fact["currency_code"] = "EUR"
    fact["source_batch_id"] = fact["source_file"]
    return fact.rename(columns={"amount": "net_amount", "store": "store_code"}).drop(
        columns=["sold", "returned", "base", "week_label"]
    )


def build_partners(erp: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """dim_partners: one row per partner and range of terms."""
    terms = (
        erp["partner_terms"]
        .sort_values(["partner_code", "valid_from_date"])
        .drop(columns=["segment_code", "channel_code"])
    )
    first = ~terms["partner_code"].duplicated()
    terms.loc[first, "valid_from_date"] = pd.Timestamp("1900-01-01")
    terms["partner_version_id"] = (
        terms["partner_code"] + "|" + terms["valid_from_date"].dt.strftime("%Y-%m-%d")
    )
    terms["is_current"] = terms["valid_to_date"] == OPEN_END
    partners = erp["partners"][["partner_code", "partner_name", "channel_code", "postal_code"]]
    return terms.merge(partners, on="partner_code")


def build_erp_facts(erp: dict[str, pd.DataFrame], partners: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """fct_shipments, fct_orders and fct_sell_in."""
    units = erp["product_units"][["product_code", "unit_code", "base_quantity"]]
    terms = partners[
        ["partner_code", "valid_from_date", "partner_version_id", "channel_code", "transit_days"]
    ]

    shipments = erp["shipment_lines"].merge(units, on=["product_code", "unit_code"])
    shipments = at_date(shipments, terms, ["partner_code"], "shipment_date")
    arrival = shipments["shipment_date"] + pd.to_timedelta(shipments["transit_days"], unit="D")
    shipments["arrival_date"] = shipments["delivery_date"].fillna(arrival)
    shipments["shipped_quantity"] = shipments["shipped_quantity"] * shipments["base_quantity"]
    sign = shipments["shipment_type"].map({"delivery": 1, "return": -1})
    shipments["signed_quantity"] = shipments["shipped_quantity"] * sign

    deliveries = shipments[shipments["shipment_type"] == "delivery"]
    shipped = deliveries.groupby(["order_number", "order_line_number"], as_index=False).agg(
        shipped_quantity=("shipped_quantity", "sum"),
        first_shipment_date=("shipment_date", "min"),
        last_delivery_date=("arrival_date", "max"),
    )
    orders = erp["order_lines"].merge(units, on=["product_code", "unit_code"])
    orders = at_date(orders, terms, ["partner_code"], "order_date")
    orders["ordered_quantity_in_unit"] = orders["ordered_quantity"]
    orders["ordered_quantity"] = orders["ordered_quantity"] * orders["base_quantity"]
    orders = orders.merge(shipped, on=["order_number", "order_line_number"], how="left")
    orders["shipped_quantity"] = orders["shipped_quantity"].fillna(0)
    orders["is_complete"] = orders["shipped_quantity"] >= orders["ordered_quantity"]
    orders["is_on_time"] = orders["is_complete"] & (
        orders["last_delivery_date"] <= orders["requested_delivery_date"]
    )

    invoices = erp["invoice_lines"].merge(units, on=["product_code", "unit_code"])
    invoices = at_date(invoices, terms, ["partner_code"], "invoice_date").drop(columns="valid_from_date")
    costs = erp["product_costs"][["product_code", "valid_from_date", "unit_cost_amount"]]
    invoices = at_date(invoices, costs, ["product_code"], "invoice_date")
    invoices["invoiced_quantity_in_unit"] = invoices["invoiced_quantity"]
    invoices["invoiced_quantity"] = invoices["invoiced_quantity"] * invoices["base_quantity"]
    is_invoice = invoices["invoice_type"] == "invoice"
    invoices["sold_quantity"] = invoices["invoiced_quantity"].where(is_invoice, 0)
    invoices["credited_quantity"] = (-invoices["invoiced_quantity"]).where(~is_invoice, 0)
    invoices["cost_amount"] = invoices["invoiced_quantity"] * invoices["unit_cost_amount"]
    return {"fct_shipments": shipments, "fct_orders": orders, "fct_sell_in": invoices}


def read_stock(inbox: Path, products: pd.DataFrame) -> pd.DataFrame:
    """Reported stock lines, dated on the last day of their month."""
    codes = products.set_index("gtin")["product_code"]
    parts = []
    for path in sorted(inbox.glob("*/stock_*.csv")):
        part = pd.read_csv(path, dtype={"ean": "str"})
        part["partner_code"] = path.parent.name
        part["product_code"] = part["ean"].map(codes)
        part["day"] = pd.Timestamp(path.stem.removeprefix("stock_") + "-01") + pd.offsets.MonthEnd(0)
        parts.append(part)
    return pd.concat(parts, ignore_index=True).rename(columns={"on_hand": "reported_quantity"})


KEYS = ["partner_code", "product_code", "week_start_date"]
FLOWS = ["received_quantity", "returned_to_us_quantity", "sold_quantity", "consumer_returned_quantity"]


def week_start(days: pd.Series) -> pd.Series:
    return days - pd.to_timedelta(days.dt.weekday, unit="D")


def build_inventory(
    sell_out: pd.DataFrame,
    shipments: pd.DataFrame,
    stock: pd.DataFrame,
    partners: pd.DataFrame,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """fct_inventory: one row per partner, product and week from the first movement on."""
    sold = (
        sell_out[sell_out["product_code"] != "UNMATCHED"]
        .groupby(KEYS, observed=True)[["sold_quantity", "returned_quantity"]]
        .sum()
        .rename(columns={"returned_quantity": "consumer_returned_quantity"})
        .reset_index()
        .astype({"partner_code": "str", "product_code": "str"})
    )
    delivered = shipments[shipments["shipment_type"] == "delivery"]
    returned = shipments[shipments["shipment_type"] == "return"]
    received = (
        delivered.assign(week_start_date=week_start(delivered["arrival_date"]))
        .groupby(KEYS)["shipped_quantity"].sum().rename("received_quantity").reset_index()
    )  # fmt: skip
    sent_back = (
        returned.assign(week_start_date=week_start(returned["shipment_date"]))
        .groupby(KEYS)["shipped_quantity"].sum().rename("returned_to_us_quantity").reset_index()
    )  # fmt: skip
    reported = (
        stock.assign(week_start_date=week_start(stock["day"]))
        .groupby(KEYS).agg(reported_quantity=("reported_quantity", "sum"), stock_date=("day",
        "max")).reset_index()
    )  # fmt: skip
    counted = reported.drop(columns="stock_date")
    weekly = pd.concat([sold, received, sent_back, counted], ignore_index=True)
    weekly = weekly[weekly["week_start_date"] <= as_of].groupby(KEYS, as_index=False).sum(min_count=1)
    first = weekly.groupby(KEYS[:2], as_index=False)["week_start_date"].min()
    weeks = pd.DataFrame(
        {"week_start_date": pd.date_range(weekly["week_start_date"].min(), as_of, freq="7D")}
    )
    grid = first.rename(columns={"week_start_date": "first_week"}).merge(weeks, how="cross")
    grid = grid[grid["week_start_date"] >= grid["first_week"]].drop(columns="first_week")
    filled = grid.merge(weekly, on=KEYS, how="left").merge(
        reported[[*KEYS, "stock_date"]], on=KEYS, how="left"
    )
    reporting = (
        sell_out[["partner_code", "week_start_date"]].drop_duplicates().astype({"partner_code": "str"})
    )
    filled = filled.merge(
        reporting.assign(is_sell_out_reported=True), on=["partner_code", "week_start_date"], how="left"
    )
    filled["is_sell_out_reported"] = filled["is_sell_out_reported"].notna()
    filled[FLOWS[:2]] = filled[FLOWS[:2]].fillna(0)
    filled[FLOWS[2:]] = filled[FLOWS[2:]].fillna(0).where(filled["is_sell_out_reported"])
    anchors = reported.groupby(KEYS[:2], as_index=False)["week_start_date"].min()
    filled = filled.merge(anchors.rename(columns={"week_start_date": "anchor_date"}), on=KEYS[:2], how="left")
    filled = filled.sort_values(KEYS, ignore_index=True)
    change = (
        filled["received_quantity"]
        - filled["returned_to_us_quantity"]
        - filled["sold_quantity"].fillna(0)
        + filled["consumer_returned_quantity"].fillna(0)
    )
    at_anchor = filled["week_start_date"] == filled["anchor_date"]
    after = filled["week_start_date"] > filled["anchor_date"]
    filled["step"] = filled["reported_quantity"].where(at_anchor, change.where(after, 0))
    pairs = filled.groupby(KEYS[:2], sort=False)
    filled["calculated_quantity"] = pairs["step"].cumsum().where(at_anchor | after)
    filled["opening_quantity"] = filled.groupby(KEYS[:2], sort=False)["calculated_quantity"].shift()
    filled["gap_quantity"] = (filled["reported_quantity"] - filled["calculated_quantity"]).where(after)
    filled["gap_rate"] = rate(filled["gap_quantity"], filled["calculated_quantity"].clip(lower=1))
    filled["is_negative_calculated"] = filled["calculated_quantity"] < 0
    filled["is_inventory_reported"] = filled["reported_quantity"].notna()
    filled["week_end_date"] = filled["week_start_date"] + pd.Timedelta(days=6)
    channels = partners.drop_duplicates("partner_code")[["partner_code", "channel_code"]]
    filled = filled.merge(channels, on="partner_code")
    filled["inventory_id"] = (
        filled["partner_code"]
        + "|"
        + filled["product_code"]
        + "|"
        + filled["week_start_date"].dt.strftime("%Y-%m-%d")
    )
    return filled.drop(columns="step")


MONTH = ["month_start_date", "partner_code", "product_code"]


def month_start(days: pd.Series) -> pd.Series:
    return days.dt.to_period("M").dt.to_timestamp()


def ratio(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    """A ratio with four decimals; missing unless the denominator is above zero.

    In whole numbers of thousandths: a float may fall on either side of a half.
    """
    is_known = numerator.notna() & denominator.gt(0).fillna(False).astype(bool)
    above = (1000 * numerator[is_known]).round().astype("int64").to_numpy()
    below = (1000 * denominator[is_known]).round().astype("int64").to_numpy()
    result = pd.Series(np.nan, index=numerator.index)
    result[is_known] = np.sign(above) * ((20_000 * np.abs(above) + below) // (2 * below)) / 10_000
    return result


def rate(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    """The same in percent."""
    return ratio(100 * numerator, denominator)


def build_sell_in_monthly(facts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """mart_sell_in_monthly: one row per month, partner and product with a document."""
    keys = [*MONTH, "channel_code"]
    orders, shipments, invoices = facts["fct_orders"], facts["fct_shipments"], facts["fct_sell_in"]
    is_cancelled = orders["status_code"] == "cancelled"
    ordered = (
        orders.assign(
            month_start_date=month_start(orders["order_date"]),
            cancelled_quantity=orders["ordered_quantity"].where(is_cancelled, 0),
            ordered_quantity=orders["ordered_quantity"].where(~is_cancelled, 0),
        )
        .groupby(keys)[["ordered_quantity", "cancelled_quantity"]]
        .sum()
    )
    delivered = shipments[shipments["shipment_type"] == "delivery"]
    shipped = (
        delivered.assign(month_start_date=month_start(delivered["shipment_date"]))
        .groupby(keys)["shipped_quantity"]
        .sum()
    )
    measures = [
        "sold_quantity", "credited_quantity", "invoiced_quantity", "gross_amount", "standard_discount_amount",
        "exceptional_discount_amount", "net_amount",
    ]  # fmt: skip
    monthly = invoices.assign(month_start_date=month_start(invoices["invoice_date"])).groupby(keys)
    invoiced = monthly[measures].sum().rename(columns={"invoiced_quantity": "net_quantity"})
    invoiced["invoice_count"] = monthly["invoice_number"].nunique()
    mart = ordered.join(shipped, how="outer").join(invoiced, how="outer").fillna(0).reset_index()
    mart["currency_code"] = "EUR"
    return with_id(mart, "sell_in_monthly_id", MONTH)


def with_id(mart: pd.DataFrame, name: str, keys: list[str]) -> pd.DataFrame:
    parts = [
        mart[key].dt.strftime("%Y-%m-%d") if key.endswith("_date") else mart[key].astype("str")
        for key in keys
    ]
    mart[name] = parts[0] + "|" + parts[1] + "|" + parts[2]
    return mart


def month_grid(appearances: list[pd.DataFrame], as_of: pd.Timestamp) -> pd.DataFrame:
    """Partner and product by every month from their first appearance on."""
    first = (
        pd.concat(appearances, ignore_index=True).groupby(MONTH[1:], as_index=False)["month_start_date"].min()
    )
    months = pd.DataFrame(
        {"month_start_date": pd.date_range(first["month_start_date"].min(), as_of, freq="MS")}
    )
    grid = first.rename(columns={"month_start_date": "first_month"}).merge(months, how="cross")
    return grid[grid["month_start_date"] >= grid["first_month"]].drop(columns="first_month")


def build_sell_out_monthly(
    facts: dict[str, pd.DataFrame], partners: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame:
    """mart_sell_out_monthly: one row per month, partner and product from the first appearance on."""
    lines = facts["fct_sell_out"]
    measures = ["sold_quantity", "returned_quantity", "net_quantity", "net_amount"]
    monthly = lines.groupby(MONTH, observed=True)
    sold = monthly[measures].sum(min_count=1)
    sold["line_count"] = monthly.size()
    unresolved = lines[lines["resolution_code"] != "resolved"].groupby(MONTH, observed=True).size()
    sold["unresolved_line_count"] = unresolved.reindex(sold.index).fillna(0)
    sold = sold.reset_index().astype({"partner_code": "str", "product_code": "str"})
    invoices, inventory = facts["fct_sell_in"], facts["fct_inventory"]
    grid = month_grid(
        [
            sold[MONTH],
            invoices.assign(month_start_date=month_start(invoices["invoice_date"]))[MONTH],
            inventory.groupby(MONTH[1:], as_index=False)["week_end_date"]
            .min()
            .assign(month_start_date=lambda first: month_start(first["week_end_date"]))[MONTH],
        ],
        as_of,
    )
    mart = grid.merge(sold.assign(has_lines=True), on=MONTH, how="left")
    absent = mart["has_lines"].isna()
    mart.loc[absent, measures] = 0
    mart[["line_count", "unresolved_line_count"]] = mart[["line_count", "unresolved_line_count"]].fillna(0)
    periods = lines[["partner_code", "slice_key", "period_start_date"]].drop_duplicates()
    periods["month_start_date"] = month_start(periods["period_start_date"] + pd.Timedelta(days=3))
    counts = (
        periods.astype({"partner_code": "str"})
        .groupby(MONTH[:2])
        .size()
        .rename("expected_period_count")
        .reset_index()
    )
    mart = mart.merge(counts, on=MONTH[:2], how="left")
    mart["reported_period_count"] = mart["expected_period_count"]
    mart["expected_day_count"] = mart["reported_day_count"] = 7 * mart["expected_period_count"]
    mart["coverage_rate"] = 100.0
    mart["is_reported"] = mart["reported_period_count"] > 0
    mart["currency_code"] = "EUR"
    channels = partners.drop_duplicates("partner_code")[["partner_code", "channel_code"]]
    return with_id(
        mart.drop(columns="has_lines").merge(channels, on="partner_code"), "sell_out_monthly_id", MONTH
    )


def build_inventory_weekly(inventory: pd.DataFrame) -> pd.DataFrame:
    """mart_channel_inventory_weekly: the inventory with days and weeks of supply."""
    mart = inventory.sort_values(KEYS, ignore_index=True)
    mart["on_hand_quantity"] = mart["reported_quantity"].fillna(mart["calculated_quantity"])
    mart["on_hand_source_code"] = None
    mart.loc[mart["calculated_quantity"].notna(), "on_hand_source_code"] = "calculated"
    mart.loc[mart["reported_quantity"].notna(), "on_hand_source_code"] = "reported"
    mart["net"] = mart["sold_quantity"] - mart["consumer_returned_quantity"]
    mart["days"] = 7 * mart["is_sell_out_reported"]
    recent = mart.groupby(KEYS[:2], sort=False)[["net", "days"]].rolling(4, min_periods=1).sum()
    mart["recent_sell_out_quantity"] = recent["net"].to_numpy()
    mart["recent_reported_day_count"] = recent["days"].to_numpy()
    sold, days = mart["recent_sell_out_quantity"], mart["recent_reported_day_count"]
    mart["mean_daily_sell_out_quantity"] = ratio(sold, days)
    mart["days_of_inventory"] = ratio(mart["on_hand_quantity"] * days, sold)
    mart["weeks_of_supply"] = weeks = ratio(mart["on_hand_quantity"] * days, 7 * sold)
    mart["stock_date"] = mart["stock_date"].fillna(mart["week_end_date"])
    unknown = mart["on_hand_quantity"].isna() | mart["recent_sell_out_quantity"].isna()
    still = mart["recent_sell_out_quantity"] <= 0
    mart["stock_status_code"] = np.select(
        [unknown, still, (mart["on_hand_quantity"] <= 0) | (weeks < 1), weeks < 2, weeks > 12],
        ["not_reported", "no_movement", "shortage", "low", "overstock"],
        "normal",
    )
    mart["reason_code"] = np.select(
        [
            mart["on_hand_quantity"].isna(),
            mart["recent_sell_out_quantity"].isna(),
            still,
            mart["on_hand_quantity"] < 0,
        ],
        ["stock_not_reported", "sell_out_not_reported", "no_sales_in_28_days", "negative_stock"],
        None,
    )
    return mart.drop(columns=["net", "days"]).rename(columns={"inventory_id": "channel_inventory_weekly_id"})


def build_balance_monthly(
    sell_in: pd.DataFrame,
    sell_out: pd.DataFrame,
    weekly: pd.DataFrame,
    erp: dict[str, pd.DataFrame],
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """mart_channel_balance_monthly: sell-out against sell-in, and stock against both."""
    thursday = weekly["week_start_date"] + pd.Timedelta(days=3)
    stocks = weekly.assign(
        month_start_date=month_start(weekly["stock_date"].where(weekly["stock_date"] < thursday, thursday))
    )
    monthly = stocks.groupby(MONTH)
    stock = monthly[["received_quantity", "returned_to_us_quantity"]].sum()
    # The weeks are in order: the last row of a month is its closing stock, known or not.
    stock["closing_stock_quantity"] = stocks.drop_duplicates(MONTH, keep="last").set_index(MONTH)[
        "on_hand_quantity"
    ]
    stock = stock.reset_index()
    matched = sell_out[sell_out["product_code"] != "UNMATCHED"]
    mart = month_grid([sell_in[MONTH], matched[MONTH], stock[MONTH]], as_of)
    mart = mart.merge(
        sell_in[[*MONTH, "net_quantity"]].rename(columns={"net_quantity": "sell_in_quantity"}),
        on=MONTH,
        how="left",
    )
    reported = matched[[*MONTH, "net_quantity"]].rename(columns={"net_quantity": "sell_out_quantity"})
    coverage = sell_out[[*MONTH[:2], "coverage_rate"]].drop_duplicates()
    mart = mart.merge(reported, on=MONTH, how="left").merge(coverage, on=MONTH[:2], how="left")
    mart = mart.merge(stock, on=MONTH, how="left")
    # A product whose stock was counted before its first sale: reported, and sold nothing.
    absent = mart["sell_out_quantity"].isna() & mart["coverage_rate"].notna()
    mart.loc[absent, "sell_out_quantity"] = 0
    filled = ["sell_in_quantity", "received_quantity", "returned_to_us_quantity"]
    mart[filled] = mart[filled].fillna(0)
    mart = mart.sort_values([*MONTH[1:], "month_start_date"], ignore_index=True)
    pairs = mart.groupby(MONTH[1:], sort=False)
    mart["opening_stock_quantity"] = pairs["closing_stock_quantity"].shift()
    mart["average_stock_quantity"] = (mart["opening_stock_quantity"] + mart["closing_stock_quantity"]) / 2
    mart["stocked"] = mart["sell_out_quantity"].where(mart["average_stock_quantity"].notna())
    mart["one"] = mart["sell_out_quantity"].notna().astype(float)
    mart["stocked_one"] = mart["average_stock_quantity"].notna().astype(float)
    columns = [
        "sell_in_quantity",
        "sell_out_quantity",
        "average_stock_quantity",
        "stocked",
        "one",
        "stocked_one",
    ]
    rolling = (
        mart.groupby(MONTH[1:], sort=False)[columns].rolling(3, min_periods=1).sum().reset_index(drop=True)
    )
    mart["rolling_sell_in_quantity"] = rolling["sell_in_quantity"]
    mart["rolling_sell_out_quantity"] = rolling["sell_out_quantity"]
    mart["rolling_month_count"] = rolling["one"]
    out = mart["sell_out_quantity"]
    mart["sell_out_sell_in_rate"] = rate(out, mart["sell_in_quantity"])
    mart["rolling_sell_out_sell_in_rate"] = rate(rolling["sell_out_quantity"], rolling["sell_in_quantity"])
    mart["sell_through_a_rate"] = rate(out, mart["received_quantity"])
    mart["sell_through_b_rate"] = rate(out, mart["opening_stock_quantity"] + mart["received_quantity"])
    mart["sell_through_c_rate"] = rate(out, out + mart["closing_stock_quantity"])
    mart["stock_rotation_rate"] = rate(out, mart["average_stock_quantity"])
    mart["rolling_stock_rotation_rate"] = rate(
        rolling["stocked"] * rolling["stocked_one"], rolling["average_stock_quantity"]
    )
    products = erp["products"].set_index("product_code")
    last_day = (mart["month_start_date"] + pd.offsets.MonthEnd(0)).clip(upper=as_of)
    mart["is_launch"] = (last_day - mart["product_code"].map(products["launch_date"])).dt.days < 90
    for prefix in ("", "rolling_"):
        mart[f"{prefix}balance_status_code"] = balance_status(mart, prefix)
    mart["reason_code"] = np.select(
        [out.isna(), mart["sell_in_quantity"] == 0, mart["sell_in_quantity"] < 0],
        ["sell_out_not_reported", "no_sell_in", "negative_sell_in"],
        None,
    )
    mart["stock_reason_code"] = np.select(
        [
            out.isna(),
            mart["opening_stock_quantity"].isna(),
            mart["closing_stock_quantity"].isna(),
            mart["received_quantity"] <= 0,
            mart["average_stock_quantity"] <= 0,
        ],
        [
            "sell_out_not_reported",
            "opening_stock_unknown",
            "closing_stock_unknown",
            "no_receipts",
            "no_stock",
        ],
        None,
    )
    channels = erp["partners"][["partner_code", "channel_code"]]
    mart = mart.drop(columns=["stocked", "one", "stocked_one"]).merge(channels, on="partner_code")
    return with_id(mart, "channel_balance_monthly_id", MONTH)


def balance_status(mart: pd.DataFrame, prefix: str) -> np.ndarray:
    ratio = mart[f"{prefix}sell_out_sell_in_rate"]
    return np.select(
        [
            mart[f"{prefix}sell_out_quantity"].isna(),
            mart[f"{prefix}sell_in_quantity"] <= 0,
            mart["is_launch"],
            ratio < 80,
            ratio < 100,
            ratio == 100,
        ],
        ["not_reported", "no_sell_in", "launch", "overstock_risk", "normal_build", "balanced"],
        "shortage_risk",
    )


def write(company: Path, data: Path, folder: Path, as_of: date) -> None:
    """Read the inbox and the ERP below `data` and write one Parquet file per fact and mart to `folder`."""
    erp = read_erp(data / "erp.sqlite")
    crosswalk = pd.concat(
        [
            pd.read_csv(path, sep=";", dtype="str")
            for path in sorted((company / "feeds").glob("*_crosswalk.csv"))
        ]
    )
    partners = build_partners(erp)
    tables = {"dim_partners": partners, "dim_products": erp["products"]}
    tables["fct_sell_out"] = build_sell_out(read_sales(data / "inbox", crosswalk, erp), partners)
    tables |= build_erp_facts(erp, partners)
    tables["fct_inventory"] = build_inventory(
        tables["fct_sell_out"],
        tables["fct_shipments"],
        read_stock(data / "inbox", erp["products"]),
        partners,
        pd.Timestamp(as_of),
    )
    day = pd.Timestamp(as_of)
    sell_in = build_sell_in_monthly(tables)
    sell_out = build_sell_out_monthly(tables, partners, day)
    weekly = build_inventory_weekly(tables["fct_inventory"])
    tables |= {
        "mart_sell_in_monthly": sell_in,
        "mart_sell_out_monthly": sell_out,
        "mart_channel_inventory_weekly": weekly,
        "mart_channel_balance_monthly": build_balance_monthly(sell_in, sell_out, weekly, erp, day),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("company", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("as_of", type=date.fromisoformat)
    arguments = parser.parse_args()
    write(arguments.company, arguments.data, arguments.folder, arguments.as_of)


if __name__ == "__main__":
    main()
