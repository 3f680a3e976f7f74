"""Which accounts of the general ledger mean what: `rules/accounts.yml`.

What belongs here: the typed mapping and its rows. What does not: landing it (`connectors.rules`), and what is
compared with it (the models).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from connectors.company import Settings, read_model
from connectors.ruletables import Row

Prefix = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,32}$")]


class Accounts(Settings):
    """Beginnings of account codes by what they mean; of two that fit an account the longer one holds.

    The defaults follow the French chart of accounts (plan comptable général) as a manufacturer uses it.
    """

    revenue: tuple[Prefix, ...] = Field(default=("70",), description="Sales of goods and services.")
    price_reduction: tuple[Prefix, ...] = Field(
        default=("709",), description="Reductions granted after the invoice: credit notes, rebates."
    )
    rebate_accrual: tuple[Prefix, ...] = Field(
        default=("4198",), description="Rebates to be granted: what an accrual is booked against."
    )
    receivable: tuple[Prefix, ...] = Field(default=("411", "413", "416"), description="Customers.")
    cost_of_goods: tuple[Prefix, ...] = Field(
        default=("6037", "7135"), description="Change in stocks of goods and finished products sold."
    )

    @model_validator(mode="after")
    def _once(self) -> Accounts:
        counts = Counter(prefix for prefixes in self.model_dump().values() for prefix in prefixes)
        double = [prefix for prefix, count in counts.items() if count > 1]
        if double:
            raise ValueError(f"expected each beginning of an account once; {double[0]!r} stands twice")
        return self

    def rows(self) -> list[Row]:
        """One row per beginning of an account."""
        return [
            {"account_prefix": prefix, "account_class_code": name}
            for name, prefixes in self.model_dump().items()
            for prefix in prefixes
        ]


def load_accounts(company: Path) -> Accounts:
    """`rules/accounts.yml` of a company directory; the defaults where the file is absent."""
    path = company / "rules" / "accounts.yml"
    return read_model(path, Accounts) if path.is_file() else Accounts()
