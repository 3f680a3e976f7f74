"""What the sample company's prices are agreed by, and what its goods cost beside their standard cost.

What belongs here: landed costs, actual costs and contract prices, worked out from the catalogue. What
does not: list prices and standard costs (`catalogue`), and the discounts that invoices bear (`documents`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, PARTNERS
from connectors.sample.catalogue import FAR, Dated, Listings, Product
from connectors.sample.documents import discount_at

ACTUAL_COST_PERCENT: Final = (98, 101, 103, 100, 99, 102)
"""Actual against standard cost, by product and range in turn."""


@dataclass(frozen=True)
class LandedCost:
    """An element of landed cost of a product: hundredths of a cent by piece."""

    product: str
    element: str
    range: Dated


@dataclass(frozen=True)
class ContractPrice:
    """A price agreed with a partner: cents by piece."""

    partner: str
    product: str
    range: Dated


def actual_cost(number: int, position: int, standard: int) -> int:
    """The actual cost beside the standard one of that range, in hundredths of a cent."""
    return standard * ACTUAL_COST_PERCENT[(number + position) % len(ACTUAL_COST_PERCENT)] // 100


def landed_costs(products: tuple[Product, ...]) -> Iterator[LandedCost]:
    for product in products:
        for family, element, first, after, share in plants.LANDED_COSTS:
            begin = max(first, product.costs[0].first)
            if product.family.code == family and begin < (after or FAR):
                value = product.costs[0].value * share // 10000
                yield LandedCost(product.code, element, Dated(begin, after or FAR, value))


def contract_prices(products: tuple[Product, ...], listings: Listings) -> Iterator[ContractPrice]:
    """The list price of the contract's first day less the partner's discount, rounded down to the cent."""
    number = PARTNER_INDEX[plants.CONTRACT_PRICE_PARTNER]
    partner = PARTNERS[number]
    carried = [products[index] for index in listings.product[np.flatnonzero(listings.partner == number)]]
    stable = [product for product in carried if product.launched < plants.CONTRACT_PRICE_RANGES[0][0]]
    for product in stable[: plants.CONTRACT_PRICE_COUNT]:
        for first, after in plants.CONTRACT_PRICE_RANGES:
            price = value_at(product.prices[partner.price_list], first)
            net = price * (10000 - discount_at(partner, first)) // 10000
            yield ContractPrice(partner.code, product.code, Dated(first, after or FAR, net))


def value_at(ranges: tuple[Dated, ...], day: date) -> int:
    """The value that holds on that day; KeyError if none does."""
    for item in ranges:
        if item.first <= day < item.after:
            return item.value
    raise KeyError(day)
