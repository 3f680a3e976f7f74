"""The budget: `rules/budget.csv`.

What belongs here: reading the table with its checks. What does not: landing it (`connectors.rules`), and
what is compared with it (the models).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from connectors.errors import ConfigError
from connectors.ruletables import Line, Row, Table, read_number

AMOUNTS: Final = ("gross_amount", "discount_amount", "rebate_amount", "programme_amount", "cost_amount")

BUDGET: Final = Table(
    "budget",
    ("month", "partner_code", "invoiced_quantity", *AMOUNTS),
    optional=("product_code", "family_code"),
)


def load_budget(company: Path) -> list[Row]:
    """`rules/budget.csv` of a company directory, one row per month, partner, and product or family; no rows
    where the file is absent. ConfigError with file and line at the first fault.
    """
    path = company / "rules" / "budget.csv"
    if not path.is_file():
        return []
    lines = BUDGET.read(path)
    places: dict[tuple[str, ...], str] = {}
    for line in lines:
        row, place = line
        _check(line)
        key = tuple(
            str(row[name]) for name in ("month_start_date", "partner_code", "product_code", "family_code")
        )
        if key in places:
            raise ConfigError(
                "double_row",
                f"the same month, partner and product or family stands in {places[key]} too",
                "add the two lines up, or remove one",
                place,
            )
        places[key] = str(place)
    return [row for row, _ in lines]


def _check(line: Line) -> None:
    row, place = line
    month = row.pop("month")
    try:
        row["month_start_date"] = date.fromisoformat(f"{month}-01").isoformat()
    except ValueError as error:
        raise ConfigError(
            "invalid_month", f"month is {month!r}", "expected a month such as 2026-01", place
        ) from error
    if (row["product_code"] is None) == (row["family_code"] is None):
        raise ConfigError(
            "invalid_row",
            "the line must name a product_code or a family_code, and not both",
            "fill in one of them; a budget by family is for what of the family has no line of its own",
            place,
        )
    read_number(
        row,
        "invoiced_quantity",
        place,
        digits=3,
        accepts=lambda number: 0 <= number < 10**12,
        expected="a number of base units from 0 on with at most three decimals",
    )
    for name in AMOUNTS:
        read_number(
            row,
            name,
            place,
            digits=4,
            accepts=lambda number: abs(number) < 10**12,
            expected="an amount with at most four decimals",
        )
