"""The sample company in which nobody does anything wrong: what alerts tell of it is told without a cause.

What belongs here: the value of each plant with which it does not happen. What does not: the plants.
What changes in an ordinary way stays: prices, costs, terms, launches, the year in which one partner buys less
than a tier, and what quarantine and matching deal with (codes, units, stores). `changes` lets time pass in
the ordinary company only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final

from connectors.sample import plants

NOBODY: Final = ""
NEVER: Final = date.max
LEFT_OUT: Final[dict[str, object]] = {
    "OVERSTOCK_FROM": NEVER,
    "SILENT_FROM": NEVER,
    "MARGIN_DESTROYER": NOBODY,
    "SLOW_PAYER": NOBODY,
    "SHORTAGES": (),
    "UNORDERED": (NOBODY, NEVER),
    "GREY_IMPORT_DATE": NEVER,
    "ANNOUNCED_DEAL": NOBODY,
    "WON_LATE_DEAL": NOBODY,
    "BIASED_PERCENT": {},
    "OVERLAPPING_GRANT": (NOBODY, NOBODY, NOBODY, NEVER),
    "DEALS": (),
    "DOUBLE_CLAIM": (NOBODY, ""),
    "OVER_BUDGET": (NOBODY, 0),
    "WITHOUT_PROOF": NOBODY,
    "DEBIT_TOO_MUCH": "",
    "DISCOUNT_TAKER": NOBODY,
    "POACHER": NOBODY,
    "LATE_REPORTER": NOBODY,
    "MISSING_WEEKS": (NOBODY, ()),
    "MISSING_MONTH": (NOBODY, ""),
    "REPORTED_ZERO": (NOBODY, ""),
    "RESTATED": (NOBODY, ""),
    "DUPLICATE": (NOBODY, ""),
    "DAMAGED_EXCEL": (NOBODY, ""),
    "WRONG_HEADER": (NOBODY, ""),
    "PHANTOM_PARTNER": NOBODY,
    "UNHAPPY": NOBODY,
    "UNCERTIFIED": NOBODY,
    "NEVER_TRAINED": NOBODY,
    "LEDGER_FAULTS": False,
}
"""By the name that `plants` has for it."""


@contextmanager
def nothing_planted() -> Iterator[None]:
    """While it lasts, the generator plants nothing; it reads each plant from `plants` when it acts on it."""
    planted = {name: getattr(plants, name) for name in LEFT_OUT}
    _set(LEFT_OUT)
    try:
        yield
    finally:
        _set(planted)


def _set(values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(plants, name, value)
