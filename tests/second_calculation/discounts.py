"""What was taken off on the invoice, attributed: contract, then promotion, then exception."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tests.second_calculation.books import OPEN_END, Books, cents, in_force, millionths, share


@dataclass(frozen=True)
class Rule:
    """One version of a rule; what it leaves open is None. `tiers` are (least pieces, millionths)."""

    partner: str | None
    segment: str | None
    family: str | None
    first: str
    after: str
    tiers: tuple[tuple[int, int], ...]

    @property
    def closeness(self) -> int:
        """Partner before segment before all, then family before all."""
        return 4 * (self.partner is not None) + 2 * (self.segment is not None) + (self.family is not None)

    def fits(self, line: Any) -> bool:
        return (
            self.partner in (None, line.partner)
            and self.segment in (None, line.segment)
            and self.family in (None, line.family)
            and self.first <= line.sale_day < self.after
        )

    def rate(self, pieces: int) -> int | None:
        """The rate of the highest tier that so many pieces reach."""
        reached = [rate for least, rate in self.tiers if pieces >= least]
        return reached[-1] if reached else None


def reductions(books: Books, lines: pd.DataFrame) -> pd.DataFrame:
    """By line in cents: `contract`, `promotion` and `exception`; they add up to gross less net."""
    rules = books.rule("discounts")
    contracts, promotions = list(_rules(rules["contracts"])), list(_rules(rules["promotions"]))
    prices = books.table("tiers_prix").rename(columns={"code_tiers": "partner", "code_article": "product"})
    agreed = cents(in_force(prices, lines, ["partner", "product"], "sale_day")["prix_net"]).to_dict()
    terms = books.table("tiers_conditions").rename(columns={"code_tiers": "partner"})
    granted = in_force(terms, lines, ["partner"], "sale_day")["taux_remise"].to_dict()
    found = {}
    for line in lines.reset_index().itertuples():
        sign = -1 if line.gross < 0 else 1
        gross, pieces = abs(line.gross), abs(line.pieces)
        given = sign * (line.gross - line.net)
        own = _closest(contracts, line, pieces)
        if line.line in agreed:
            allowed = sign * (line.gross - line.pieces * agreed[line.line])
        elif own is not None:
            allowed = share(gross, own)
        elif line.line in granted:
            allowed = share(gross, millionths(granted[line.line] / 100))
        else:
            allowed = sign * line.contract_of_erp
        contract = _taken(given, allowed)
        promotion = _taken(given - contract, share(gross, _closest(promotions, line, pieces) or 0))
        found[line.line] = (sign * contract, sign * promotion, sign * (given - contract - promotion))
    return pd.DataFrame.from_dict(found, orient="index", columns=["contract", "promotion", "exception"])


def _taken(given: int, allowed: int) -> int:
    """What of a reduction is covered; a cent more than allowed is rounding of the ERP."""
    if given <= 0:
        return 0
    return given if given <= max(allowed, 0) + 1 else max(allowed, 0)


def _closest(rules: list[Rule], line: Any, pieces: int) -> int | None:
    fitting = [rule for rule in rules if rule.fits(line)]
    if not fitting:
        return None
    return max(fitting, key=lambda rule: rule.closeness).rate(pieces)


def _rules(written: list[dict[str, Any]]) -> Iterator[Rule]:
    for rule in written:
        versions = sorted(rule["versions"], key=lambda version: version["valid_from"])
        ends = [str(version["valid_from"]) for version in versions[1:]] + [OPEN_END]
        for version, end in zip(versions, ends, strict=True):
            yield Rule(
                rule.get("partner"),
                rule.get("segment"),
                rule.get("family"),
                str(version["valid_from"]),
                min(str(version.get("valid_to", OPEN_END)), end),
                tuple(
                    (int(tier.get("from_quantity", 0)), millionths(tier["rate"])) for tier in version["tiers"]
                ),
            )
