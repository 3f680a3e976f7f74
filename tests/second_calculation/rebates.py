"""Conditional rebates as they stand on the last day, at the tier expected at the period's end, on the invoice
lines that earned them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd

from tests.second_calculation.allocation import by_net_amount
from tests.second_calculation.books import Books
from tests.second_calculation.granted import Granted, carried, without_line


@dataclass(frozen=True)
class Tier:
    """A tier begins at a value, which reaches it if `is_included`."""

    begin: int
    is_included: bool
    rate: Fraction

    def is_reached(self, value: Fraction) -> bool:
        return value > self.begin or (self.is_included and value == self.begin)


@dataclass(frozen=True)
class Programme:
    """A version of a programme: on calendar years, on what is invoiced, in pieces or cents."""

    form: str
    measure: str
    partners: dict[str, list[str]]
    families: list[str] | None
    first_year: int
    tiers: tuple[Tier, ...]

    def qualify(self, lines: pd.DataFrame) -> pd.DataFrame:
        """The lines that count: of the partners and products that the programme names."""
        counts = pd.Series(True, index=lines.index)
        for key, column in (("channels", "channel"), ("segments", "segment"), ("codes", "partner")):
            if key in self.partners:
                counts &= lines[column].isin(self.partners[key])
        if self.families is not None:
            counts &= lines["family"].isin(self.families)
        return lines[counts]

    def value(self, lines: pd.DataFrame) -> int:
        return int(lines["pieces" if self.measure == "units" else "net"].sum())

    def rebate(self, value: Fraction, net: int, done: Fraction) -> Fraction:
        """Cents for purchases that cost `net`, at the tiers that `value` reaches at the period's end; `done`
        is the share of the period that is behind.
        """
        if self.form == "all_units":
            reached = [tier.rate for tier in self.tiers if tier.is_reached(value)]
            return net * (reached[-1] if reached else Fraction(0))
        ends = [Fraction(tier.begin) for tier in self.tiers[1:]]
        slices = zip(self.tiers, [*ends, max(value, Fraction(0))], strict=True)
        return done * sum(
            (max(min(value, end) - tier.begin, Fraction(0)) * tier.rate for tier, end in slices), Fraction(0)
        )


def rebates(books: Books, lines: pd.DataFrame) -> Iterator[Granted]:
    """The rebate of each programme, year and partner on the lines that count in it."""
    last = int(books.today[:4])
    began = lines.groupby("partner")["month"].min()
    for programme in programmes(books):
        counting = programme.qualify(lines)
        for partner, own in counting.groupby("partner"):
            for year in range(programme.first_year, last + 1):
                earned = expected(programme, own, year, books.today, began[partner])
                this_year = own[own["sale_day"].str[:4] == str(year)]
                if not earned:
                    continue
                if this_year["net"].sum() > 0:
                    yield from carried("rebate", by_net_amount(earned, this_year), lines)
                else:
                    month = min(f"{year}-12", books.today[:7])
                    yield without_line("rebate", month, partner, own["channel"].iloc[0], earned)


def expected(programme: Programme, own: pd.DataFrame, year: int, today: str, began: str) -> int:
    """Cents that a partner's purchases of a year earn so far, at the tier expected at its end."""
    counted = own["sale_day"].str[:7]
    this_year, last_year = own[counted.str[:4] == str(year)], own[counted.str[:4] == str(year - 1)]
    value, net = programme.value(this_year), int(this_year["net"].sum())
    if today >= f"{year}-12-31":
        return _rounded(programme.rebate(Fraction(value), net, Fraction(1)))
    so_far = last_year[counted.reindex(last_year.index).str[5:] <= today[5:7]]
    part, whole = programme.value(so_far), programme.value(last_year)
    done = Fraction(int(today[5:7]), 12)
    if began <= f"{year - 1}-01" and part > 0 and whole > 0:
        done = Fraction(part, whole)
    return _rounded(programme.rebate(value / done, net, done))


def programmes(books: Books) -> Iterator[Programme]:
    """The programmes of rules/rebates.yml; AssertionError where one asks for what is not worked out here."""
    assert books.today[5:] in ("06-30", "12-31"), "the last month has to be whole"
    for written in books.rule("rebates")["programmes"].values():
        assert set(written) == {"name_fr", "name_en", "versions"}
        (version,) = written["versions"]
        known = {"valid_from", "period_months", "form", "measure", "partners", "products", "tiers"}
        # Instalments say what is due when, and no partner's certificate is asked for.
        assert set(version) - known <= {"instalment_months", "conditions"}
        assert version.get("conditions", {"certified": {"when_unknown": "grant"}}) == {
            "certified": {"when_unknown": "grant"}
        }
        assert str(version["valid_from"])[5:] == "01-01"
        assert version["period_months"] == 12
        assert version["form"] in ("all_units", "stepped")
        assert set(version["partners"]) <= {"channels", "segments", "codes"}
        yield Programme(
            version["form"],
            version["measure"],
            version["partners"],
            version.get("products", {}).get("families"),
            int(str(version["valid_from"])[:4]),
            tuple(_tiers(version["tiers"], 1 if version["measure"] == "units" else 100)),
        )


def _tiers(written: Sequence[dict[str, Any]], unit: int) -> Iterator[Tier]:
    for tier in written:
        begin = tier["from"] if "from" in tier else tier["above"]
        yield Tier(begin * unit, "from" in tier, Fraction(str(tier["rate"])))


def _rounded(value: Fraction) -> int:
    """Half away from zero; what earns a rebate is above it."""
    assert value >= 0
    return int((2 * value.numerator + value.denominator) // (2 * value.denominator))
