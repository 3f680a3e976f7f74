"""The rebate engine: published examples by literal numbers, and each form and rule worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dbt.conftest import Company
from tests.integration.dbt.rebate_engine import Engine, Row, World, line, partner

PROGRAMME = (
    "programmes:\n  P:\n    name_fr: P\n    name_en: P\n    versions:\n      - valid_from: 2026-01-01\n"
)
GRID = (
    PROGRAMME
    + """
        form: all_units
        measure: units
        tiers:
          - {from: 100, rate: 0.05}
          - {from: 500, rate: 0.08, entitlements: [{code: marketing_support}]}
          - {above: 1000, rate: 0.12, entitlements: [{code: territorial_exclusivity, months: 6}]}
"""
)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path) -> Engine:
    return Engine(Company(tmp_path_factory.mktemp("rebates"), dbt_target))


def version(body: str) -> str:
    """A programme P from 2026 on, with the keys of its one version."""
    return PROGRAMME + "".join(f"        {key}\n" for key in body.strip().splitlines())


def accruals(
    engine: Engine, rules: str, lines: Iterable[Row], as_of: str, columns: str, **more: Any
) -> list[tuple[Any, ...]]:
    """Those columns at the end of the as-of month, in order of programme, period and partner."""
    with engine.run(World(rules, lines=lines, **more), as_of) as connection:
        return connection.execute(
            f"select {columns} from core.fct_rebate_accruals "
            f"where month_start_date = date_trunc('month', date '{as_of}') "
            "order by programme_code, period_start_date, partner_code"
        ).fetchall()


def reached(engine: Engine, rules: str, lines: Iterable[Row], as_of: str = "2026-12-31", **more: Any) -> str:
    """The rebate of the one partner and period, at the tier reached."""
    rows = accruals(engine, rules, lines, as_of, "reached_amount", **more)
    assert len(rows) == 1
    return str(rows[0][0])


# --- published examples ---


@pytest.mark.parametrize(
    ("units", "tier", "rebate"),
    [
        (99, None, "0.0000"),
        (100, 1, "50.0000"),  # 5 % of 1,000.00
        (499, 1, "249.5000"),  # 5 % of 4,990.00
        (500, 2, "400.0000"),  # 8 % of 5,000.00
        (1000, 2, "800.0000"),  # 8 % of 10,000.00
        (1001, 3, "1201.2000"),  # 12 % of 10,010.00
    ],
)
def test_the_grid_of_the_article_reads_its_bands_half_open(
    engine: Engine, units: int, tier: int | None, rebate: str
) -> None:
    lines = [line("A", "2026-02-03", units, 10 * units)]
    rows = accruals(engine, GRID, lines, "2026-12-31", "reached_tier_number, reached_amount")
    assert [(found, str(amount)) for found, amount in rows] == [(tier, rebate)]


@pytest.mark.parametrize(("form", "rebate"), [("stepped", "350.0000"), ("all_units", "500.0000")])
def test_sales_of_2000_give_350_by_slices_and_500_on_all(engine: Engine, form: str, rebate: str) -> None:
    rules = version(f"form: {form}\ntiers: [{{from: 0, rate: 0.10}}, {{above: 1000, rate: 0.25}}]")
    assert reached(engine, rules, [line("A", "2026-02-03", 1, 2000)]) == rebate


# --- to the cent ---


def test_a_rebate_lies_on_its_lines_to_the_cent_by_the_largest_remainder(engine: Engine) -> None:
    """5 % of 1.00 are 5 cents on lines of 0.34, 0.33, 0.33: shares of 1.70, 1.65, 1.65 cents.

    Two cents are left over; they go to the largest remainder and, of two equal ones, to the first line.
    """
    rules = version("form: flat\ntiers: [{from: 0, rate: 0.05}]")
    lines = [
        line("C", "2026-02-05", 1, "0.33"),
        line("A", "2026-02-03", 1, "0.34"),
        line("B", "2026-02-04", 1, "0.33"),
    ]
    with engine.run(World(rules, lines=lines), "2026-12-31") as connection:
        found = connection.execute(
            "select invoice_line_id, reached_amount, expected_amount from core.fct_rebate_lines order by 1"
        ).fetchall()
    cents = Decimal("0.01")
    assert found == [("A|1", 2 * cents, 2 * cents), ("B|1", 2 * cents, 2 * cents), ("C|1", cents, cents)]


def test_a_rebate_that_no_line_can_carry_stands_by_itself(engine: Engine) -> None:
    """Measured on orders; nothing is invoiced yet."""
    rules = version("form: flat\nbasis: ordered\ntiers: [{from: 0, rate: 0.05}]")
    order = {
        "order_number": "O1",
        "order_line_number": "1",
        "partner_code": "D1",
        "partner_version_id": "D1|1900-01-01",
        "product_code": "P1",
        "order_date": "2026-02-03",
        "status_code": "open",
        "ordered_quantity": 10,
        "net_amount": 100,
    }
    with engine.run(World(rules, orders=[order]), "2026-12-31") as connection:
        found = connection.execute(
            "select partner_code, product_code, invoice_line_id, reached_amount from core.fct_rebate_lines"
        ).fetchall()
    assert found == [("D1", "NONE", None, Decimal(5))]


# --- what is expected at the period's end ---


def test_without_a_last_year_the_forecast_is_the_run_rate(engine: Engine) -> None:
    """600 pieces after six months of twelve: 1,200 are expected, above 1,000, so 12 % of 6,000.00."""
    lines = [line("A", "2026-02-03", 600, 6000)]
    columns = "forecast_value, forecast_method_code, reached_amount, expected_amount"
    assert accruals(engine, GRID, lines, "2026-06-30", columns) == [
        (Decimal(1200), "run_rate", Decimal(480), Decimal(720))
    ]


def test_with_a_last_year_its_season_makes_the_forecast(engine: Engine) -> None:
    """Last year 600 of 900 pieces were purchased by the end of June: 600 now make 900, which is tier 2."""
    lines = [
        line("L", "2025-01-07", 600, 6000),
        line("M", "2025-11-04", 300, 3000),
        line("A", "2026-02-03", 600, 6000),
    ]
    columns = "forecast_value, forecast_method_code, expected_tier_number, expected_amount"
    assert accruals(engine, GRID, lines, "2026-06-30", columns) == [(Decimal(900), "season", 2, Decimal(480))]


def test_a_late_credit_note_counts_in_its_invoices_period_from_its_own_month_on(engine: Engine) -> None:
    """1,001 pieces in 2026 earn 12 %; 10 of them are credited in February 2027: 991 earn 8 %."""
    lines = [
        line("A", "2026-02-03", 1001, 10010),
        line("K", "2027-02-02", -10, -100, invoice_type="credit_note", original_invoice_number="A"),
    ]
    with engine.run(World(GRID, lines=lines), "2027-02-28") as connection:
        found = connection.execute(
            "select month_start_date::varchar, reached_amount::varchar from core.fct_rebate_accruals "
            "where month_start_date >= '2026-12-01' and period_start_date = '2026-01-01' order by 1"
        ).fetchall()
        on_lines = connection.execute("select sum(reached_amount) from core.fct_rebate_lines").fetchone()
    assert found == [
        ("2026-12-01", "1201.2000"),
        ("2027-01-01", "1201.2000"),
        ("2027-02-01", "792.8000"),
    ]
    assert on_lines == (Decimal("792.80"),)


# --- who and what ---


def test_whoever_and_whatever_is_named_counts_and_exceptions_do_not(engine: Engine) -> None:
    rules = version(
        """
form: flat
partners: {segments: [Gold], channels: [web], except: {codes: [D4]}}
products: {codes: [P2], families: [F1], except: {codes: [P3]}}
tiers: [{from: 0, rate: 0.10}]
"""
    )
    partners = [
        partner("D1", segment_code="Gold", channel_code="web"),
        partner("D2", segment_code="Silver", channel_code="web"),
        partner("D3", segment_code="Gold", channel_code="shop"),
        partner("D4", segment_code="Gold", channel_code="web"),
    ]
    products = [
        {"product_code": "P1", "family_code": "F1"},
        {"product_code": "P2", "family_code": "F2"},
        {"product_code": "P3", "family_code": "F1"},
        {"product_code": "P4", "family_code": "F4"},
    ]
    lines = [
        line(f"{who}{what}", "2026-02-03", 1, 100, partner_code=who, product_code=what)
        for who in ("D1", "D2", "D3", "D4")
        for what in ("P1", "P2", "P3", "P4")
    ]
    world = World(rules, partners, products, lines)
    with engine.run(world, "2026-12-31") as connection:
        found = connection.execute("select invoice_line_id from core.fct_rebate_lines order by 1").fetchall()
    assert found == [("D1P1|1",), ("D1P2|1",)]


def test_partners_of_a_group_reach_tiers_together_and_share_by_purchases(engine: Engine) -> None:
    """600 + 500 pieces reach 12 % of 11,000.00 = 1,320.00, shared as 6,000.00 to 5,000.00; D3 is alone."""
    rules = "groups: {G: [D1, D2]}\n" + version(
        """
form: all_units
measure: units
counts_together: true
partners: {groups: [G], codes: [D3]}
tiers: [{from: 100, rate: 0.05}, {above: 1000, rate: 0.12}]
"""
    )
    lines = [
        line("A", "2026-02-03", 600, 6000),
        line("B", "2026-02-03", 500, 5000, partner_code="D2"),
        line("C", "2026-02-03", 700, 7000, partner_code="D3"),
    ]
    partners = [partner("D1"), partner("D2"), partner("D3")]
    columns = "partner_code, group_code, reached_amount"
    assert accruals(engine, rules, lines, "2026-12-31", columns, partners=partners) == [
        ("D1", "G", Decimal(720)),
        ("D2", "G", Decimal(600)),
        ("D3", None, Decimal(350)),
    ]


def test_of_exclusive_programmes_a_purchase_counts_in_the_first_only(engine: Engine) -> None:
    """B comes first and takes family F1; A has what is left."""
    rules = """
programmes:
  A: {name_fr: A, name_en: A, order: 20, exclusive_group: X, versions: [
      {valid_from: 2026-01-01, form: flat, tiers: [{from: 0, rate: 0.10}]}]}
  B: {name_fr: B, name_en: B, order: 10, exclusive_group: X, versions: [
      {valid_from: 2026-01-01, form: flat, products: {families: [F1]}, tiers: [{from: 0, rate: 0.20}]}]}
"""
    lines = [line("A", "2026-02-03", 1, 100), line("B", "2026-02-03", 1, 50, product_code="P2")]
    assert accruals(engine, rules, lines, "2026-12-31", "programme_code, reached_amount") == [
        ("A", Decimal(5)),
        ("B", Decimal(20)),
    ]
