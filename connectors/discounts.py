"""What may be taken off on the invoice: `rules/discounts.yml`.

What belongs here: the typed file of contract tiers and promotions, its checks, and its rows. What does not:
landing them (`connectors.rules`), and which rule a line falls under (the models).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from connectors.company import Code, Settings, read_model
from connectors.contract import OPEN_END
from connectors.ruletables import Row

EVERY: Final = "*"
_LAST_DAY: Final = date.fromisoformat(OPEN_END)

Rate = Annotated[Decimal, Field(ge=0, le=1, max_digits=9, decimal_places=6)]
Quantity = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=3)]


class Tier(Settings):
    """A rate that holds from a quantity of the line on, in base units."""

    from_quantity: Quantity = Decimal(0)
    rate: Rate


class Version(Settings):
    """What a rule says from a day on: until `valid_to`, else until its next version."""

    valid_from: date
    valid_to: date | None = None
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError(f"expected valid_to after {self.valid_from}: the first day without the rule")
        quantities = [tier.from_quantity for tier in self.tiers]
        if any(later <= former for former, later in itertools.pairwise(quantities)):
            raise ValueError("expected tiers in ascending order of from_quantity, each once")
        return self


class Rule(Settings):
    """A discount for one partner, one segment or all, on one product family or all; a change of it is a new
    version below the old ones.
    """

    rule: Code
    partner: Code | None = None
    segment: str | None = None
    family: str | None = None
    versions: Annotated[tuple[Version, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if self.partner is not None and self.segment is not None:
            raise ValueError(f"rule {self.rule!r} names a partner and a segment; expected one of them")
        for former, later in itertools.pairwise(self.versions):
            ends = former.valid_to or former.valid_from + timedelta(days=1)
            if later.valid_from < ends:
                raise ValueError(
                    f"rule {self.rule!r}: the version of {later.valid_from} begins before the former "
                    "one ends; expected versions in order of their dates"
                )
        return self

    @property
    def scope(self) -> tuple[str, str, str]:
        return self.partner or EVERY, self.segment or EVERY, self.family or EVERY

    def ranges(self) -> list[tuple[date, date, Version]]:
        """Each version with the first day on which it holds and the first on which it no longer does."""
        following = [version.valid_from for version in self.versions[1:]] + [_LAST_DAY]
        return [
            (version.valid_from, version.valid_to or after, version)
            for version, after in zip(self.versions, following, strict=True)
        ]

    def rows(self, kind: str) -> list[Row]:
        partner, segment, family = self.scope
        return [
            {
                "rule_code": self.rule,
                "rule_kind_code": kind,
                "valid_from_date": first.isoformat(),
                "valid_to_date": after.isoformat(),
                "partner_code": partner,
                "segment_code": segment,
                "family_code": family,
                "from_quantity": str(tier.from_quantity),
                "to_quantity": str(higher.from_quantity) if higher is not None else None,
                "discount_rate": str(tier.rate),
            }
            for first, after, version in self.ranges()
            for tier, higher in itertools.zip_longest(version.tiers, version.tiers[1:])
        ]


class DiscountRules(Settings):
    """`rules/discounts.yml`. Of rules of one kind that fit a line the closest holds: partner before segment
    before all, then family before all. So no two of them may cover the same on the same day.
    """

    contracts: tuple[Rule, ...] = ()
    promotions: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        codes = [rule.rule for rule in (*self.contracts, *self.promotions)]
        for code in codes:
            if codes.count(code) > 1:
                raise ValueError(f"rule {code!r} stands twice; expected one rule with several versions")
        for rules in (self.contracts, self.promotions):
            _refuse_overlaps(rules)
        return self

    def rows(self) -> list[Row]:
        """One row per rule, version and tier."""
        return [
            row
            for kind, rules in (("contract", self.contracts), ("promotion", self.promotions))
            for rule in rules
            for row in rule.rows(kind)
        ]


def _refuse_overlaps(rules: Sequence[Rule]) -> None:
    ranges = sorted(
        (rule.scope, first, after, rule.rule) for rule in rules for first, after, _ in rule.ranges()
    )
    for (scope, _, end, former), (later_scope, begin, _, later) in itertools.pairwise(ranges):
        if scope == later_scope and begin < end:
            raise ValueError(
                f"rules {former!r} and {later!r} cover the same partners and products on {begin}; "
                "expected one rule a day"
            )


def load_discounts(company: Path) -> DiscountRules:
    """`rules/discounts.yml` of a company directory; no rules where the file is absent."""
    path = company / "rules" / "discounts.yml"
    return read_model(path, DiscountRules) if path.is_file() else DiscountRules()
