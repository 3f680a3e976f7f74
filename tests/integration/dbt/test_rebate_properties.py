"""The rebate engine against an independent implementation, and what must hold whatever the purchases."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.dbt.rebate_engine import Engine, Row, World, line, partner

EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
PARTNERS = ("D1", "D2", "D3")


@dataclass(frozen=True)
class Purchase:
    """A line of one invoice; `credited` gives the month of a credit note over a part of it."""

    partner: str
    product: str
    year: int
    month: int
    units: int
    cents: int
    credited: int | None


@dataclass(frozen=True)
class Terms:
    form: str
    measure: str
    reward: str
    tiers: tuple[tuple[int, bool, Fraction], ...]

    def yaml(self, extra: str = "") -> str:
        key = {True: "from", False: "above"}
        tiers = ", ".join(
            f"{{{key[included]}: {value}, {self.reward}: {float(reward)}}}"
            for value, included, reward in self.tiers
        )
        terms = f"form: {self.form}, measure: {self.measure}, {extra} tiers: [{tiers}]"
        return f"{{valid_from: 2026-01-01, {terms}}}"


purchases = st.lists(
    st.builds(
        Purchase,
        partner=st.sampled_from(PARTNERS),
        product=st.sampled_from(("P1", "P2")),
        year=st.sampled_from((2025, 2026, 2026)),
        month=st.integers(1, 12),
        units=st.integers(1, 400),
        cents=st.integers(1, 400_000),
        credited=st.one_of(st.none(), st.integers(1, 14)),
    ),
    min_size=1,
    max_size=25,
)


@st.composite
def terms(draw: Any) -> Terms:
    form = draw(st.sampled_from(("all_units", "stepped")))
    measure = draw(st.sampled_from(("units", "amount")))
    kinds = ["rate", "amount"] + (["per_unit"] if (form, measure) != ("stepped", "amount") else [])
    reward = draw(st.sampled_from(kinds))
    values = sorted(draw(st.sets(st.integers(0, 1500), min_size=1, max_size=4)))
    rewards = sorted(draw(st.lists(st.integers(1, 30), min_size=len(values), max_size=len(values))))
    per = {"rate": 100, "per_unit": 10, "amount": Fraction(1, 10)}[reward]
    return Terms(
        form,
        measure,
        reward,
        tuple(
            (value, draw(st.booleans()), Fraction(points) / per)
            for value, points in zip(values, rewards, strict=True)
        ),
    )


def lines_of(bought: list[Purchase]) -> list[Row]:
    """Invoices on the 10th of a month, and credit notes over half of the units and a third of the amount."""
    rows = []
    for number, one in enumerate(bought):
        day = f"{one.year}-{one.month:02d}-10"
        name = f"I{number:03d}"
        amount = Decimal(one.cents) / 100
        common = {"partner_code": one.partner, "product_code": one.product}
        rows.append(line(name, day, one.units, amount, **common))
        if one.credited is not None:
            later = one.year * 12 + one.month - 1 + one.credited
            rows.append(
                line(
                    f"C{number:03d}",
                    f"{later // 12}-{later % 12 + 1:02d}-20",
                    -(one.units // 2),
                    -Decimal(one.cents // 3) / 100,
                    invoice_type="credit_note",
                    original_invoice_number=name,
                    **common,
                )
            )
    return rows


# --- the independent implementation ---


def months(year: int, month: int) -> int:
    return year * 12 + month - 1


def movements(bought: list[Purchase], who: str) -> list[tuple[int, int, int, int]]:
    """(month in which it counts, month from which it is known, units, cents) of a partner's documents."""
    found = []
    for one in bought:
        if one.partner == who:
            at = months(one.year, one.month)
            found.append((at, at, one.units, one.cents))
            if one.credited is not None:
                found.append((at, at + one.credited, -(one.units // 2), -(one.cents // 3)))
    return found


def give(terms: Terms, value: Fraction, units: Fraction, amount: Fraction) -> Fraction:
    """The rebate for that value, in euros."""
    hit = [
        place
        for place, (begin, included, _) in enumerate(terms.tiers)
        if value > begin or (included and value == begin)
    ]
    if not hit:
        return Fraction(0)
    top = max(hit)
    if terms.form == "all_units":
        reward = terms.tiers[top][2]
        return {"rate": amount * reward, "per_unit": units * reward, "amount": reward}[terms.reward]
    if terms.reward == "amount":
        return sum((terms.tiers[place][2] for place in range(top + 1)), Fraction(0))
    total = Fraction(0)
    for place in range(top + 1):
        end = terms.tiers[place + 1][0] if place < top else value
        total += (end - terms.tiers[place][0]) * terms.tiers[place][2]
    return total * amount / value if terms.measure == "units" and terms.reward == "rate" else total


def cents(value: Fraction) -> Decimal:
    """Half away from zero."""
    whole = abs(value) * 100 + Fraction(1, 2)
    sign = 1 if value >= 0 else -1
    return Decimal(sign * (whole.numerator // whole.denominator)) / 100


def reference(terms: Terms, bought: list[Purchase], who: str, month: int) -> tuple[Decimal, Decimal]:
    """Reached and expected at the end of that month of 2026."""
    now, start = months(2026, month), months(2026, 1)
    mine = movements(bought, who)
    index = 2 if terms.measure == "units" else 3
    scale = 1 if terms.measure == "units" else 100
    this = [entry for entry in mine if start <= entry[0] and entry[1] <= now]
    units = Fraction(sum(entry[2] for entry in this))
    amount = Fraction(sum(entry[3] for entry in this), 100)
    value = units if terms.measure == "units" else amount
    reached = cents(give(terms, value, units, amount))
    if month == 12:
        return reached, reached
    last = [entry for entry in mine if entry[0] < start and entry[1] <= now]
    whole = Fraction(sum(entry[index] for entry in last), scale)
    part = Fraction(sum(entry[index] for entry in last if entry[0] + 12 <= now), scale)
    first = min(entry[1] for entry in mine)
    share = part / whole if first <= start - 12 and part > 0 and whole > 0 else Fraction(month, 12)
    forecast = rounded(value / share, 4)
    if terms.form == "all_units":
        expected = give(terms, forecast, units, amount) * (share if terms.reward == "amount" else 1)
    elif terms.measure == "units" and terms.reward == "rate":
        expected = give(terms, forecast, units, amount)
    else:
        expected = give(terms, forecast, units, amount) * share
    return reached, cents(expected)


def rounded(value: Fraction, digits: int) -> Fraction:
    whole = abs(value) * 10**digits + Fraction(1, 2)
    sign = 1 if value >= 0 else -1
    return Fraction(sign * (whole.numerator // whole.denominator), 10**digits)


# --- properties ---


@EXAMPLES
@given(terms(), purchases, st.integers(1, 12))
def test_rebates_are_those_of_an_independent_implementation(
    engine: Engine, terms: Terms, bought: list[Purchase], month: int
) -> None:
    rules = f"programmes: {{P: {{name_fr: P, name_en: P, versions: [{terms.yaml()}]}}}}"
    world = World(rules, partners=[partner(code) for code in PARTNERS], lines=lines_of(bought))
    as_of = date(2026 + month // 12, month % 12 + 1, 1).toordinal() - 1
    with engine.run(world, date.fromordinal(as_of).isoformat()) as connection:
        found = connection.execute(
            "select partner_code, month(month_start_date), reached_amount, expected_amount "
            "from core.fct_rebate_accruals order by all"
        ).fetchall()
        on_lines = dict(
            connection.execute(
                "select partner_code, [sum(reached_amount), sum(expected_amount)] "
                "from core.fct_rebate_lines group by 1"
            ).fetchall()
        )
        repeated = connection.execute(
            "select invoice_line_id from core.fct_rebate_lines where invoice_line_id is not null "
            "group by 1 having count(*) > 1"
        ).fetchall()
    assert {row[0] for row in found} == {
        one.partner for one in bought if one.year == 2026 and one.month <= month
    }
    for who, at, *amounts in found:
        assert tuple(amounts) == reference(terms, bought, who, at), (who, at)
        if at == month:
            assert on_lines.get(who, [0, 0]) == amounts
    assert repeated == []


@EXAMPLES
@given(terms(), purchases, st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(
    engine: Engine, terms: Terms, bought: list[Purchase], chance: random.Random
) -> None:
    rules = f"programmes: {{P: {{name_fr: P, name_en: P, versions: [{terms.yaml()}]}}}}"
    lines = lines_of(bought)
    shuffled = list(lines)
    chance.shuffle(shuffled)
    tables = []
    for order in (lines, shuffled):
        world = World(rules, partners=[partner(code) for code in PARTNERS], lines=order)
        with engine.run(world, "2026-12-31") as connection:
            tables.append(
                connection.execute("select * from core.fct_rebate_lines order by rebate_line_id").fetchall()
            )
    assert tables[0] == tables[1]


@EXAMPLES
@given(terms(), purchases, st.integers(1, 400), st.integers(1, 400_000))
def test_who_buys_more_earns_no_less(
    engine: Engine, terms: Terms, bought: list[Purchase], units: int, amount: int
) -> None:
    """Rewards rise with the tiers here; slices of units are paid at the mean price, which must not fall."""
    if (terms.measure, terms.reward) == ("units", "rate"):
        amount = max(amount, 1_000 * units)
        bought = [
            Purchase(o.partner, o.product, o.year, o.month, o.units, 10 * o.units, None) for o in bought
        ]
    rules = f"programmes: {{P: {{name_fr: P, name_en: P, versions: [{terms.yaml()}]}}}}"
    earned = []
    more = Purchase("D1", "P1", 2026, 12, units, amount, None)
    for order in (bought, [*bought, more]):
        world = World(rules, partners=[partner(code) for code in PARTNERS], lines=lines_of(order))
        with engine.run(world, "2026-12-31") as connection:
            row = connection.execute(
                "select coalesce(sum(reached_amount), 0) from core.fct_rebate_accruals "
                "where partner_code = 'D1' and month_start_date = '2026-12-01'"
            ).fetchone()
        assert row is not None
        earned.append(row[0])
    assert earned[1] >= earned[0]


@EXAMPLES
@given(terms(), terms(), purchases)
def test_exclusive_programmes_never_share_a_line_and_groups_lose_no_cent(
    engine: Engine, first: Terms, second: Terms, bought: list[Purchase]
) -> None:
    """A takes product P1 for all partners, B what is left, counted together for D1 and D2."""
    only = "products: {codes: [P1]},"
    together = "counts_together: true, partners: {groups: [G], codes: [D3]},"
    rules = (
        "groups: {G: [D1, D2]}\n"
        "programmes:\n"
        f"  A: {{name_fr: A, name_en: A, order: 1, exclusive_group: X, "
        f"versions: [{first.yaml(only)}]}}\n"
        f"  B: {{name_fr: B, name_en: B, order: 2, exclusive_group: X, "
        f"versions: [{second.yaml(together)}]}}\n"
    )
    world = World(rules, partners=[partner(code) for code in PARTNERS], lines=lines_of(bought))
    with engine.run(world, "2026-12-31") as connection:
        shared = connection.execute(
            "select invoice_line_id from core.fct_rebate_lines where invoice_line_id is not null "
            "group by 1 having count(*) > 1"
        ).fetchall()
        strange = connection.execute(
            "select * from core.fct_rebate_lines where (programme_code = 'A') <> (product_code = 'P1') "
            "and invoice_line_id is not null"
        ).fetchall()
        group = connection.execute(
            "select coalesce(sum(reached_amount), 0) from core.fct_rebate_accruals "
            "where programme_code = 'B' and group_code = 'G' and month_start_date = '2026-12-01'"
        ).fetchone()
    assert (shared, strange) == ([], [])
    pooled = [
        Purchase("D1", o.product, o.year, o.month, o.units, o.cents, o.credited)
        for o in bought
        if o.partner in ("D1", "D2") and o.product == "P2" and o.year == 2026
    ]
    assert group == (reference(second, pooled, "D1", 12)[0] if pooled else 0,)
