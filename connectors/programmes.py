"""How programme costs are computed and spread: `rules/programme_costs.yml`.

What belongs here: the typed file (allocation keys, commission plans, cash discounts, each from a day on) and
its rows with closed ranges. What does not: landing them (`connectors.rules`), the costs themselves (ERP
entities), and what is computed with them (the models).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Protocol, TypeVar

from pydantic import Field, model_validator

from connectors.company import Code, Settings, read_model
from connectors.contract import OPEN_END
from connectors.ruletables import FIRST_DAY, Row

ALL: Final = "*"
FILE: Final = Path("rules") / "programme_costs.yml"

Step = Literal[
    "price_protection", "ship_and_debit", "mdf", "freight", "spiff", "training", "channel_staff", "tools"
]
"""Steps of the margin whose costs may have to be spread. Commission and cash discount stand on a document."""

AllocationKey = Literal["net_amount", "units", "lines", "orders", "partners"]
Rate = Annotated[Decimal, Field(ge=0, lt=1, max_digits=9, decimal_places=6)]
Family = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9_-]{0,62})$")]


class Allocation(Settings):
    """By which key the costs of a step that name no document are spread, from a day on."""

    step: Step
    key: AllocationKey
    since: date = date.fromisoformat(FIRST_DAY)


class CommissionPlan(Settings):
    """Rates by product family, from a day on; `*` is for families that are not named."""

    plan: Code
    basis: Literal["invoiced", "paid"]
    rates: dict[Family, Rate] = Field(min_length=1)
    since: date = date.fromisoformat(FIRST_DAY)


class CashDiscount(Settings):
    """What may be deducted if an invoice is paid within so many days, from a day on; a rate of 0 ends it.

    It holds for the partners or for the channels that are named, else for all. Of several that fit, the
    partner's own comes first, then the channel's.
    """

    term: Code
    rate: Rate
    within_days: int = Field(ge=0, le=365)
    partners: tuple[Code, ...] = ()
    channels: tuple[Code, ...] = ()
    since: date = date.fromisoformat(FIRST_DAY)

    @model_validator(mode="after")
    def _one_of(self) -> CashDiscount:
        if self.partners and self.channels:
            raise ValueError("expected partners or channels, not both")
        return self

    def targets(self) -> list[tuple[str, str]]:
        """Partner and channel that it holds for, `*` where it is not limited."""
        return (
            [(partner, ALL) for partner in self.partners]
            or [(ALL, channel) for channel in self.channels]
            or [(ALL, ALL)]
        )


class _Dated(Protocol):
    @property
    def since(self) -> date: ...


Version = TypeVar("Version", bound=_Dated)


class ProgrammeCosts(Settings):
    """`rules/programme_costs.yml`. A later entry for the same thing holds from its `since` on."""

    allocation: tuple[Allocation, ...] = ()
    commissions: tuple[CommissionPlan, ...] = ()
    cash_discounts: tuple[CashDiscount, ...] = ()

    @model_validator(mode="after")
    def _one_version_a_day(self) -> ProgrammeCosts:
        _refuse_double("allocation", ((item.step, item.since) for item in self.allocation))
        _refuse_double("commissions", ((item.plan, item.since) for item in self.commissions))
        _refuse_double(
            "cash_discounts",
            ((*target, item.since) for item in self.cash_discounts for target in item.targets()),
        )
        return self

    def allocation_rows(self) -> list[Row]:
        """One row per step and range of dates."""
        return [
            {"cost_step_code": step, "allocation_key_code": item.key, **_range(item, after)}
            for step, items in _grouped((item.step, item) for item in self.allocation)
            for item, after in ranges_of(items)
        ]

    def commission_rows(self) -> list[Row]:
        """One row per plan, family and range of dates."""
        return [
            {
                "plan_code": plan,
                "family_code": family,
                "basis_code": item.basis,
                "commission_rate": rate,
                **_range(item, after),
            }
            for plan, items in _grouped((item.plan, item) for item in self.commissions)
            for item, after in ranges_of(items)
            for family, rate in sorted(item.rates.items())
        ]

    def cash_discount_rows(self) -> list[Row]:
        """One row per partner or channel and range of dates."""
        by_target = _grouped((target, item) for item in self.cash_discounts for target in item.targets())
        return [
            {
                "term_code": item.term,
                "partner_code": partner,
                "channel_code": channel,
                "discount_rate": item.rate,
                "within_days": item.within_days,
                **_range(item, after),
            }
            for (partner, channel), items in by_target
            for item, after in ranges_of(items)
        ]


def load_programme_costs(company: Path) -> ProgrammeCosts:
    """`rules/programme_costs.yml` of a company directory; without plans and keys where the file is absent."""
    path = company / FILE
    return read_model(path, ProgrammeCosts) if path.is_file() else ProgrammeCosts()


def _refuse_double(name: str, keys: Iterable[tuple[Hashable, ...]]) -> None:
    seen: set[tuple[Hashable, ...]] = set()
    for key in keys:
        if key in seen:
            said = ", ".join(str(part) for part in key if part != ALL)
            raise ValueError(f"expected one entry of {name} for {said}; give the later one another `since`")
        seen.add(key)


Key = TypeVar("Key", bound=Hashable)


def _grouped(pairs: Iterable[tuple[Key, Version]]) -> list[tuple[Key, list[Version]]]:
    groups: dict[Key, list[Version]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return sorted(groups.items(), key=lambda group: str(group[0]))


def ranges_of(items: Sequence[Version]) -> list[tuple[Version, str]]:
    """Each version with the first day on which it no longer holds."""
    ordered = sorted(items, key=lambda item: item.since)
    ends = [*(later.since.isoformat() for later in ordered[1:]), OPEN_END]
    return list(zip(ordered, ends[: len(ordered)], strict=True))


def _range(item: _Dated, after: str) -> Row:
    return {"valid_from_date": item.since.isoformat(), "valid_to_date": after}
