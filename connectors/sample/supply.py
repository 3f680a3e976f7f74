"""What comes to our own warehouse: production orders, with the time that making the goods takes.

Every other Sunday a product's last eight weeks of shipments say what is made next. Only what was shipped up
to that day decides it, so that a longer history has the same orders, and more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import START
from connectors.sample.catalogue import Product
from connectors.sample.dice import Ints

LEAD_DAYS: Final = {"RAC": 21, "VAN": 28, "FLX": 42, "COL": 21, "JNT": 14, "SOU": 28, "MAN": 35, "FIL": 30}
"""Days from the order to our warehouse, by family."""
LOOK_BACK: Final = 56
LOT: Final = 10


@dataclass(frozen=True)
class SupplyLine:
    """A product of a production order; `received` is None while it is to come."""

    number: str
    line: int
    product: str
    pieces: int
    ordered: date
    expected: date
    received: date | None


def build_supplies(as_of: date, products: tuple[Product, ...], shipped: Ints) -> list[SupplyLine]:
    """Production orders up to `as_of`; `shipped` has the pieces that left us, [day, product]."""
    running = np.vstack([np.zeros((1, len(products)), dtype=np.int64), np.cumsum(shipped, axis=0)])
    unordered, unordered_from = plants.UNORDERED
    lines = []
    counts: dict[int, int] = {}
    for week, day in enumerate(range(6, len(shipped), 7)):
        ordered = START + timedelta(days=day)
        counts[ordered.year] = counts.get(ordered.year, 0) + 1
        known = min(day + 1, LOOK_BACK)
        sent = running[day + 1] - running[day + 1 - known]
        wanted = -(-sent * 14 // (known * LOT)) * LOT
        for index, product in enumerate(products):
            is_turn = (week + index) % 2 == 0
            is_forgotten = product.code == unordered and ordered >= unordered_from
            if not is_turn or is_forgotten or not wanted[index]:
                continue
            expected = ordered + timedelta(days=1 + LEAD_DAYS[product.family.code])
            came = _received(product.code, expected)
            lines.append(
                SupplyLine(
                    f"OF-{ordered.year}-{counts[ordered.year]:03d}",
                    index + 1,
                    product.code,
                    int(wanted[index]),
                    ordered,
                    expected,
                    came if came <= as_of else None,
                )
            )
    return lines


def _received(product: str, expected: date) -> date:
    """On time, but for what was out of stock: that came only when the shortage was over."""
    for short, begin, end in plants.SHORTAGES:
        if product in short and begin <= expected < end:
            return end
    return expected
