"""Challenges among partners and promotions in the market: `rules/challenges.yml`, `rules/promotions.yml`.

What belongs here: the typed files, their checks, and their rows. What does not: landing them
(`connectors.rules`), discounts on the invoice (`connectors.discounts`), and who leads or what a promotion
brought (the models).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from connectors.company import Code, Settings, read_model
from connectors.errors import ConfigError, Place
from connectors.ruletables import Row

CHALLENGES: Final = Path("rules") / "challenges.yml"
PROMOTIONS: Final = Path("rules") / "promotions.yml"

Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]


class Partners(Settings):
    """Who takes part: partners that any list names, by their terms on the first day; all without one."""

    partners: tuple[Code, ...] = ()
    channels: tuple[Code, ...] = ()
    segments: tuple[str, ...] = ()


class Products(Settings):
    """What counts: products that either list names; all without one."""

    products: tuple[str, ...] = ()
    families: tuple[str, ...] = ()


class Campaign(Settings):
    """What challenges and promotions share. `to` is the first day after."""

    name_fr: str
    name_en: str
    from_: date = Field(alias="from")
    to: date
    partners: Partners = Partners()
    products: Products = Products()

    @model_validator(mode="after")
    def _ends(self) -> Campaign:
        if self.to <= self.from_:
            raise ValueError(f"expected 'to' after {self.from_}: the first day after the last one")
        return self


class Prize(Settings):
    """What the partner on a rank gets; partners on one rank get it each."""

    rank: int = Field(ge=1)
    name_fr: str
    name_en: str
    amount: Money | None = None


class Challenge(Campaign):
    """A contest over whole months. With `by: growth` partners are ranked by the change against the same
    months of the year before, otherwise by what they reached; below `minimum` nobody has a rank.
    """

    measure: Literal["sell_in_units", "sell_in_amount", "sell_out_units", "sell_out_amount"]
    by: Literal["value", "growth"] = "value"
    minimum: Money = Decimal(0)
    prizes: tuple[Prize, ...] = ()

    @model_validator(mode="after")
    def _of_whole_months(self) -> Challenge:
        if self.from_.day != 1 or self.to.day != 1:
            raise ValueError(
                "expected 'from' and 'to' on the first day of a month: a challenge counts months"
            )
        ranks = [prize.rank for prize in self.prizes]
        if len(set(ranks)) != len(ranks):
            raise ValueError("expected one prize for each rank")
        return self


class Baseline(Settings):
    """What sales would have been: the mean of the `weeks` before; last year's same weeks, moved by how those
    before differed from last year's; or other partners' sales, in the proportion of these weeks.
    """

    kind: Literal["weeks_before", "last_year", "other_partners"]
    weeks: int = Field(default=8, ge=4, le=26)


class Promotion(Campaign):
    """An offer to end customers or a campaign with partners, over whole weeks, and its baseline."""

    measure: Literal["sell_in_units", "sell_out_units"] = "sell_out_units"
    baseline: Baseline
    cost_amount: Money | None = None

    @model_validator(mode="after")
    def _of_whole_weeks(self) -> Promotion:
        if self.from_.isoweekday() != 1 or self.to.isoweekday() != 1:
            raise ValueError("expected 'from' and 'to' on Mondays: a promotion is measured by weeks")
        return self


class Challenges(Settings):
    """`rules/challenges.yml`."""

    challenges: dict[Code, Challenge] = Field(default_factory=dict)


class Promotions(Settings):
    """`rules/promotions.yml`."""

    promotions: dict[Code, Promotion] = Field(default_factory=dict)


def campaign_rows(company: Path) -> dict[str, tuple[list[Row], str]]:
    """Rows of the rule entities `campaigns`, `campaign_scopes` and `challenge_prizes`, each with its files;
    ConfigError at the first fault.
    """
    challenges, promotions = load_challenges(company), load_promotions(company)
    for code in promotions:
        if code in challenges:
            raise ConfigError(
                "double_key",
                f"the promotion {code} has the code of a challenge",
                "give one of them another code",
                Place(file=company / PROMOTIONS),
            )
    everything: Mapping[str, Campaign] = {**challenges, **promotions}
    files = f"{CHALLENGES}, {PROMOTIONS}"
    return {
        "campaigns": (
            [
                *(_challenge_row(code, item) for code, item in challenges.items()),
                *(_promotion_row(code, item) for code, item in promotions.items()),
            ],
            files,
        ),
        "campaign_scopes": (
            [
                {"campaign_code": code, "dimension_code": dimension, "scope_code": name}
                for code, item in everything.items()
                for dimension, names in (
                    ("partner", item.partners.partners),
                    ("channel", item.partners.channels),
                    ("segment", item.partners.segments),
                    ("product", item.products.products),
                    ("family", item.products.families),
                )
                for name in dict.fromkeys(names)
            ],
            files,
        ),
        "challenge_prizes": (
            [
                {
                    "campaign_code": code,
                    "prize_rank": prize.rank,
                    "prize_name_fr": prize.name_fr,
                    "prize_name_en": prize.name_en,
                    "prize_amount": prize.amount,
                }
                for code, challenge in challenges.items()
                for prize in challenge.prizes
            ],
            str(CHALLENGES),
        ),
    }


def load_challenges(company: Path) -> dict[str, Challenge]:
    """`rules/challenges.yml` of a company directory; none where the file is absent."""
    path = company / CHALLENGES
    return dict(read_model(path, Challenges).challenges) if path.is_file() else {}


def load_promotions(company: Path) -> dict[str, Promotion]:
    """`rules/promotions.yml` of a company directory; none where the file is absent."""
    path = company / PROMOTIONS
    return dict(read_model(path, Promotions).promotions) if path.is_file() else {}


def _head(code: str, kind: str, campaign: Campaign, measure: str) -> Row:
    return {
        "campaign_code": code,
        "campaign_kind_code": kind,
        "campaign_name_fr": campaign.name_fr,
        "campaign_name_en": campaign.name_en,
        "from_date": campaign.from_.isoformat(),
        "to_date": campaign.to.isoformat(),
        "measure_code": measure,
        "ranked_by_code": None,
        "minimum_value": None,
        "baseline_code": None,
        "baseline_weeks": None,
        "cost_amount": None,
    }


def _challenge_row(code: str, challenge: Challenge) -> Row:
    return {
        **_head(code, "challenge", challenge, challenge.measure),
        "ranked_by_code": challenge.by,
        "minimum_value": challenge.minimum,
    }


def _promotion_row(code: str, promotion: Promotion) -> Row:
    return {
        **_head(code, "promotion", promotion, promotion.measure),
        "baseline_code": promotion.baseline.kind,
        "baseline_weeks": promotion.baseline.weeks,
        "cost_amount": promotion.cost_amount,
    }
