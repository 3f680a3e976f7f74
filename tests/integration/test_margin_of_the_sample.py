"""The margin marts of the sample company equal a calculation in pandas over the raw ERP.

Sales, discounts and costs are taken from the ERP's own tables; what is granted outside the invoice, from the
facts that have their own tests. Everything from there on is worked out again here, in whole hundredths of a
cent.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

UNIT = 10_000
"""Amounts are counted in hundredths of a cent, as the marts keep four decimals."""
KEY = ["month", "partner", "product"]


@pytest.fixture(scope="module")
def published(built_demo: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    path = str((built_demo / "published" / "current.duckdb").resolve())
    with duckdb.connect(path, read_only=True) as connection:
        yield connection


def whole(amounts: pd.Series) -> pd.Series:
    return (amounts * UNIT).round().astype("int64")


def at(dated: pd.DataFrame, lines: pd.DataFrame, key: str, value: str) -> pd.Series:
    """For each line the value of the range that holds on its day; 0 without one. Several ranges add up."""
    pairs = lines[[key, "day"]].reset_index().merge(dated, on=key)
    holds = (pairs["date_effet"] <= pairs["day"]) & (pairs["day"] < pairs["date_fin"].fillna("9999-12-31"))
    return pairs[holds].groupby("index")[value].sum().reindex(lines.index, fill_value=0)


@pytest.fixture(scope="module")
def lines(built_demo: Path) -> pd.DataFrame:
    """Invoice lines of the raw ERP with gross, net, cost and landed cost."""
    with sqlite3.connect(built_demo / "source" / "erp.sqlite") as erp:
        heads = pd.read_sql("select * from factures where etat = 'V'", erp)
        rows = pd.read_sql("select * from factures_lignes", erp)
        packs = pd.read_sql("select code_article, unite, qte_base from articles_cond", erp)
        costs = pd.read_sql("select * from articles_pru", erp)
        charges = pd.read_sql("select * from articles_frais", erp)
    found = rows.merge(heads[["no_piece", "code_tiers", "date_piece"]], on="no_piece")
    found = found.merge(packs, on=["code_article", "unite"], how="left")
    found["pieces"] = found["qte"] * found["qte_base"].fillna(1).astype("int64")
    found["day"] = found["date_piece"].str[:10]
    for dated in (costs, charges):
        for column in ("date_effet", "date_fin"):
            dated[column] = dated[column].str[:10]
    costs["prix"] = whole(costs["prix_revient"])
    charges["frais"] = whole(charges["frais_unitaire"])
    return pd.DataFrame(
        {
            "line": found["no_piece"] + "|" + found["no_ligne"].astype(str),
            "month": found["day"].str[:7],
            "partner": found["code_tiers"],
            "product": found["code_article"],
            "quantity": found["pieces"],
            "gross": whole(found["montant_brut"]),
            "net": whole(found["montant_net"]),
            "cost": found["pieces"] * at(costs, found, "code_article", "prix"),
            "landed": found["pieces"] * at(charges, found, "code_article", "frais"),
        }
    )


@pytest.fixture(scope="module")
def monthly(lines: pd.DataFrame, published: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """By month, partner and product: the levels, with what is granted outside the invoice."""
    granted = published.sql(
        """
        select 'rebate' as step, invoice_line_id as line, strftime(invoice_date, '%Y-%m') as cost_month,
            partner_code as partner, cast(expected_amount as double) as amount
        from core.fct_rebate_lines
        union all
        select cost_step_code, invoice_line_id, strftime(cost_date, '%Y-%m'), partner_code,
            cast(amount as double)
        from core.fct_programme_costs
        """
    ).df()
    granted["amount"] = whole(granted["amount"])
    bound = granted.dropna(subset=["line"]).merge(
        lines[["line", "month", "product"]], on="line", how="left", validate="many_to_one"
    )
    assert bound["month"].notna().all()
    loose = granted[granted["line"].isna()].assign(product="NONE")
    loose = loose.rename(columns={"cost_month": "month"})
    steps = pd.concat([bound[["step", "amount", *KEY]], loose[["step", "amount", *KEY]]])
    steps = steps.pivot_table(index=KEY, columns="step", values="amount", aggfunc="sum", fill_value=0)
    served = [step for step in ("training", "channel_staff", "tools") if step in steps]
    sums = lines.groupby(KEY)[["quantity", "gross", "net", "cost", "landed"]].sum()
    sums = sums.join(steps, how="outer").fillna(0).astype("int64")
    outside = [step for step in steps if step not in served]
    sums["pocket_sales"] = sums["net"] - sums[outside].sum(axis=1)
    sums["margin"] = sums["pocket_sales"] - sums["cost"] - sums["landed"]
    sums["contribution"] = sums["margin"] - sums[served].sum(axis=1)
    return sums


def test_each_level_of_each_month_partner_and_product_is_exact(
    monthly: pd.DataFrame, published: duckdb.DuckDBPyConnection
) -> None:
    found = published.sql(
        """
        select strftime(month_start_date, '%Y-%m') as month, partner_code as partner, product_code as product,
            cast(sum(invoiced_quantity) as bigint) as quantity,
            cast(10000 * sum(gross_sales_amount) as bigint) as gross,
            cast(10000 * sum(invoice_sales_amount) as bigint) as net,
            cast(10000 * sum(pocket_sales_amount) as bigint) as pocket_sales,
            cast(10000 * sum(pocket_margin_amount) as bigint) as margin,
            cast(10000 * sum(channel_contribution_amount) as bigint) as contribution
        from marts.mart_margin_waterfall_monthly
        group by all
        """
    ).df()
    found = found.set_index(KEY).sort_index()
    assert len(found) > 10_000
    pd.testing.assert_frame_equal(found, monthly[list(found)].sort_index())


def test_effects_of_each_partner_are_those_of_a_second_calculation(
    monthly: pd.DataFrame, published: duckdb.DuckDBPyConnection
) -> None:
    """Against the month before, by partner, to the cent; the parts by product are rounded to 0.0001."""
    base = monthly.reset_index()
    base["month"] = (pd.PeriodIndex(base["month"], freq="M") + 1).astype(str)
    known = set(monthly.index.get_level_values("month"))
    both = monthly.join(base.set_index(KEY), how="outer", rsuffix="_0").fillna(0)
    both = both[both.index.get_level_values("month").isin(known & set(base["month"]))]
    by_product, by_partner = both.groupby(["month", "product"]), both.groupby(["month", "partner"])
    sold, sold_0 = both["quantity"] > 0, both["quantity_0"] > 0
    is_new = sold & (
        (by_product["quantity_0"].transform("sum") <= 0) | (by_partner["quantity_0"].transform("sum") <= 0)
    )
    is_gone = sold_0 & (
        (by_product["quantity"].transform("sum") <= 0) | (by_partner["quantity"].transform("sum") <= 0)
    )
    stays = (sold | sold_0) & ~is_new & ~is_gone
    change = both["margin"] - both["margin_0"]
    ratio = (both["quantity"] / both["quantity_0"]).where(stays & sold & sold_0, 0)
    effects = pd.DataFrame(index=both.index)
    for name, sign, now, then in (
        ("price", 1, both["gross"], both["gross_0"]),
        ("discount", -1, both["gross"] - both["net"], both["gross_0"] - both["net_0"]),
        ("cost", -1, both["cost"] + both["landed"], both["cost_0"] + both["landed_0"]),
    ):
        effects[name] = (sign * (now - then * ratio)).where(stays & sold & sold_0, 0)
    kept = both[stays].groupby(["month", "partner"])[["quantity", "quantity_0", "margin_0"]].sum()
    volume = kept["margin_0"] * (kept["quantity"] / kept["quantity_0"] - 1)
    by_row = effects.groupby(["month", "partner"]).sum()
    by_row["new_product"] = change.where(is_new, 0).groupby(["month", "partner"]).sum()
    by_row["discontinued_product"] = change.where(is_gone, 0).groupby(["month", "partner"]).sum()
    by_row["volume"] = volume.reindex(by_row.index).fillna(0)
    by_row["variance"] = change.groupby(["month", "partner"]).sum()
    found = (
        published.sql(
            """
            select strftime(month_start_date, '%Y-%m') as month, partner_code as partner,
                10000 * price_effect_amount as price, 10000 * discount_effect_amount as discount,
                10000 * cost_effect_amount as cost, 10000 * new_product_effect_amount as new_product,
                10000 * discontinued_product_effect_amount as discontinued_product,
                10000 * volume_effect_amount as volume, 10000 * variance_amount as variance
            from marts.mart_margin_variance_monthly
            where scope_code = 'partner' and comparison_code = 'former_period'
            """
        )
        .df()
        .set_index(["month", "partner"])
        .astype("float64")
        .sort_index()
    )
    assert len(found) > 700
    pd.testing.assert_frame_equal(
        found, by_row[list(found)].astype("float64").sort_index(), check_exact=False, atol=100, rtol=0
    )
    assert (found["variance"] == by_row["variance"]).all()
