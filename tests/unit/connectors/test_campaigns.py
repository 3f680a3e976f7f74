"""Challenges and promotions of the company directory: what lands of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.campaigns import CHALLENGES, PROMOTIONS, campaign_rows
from connectors.errors import ConfigError

CHALLENGE = """
challenges:
  C1:
    name_fr: Défi
    name_en: Challenge
    from: 2026-04-01
    to: 2026-07-01
    measure: sell_in_units
    minimum: 50
    partners: {channels: [direct], partners: [D01, D01]}
    products: {families: [VAN]}
    prizes:
      - {rank: 1, name_fr: Voyage, name_en: Trip, amount: 1500}
"""
PROMOTION = """
promotions:
  P1:
    name_fr: Offre
    name_en: Offer
    from: 2026-03-02
    to: 2026-03-30
    baseline: {kind: weeks_before}
"""


def write(company: Path, challenges: str = CHALLENGE, promotions: str = PROMOTION) -> Path:
    (company / "rules").mkdir(exist_ok=True)
    (company / CHALLENGES).write_text(challenges, "utf-8")
    (company / PROMOTIONS).write_text(promotions, "utf-8")
    return company


def test_both_files_give_campaigns_what_they_are_limited_to_and_prizes(tmp_path: Path) -> None:
    rows = {name: found for name, (found, _) in campaign_rows(write(tmp_path)).items()}

    assert [
        (
            row["campaign_code"],
            row["campaign_kind_code"],
            row["from_date"],
            row["to_date"],
            row["measure_code"],
            row["ranked_by_code"],
            row["baseline_code"],
            row["baseline_weeks"],
        )
        for row in rows["campaigns"]
    ] == [
        ("C1", "challenge", "2026-04-01", "2026-07-01", "sell_in_units", "value", None, None),
        ("P1", "promotion", "2026-03-02", "2026-03-30", "sell_out_units", None, "weeks_before", 8),
    ]
    assert [tuple(row.values()) for row in rows["campaign_scopes"]] == [
        ("C1", "partner", "D01"),
        ("C1", "channel", "direct"),
        ("C1", "family", "VAN"),
    ]
    assert [(row["prize_rank"], row["prize_name_en"]) for row in rows["challenge_prizes"]] == [(1, "Trip")]


def test_a_company_without_the_files_has_no_campaigns(tmp_path: Path) -> None:
    assert {name: rows for name, (rows, _) in campaign_rows(tmp_path).items()} == {
        "campaigns": [],
        "campaign_scopes": [],
        "challenge_prizes": [],
    }


@pytest.mark.parametrize(
    ("challenges", "promotions", "said"),
    [
        (CHALLENGE.replace("to: 2026-07-01", "to: 2026-04-01"), PROMOTION, "after 2026-04-01"),
        (CHALLENGE.replace("to: 2026-07-01", "to: 2026-07-02"), PROMOTION, "first day of a month"),
        (CHALLENGE + "      - {rank: 1, name_fr: x, name_en: x}\n", PROMOTION, "one prize for each rank"),
        (CHALLENGE, PROMOTION.replace("2026-03-30", "2026-03-31"), "on Mondays"),
        (
            CHALLENGE,
            PROMOTION.replace("weeks_before}", "weeks_before, weeks: 3}"),
            "greater than or equal to 4",
        ),
        (CHALLENGE, PROMOTION.replace("P1", "C1"), "code of a challenge"),
        (CHALLENGE.replace("sell_in_units", "sell_in"), PROMOTION, "sell_in_units"),
    ],
)
def test_what_cannot_be_meant_is_one_error_that_names_the_file(
    tmp_path: Path, challenges: str, promotions: str, said: str
) -> None:
    write(tmp_path, challenges, promotions)

    with pytest.raises(ConfigError, match=said) as raised:
        campaign_rows(tmp_path)

    assert str(raised.value.place.file).endswith(("challenges.yml", "promotions.yml"))
