"""Past costs that the company has corrected deliberately: `rules/cost_corrections.csv`.

What belongs here: reading that table with its checks. What does not: landing it (`connectors.rules`), and
what a correction moves (the models).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from connectors.errors import ConfigError
from connectors.ruletables import Line, Row, Table, read_date, read_number, refuse_overlaps

FILE: Final = Path("rules") / "cost_corrections.csv"
COSTS: Final = ("unit_cost_amount", "actual_unit_cost_amount")
TABLE: Final = Table(
    "table of cost corrections",
    (
        "correction_code",
        "product_code",
        "valid_from_date",
        "valid_to_date",
        "currency_code",
        "reason",
        "decided_by",
        "decided_date",
    ),
    COSTS,
)


def load_cost_corrections(company: Path, currency: str) -> list[Row]:
    """The corrections, one row per line, in the company's `currency` by base unit; no rows where the file is
    absent. ConfigError with file and line at the first fault.
    """
    path = company / FILE
    if not path.is_file():
        return []
    lines = TABLE.read(path)
    for line in lines:
        _check(line, currency)
    refuse_overlaps(lines, ("product_code",), "product_code")
    return [row for row, _ in lines]


def _check(line: Line, currency: str) -> None:
    row, place = line
    for name in ("valid_from_date", "valid_to_date", "decided_date"):
        read_date(row, name, place)
    if row["valid_from_date"] >= row["valid_to_date"]:
        raise ConfigError(
            "invalid_range",
            "valid_to_date is not after valid_from_date",
            "valid_to_date is the first day on which the correction no longer holds",
            place,
        )
    if row["valid_to_date"] > row["decided_date"]:
        raise ConfigError(
            "invalid_range",
            f"valid_to_date {row['valid_to_date']} lies after decided_date {row['decided_date']}",
            "a correction is for days that are past; from the decision on correct the cost in the ERP",
            place,
        )
    given = [name for name in COSTS if row[name] is not None]
    if not given:
        raise ConfigError(
            "missing_value",
            f"{' and '.join(COSTS)} are empty",
            "fill in the cost that was wrong; the one left empty stays as the ERP has it",
            place,
        )
    for name in given:
        read_number(
            row,
            name,
            place,
            digits=4,
            accepts=lambda number: 0 <= number < 10**12,
            expected="the cost of one base unit, from 0 on with at most four decimals",
        )
    if row["currency_code"] != currency:
        raise ConfigError(
            "invalid_currency",
            f"currency_code is {row['currency_code']!r}",
            f"expected {currency}, the company's currency, in which costs are kept",
            place,
        )
