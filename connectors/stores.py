"""The company's own list of stores and points of sale: `rules/stores.csv`.

What belongs here: reading that list with its checks. What does not: which reported store is which of ours
(the models), and proposals for those that nothing exact matches (`connectors.matching`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stdnum import ean
from stdnum.fr import siret

from connectors.errors import ConfigError, Place
from connectors.ruletables import Row, Table, refuse_overlaps

FILE: Final = Path("rules") / "stores.csv"
TABLE: Final = Table(
    "list of stores",
    ("store_code", "store_name"),
    ("partner_code", "partner_store_code", "gln", "siret", "address", "postal_code", "city"),
    dated=True,
)


def load_stores(company: Path) -> list[Row]:
    """The stores, one row per line; ConfigError with file and line at the first fault.

    A store has several lines where several partners report it, or one partner by several codes.
    """
    path = company / FILE
    if not path.is_file():
        return []
    lines = TABLE.read(path)
    for row, place in lines:
        for name in ("gln", "siret"):
            if row[name]:
                row[name] = _number(row[name], name, place)
        if row["partner_store_code"] and not row["partner_code"]:
            raise ConfigError(
                "missing_value",
                "partner_store_code stands without partner_code",
                "name the partner whose code it is",
                place,
            )
    keyed = [
        ({**row, "_partner": row["partner_code"] or "", "_code": row["partner_store_code"] or ""}, place)
        for row, place in lines
    ]
    refuse_overlaps(keyed, ("store_code", "_partner", "_code"), "store_code")
    return [row for row, _ in lines]


def _number(text: str, name: str, place: Place) -> str:
    """The digits of a GLN or SIRET; ConfigError where the check digit is wrong."""
    digits = "".join(text.split())
    is_right = len(digits) == 13 and ean.is_valid(digits) if name == "gln" else siret.is_valid(digits)
    if not is_right:
        length = "13" if name == "gln" else "14"
        raise ConfigError(
            f"invalid_{name}",
            f"{name} is {text!r}",
            f"expected {length} digits with a right check digit, or nothing",
            place,
        )
    return digits
