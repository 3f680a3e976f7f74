"""Challenges and promotions of the sample company, worked out a second time from published facts."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
import pytest
from scipy import stats

pytestmark = pytest.mark.slow


@pytest.fixture
def members(published: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[str]]:
    rows = published.sql(
        "select campaign_code, member_kind_code, list(member_code) "
        "from core.dim_campaign_members group by all"
    ).fetchall()
    return {(code, kind): sorted(found) for code, kind, found in rows}


def test_those_take_part_whom_the_rules_name(
    published: duckdb.DuckDBPyConnection, members: dict[tuple[str, str], list[str]]
) -> None:
    assert members["VANNES-MARS-2026", "partner"] == ["D01", "D02", "D03", "D04", "D07"]
    assert all(code.startswith("D") for code in members["DEFI-VANNES-2026", "partner"])
    assert len(members["DEFI-VANNES-2026", "partner"]) == 25
    assert all(code.startswith("VAN") for code in members["DEFI-VANNES-2026", "product"])
    families = published.sql(
        "select count(*) from core.dim_products where product_code <> 'UNMATCHED'"
    ).fetchone()
    assert len(members["CROISSANCE-2026", "product"]) == families[0]


def test_the_valve_challenge_ends_with_the_units_of_its_three_months(
    published: duckdb.DuckDBPyConnection, members: dict[tuple[str, str], list[str]]
) -> None:
    lines = published.sql(
        "select partner_code, product_code, invoiced_quantity::double as units from core.fct_sell_in "
        "where invoice_date >= '2026-04-01' and invoice_date < '2026-07-01'"
    ).df()
    lines = lines[lines["product_code"].isin(members["DEFI-VANNES-2026", "product"])]
    units = lines.groupby("partner_code")["units"].sum()
    reached = units.reindex(members["DEFI-VANNES-2026", "partner"]).fillna(0)
    positions = reached[reached >= 50].rank(method="min", ascending=False).astype(int)

    found = published.sql(
        "select partner_code, reached_value::double as value, position_number as position, prize_amount, "
        "is_final, reason_code from marts.mart_challenges_monthly "
        "where challenge_code = 'DEFI-VANNES-2026' and month_start_date = '2026-06-01'"
    ).df()

    assert found["is_final"].all()
    assert dict(zip(found["partner_code"], found["value"], strict=True)) == reached.to_dict()
    ranked = found[found["position"].notna()]
    assert (
        dict(zip(ranked["partner_code"], ranked["position"].astype(int), strict=True)) == positions.to_dict()
    )
    assert set(found[found["position"].isna()]["reason_code"]) <= {"below_minimum"}
    assert sorted(ranked.dropna(subset=["prize_amount"])["position"].unique()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("partner", "first_month_without"),
    [
        ("D17", "2026-04-01"),  # reports by quarter, and the second one is not due
        ("D04", "2026-06-01"),  # reports by month, June is not due
        ("D03", "2026-06-01"),  # reports by week, the last one of June has not come
        ("D01", "2026-07-01"),
    ],
)
def test_growth_leaves_out_on_both_sides_what_has_not_been_reported_yet(
    published: duckdb.DuckDBPyConnection, partner: str, first_month_without: str
) -> None:
    before = str(int(first_month_without[:4]) - 1) + first_month_without[4:]
    now, then = (
        published.execute(
            "select sum(net_quantity)::double from core.fct_sell_out "
            "where partner_code = ? and product_code <> 'UNMATCHED' "
            "and month_start_date >= ?::date and month_start_date < ?::date",
            [partner, f"{end[:4]}-01-01", end],
        ).fetchall()[0][0]
        for end in (first_month_without, before)
    )
    found = published.execute(
        "select compared_value::double, last_year_value::double, growth_rate::double, reason_code "
        "from marts.mart_challenges_monthly where challenge_code = 'CROISSANCE-2026' "
        "and month_start_date = '2026-06-01' and partner_code = ?",
        [partner],
    ).fetchall()
    assert found == [(now, then, pytest.approx(100 * (now - then) / then, abs=0.0001), None)]


def expected_uplift(
    weekly: pd.DataFrame, partners: list[str], start: pd.Timestamp, end: pd.Timestamp, baseline: str
) -> dict[str, tuple[float, float]]:
    """Uplift and half of its interval by partner, and of all (`*`), from units by week and partner (NaN where
    unknown).
    """
    before = weekly[(weekly.index >= start - pd.Timedelta(weeks=8)) & (weekly.index < start)]
    during = weekly[(weekly.index >= start) & (weekly.index < end)]
    both = pd.concat([before, during])
    if baseline == "last_year":
        rest = both[partners] - weekly[partners].reindex(both.index - pd.Timedelta(weeks=52)).to_numpy()
    else:
        others = both.drop(columns=partners).dropna(axis=1).sum(axis=1)
        ratios = {
            partner: before[partner].sum() / others.loc[before[partner].dropna().index].sum()
            for partner in partners
        }
        rest = pd.DataFrame({partner: both[partner] - ratios[partner] * others for partner in partners})
    rest["*"] = rest.sum(axis=1, skipna=False)
    found: dict[str, tuple[float, float]] = {}
    for partner in rest.columns:
        own, promoted = rest.loc[before.index, partner].dropna(), rest.loc[during.index, partner]
        n, m = len(promoted), len(own)
        half = stats.t.ppf(0.975, m - 1) * own.std(ddof=1) * (n + n * n / m) ** 0.5
        found[partner] = (promoted.sum() - n * own.mean(), half)
    return found


def units_by_week(published: duckdb.DuckDBPyConnection, sql: str, codes: list[str]) -> pd.DataFrame:
    rows = published.execute(sql, [codes]).df()
    return rows.pivot(index="week", columns="partner_code", values="units").sort_index()


def uplifts(published: duckdb.DuckDBPyConnection, promotion: str) -> dict[str, tuple[Any, ...]]:
    rows = published.execute(
        "select partner_code, uplift_quantity::double, uncertainty_quantity::double "
        "from marts.mart_promotion_uplift where promotion_code = ? and reason_code is null",
        [promotion],
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_promotions_that_nobody_in_the_simulation_notices_are_not_proven(
    published: duckdb.DuckDBPyConnection,
) -> None:
    statuses = published.sql(
        "select promotion_code, uplift_status_code, cost_per_extra_unit_amount "
        "from marts.mart_promotion_uplift where partner_code = '*' order by all"
    ).fetchall()
    assert statuses == [
        ("RENTREE-GOLD-2025", "not_proven", None),
        ("VANNES-MARS-2026", "not_proven", None),
    ]


def test_the_uplift_of_valves_is_that_against_partners_that_took_no_part(
    published: duckdb.DuckDBPyConnection, members: dict[tuple[str, str], list[str]]
) -> None:
    weekly = units_by_week(
        published,
        "select partner_code, week_start_date::timestamp as week, "
        "sum(sold_quantity - consumer_returned_quantity)::double as units "
        "from marts.mart_channel_inventory_weekly "
        "where list_contains(?, product_code) and is_sell_out_reported group by all",
        members["VANNES-MARS-2026", "product"],
    )
    partners = members["VANNES-MARS-2026", "partner"]

    expected = expected_uplift(
        weekly, partners, pd.Timestamp("2026-03-02"), pd.Timestamp("2026-03-30"), "other_partners"
    )

    found = uplifts(published, "VANNES-MARS-2026")
    assert found.keys() == expected.keys() == {*partners, "*"}
    for partner, (uplift, half) in expected.items():
        # The quantile has three decimals in the models.
        assert found[partner][0] == pytest.approx(uplift, abs=0.002)
        assert found[partner][1] == pytest.approx(half, rel=0.0005)


def test_the_uplift_of_september_is_that_against_the_year_before(
    published: duckdb.DuckDBPyConnection, members: dict[tuple[str, str], list[str]]
) -> None:
    weekly = units_by_week(
        published,
        "select partner_code, date_trunc('week', invoice_date)::timestamp as week, "
        "sum(invoiced_quantity)::double as units from core.fct_sell_in where list_contains(?, product_code) "
        "group by all",
        members["RENTREE-GOLD-2025", "product"],
    ).fillna(0)
    partners = members["RENTREE-GOLD-2025", "partner"]

    expected = expected_uplift(
        weekly, partners, pd.Timestamp("2025-09-01"), pd.Timestamp("2025-09-29"), "last_year"
    )

    found = uplifts(published, "RENTREE-GOLD-2025")
    assert found.keys() == expected.keys() == {*partners, "*"}
    for partner, (uplift, half) in expected.items():
        assert found[partner][0] == pytest.approx(uplift, abs=0.002)
        assert found[partner][1] == pytest.approx(half, rel=0.0005)
