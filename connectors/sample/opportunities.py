"""What partners announce to us: deals with goods, amount and day, and the order that they become.

A deal becomes the first order of its partner that holds the goods once its time has come. What is announced
follows what the partner ordered of them before: only orders up to the day of an event decide it, so that a
longer history has the same deals, and more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, PARTNERS, START
from connectors.sample.catalogue import Listings, Product
from connectors.sample.dice import Dice, Ints
from connectors.sample.trade import OrderLines, day_number, find_pair

WON_SHARE: Final = 0.93
REMEMBERED: Final = 3
"""Orders of the goods that a partner thinks of when it announces the next one."""
EARLY_DAYS, PATIENCE_DAYS = 14, 45
"""Days before and after the day a deal ripens between which the order wins it; then it is lost."""


@dataclass(frozen=True)
class Opportunity:
    number: str
    partner: str
    product: str
    stage: str
    pieces: int
    amount: int
    created: date
    expected: date
    closed: date | None
    order: str | None


@dataclass(frozen=True)
class _Draft:
    """A deal as it is announced; `ripe` is the day about which it is decided."""

    number: str
    pair: int
    created: date
    expected: date
    ripe: date
    is_lost: bool
    share: float
    """What is announced, as a share of what the partner usually orders of it at once."""


class _Purchases:
    """What partners ordered of a product, by order, in the order of time; cancelled lines are none."""

    def __init__(self, lines: OrderLines, listings: Listings, orders: list[str], net: Ints) -> None:
        kept = np.flatnonzero(~lines.is_cancelled)
        rows = kept[np.lexsort((kept, lines.day[kept], lines.pair[kept]))]
        self._day = lines.day[rows]
        self._pieces = (lines.units * listings.lot[lines.pair])[rows]
        self._net = net[rows]
        self._order = [orders[row] for row in rows.tolist()]
        self._start = np.searchsorted(lines.pair[rows], np.arange(len(listings) + 1))
        self._taken = set[int]()

    def before(self, pair: int, day: int) -> tuple[int, int, int]:
        """Orders, pieces and cents of the last ones before that day."""
        first = int(self._start[pair])
        last = first + int(np.searchsorted(self._day[first : self._start[pair + 1]], day))
        chosen = slice(max(first, last - REMEMBERED), last)
        return last - chosen.start, int(self._pieces[chosen].sum()), int(self._net[chosen].sum())

    def take(self, pair: int, begin: int, end: int) -> tuple[int, str] | None:
        """Day and number of the first order between these days that no other deal has become."""
        first, after = (
            int(self._start[pair])
            + int(np.searchsorted(self._day[self._start[pair] : self._start[pair + 1]], day))
            for day in (begin, end + 1)
        )
        for row in range(first, after):
            if row not in self._taken:
                self._taken.add(row)
                return int(self._day[row]), self._order[row]
        return None


def build_opportunities(
    seed: int,
    as_of: date,
    products: tuple[Product, ...],
    listings: Listings,
    lines: OrderLines,
    orders: list[str],
    net: Ints,
    list_price: Ints,
) -> list[Opportunity]:
    """Deals up to `as_of`. `orders` (numbers) and `net` (cents) are by order line, `list_price` is in cents,
    [product, day].
    """
    purchases = _Purchases(lines, listings, orders, net)

    def listed(pair: int, created: date, pieces: int) -> int:
        """Cents at the list price less a third, for goods that the partner has not bought yet."""
        product = int(listings.product[pair])
        price = int(list_price[product, day_number(created)] or list_price[product, -1])
        return price * pieces * 68 // 100

    drafts = [*_weekly(seed, as_of, listings, purchases), *_biased(seed, as_of, listings, purchases)]
    return [
        _planted(draft, as_of, products, listings, listed)
        if draft.number in (plants.ANNOUNCED_DEAL, plants.WON_LATE_DEAL)
        else _decided(draft, as_of, products, listings, purchases, listed)
        for draft in drafts
    ]


def _weekly(seed: int, as_of: date, listings: Listings, purchases: _Purchases) -> Iterator[_Draft]:
    """Two a week, raised by the larger partners for what weighs much among what they buy."""
    dice, choice = Dice(seed, "opportunities"), Dice(seed, "goods of opportunities")
    counts: dict[int, int] = {}
    monday = START
    while monday <= as_of:
        for slot in range(2):
            drawn = [float(value) for value in dice.uniform(9)]
            picked = [float(value) for value in choice.uniform(8)]
            created = monday + timedelta(days=2 * slot + int(drawn[0] * 2))
            counts[created.year] = counts.get(created.year, 0) + 1
            if created > as_of:
                continue
            partner = int(listings.partner[int(drawn[1] * len(listings))])
            expected = created + timedelta(days=30 + int(drawn[3] * 90))
            slip = int(drawn[4] * drawn[4] * 70) - 7
            biased = plants.BIASED_PERCENT.get(PARTNERS[partner].code)
            is_biased = biased is not None and created >= plants.BIASED_FROM
            yield _Draft(
                number=f"AFF-{created.year}-{counts[created.year]:04d}",
                pair=_weightiest(partner, created, picked[:6], listings, purchases),
                created=created,
                expected=expected,
                ripe=expected + timedelta(days=slip),
                is_lost=drawn[5] >= WON_SHARE and not is_biased,
                share=(biased / 100 if biased and is_biased else 1.0) * (0.92 + 0.26 * picked[6]),
            )
        monday += timedelta(days=7)


def _biased(seed: int, as_of: date, listings: Listings, purchases: _Purchases) -> Iterator[_Draft]:
    """One more a month from the partners that announce far too much or too little."""
    for row, (partner, percent) in enumerate(plants.BIASED_PERCENT.items()):
        dice = Dice(seed, "biased opportunities", partner)
        created = plants.BIASED_FROM + timedelta(days=7 + row)
        while created <= as_of:
            drawn = [float(value) for value in dice.uniform(8)]
            expected = created + timedelta(days=30 + int(drawn[0] * 30))
            yield _Draft(
                number=f"AFF-{created.year}-9{row + 1}{created.month:02d}",
                pair=_weightiest(PARTNER_INDEX[partner], created, drawn[1:7], listings, purchases),
                created=created,
                expected=expected,
                ripe=expected,
                is_lost=False,
                share=percent / 100 * (0.92 + 0.26 * drawn[7]),
            )
            created = (created.replace(day=1) + timedelta(days=32)).replace(day=created.day)


def _weightiest(
    partner: int, created: date, drawn: list[float], listings: Listings, purchases: _Purchases
) -> int:
    """Of the goods drawn among those that the partner carries, those it last spent most on."""
    carried = np.flatnonzero(listings.partner == partner)
    drawn_pairs = [int(carried[int(value * len(carried))]) for value in drawn]
    return max(drawn_pairs, key=lambda pair: purchases.before(pair, day_number(created))[2])


def _planted(
    draft: _Draft,
    as_of: date,
    products: tuple[Product, ...],
    listings: Listings,
    listed: Callable[[int, date, int], int],
) -> Opportunity:
    """The deal that is still open, and the one that came late and whose order nobody entered."""
    if draft.number == plants.ANNOUNCED_DEAL:
        partner, product, pieces = plants.ANNOUNCED_DEAL_PARTNER, "FLX0203", 1200
        expected, closed = date(2026, 3, 31), date.max
    else:
        partner, product, pieces = plants.WON_LATE_DEAL_PARTNER, "FLX0101", 300
        expected, closed = draft.created + timedelta(days=40), draft.created + timedelta(days=102)
    is_won = closed <= as_of
    return Opportunity(
        draft.number,
        partner,
        product,
        "won" if is_won else _open_stage(draft.created, as_of),
        pieces,
        listed(find_pair(partner, product, products, listings), draft.created, pieces),
        draft.created,
        expected,
        closed if is_won else None,
        None,
    )


def _decided(
    draft: _Draft,
    as_of: date,
    products: tuple[Product, ...],
    listings: Listings,
    purchases: _Purchases,
    listed: Callable[[int, date, int], int],
) -> Opportunity:
    """The deal as it stands on `as_of`."""
    count, bought, spent = purchases.before(draft.pair, day_number(draft.created))
    usual = bought / count if count else float(listings.rate[draft.pair]) * 28
    pieces = max(1, round(usual * draft.share))
    amount = spent * pieces // bought if count else listed(draft.pair, draft.created, pieces)
    closed, stage, order = draft.ripe, "lost", None
    if not draft.is_lost:
        closed = draft.ripe + timedelta(days=PATIENCE_DAYS)
        begin = draft.ripe - timedelta(days=EARLY_DAYS)
        found = purchases.take(draft.pair, day_number(begin), day_number(closed))
        if found:
            closed, stage, order = START + timedelta(days=found[0]), "won", found[1]
    is_open = closed > as_of
    return Opportunity(
        draft.number,
        PARTNERS[int(listings.partner[draft.pair])].code,
        products[int(listings.product[draft.pair])].code,
        _open_stage(draft.created, as_of) if is_open else stage,
        pieces,
        amount,
        draft.created,
        draft.expected,
        None if is_open else closed,
        order,
    )


def _open_stage(created: date, as_of: date) -> str:
    return "quoted" if (as_of - created).days > 14 else "open"
