"""The rebate engine: published examples by literal numbers, and each form and rule worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.dbt.rebate_engine import Engine, Row, World, line, partner, payment

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
          - {from: 500, rate: 0.08, entitlements: [{code: marketing_support, months: 12}]}
          - {above: 1000, rate: 0.12, entitlements: [{code: territorial_exclusivity, months: 6}]}
"""
)


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


def test_slices_of_very_large_purchases_are_paid_in_full(engine: Engine) -> None:
    """1 % of 1,000,000 and 6 % of the 499,000,000 above it."""
    rules = version("form: stepped\ntiers: [{from: 0, rate: 0.01}, {above: 1000000, rate: 0.06}]")
    assert reached(engine, rules, [line("A", "2026-02-03", 1, 500_000_000)]) == "29950000.0000"


@pytest.mark.parametrize(
    ("reward", "rebate"), [("rate: 0.06", "300000000.0000"), ("per_unit: 0.5", "1500000000.0000")]
)
def test_what_a_very_large_partner_earns_is_paid_in_full(engine: Engine, reward: str, rebate: str) -> None:
    """6 % of 5,000 million, or 0.50 on each of 3,000 million pieces."""
    rules = version(f"form: all_units\ntiers: [{{from: 1, {reward}}}]")
    assert reached(engine, rules, [line("A", "2026-02-03", 3_000_000_000, 5_000_000_000)]) == rebate


def test_a_large_delivery_has_its_share_of_its_order(engine: Engine) -> None:
    """Of 2,000,000 pieces for 30,000,000 half is delivered: 5 % of 15,000,000."""
    rules = version("form: flat\nbasis: delivered\ntiers: [{from: 0, rate: 0.05}]")
    common = {
        "order_number": "O1",
        "order_line_number": "1",
        "partner_code": "D1",
        "partner_version_id": "D1|1900-01-01",
        "product_code": "P1",
    }
    order = {
        **common,
        "order_date": "2026-02-01",
        "status_code": "open",
        "ordered_quantity": 2_000_000,
        "net_amount": 30_000_000,
    }
    shipment = {**common, "arrival_date": "2026-02-03", "signed_quantity": 1_000_000}
    assert reached(engine, rules, [], orders=[order], shipments=[shipment]) == "750000.0000"


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


def test_a_group_is_held_against_all_of_its_partners_whoever_has_purchased(engine: Engine) -> None:
    """D1's 2,000 by February are half of both targets, and twice what D2 had bought by then last year.

    That D2 buys again in May moves neither.
    """
    group = (
        "form: {}\ncounts_together: true\npartners: {{groups: [G]}}\n{}"
        "tiers: [{{from: 0.1, rate: 0.01}}, {{from: 1, rate: 0.1}}]"
    )
    lines = [
        line("L", "2025-01-10", 1, 1000, partner_code="D2"),
        line("M", "2025-06-10", 1, 500),
        line("A", "2026-02-10", 1, 2000),
    ]
    later = [*lines, line("B", "2026-05-10", 1, 10, partner_code="D2")]
    for form, more, tier in (("target", "targets: {D1: 1000, D2: 3000}\n", 1), ("growth", "", 2)):
        rules = "groups: {G: [D1, D2]}\n" + version(group.format(form, more))
        for bought, day in ((lines, "2026-02-28"), (later, "2026-05-31")):
            world = World(rules, partners=[partner("D1"), partner("D2")], lines=bought)
            with engine.run(world, day) as connection:
                found = connection.execute(
                    "select reached_tier_number from core.fct_rebate_accruals "
                    "where partner_code = 'D1' and month_start_date = '2026-02-01'"
                ).fetchone()
            assert found == (tier,)


def test_a_group_with_a_newcomer_has_no_season(engine: Engine) -> None:
    """D1 buys for 1,000 a month, D2 for 9,000 since December: 30,000 by March are a quarter of 120,000.

    3,000 by March of last year's 21,000 would make 210,000 of them. Where D2 first buys in March, what was
    said in February stands: 2,000 of 12,000.
    """
    rules = "groups: {G: [D1, D2]}\n" + version(
        "form: flat\ncounts_together: true\npartners: {groups: [G]}\ntiers: [{from: 0, rate: 0.01}]"
    )
    own = [
        line(f"A{year}{month}", f"{year}-{month:02d}-10", 1, 1000)
        for year, months in ((2025, 12), (2026, 3))
        for month in range(1, months + 1)
    ]
    for first, found in (
        ("2025-12", {1: (120000, "run_rate"), 2: (120000, "run_rate"), 3: (120000, "run_rate")}),
        ("2026-03", {1: (12000, "season"), 2: (12000, "season"), 3: (48000, "run_rate")}),
    ):
        others = [
            line(f"B{month}", f"{month}-10", 1, 9000, partner_code="D2")
            for month in ("2025-12", "2026-01", "2026-02", "2026-03")
            if month >= first
        ]
        world = World(rules, partners=[partner("D1"), partner("D2")], lines=[*own, *others])
        with engine.run(world, "2026-03-31") as connection:
            rows = connection.execute(
                "select month(month_start_date), any_value(forecast_value::int), "
                "any_value(forecast_method_code) from core.fct_rebate_accruals group by 1"
            ).fetchall()
        assert {month: (value, method) for month, value, method in rows} == found


def test_a_tier_that_begins_above_its_value_says_that_reaching_it_is_not_enough(engine: Engine) -> None:
    """1,000 pieces by June reach a tier from 1,000, and not one that begins above 1,000 or from 1,200."""
    columns = "reached_tier_number, next_tier_distance, is_next_tier_included"
    lines = [line("A", "2026-02-03", 1000, 10000)]
    for tier, found in (
        ("from: 1000", (2, None, None)),
        ("above: 1000", (1, Decimal(0), False)),
        ("from: 1200", (1, Decimal(200), True)),
    ):
        rules = version(
            f"form: all_units\nmeasure: units\ntiers: [{{from: 0, rate: 0.05}}, {{{tier}, rate: 0.12}}]"
        )
        assert accruals(engine, rules, lines, "2026-06-30", columns) == [found]


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


def test_last_years_purchases_are_shared_as_this_years_will_be(engine: Engine) -> None:
    """B takes F1 by the quarter, A the rest by the year: of A's 4,000 of last year 1,000 had come by March.

    So its 1,000 now make 4,000, whatever quarters of B are still to come. F1 is in A again once B has ended.
    """
    rules = """
programmes:
  A: {{name_fr: A, name_en: A, order: 20, exclusive_group: X, versions: [
      {{valid_from: 2026-01-01, form: flat, tiers: [{{from: 0, rate: 0.01}}]}}]}}
  B: {{name_fr: B, name_en: B, order: 10, exclusive_group: X, versions: [
      {{valid_from: 2026-01-01, {} period_months: 3, form: flat, products: {{families: [F1]}},
       tiers: [{{from: 0, rate: 0.02}}]}}]}}
"""
    lines = [
        line(f"L{month}{product}", f"2025-{month:02d}-10", 1, 1000, product_code=product)
        for month in (1, 4, 7, 10)
        for product in ("P1", "P2")
    ]
    lines += [line(f"T{product}", "2026-01-12", 1, 1000, product_code=product) for product in ("P1", "P2")]
    for end, forecast in (("", 4000), ("valid_to: 2026-07-01,", 6000)):
        for day in ("2026-03-31", "2026-12-31"):
            with engine.run(World(rules.format(end), lines=lines), day) as connection:
                found = connection.execute(
                    "select forecast_value::int from core.fct_rebate_accruals "
                    "where programme_code = 'A' and month_start_date = '2026-03-01'"
                ).fetchone()
            assert found == (forecast,)


def test_last_years_purchases_are_not_left_to_a_programme_that_the_partner_has_left(engine: Engine) -> None:
    """D1 buys for 1,000 each month. B had its purchases while it was Gold, A has them since October 2025.

    A growth from 1,000 to 10,000 would be a rebate for nothing: it bought 10,000 in these months of both.
    """
    rules = """
programmes:
  A: {name_fr: A, name_en: A, order: 20, exclusive_group: X, versions: [
      {valid_from: 2025-01-01, form: growth, tiers: [{from: 0, rate: 0.01}, {from: 0.05, rate: 0.03}]}]}
  B: {name_fr: B, name_en: B, order: 10, exclusive_group: X, versions: [
      {valid_from: 2025-01-01, period_months: 3, form: flat, partners: {segments: [Gold]},
       tiers: [{from: 0, rate: 0.02}]}]}
"""
    partners = [
        partner("D1", segment_code="Gold", valid_to_date="2025-10-01", is_current=False),
        partner(
            "D1", partner_version_id="D1|2025-10-01", segment_code="Silver", valid_from_date="2025-10-01"
        ),
    ]
    lines = [
        line(
            f"{year}{month}",
            f"{year}-{month:02d}-10",
            1,
            1000,
            partner_version_id="D1|2025-10-01" if (year, month) >= (2025, 10) else "D1|1900-01-01",
        )
        for year, months in ((2025, 12), (2026, 10))
        for month in range(1, months + 1)
    ]
    with engine.run(World(rules, partners, lines=lines), "2026-10-31") as connection:
        found = connection.execute(
            "select forecast_value::int, reached_tier_number, reached_amount from core.fct_rebate_accruals "
            "where programme_code = 'A' and period_start_date = '2026-01-01' "
            "and month_start_date = '2026-10-01'"
        ).fetchone()
    assert found == (12000, 1, Decimal(100))


# --- forms ---


def test_growth_is_measured_against_last_year_and_may_be_paid_on_the_increment(engine: Engine) -> None:
    """10,000.00 last year, 11,500.00 now: 15 %. 2 % of all are 230.00; 10 % of the increment 150.00.

    A partner without a last year has no growth.
    """
    lines = [
        line("L", "2025-01-07", 1, 10000),
        line("A", "2026-02-03", 1, 11500),
        line("B", "2026-02-03", 1, 9000, partner_code="D2"),
    ]
    partners = [partner("D1"), partner("D2")]
    tiers = "tiers: [{from: 0.05, rate: 0.01}, {from: 0.15, rate: RATE}]"
    on_all = version("form: growth\n" + tiers.replace("RATE", "0.02"))
    columns = "partner_code, reached_tier_number, reached_amount"
    assert accruals(engine, on_all, lines, "2026-12-31", columns, partners=partners) == [
        ("D1", 2, Decimal(230)),
        ("D2", None, Decimal(0)),
    ]
    on_increment = version("form: growth\ngrowth_on: increment\n" + tiers.replace("RATE", "0.10"))
    found = accruals(engine, on_increment, lines, "2026-12-31", columns, partners=partners)
    assert found == [("D1", 2, Decimal(150)), ("D2", None, Decimal(0))]


def test_growth_so_far_is_held_against_the_same_months_of_last_year(engine: Engine) -> None:
    """4,000.00 of last year's 10,000.00 came by March: 4,400.00 now are 10 % more, 11,000.00 are expected."""
    lines = [
        line("L", "2025-01-07", 1, 4000),
        line("M", "2025-10-07", 1, 6000),
        line("A", "2026-02-03", 1, 4400),
    ]
    rules = version("form: growth\ntiers: [{from: 0.10, rate: 0.02}]")
    columns = "forecast_value, reached_tier_number, reached_amount, expected_amount, next_tier_distance"
    assert accruals(engine, rules, lines, "2026-03-31", columns) == [
        (Decimal(11000), 1, Decimal(88), Decimal(88), None)
    ]


def test_a_year_in_which_a_partner_took_part_for_some_months_is_no_last_year(engine: Engine) -> None:
    """D1 buys for 1,000 each month and is Gold since October 2025; D2 has always been.

    D1 has not grown from 3,000 to 10,000, nor will it buy 30,000 because a third of its quarter is over.
    """
    partners = [
        partner("D1", segment_code="Silver", valid_to_date="2025-10-01", is_current=False),
        partner("D1", partner_version_id="D1|2025-10-01", segment_code="Gold", valid_from_date="2025-10-01"),
        partner("D2", segment_code="Gold"),
    ]
    lines = [
        line(
            f"{who}{year}{month}",
            f"{year}-{month:02d}-10",
            1,
            1000,
            partner_code=who,
            partner_version_id="D1|2025-10-01"
            if who == "D1" and (year, month) >= (2025, 10)
            else f"{who}|1900-01-01",
        )
        for who in ("D1", "D2")
        for year, months in ((2025, 12), (2026, 10))
        for month in range(1, months + 1)
    ]
    rules = version("form: growth\npartners: {segments: [Gold]}\ntiers: [{from: 0, rate: 0.01}]")
    columns = "partner_code, forecast_value::int, forecast_method_code, reached_tier_number"
    assert accruals(engine, rules, lines, "2026-10-31", columns, partners=partners) == [
        ("D1", 12000, "run_rate", None),
        ("D2", 12000, "season", 1),
    ]


def test_a_target_is_a_partners_own(engine: Engine) -> None:
    """Nine tenths of a target give 1 %, the whole 3 %: D1 has 9,000 of 10,000, D2 5,000 of 5,000."""
    rules = version(
        """
form: target
targets: {D1: 10000, D2: 5000}
tiers: [{from: 0.9, rate: 0.01}, {from: 1, rate: 0.03}]
"""
    )
    lines = [line("A", "2026-02-03", 1, 9000), line("B", "2026-02-03", 1, 5000, partner_code="D2")]
    columns = "reached_amount, next_tier_distance"
    assert accruals(engine, rules, lines, "2026-12-31", columns, partners=[partner("D1"), partner("D2")]) == [
        (Decimal(90), Decimal(1000)),
        (Decimal(150), None),
    ]


@pytest.mark.parametrize(("first_order", "tier"), [("2025-01-31", 1), ("2025-02-01", None)])
def test_a_year_of_which_orders_are_known_in_part_is_no_year_to_grow_from(
    engine: Engine, first_order: str, tier: int | None
) -> None:
    """D1 has been invoiced since 2024, and its orders, 500 after 100, are known from some day of 2025 on."""
    rules = version("form: growth\nbasis: ordered\ntiers: [{from: 0.1, rate: 0.01}]")
    orders = [
        {
            "order_number": number,
            "order_line_number": "1",
            "partner_code": who,
            "partner_version_id": f"{who}|1900-01-01",
            "product_code": "P1",
            "order_date": day,
            "status_code": "closed",
            "ordered_quantity": 1,
            "net_amount": amount,
        }
        for number, who, day, amount in [
            ("O0", "D2", first_order, 900),
            ("O1", "D1", "2025-11-03", 100),
            ("O2", "D1", "2026-11-03", 500),
        ]
    ]
    invoiced = [line("A", "2024-02-03", 1, 100)]
    partners = [partner("D1"), partner("D2")]
    found = accruals(
        engine,
        rules,
        invoiced,
        "2026-12-31",
        "partner_code, reached_tier_number",
        orders=orders,
        partners=partners,
    )
    assert found == [("D1", tier)]


def test_loyalty_counts_the_months_with_purchases(engine: Engine) -> None:
    """Purchases in two of three months give 100.00 by the quarter."""
    rules = version(
        "form: loyalty\nperiod_months: 3\ntiers: [{from: 2, amount: 100}, {from: 3, amount: 200}]"
    )
    lines = [line("A", "2026-01-13", 1, 500), line("B", "2026-03-03", 1, 500)]
    assert reached(engine, rules, lines, "2026-03-31") == "100.0000"


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        # January alone, which goes on: every month so far.
        ("2026-01-14", 3),
        # Both months that are over; March has begun and nothing has been bought in it yet.
        ("2026-03-02", 3),
        # Without a purchase in March it is two of three.
        ("2026-03-31", 2),
    ],
)
def test_a_month_that_goes_on_is_no_month_without_purchases(
    engine: Engine, as_of: str, expected: int
) -> None:
    rules = version(
        "form: loyalty\nperiod_months: 3\n"
        "tiers: [{from: 1, rate: 0.01}, {from: 2, rate: 0.02}, {from: 3, rate: 0.03}]"
    )
    lines = [line("A", "2026-01-13", 1, 500), line("B", "2026-02-03", 1, 500)]
    assert accruals(engine, rules, lines, as_of, "expected_tier_number") == [(expected,)]


def test_purchases_without_a_rate_are_counted_and_no_year_to_grow_from(engine: Engine) -> None:
    """D1 bought 1,000.00 and something in a currency without a rate: 1 % of 1,000.00 and a line beside it; by
    loyalty it bought in two months. A year ago nobody knows for how much it bought, so there is no growth but
    that of units, from 56 to 100.
    """
    lines = [
        line("A", "2025-02-03", 5, 100),
        line("B", "2025-03-03", 50, None),
        line("C", "2026-02-03", 10, 1000),
        line("D", "2026-03-03", 90, None),
        line("E", "2025-01-03", 1, 10),
    ]
    flat = version("form: flat\ntiers: [{from: 0, rate: 0.01}]")
    columns = "base_quantity, base_amount, unvalued_line_count, reached_amount"
    assert accruals(engine, flat, lines, "2026-03-31", columns) == [
        (Decimal(100), Decimal(1000), 1, Decimal(10))
    ]
    loyalty = version("form: loyalty\ntiers: [{from: 2, rate: 0.01}]")
    assert accruals(engine, loyalty, lines, "2026-03-31", "measured_value") == [(Decimal(2),)]
    growth = "form: growth\ntiers: [{from: 0.1, rate: 0.01}]"
    columns = "reached_tier_number, forecast_method_code"
    assert accruals(engine, version(growth), lines, "2026-03-31", columns) == [(None, "run_rate")]
    by_units = version(f"measure: units\n{growth}")
    assert accruals(engine, by_units, lines, "2026-03-31", columns) == [(1, "season")]


@pytest.mark.parametrize(
    ("part", "rebate"), [("{family: F2, value: 150}", "10.0000"), ("{family: F2, share: 0.2}", "0.0000")]
)
def test_a_bundle_asks_for_each_of_its_parts(engine: Engine, part: str, rebate: str) -> None:
    """850.00 of F1 and 150.00 of F2: a value of 150 is there, a share of 20 % is not."""
    rules = version(
        f"form: flat\nminimums: [{{family: F1, value: 500}}, {part}]\ntiers: [{{from: 0, rate: 0.01}}]"
    )
    lines = [line("A", "2026-02-03", 1, 850), line("B", "2026-02-03", 1, 150, product_code="P2")]
    assert reached(engine, rules, lines) == rebate


@pytest.mark.parametrize(
    ("limit", "rebate"),
    [
        ("cap_amount: 40", "40.0000"),
        ("floor_amount: 60", "60.0000"),
        ("minimum_payment_amount: 50.01", "0.0000"),
        ("minimum_payment_amount: 50", "50.0000"),
    ],
)
def test_caps_floors_and_least_payments_bound_the_rebate(engine: Engine, limit: str, rebate: str) -> None:
    """5 % of 1,000.00 are 50.00."""
    rules = version(f"form: flat\n{limit}\ntiers: [{{from: 0, rate: 0.05}}]")
    assert reached(engine, rules, [line("A", "2026-02-03", 1, 1000)]) == rebate


@pytest.mark.parametrize(("kind", "rebate"), [("per_unit: 0.1", "30.0000"), ("amount: 75", "75.0000")])
def test_a_tier_may_give_an_amount_per_unit_or_at_all(engine: Engine, kind: str, rebate: str) -> None:
    rules = version(f"form: all_units\nmeasure: units\ntiers: [{{from: 100, {kind}}}]")
    assert reached(engine, rules, [line("A", "2026-02-03", 300, 4000)]) == rebate


# --- bases ---


def test_what_counts_is_what_was_ordered_delivered_invoiced_or_paid(engine: Engine) -> None:
    """Ordered 1,000.00, of it three tenths delivered; invoiced 400.00, of it A (150.00) paid."""
    order = {
        "order_number": "O1",
        "order_line_number": "1",
        "partner_code": "D1",
        "partner_version_id": "D1|1900-01-01",
        "product_code": "P1",
        "order_date": "2026-02-03",
        "status_code": "open",
        "ordered_quantity": 10,
        "net_amount": 1000,
    }
    cancelled = {**order, "order_number": "O2", "status_code": "cancelled"}
    shipment = {
        "order_number": "O1",
        "order_line_number": "1",
        "partner_code": "D1",
        "partner_version_id": "D1|1900-01-01",
        "product_code": "P1",
        "arrival_date": "2026-02-06",
        "signed_quantity": 3,
    }
    lines = [line("A", "2026-02-06", 2, 150), line("B", "2026-02-06", 2, 250)]
    payments = [payment("A", "2026-03-20", 180)]
    for basis, rebate in (
        ("ordered", "100.0000"),
        ("delivered", "30.0000"),
        ("invoiced", "40.0000"),
        ("paid", "15.0000"),
    ):
        rules = version(f"form: flat\nbasis: {basis}\ntiers: [{{from: 0, rate: 0.10}}]")
        world = World(rules, lines=lines, orders=[order, cancelled], shipments=[shipment], payments=payments)
        with engine.run(world, "2026-03-31") as connection:
            accrued = connection.execute(
                "select reached_amount::varchar from core.fct_rebate_accruals "
                "where month_start_date = '2026-03-01'"
            ).fetchall()
            carried = connection.execute(
                "select sum(reached_amount)::varchar, list(invoice_line_id order by invoice_line_id) "
                "from core.fct_rebate_lines"
            ).fetchall()
        assert accrued == [(rebate,)]
        assert carried == [(rebate, ["A|1"] if basis == "paid" else ["A|1", "B|1"])]


@pytest.mark.parametrize(
    ("totals", "rebate"), [({}, "50.0000"), ({"A": 240, "B": 360}, "20.0000")], ids=["net", "with tax"]
)
def test_what_is_paid_counts_once_the_invoice_is_settled(
    engine: Engine, totals: dict[str, int], rebate: str
) -> None:
    """10 % of 200 and 300 before tax. 240 settle A; of B's 360 came 300, which is all that is owed as far as
    no tax is known."""
    rules = version("form: flat\nbasis: paid\ntiers: [{from: 0, rate: 0.10}]")
    lines = [line("A", "2026-02-06", 2, 200), line("B", "2026-02-06", 2, 300)]
    payments = [
        payment("A", "2026-03-10", 40),
        payment("A", "2026-03-20", 200),
        payment("B", "2026-03-20", 300),
    ]
    assert reached(engine, rules, lines, "2026-03-31", payments=payments, totals=totals) == rebate


# --- conditions ---


@pytest.mark.parametrize(
    ("condition", "status", "rebate"),
    [
        ("paid_on_time: {minimum_share: 0.6}", "met", "10.0000"),
        ("paid_on_time: {minimum_share: 0.61}", "unmet", "0.0000"),
        ("reporting_complete: {minimum_share: 0.5}", "met", "10.0000"),
        ("reporting_complete: {}", "unmet", "0.0000"),
        ("certified: {when_unknown: grant}", "unknown", "10.0000"),
        ("certified: {}", "unknown", "0.0000"),
    ],
)
def test_conditions_hold_the_rebate_back_unless_the_rule_says_otherwise(
    engine: Engine, condition: str, status: str, rebate: str
) -> None:
    """600.00 of 1,000.00 were paid by their due date; one of two reports came. The one that is missing
    carries sales and stock, and is one report.
    """
    rules = version(f"form: flat\nconditions: {{{condition}}}\ntiers: [{{from: 0, rate: 0.01}}]")
    lines = [
        line("A", "2026-02-03", 1, 600, due_date="2026-03-05"),
        line("B", "2026-02-03", 1, 400, due_date="2026-03-05"),
    ]
    payments = [
        payment("A", "2026-03-05", 720),
        payment("B", "2026-03-06", 480),
    ]
    report = {"partner_code": "D1", "feed_code": "F1", "is_expected": True, "is_of_record": True}
    january = {**report, "period_start_date": "2026-01-01", "due_date": "2026-02-10"}
    february = {**report, "period_start_date": "2026-02-01", "due_date": "2026-03-10"}
    reports = [
        {
            **january,
            "report_kind_code": "sell_out",
            "is_reported": True,
            "received_at": "2026-02-09 08:00:00",
        },
        {**february, "report_kind_code": "sell_out", "is_reported": False},
        {**february, "report_kind_code": "inventory", "is_reported": False},
    ]
    name = "reporting" if condition.startswith("reporting") else condition.partition(":")[0]
    columns = f"{name}_status_code, reached_amount::varchar, withheld_amount + reached_amount"
    found = accruals(engine, rules, lines, "2026-03-31", columns, payments=payments, reports=reports)
    assert found == [(status, rebate, Decimal(10))]


@pytest.mark.parametrize(
    ("condition", "as_of", "status"),
    [
        ("certified: {}", "2026-01-31", "unknown"),  # the register begins in February
        ("certified: {}", "2026-02-28", "unmet"),  # someone else was trained
        ("certified: {}", "2026-03-15", "met"),  # from 10 March
        ("certified: {}", "2026-04-30", "unmet"),  # until 20 April
        ("certified: {certification: GOLD}", "2026-03-31", "unmet"),
        ("certified: {certification: BASE}", "2026-03-31", "met"),
    ],
)
def test_a_certificate_counts_while_it_holds_at_the_month_s_end(
    engine: Engine, condition: str, as_of: str, status: str
) -> None:
    rules = version(f"form: flat\nconditions: {{{condition}}}\ntiers: [{{from: 0, rate: 0.01}}]")
    trainings = [
        {"training_number": "1", "partner_code": "D2", "training_date": "2026-02-05"},
        {
            "training_number": "2",
            "partner_code": "D1",
            "training_date": "2026-03-09",
            "certification_code": "BASE",
            "certified_from_date": "2026-03-10",
            "certified_to_date": "2026-04-20",
        },
    ]
    lines = [line("A", "2026-01-15", 1, 1000)]
    found = accruals(
        engine, rules, lines, as_of, "certified_status_code, reached_amount::varchar", trainings=trainings
    )
    assert found == [(status, "10.0000" if status == "met" else "0.0000")]


def test_a_certificate_that_lapses_after_the_period_takes_nothing_back(engine: Engine) -> None:
    rules = version("form: flat\nconditions: {certified: {}}\ntiers: [{from: 0, rate: 0.01}]")
    training = {
        "training_number": "1",
        "partner_code": "D1",
        "training_date": "2026-03-09",
        "certified_from_date": "2026-03-10",
        "certified_to_date": "2027-01-20",
    }
    lines = [line("A", "2026-01-15", 1, 1000)]
    found = accruals(
        engine,
        rules,
        lines,
        "2027-03-31",
        "certified_status_code, reached_amount::varchar",
        trainings=[training],
    )
    assert found == [("met", "10.0000")]


def test_a_group_is_certified_if_each_of_its_partners_is(engine: Engine) -> None:
    rules = "groups: {G: [D1, D2]}\n" + version(
        "form: flat\ncounts_together: true\npartners: {groups: [G]}\n"
        "conditions: {certified: {}}\ntiers: [{from: 0, rate: 0.01}]"
    )
    certificate = {
        "training_date": "2026-01-05",
        "certification_code": "BASE",
        "certified_from_date": "2026-01-05",
        "certified_to_date": "9999-12-31",
    }
    one = [{**certificate, "training_number": "1", "partner_code": "D1"}]
    both = [*one, {**certificate, "training_number": "2", "partner_code": "D2"}]
    lines = [line("A", "2026-01-15", 1, 1000), line("B", "2026-01-15", 1, 500, partner_code="D2")]
    more = {"partners": [partner("D1"), partner("D2")]}
    for trainings, status in ((one, "unmet"), (both, "met")):
        found = accruals(
            engine, rules, lines, "2026-03-31", "certified_status_code", trainings=trainings, **more
        )
        assert set(found) == {(status,)}


def test_a_partner_of_a_group_is_judged_from_its_first_purchase_on(engine: Engine) -> None:
    """D2 has no certificate and pays nothing. What was met in April stays so when it purchases in May."""
    rules = "groups: {G: [D1, D2]}\n" + version(
        "form: flat\ncounts_together: true\npartners: {groups: [G]}\nproducts: {codes: [P1]}\n"
        "conditions: {certified: {}, paid_on_time: {minimum_share: 0.9}}\ntiers: [{from: 0, rate: 0.01}]"
    )
    certificate = {
        "training_number": "1",
        "partner_code": "D1",
        "training_date": "2026-01-05",
        "certification_code": "BASE",
        "certified_from_date": "2026-01-05",
        "certified_to_date": "9999-12-31",
    }
    lines = [
        line("A", "2026-01-15", 1, 1000, due_date="2026-02-15"),
        line("X", "2026-01-15", 1, 5000, partner_code="D2", product_code="P2", due_date="2026-02-15"),
        line("B", "2026-05-15", 1, 500, partner_code="D2"),
    ]
    world = World(
        rules,
        partners=[partner("D1"), partner("D2")],
        lines=lines,
        payments=[payment("A", "2026-02-10", 1000)],
        trainings=[certificate],
    )
    with engine.run(world, "2026-05-31") as connection:
        found = connection.execute(
            "select strftime(month_start_date, '%m'), certified_status_code, paid_on_time_status_code, "
            "expected_amount::int from core.fct_rebate_accruals "
            "where partner_code = 'D1' and month_start_date >= '2026-04-01' order by 1"
        ).fetchall()
    assert found == [("04", "met", "met", 10), ("05", "unmet", "unmet", 0)]


def test_what_is_not_connected_is_unknown(engine: Engine) -> None:
    rules = version(
        "form: flat\n"
        "conditions: {paid_on_time: {when_unknown: grant}, reporting_complete: {when_unknown: grant}}\n"
        "tiers: [{from: 0, rate: 0.01}]"
    )
    lines = [line("A", "2026-02-03", 1, 600, due_date="2026-03-05")]
    columns = "paid_on_time_status_code, reporting_status_code, reached_amount"
    assert accruals(engine, rules, lines, "2026-03-31", columns) == [("unknown", "unknown", Decimal(6))]


# --- from month to month ---


def monthly(engine: Engine, world: World, as_of: str, columns: str) -> list[tuple[Any, ...]]:
    with engine.run(world, as_of) as connection:
        return connection.execute(
            f"select strftime(month_start_date, '%Y-%m'), {columns} "
            "from marts.mart_rebate_accruals_monthly order by 1"
        ).fetchall()


def test_interim_payments_are_netted_at_the_end(engine: Engine) -> None:
    """7,000 at 2 % are 140 in the interim; 27,000 at 4 % are 1,080 at the year's end; 940 are left."""
    rules = version(
        "form: all_units\ninstalment_months: 6\ntiers: [{from: 0, rate: 0.02}, {from: 20000, rate: 0.04}]"
    )
    lines = [line("A", "2026-03-03", 1, 7000), line("B", "2026-09-01", 1, 20000)]
    paid = {
        "programme_code": "P",
        "partner_code": "D1",
        "period_start_date": "2026-01-01",
        "payment_date": "2026-07-10",
        "paid_amount": 140,
        "reference": "AV-1",
        "source_file": "rules/rebate_payments.csv",
        "source_row": 1,
    }
    columns = "due_to_date_amount::int, settled_to_date_amount::int, payable_amount::int"
    found = monthly(engine, World(rules, lines=lines, settlements=[paid]), "2026-12-31", columns)
    assert [row for row in found if row[0] in ("2026-05", "2026-06", "2026-07", "2026-11", "2026-12")] == [
        ("2026-05", 0, 0, 0),
        ("2026-06", 140, 0, 140),
        ("2026-07", 140, 140, 0),
        ("2026-11", 140, 140, 0),
        ("2026-12", 1080, 140, 940),
    ]
    for day, due in (("2026-06-29", 0), ("2026-06-30", 140), ("2026-12-30", 140), ("2026-12-31", 1080)):
        found = monthly(engine, World(rules, lines=lines), day, "due_to_date_amount::int")
        assert found[-1] == (day[:7], due)


def test_what_was_paid_too_much_is_clawed_back(engine: Engine) -> None:
    """1,001 pieces earned 1,201.20, and that was paid; a credit note of February leaves 792.80."""
    lines = [
        line("A", "2026-02-03", 1001, 10010),
        line("K", "2027-02-02", -10, -100, invoice_type="credit_note", original_invoice_number="A"),
    ]
    paid = {
        "programme_code": "P",
        "partner_code": "D1",
        "period_start_date": "2026-01-01",
        "payment_date": "2027-01-15",
        "paid_amount": "1201.20",
        "reference": "AV-1",
        "source_file": "rules/rebate_payments.csv",
        "source_row": 1,
    }
    columns = (
        "accrual_amount::varchar, prior_period_adjustment_amount::varchar, rate_adjustment_amount::varchar, "
        "payable_amount::varchar, balance_amount::varchar"
    )
    found = monthly(engine, World(GRID, lines=lines, settlements=[paid]), "2027-02-28", columns)
    # The 10 pieces at 8 %: 8.00 less; the rate from 12 to 8 % on 10,010.00: 400.40 less.
    assert found[-2:] == [
        ("2027-01", "0.0000", "0.0000", "0.0000", "0.0000", "0.0000"),
        ("2027-02", "-408.4000", "-8.0000", "-400.4000", "-408.4000", "-408.4000"),
    ]


def test_a_lost_tier_is_a_negative_accrual_by_its_rate(engine: Engine) -> None:
    """500 in June: 1,000 expected, 4 % = 20.00. 100 more in July: 1,028.57 expected, still 4 % = 24.00.

    Nothing in August: 900 expected, 2 % = 12.00.
    """
    rules = version("form: all_units\ntiers: [{from: 0, rate: 0.02}, {from: 1000, rate: 0.04}]")
    lines = [line("A", "2026-06-02", 1, 500), line("B", "2026-07-02", 1, 100)]
    columns = (
        "expected_amount::varchar, accrual_amount::varchar, base_accrual_amount::varchar, "
        "rate_adjustment_amount::varchar"
    )
    found = monthly(engine, World(rules, lines=lines), "2026-12-31", columns)
    assert found[5:8] == [
        ("2026-06", "20.0000", "20.0000", "20.0000", "0.0000"),
        ("2026-07", "24.0000", "4.0000", "4.0000", "0.0000"),
        ("2026-08", "12.0000", "-12.0000", "0.0000", "-12.0000"),
    ]


def test_without_any_payment_handed_in_settlements_are_not_known(engine: Engine) -> None:
    columns = "settled_amount, balance_amount, settlement_reason_code"
    found = monthly(engine, World(GRID, lines=[line("A", "2026-01-06", 100, 1000)]), "2026-01-31", columns)
    assert found == [("2026-01", None, None, "settlements_not_connected")]


def test_entitlements_begin_with_the_month_after_their_tier(engine: Engine) -> None:
    """500 pieces in March, 501 more in June."""
    lines = [line("A", "2026-03-03", 500, 5000), line("B", "2026-06-02", 501, 5010)]
    with engine.run(World(GRID, lines=lines), "2026-12-31") as connection:
        found = connection.execute(
            "select entitlement_code, valid_from_date::varchar, valid_to_date::varchar, status_code "
            "from core.fct_entitlements order by tier_number"
        ).fetchall()
    assert found == [
        ("marketing_support", "2026-04-01", "2027-04-01", "granted"),
        ("territorial_exclusivity", "2026-07-01", "2027-01-01", "granted"),
    ]
    with engine.run(World(GRID, lines=lines[:1]), "2026-03-31") as connection:
        found = connection.execute(
            "select entitlement_code, valid_from_date::varchar, status_code "
            "from core.fct_entitlements order by tier_number"
        ).fetchall()
    # 500 in three months of twelve: 2,000 expected.
    assert found == [
        ("marketing_support", "2026-04-01", "granted"),
        ("territorial_exclusivity", None, "expected"),
    ]
