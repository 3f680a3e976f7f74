"""What the sample company's rebate programmes come to, worked out from the documents in whole cents.

Accounts and answer key follow it. The programmes are those of `examples/demo/rules/rebates.yml`, written
here a second time on purpose: whoever computes them from the rules must find the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from connectors.sample import plants
from connectors.sample.cast import PARTNERS, START, Partner
from connectors.sample.catalogue import Listings, Product
from connectors.sample.documents import Documents

FIRST_YEAR: Final = 2025
GAUGES: Final = "RFA-MAN"
PURCHASES: Final = "RFA-CA"
GAUGE_FAMILY: Final = "MAN"
GAUGE_PERCENT: Final = ((100, True, 5), (500, True, 8), (1000, False, 12))
"""Pieces, whether they themselves reach the tier, and the percentage of all purchases of the family."""
PURCHASE_PERCENT: Final = ((20_000_000, 1), (50_000_000, 2), (100_000_000, 3))
"""Cents from which each slice of all purchases earns a percentage."""
SEGMENTS: Final = ("Gold", "Silver")


@dataclass(frozen=True)
class Accrual:
    """The rebate on a year's purchases as it stands at a month's end, at the tiers reached and expected.

    Amounts in cents. The year's own months come first, then those in which it is over.
    """

    programme: str
    partner: str
    year: int
    month_end: date
    pieces: int
    purchased: int
    reached: int
    expected: int


@dataclass(frozen=True)
class Settlement:
    """A payment of a rebate, in cents."""

    programme: str
    partner: str
    year: int
    day: date
    amount: int
    reference: str


@dataclass(frozen=True)
class _Movement:
    """A line in months since the year 0: when it counts, and from when on it is known."""

    counted: int
    known: int
    pieces: int
    cents: int


def accruals(
    products: tuple[Product, ...], listings: Listings, documents: Documents, as_of: date
) -> list[Accrual]:
    """All accruals at the ends of the whole months up to `as_of`, by programme, partner and month."""
    gauges, purchases = _movements(products, listings, documents)
    found = []
    for partner in PARTNERS:
        first = min((one.known for one in purchases[partner.code]), default=None)
        for programme, movements in ((GAUGES, gauges), (PURCHASES, purchases)):
            if first is not None and _takes_part(programme, partner):
                found += [
                    _accrual(programme, partner.code, movements[partner.code], first, year, end)
                    for end in _month_ends(as_of)
                    for year in range(FIRST_YEAR, end.year + 1)
                ]
    return sorted(found, key=lambda one: (one.programme, one.partner, one.year, one.month_end))


def monthly(found: list[Accrual]) -> Iterator[tuple[Accrual, int]]:
    """Each accrual with what the month changed of it, in cents."""
    former: dict[tuple[str, str, int], int] = {}
    for one in found:
        key = (one.programme, one.partner, one.year)
        yield one, one.expected - former.get(key, 0)
        former[key] = one.expected


def settlements(found: list[Accrual]) -> list[Settlement]:
    """What was paid in July on purchases of the first half-year, and in March of the year after the rest.

    One partner has not agreed to its year-end rebate yet, and was not paid.
    """
    reached = {(one.programme, one.partner, one.year, one.month_end): one.reached for one in found}
    paid = []
    for programme, partner, year in sorted({(one.programme, one.partner, one.year) for one in found}):
        interim = 0
        if programme == PURCHASES:
            interim = reached.get((programme, partner, year, date(year, 6, 30)), 0)
            if interim and (programme, partner, year, date(year, 7, 31)) in reached:
                reference = f"ACOMPTE-{programme}-{year}-{partner}"
                paid.append(Settlement(programme, partner, year, date(year, 7, 31), interim, reference))
        known = date(year + 1, 3, 1) - timedelta(days=1)
        rest = reached.get((programme, partner, year, known), 0) - interim
        is_paid = (programme, partner, year, date(year + 1, 3, 31)) in reached
        if rest and is_paid and (programme, partner) != (GAUGES, plants.CAPPED):
            reference = f"SOLDE-{programme}-{year}-{partner}"
            paid.append(Settlement(programme, partner, year, date(year + 1, 3, 31), rest, reference))
    return paid


def _takes_part(programme: str, partner: Partner) -> bool:
    if programme == GAUGES:
        return partner.channel == "regional_distributor"
    return partner.segment in SEGMENTS


def _number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _year(number: int) -> int:
    return number // 12


def _month_ends(as_of: date) -> Iterator[date]:
    first = date(FIRST_YEAR, 1, 1)
    while True:
        after = (first + timedelta(days=32)).replace(day=1)
        if after - timedelta(days=1) > as_of:
            return
        yield after - timedelta(days=1)
        first = after


def _movements(
    products: tuple[Product, ...], listings: Listings, documents: Documents
) -> tuple[dict[str, list[_Movement]], dict[str, list[_Movement]]]:
    """Lines by partner: those of the gauges, and all. A credit note counts in its invoice's month."""
    invoices = documents.invoices
    gauges: dict[str, list[_Movement]] = defaultdict(list)
    purchases: dict[str, list[_Movement]] = defaultdict(list)
    months = [_number(START + timedelta(days=day)) for day in invoices.day.tolist()]
    originals = invoices.original.tolist()
    partners = invoices.partner.tolist()
    rows = zip(
        invoices.document.tolist(),
        listings.product[invoices.pair].tolist(),
        invoices.pieces.tolist(),
        invoices.line_net.tolist(),
        strict=True,
    )
    for document, product, pieces, cents in rows:
        original = originals[document]
        counted = months[original] if original >= 0 else months[document]
        movement = _Movement(counted, months[document], pieces, cents)
        partner = PARTNERS[partners[document]].code
        purchases[partner].append(movement)
        if products[product].family.code == GAUGE_FAMILY:
            gauges[partner].append(movement)
    return gauges, purchases


def _accrual(
    programme: str, partner: str, movements: list[_Movement], first: int, year: int, end: date
) -> Accrual:
    now, begin = _number(end), year * 12
    known = [one for one in movements if one.known <= now]
    this_year = [one for one in known if _year(one.counted) == year]
    pieces = sum(one.pieces for one in this_year)
    cents = sum(one.cents for one in this_year)
    value = pieces if programme == GAUGES else cents
    reached = _rounded(_rebate(programme, Fraction(value), cents))
    if now >= begin + 11:
        return Accrual(programme, partner, year, end, pieces, cents, reached, reached)
    last_year = [one for one in known if _year(one.counted) == year - 1]
    whole = sum(one.pieces if programme == GAUGES else one.cents for one in last_year)
    part = sum(
        one.pieces if programme == GAUGES else one.cents for one in last_year if one.counted + 12 <= now
    )
    # By last year's season, if the partner bought from its first month on; else by months.
    has_season = first <= begin - 12 and part > 0 and whole > 0
    share = Fraction(part, whole) if has_season else Fraction(end.month, 12)
    forecast = value / share
    expected = _rebate(programme, forecast, cents)
    if programme == PURCHASES:
        expected *= share
    return Accrual(programme, partner, year, end, pieces, cents, reached, _rounded(expected))


def _rebate(programme: str, value: Fraction, cents: int) -> Fraction:
    """Cents for `value` pieces of the gauges that cost `cents`, or for purchases of `value` cents."""
    if programme == GAUGES:
        percents = [
            percent
            for begin, is_included, percent in GAUGE_PERCENT
            if value > begin or (is_included and value == begin)
        ]
        return Fraction(cents * max(percents, default=0), 100)
    total = Fraction(0)
    ends = [begin for begin, _ in PURCHASE_PERCENT[1:]]
    for (begin, percent), end in zip(PURCHASE_PERCENT, [*ends, None], strict=True):
        slice_end = value if end is None else min(value, Fraction(end))
        total += max(slice_end - begin, Fraction(0)) * percent / 100
    return total


def _rounded(value: Fraction) -> int:
    """Half away from zero; rebates are never negative."""
    doubled = 2 * value + 1
    return int(doubled.numerator // (2 * doubled.denominator))
