"""The margin marts of the sample company equal a second calculation: pandas over the raw ERP, the partners'
files and the company's rules (`tests.second_calculation`), to a hundredth of a cent.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.settings import SAMPLE_COMPANY, load_settings
from orchestration.trace import Question, trace
from tests.installation import ROOT
from tests.second_calculation.allocation import spread
from tests.second_calculation.books import Books, invoice_lines
from tests.second_calculation.costs import programme_costs
from tests.second_calculation.granted import Granted
from tests.second_calculation.rebates import rebates
from tests.second_calculation.resales import resold_by_month, stock_before
from tests.second_calculation.waterfall import GRAIN, waterfall

KEY = ["month", "partner", "product"]


@pytest.fixture(scope="module")
def books(built_demo: Path) -> Books:
    return Books(built_demo / "source" / "erp.sqlite", ROOT / "examples" / "demo" / "rules", "2026-06-30")


@pytest.fixture(scope="module")
def lines(books: Books) -> pd.DataFrame:
    return invoice_lines(books)


@pytest.fixture(scope="module")
def granted(books: Books, lines: pd.DataFrame) -> pd.DataFrame:
    """Everything that is granted outside the invoice, on the line that carries it."""
    return pd.DataFrame([*rebates(books, lines), *programme_costs(books, lines)], columns=Granted._fields)


@pytest.fixture(scope="module")
def steps(books: Books, lines: pd.DataFrame, granted: pd.DataFrame) -> pd.DataFrame:
    return waterfall(books, lines, granted)


@pytest.fixture(scope="module")
def monthly(steps: pd.DataFrame) -> pd.DataFrame:
    """By month, partner and product: what the variance is worked out from."""
    sums = steps.groupby(KEY).sum()
    return pd.DataFrame(
        {
            "quantity": sums["invoiced_quantity"],
            "gross": sums["gross_sales"],
            "net": sums["invoice_sales"],
            "cost": sums["cost_of_goods"],
            "landed": sums["landed_cost"],
            "margin": sums["pocket_margin"],
        }
    )


def test_the_margin_below_its_target_is_one_alert_with_what_is_missing(
    steps: pd.DataFrame, published: duckdb.DuckDBPyConnection
) -> None:
    """D19 leaves less than a fifth in every three months; no other partner does in two of them."""
    months = [f"2026-{month:02d}" for month in (4, 5, 6)]
    of_partner = steps.xs("D19", level="partner").groupby("month")[["pocket_sales", "pocket_margin"]].sum()
    sales, margin = (int(value) for value in of_partner.loc[months].sum())
    found = published.sql(
        "select subject_code, status_code, round(10000 * at_stake_amount)::bigint from marts.fct_alerts "
        "where rule_code = 'margin_under_target'"
    ).fetchall()
    assert [row[:2] for row in found] == [("D19", "open")]
    # In hundredths of a cent, rounded to the cent.
    assert abs(found[0][2] - (0.2 * sales - margin)) <= 50


def test_cents_that_do_not_divide_go_to_the_largest_remainders() -> None:
    """10 cents by 3, 3 and 1 of 7: 4 2/7, 4 2/7 and 1 3/7. The cent that is left goes to the third; of
    minus 10 likewise. By equal weights the first two of three get one.
    """
    assert spread(10, {"a": 3, "b": 3, "c": 1}) == {"a": 4, "b": 4, "c": 2}
    assert spread(-10, {"a": 3, "b": 3, "c": 1}) == {"a": -4, "b": -4, "c": -2}
    assert spread(5, {"b": 1, "a": 1, "c": 1}) == {"a": 2, "b": 2, "c": 1}


def test_each_step_of_each_month_partner_and_product_is_exact(
    steps: pd.DataFrame, published: duckdb.DuckDBPyConnection
) -> None:
    amounts = [name for name in steps if name != "invoiced_quantity"]
    assert len(amounts) == 24
    sums = ", ".join(f"cast(10000 * sum({name}_amount) as bigint) as {name}" for name in amounts)
    found = published.sql(
        f"""
        select strftime(month_start_date, '%Y-%m') as month, partner_code as partner, channel_code as channel,
            product_code as product, cast(sum(invoiced_quantity) as bigint) as invoiced_quantity, {sums}
        from marts.mart_margin_waterfall_monthly
        group by all
        """
    ).df()
    found = found.set_index(GRAIN).sort_index()
    assert len(found) > 10_000
    pd.testing.assert_frame_equal(found[list(steps)], steps, check_names=False)


def test_each_cost_and_rebate_stands_on_its_line_to_the_cent(
    granted: pd.DataFrame, published: duckdb.DuckDBPyConnection
) -> None:
    found = published.sql(
        """
        select cost_step_code as step, coalesce(invoice_line_id, 'NONE') as line,
            cast(100 * sum(amount) as bigint) as cents
        from core.fct_programme_costs group by all
        union all
        select 'rebate', coalesce(invoice_line_id, 'NONE'), cast(100 * sum(expected_amount) as bigint)
        from core.fct_rebate_lines group by all
        """
    ).df()
    found = found[found["cents"] != 0].set_index(["step", "line"])["cents"].sort_index()
    expected = granted.fillna({"line": "NONE"}).groupby(["step", "line"])["cents"].sum()
    expected = expected[expected != 0].sort_index()
    assert len(expected) > 50_000
    pd.testing.assert_series_equal(found, expected)


def test_claims_are_held_against_what_the_partners_own_files_say(
    books: Books, built_demo: Path, published: duckdb.DuckDBPyConnection
) -> None:
    inbox = built_demo / "source" / "inbox"
    (debit, protection) = (
        books.table("accords_ecart_prix").set_index("nature").loc[step]
        for step in ("ship_and_debit", "price_protection")
    )
    resold = resold_by_month(inbox, books, debit["code_article"])
    in_stock = stock_before(inbox, protection["code_article"], protection["date_debut"])
    expected = {}
    for claim in books.table("demandes_prise_en_charge").itertuples():
        if claim.nature == "ship_and_debit":
            pieces, tenths = resold[claim.date_debut[:7]], round(debit["ecart_unitaire"] * 1000)
        elif claim.nature == "price_protection":
            pieces, tenths = in_stock, round(protection["ecart_unitaire"] * 1000)
        else:
            continue
        expected[claim.no_demande] = (pieces, (2 * pieces * tenths + 10) // 20)
    found = published.sql(
        "select claim_number, cast(reported_quantity as bigint), cast(100 * computed_amount as bigint) "
        "from core.fct_programme_claims where cost_step_code in ('ship_and_debit', 'price_protection')"
    ).fetchall()
    assert len(expected) > 20
    assert {number: (pieces, cents) for number, pieces, cents in found} == expected


def _anybody(bought: pd.Series, key: str) -> pd.Series:
    """Whether any row of the same month and product, or partner, was bought."""
    return bought.groupby(["month", key]).transform("any")


def test_effects_of_each_partner_are_those_of_a_second_calculation(
    monthly: pd.DataFrame, published: duckdb.DuckDBPyConnection
) -> None:
    """Against the month before, by partner, to the cent; the parts by product are rounded to 0.0001."""
    base = monthly.reset_index()
    base["month"] = (pd.PeriodIndex(base["month"], freq="M") + 1).astype(str)
    known = set(monthly.index.get_level_values("month"))
    both = monthly.join(base.set_index(KEY), how="outer", rsuffix="_0").fillna(0)
    both = both[both.index.get_level_values("month").isin(known & set(base["month"]))]
    sold, sold_0 = both["quantity"] > 0, both["quantity_0"] > 0
    is_new = sold & ~(_anybody(sold_0, "product") & _anybody(sold_0, "partner"))
    is_gone = sold_0 & ~(_anybody(sold, "product") & _anybody(sold, "partner"))
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
    bought = both[["quantity", "quantity_0"]].clip(lower=0).assign(margin_0=both["margin_0"].where(sold_0, 0))
    kept = bought[stays].groupby(["month", "partner"]).sum()
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


def test_margin_is_held_against_the_budget_that_the_generator_wrote(
    steps: pd.DataFrame, books: Books, built_demo: Path, published: duckdb.DuckDBPyConnection
) -> None:
    """By partner and month of 2026: the base is the budget's margin, the variance the second calculation's
    less that, and the effects sum to it. Months that have not begun are not compared.
    """
    written = books.rules / "budget.csv"
    assert written.read_bytes() == (built_demo / "source" / "budget.csv").read_bytes()
    planned = pd.read_csv(written, sep=";")
    planned["margin"] = planned["gross_amount"] - planned[
        ["discount_amount", "rebate_amount", "programme_amount", "cost_amount"]
    ].sum(axis=1)
    base = 10_000 * planned.groupby(["month", "partner_code"])["margin"].sum()
    made = steps.groupby(["month", "partner"])["pocket_margin"].sum()
    effects = [
        name
        for (name,) in published.sql(
            "select column_name from duckdb_columns() where table_name = 'mart_margin_variance_monthly' "
            "and schema_name = 'marts' and column_name like '%\\_effect\\_amount' escape '\\'"
        ).fetchall()
    ]
    assert len(effects) == 11
    rows = published.sql(
        f"""
        select strftime(month_start_date, '%Y-%m'), partner_code,
            cast(10000 * base_pocket_margin_amount as bigint), cast(10000 * variance_amount as bigint),
            cast(10000 * ({" + ".join(effects)}) as bigint)
        from marts.mart_margin_variance_monthly
        where comparison_code = 'budget' and scope_code = 'partner'
            and month_start_date >= '2026-01-01'
        """
    ).fetchall()
    assert len(rows) > 40
    assert {row[:2] for row in rows} == {key for key in base.index if key[0] <= "2026-06"}
    for month, partner, planned_margin, variance, explained in rows:
        assert planned_margin == base[month, partner]
        assert variance == made.get((month, partner), 0) - base[month, partner]
        assert explained == variance


@pytest.mark.parametrize(
    ("mart", "narrowed"),
    [
        ("mart_channel_roi_monthly", {"level_code": "channel"}),
        ("mart_channel_roi_monthly", {"level_code": "partner", "partner_code": "D04"}),
        ("mart_partner_profitability_monthly", {"partner_code": "D19"}),
        ("mart_commissions_monthly", {}),
        ("mart_rebate_accruals_monthly", {"partner_code": "D01"}),
        ("mart_margin_reconciliation_monthly", {}),
        ("mart_margin_reconciliation_monthly", {"partner_code": "D02"}),
        ("mart_margin_waterfall_monthly", {"partner_code": "D02"}),
        ("mart_sell_out_monthly", {"partner_code": "D01"}),
        *(
            ("mart_margin_variance_monthly", {"comparison_code": comparison, **scope})
            for comparison in ("former_year", "former_period", "budget")
            for scope in ({"scope_code": "company"}, {"scope_code": "partner", "partner_code": "D01"})
        ),
        (
            "mart_margin_variance_monthly",
            {
                "comparison_code": "former_year",
                "scope_code": "product",
                "partner_code": "D01",
                "family_code": "VAN",
            },
        ),
    ],
)
def test_a_figure_of_finance_is_walked_to_its_lines_without_a_difference(
    mart: str, narrowed: dict[str, str], built_demo: Path
) -> None:
    settings = load_settings(SAMPLE_COMPANY, built_demo)
    found = trace(settings, Question(mart, "2026-05", narrowed))
    assert not found.not_traced
    assert len(found.sums) >= 2
    assert any(item.figure for item in found.sums)
    assert {item.measure: item.difference for item in found.sums if item.difference} == {}
