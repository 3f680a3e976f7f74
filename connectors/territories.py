"""Rules on territories and deals: `rules/territories.yml`, and `rules/territory_decisions.csv`.

What belongs here: the typed files with their checks, as rows with closed ranges. What does not: landing them
(`connectors.rules`), the territories themselves (an entity of the ERP), and what a rule decides (the models).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, model_validator

from connectors.company import Code, Settings, read_model
from connectors.contract import OPEN_END
from connectors.errors import ConfigError
from connectors.programmes import ranges_of
from connectors.ruletables import FIRST_DAY, Row, Table, read_date

FILE: Final = Path("rules") / "territories.yml"
DECISIONS_FILE: Final = Path("rules") / "territory_decisions.csv"
LOWEST_SCORE: Final = Decimal("0.70")
"""Names that are less alike than this do not land as pairs (`connectors.erp.registrations`)."""

Criterion = Literal["exclusive", "segment", "distance", "load"]

DECISIONS: Final = ("tolerated", "stopped", "first_partner", "second_partner", "no_conflict")
_TABLE: Final = Table(
    "list of territory decisions",
    ("conflict_code", "decision_code", "decided_by", "decided_date"),
    optional=("valid_to_date", "reason"),
)


class Routing(Settings):
    """To whom a lead goes, from a day on: candidates are compared by the criteria in their order."""

    since: date = date.fromisoformat(FIRST_DAY)
    channels: tuple[Code, ...] = Field(min_length=1, description="Channels whose partners get leads.")
    order: tuple[Criterion, ...] = Field(
        default=("exclusive", "distance", "segment", "load"),
        min_length=1,
        description="What decides, first one first.",
    )
    segments: tuple[Code, ...] = Field(default=(), description="Segments, the best one first.")
    load_days: int = Field(default=90, ge=1, le=730, description="Days whose leads are a partner's load.")

    @model_validator(mode="after")
    def _whole(self) -> Routing:
        if len(set(self.order)) != len(self.order):
            raise ValueError("expected each criterion of `order` once")
        if "segment" in self.order and not self.segments:
            raise ValueError("expected `segments`, the best one first, since `order` names segment")
        return self


class TerritoryRules(Settings):
    """`rules/territories.yml`."""

    protection_days: int = Field(
        default=90, ge=1, le=1830, description="Days for which a registered deal is protected."
    )
    certain_score_rate: Decimal = Field(
        default=Decimal("0.98"),
        ge=LOWEST_SCORE,
        le=1,
        description="Likeness of names from which on two registrations are of one customer.",
    )
    likely_score_rate: Decimal = Field(
        default=Decimal("0.85"),
        ge=LOWEST_SCORE,
        le=1,
        description="Likeness of names from which on a person is asked.",
    )
    exclusivity_binds: Literal["channel", "everyone"] = Field(
        default="channel", description="Whom an exclusive grant keeps out: its holder's channel, or everyone."
    )
    tolerated_share_rate: Decimal = Field(
        default=Decimal("0.02"),
        ge=0,
        le=1,
        description="Share of a partner's sell-out in another's exclusive territory that is tolerated.",
    )
    resolved_after_days: int = Field(
        default=90,
        ge=1,
        le=730,
        description="Days without a further sale after which a conflict is resolved.",
    )
    routing: tuple[Routing, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> TerritoryRules:
        if self.likely_score_rate > self.certain_score_rate:
            raise ValueError("expected likely_score_rate <= certain_score_rate")
        days = [item.since for item in self.routing]
        if len(set(days)) != len(days):
            raise ValueError("expected one entry of routing a day; give the later one another `since`")
        return self

    def rows(self) -> list[Row]:
        """One row per rule, order and range of dates. Routing is a row per channel, criterion and segment."""
        always = {"valid_from_date": FIRST_DAY, "valid_to_date": OPEN_END}
        numbers = (
            "protection_days",
            "certain_score_rate",
            "likely_score_rate",
            "tolerated_share_rate",
            "resolved_after_days",
        )
        rows = [_row(name, 1, getattr(self, name), None, always) for name in numbers]
        rows.append(_row("exclusivity_binds", 1, None, self.exclusivity_binds, always))
        for item, after in ranges_of(self.routing):
            days = {"valid_from_date": item.since.isoformat(), "valid_to_date": after}
            for name, texts in (
                ("routing_channel", item.channels),
                ("routing_criterion", item.order),
                ("routing_segment", item.segments),
            ):
                rows += [_row(name, order, None, text, days) for order, text in enumerate(texts, start=1)]
            rows.append(_row("routing_load_days", 1, item.load_days, None, days))
        return rows


def load_territory_rules(company: Path) -> TerritoryRules:
    """`rules/territories.yml` of a company directory; the defaults, without routing, where it is absent."""
    path = company / FILE
    return read_model(path, TerritoryRules) if path.is_file() else TerritoryRules()


def load_territory_decisions(company: Path) -> list[Row]:
    """`rules/territory_decisions.csv`, one row per decision in their order; no rows where it is absent.

    ConfigError with file and line at the first fault.
    """
    path = company / DECISIONS_FILE
    if not path.is_file():
        return []
    lines = _TABLE.read(path)
    for row, place in lines:
        if row["decision_code"] not in DECISIONS:
            raise ConfigError(
                "invalid_decision",
                f"decision_code is {row['decision_code']!r}",
                f"expected one of {', '.join(DECISIONS)}",
                place,
            )
        row["valid_to_date"] = row["valid_to_date"] or OPEN_END
        read_date(row, "decided_date", place)
        read_date(row, "valid_to_date", place)
        if row["valid_to_date"] <= row["decided_date"]:
            raise ConfigError(
                "invalid_range",
                "valid_to_date is not after decided_date",
                "valid_to_date is the first day on which the decision no longer holds",
                place,
            )
    return [row for row, _ in lines]


def _row(code: str, order: int, value: object, text: str | None, days: Row) -> Row:
    return {"rule_code": code, "rule_order": order, "rule_value": value, "rule_text": text, **days}
