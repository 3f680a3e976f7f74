"""The sample company's products and what each partner carries: codes, packs, prices, costs, listings.

Prices are whole cents, costs whole hundredths of a cent: sums in this package are sums of integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import FAMILIES, PARTNERS, Family
from connectors.sample.dice import Dice, Floats, Ints
from connectors.sample.identifiers import gtin13, gtin14

HISTORY: Final = date(2024, 1, 1)
"""From when prices, costs and terms are on record."""
FAR: Final = date(9999, 12, 31)
PRICE_LISTS: Final = ("TAR-FR", "TAR-EXP")
PCE, BOX, PAL = 0, 1, 2
UNITS: Final = ("PCE", "BOX", "PAL")


@dataclass(frozen=True)
class Dated:
    """A value that holds from `first` to the day before `after`."""

    first: date
    after: date
    value: int


@dataclass(frozen=True)
class Product:
    """One product; `prices` are cents by price list, `costs` hundredths of a cent."""

    code: str
    name: str
    family: Family
    gtin: str
    box_gtin: str
    pallet_gtin: str | None
    launched: date
    discontinued: date
    prices: dict[str, tuple[Dated, ...]]
    costs: tuple[Dated, ...]
    weekly: float

    @property
    def per_unit(self) -> tuple[int, int, int]:
        """Pieces in a piece, a box, a pallet (0 where it is not sold by the pallet)."""
        box = self.family.box
        return (1, box, box * self.family.pallet if self.pallet_gtin else 0)


def build_products(seed: int) -> tuple[Product, ...]:
    """The catalogue: eight families of ten shapes in five sizes."""
    dice = Dice(seed, "catalogue")
    products = []
    for number_of_family, family in enumerate(FAMILIES):
        low, high = family.prices
        for shape, shape_name in enumerate(family.shapes):
            shape_part, cost_part, pull = (float(value) for value in dice.uniform(3))
            for size, size_name in enumerate(family.sizes):
                code = f"{family.code}{shape + 1:02d}{size + 1:02d}"
                place = 0.55 * shape_part + 0.45 * size / (len(family.sizes) - 1)
                price = int(low + (high - low) * place)
                cost = int(price * (family.cost_share + 8 * cost_part))
                number = number_of_family * 1000 + shape * 10 + size + 1
                piece = gtin13(number)
                # Middle sizes sell best; the first shapes are the bread and butter.
                popularity = (
                    (1.6, 1.0, 0.55)[min(shape // 2, 2)]
                    * (0.7, 1.1, 1.5, 1.1, 0.6)[size]
                    * (0.6 + 0.8 * pull)
                )
                products.append(
                    Product(
                        code=code,
                        name=f"{shape_name} {size_name}",
                        family=family,
                        gtin=piece,
                        box_gtin=gtin14(1, piece),
                        pallet_gtin=gtin14(2, piece) if size < 3 else None,
                        launched=_launch(code),
                        discontinued=plants.DISCONTINUED_DATE if code in plants.DISCONTINUED else FAR,
                        prices=_prices(price, family.code, _launch(code)),
                        costs=_costs(cost, family.code, _launch(code)),
                        weekly=family.weekly * popularity,
                    )
                )
    return tuple(products)


def _launch(code: str) -> date:
    if code in plants.LAUNCHED:
        return plants.LAUNCH_DATE
    if code in plants.FORMER_LAUNCH:
        return plants.FORMER_LAUNCH_DATE
    return date(2015, 1, 1)


def _ranges(values: list[tuple[date, int]], launched: date) -> tuple[Dated, ...]:
    """Values from dates, as half-open ranges, beginning a month before the launch or with the record's first
    day.
    """
    begin = max(HISTORY, launched - timedelta(days=30))
    ranges = []
    for index, (first, value) in enumerate(values):
        after = values[index + 1][0] if index + 1 < len(values) else FAR
        if after > begin:
            ranges.append(Dated(max(first, begin), after, value))
    return tuple(ranges)


def _prices(cents: int, family: str, launched: date) -> dict[str, tuple[Dated, ...]]:
    risen = (cents * (100 + plants.PRICE_RISE_PERCENT[family]) + 50) // 100
    values = [(HISTORY, cents), (plants.PRICE_RISE_DATE, risen)]
    export = [(first, (value * 97 + 50) // 100) for first, value in values]
    return {"TAR-FR": _ranges(values, launched), "TAR-EXP": _ranges(export, launched)}


def _costs(cost: int, family: str, launched: date) -> tuple[Dated, ...]:
    values = [(HISTORY, cost), (date(2025, 1, 1), cost * 102 // 100)]
    if family == plants.COST_CHANGE_FAMILY:
        values.append((plants.COST_CHANGE_DATE, values[-1][1] * (100 + plants.COST_CHANGE_PERCENT) // 100))
    return _ranges(values, launched)


@dataclass(frozen=True)
class Listings:
    """Which partner carries which product: one entry per pair, in order of partner, then product.

    `rate` is the demand in pieces per working day, `unit` the unit that the partner orders in, `lot` the
    pieces in it; `first` and `after` are the days between which the partner sells it.
    """

    partner: Ints
    product: Ints
    rate: Floats
    unit: Ints
    lot: Ints
    first: tuple[date, ...]
    after: tuple[date, ...]

    def __len__(self) -> int:
        return len(self.partner)


def build_listings(seed: int, products: tuple[Product, ...]) -> Listings:
    codes = {product.code: index for index, product in enumerate(products)}
    pull = np.array([product.weekly / product.family.weekly for product in products])
    rows: list[tuple[int, int, float, int, int, date, date]] = []
    for number, partner in enumerate(PARTNERS):
        dice = Dice(seed, "listings", partner.code)
        score = dice.uniform(len(products)) * pull
        taste = 0.6 + 0.8 * dice.uniform(len(products))
        must = [codes[code] for code in plants.MUST_LIST.get(partner.code, ())]
        score[must] = 99.0
        chosen = sorted(int(index) for index in np.argsort(-score, kind="stable")[: partner.products])
        for index in chosen:
            product = products[index]
            rate = product.weekly * partner.size * float(taste[index]) / 5.0
            if partner.code == plants.CAPPED and product.family.code == plants.CAPPED_FAMILY:
                rate *= 0.55
            if partner.code == plants.UNKNOWN_CODE_PARTNER and product.code == plants.UNKNOWN_CODE_PRODUCT:
                rate *= 2.0
            unit = _order_unit(partner.code, product, rate)
            first, after = _listed(partner.code, product, partner.joined)
            rows.append((number, index, rate, unit, product.per_unit[unit], first, after))
    columns = list(zip(*rows, strict=True))
    return Listings(
        partner=np.array(columns[0], dtype=np.int64),
        product=np.array(columns[1], dtype=np.int64),
        rate=np.array(columns[2], dtype=np.float64),
        unit=np.array(columns[3], dtype=np.int64),
        lot=np.array(columns[4], dtype=np.int64),
        first=columns[5],
        after=columns[6],
    )


def _order_unit(partner: str, product: Product, rate: float) -> int:
    if partner == plants.CAPPED and product.family.code == plants.CAPPED_FAMILY:
        return PCE
    three_weeks = 15 * rate
    if product.pallet_gtin and three_weeks >= 0.5 * product.per_unit[PAL]:
        return PAL
    return BOX if three_weeks >= 0.7 * product.per_unit[BOX] else PCE


def _listed(partner: str, product: Product, joined: date) -> tuple[date, date]:
    first = max(joined, product.launched)
    after = product.discontinued
    if product.code in plants.LAUNCHED:
        first = (
            plants.LATE_LISTING_DATE
            if partner == plants.LATE_LISTING_PARTNER
            else product.launched + timedelta(7)
        )
    if partner == plants.REUSED_CODE_PARTNER and product.code == plants.REUSED_CODE_BEFORE:
        after = plants.REUSED_CODE_DATE
    if partner == plants.REUSED_CODE_PARTNER and product.code == plants.REUSED_CODE_AFTER:
        first = plants.REUSED_CODE_DATE
    return first, after
