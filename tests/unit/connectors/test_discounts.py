"""Rules of discounts: what the file may say, and the rows that it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.discounts import DiscountRules, load_discounts
from connectors.errors import ConfigError


def read(tmp_path: Path, text: str) -> DiscountRules:
    (tmp_path / "rules").mkdir(exist_ok=True)
    (tmp_path / "rules" / "discounts.yml").write_text(text, encoding="utf-8")
    return load_discounts(tmp_path)


def test_without_the_file_there_is_no_rule(tmp_path: Path) -> None:
    assert load_discounts(tmp_path).rows() == []


def test_a_version_holds_until_the_next_and_a_tier_until_the_higher_one(tmp_path: Path) -> None:
    rules = read(
        tmp_path,
        """
        contracts:
          - rule: GOLD
            segment: Gold
            versions:
              - {valid_from: 2025-01-01, tiers: [{rate: 0.30}, {from_quantity: 100, rate: 0.325}]}
              - {valid_from: 2026-01-01, tiers: [{rate: 0.31}]}
        promotions:
          - rule: SPRING
            family: VAN
            versions: [{valid_from: 2026-03-01, valid_to: 2026-05-01, tiers: [{rate: 0.05}]}]
        """,
    )
    found = [
        (
            row["rule_code"],
            row["rule_kind_code"],
            row["valid_from_date"],
            row["valid_to_date"],
            (row["partner_code"], row["segment_code"], row["family_code"]),
            (row["from_quantity"], row["to_quantity"]),
            row["discount_rate"],
        )
        for row in rules.rows()
    ]
    assert found == [
        ("GOLD", "contract", "2025-01-01", "2026-01-01", ("*", "Gold", "*"), ("0", "100"), "0.3"),
        ("GOLD", "contract", "2025-01-01", "2026-01-01", ("*", "Gold", "*"), ("100", None), "0.325"),
        ("GOLD", "contract", "2026-01-01", "9999-12-31", ("*", "Gold", "*"), ("0", None), "0.31"),
        ("SPRING", "promotion", "2026-03-01", "2026-05-01", ("*", "*", "VAN"), ("0", None), "0.05"),
    ]


VERSION = "versions: [{valid_from: 2026-01-01, tiers: [{rate: 0.1}]}]"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f"contracts:\n- rule: A\n  {VERSION.replace('0.1', '10')}\n", 3, "rate"),
        (
            f"contracts:\n- {{rule: A, partner: D01, segment: Gold, {VERSION}}}\n",
            2,
            "a partner and a segment",
        ),
        (f"contracts:\n- {{rule: A, {VERSION}}}\n- {{rule: A, family: F, {VERSION}}}\n", 1, "stands twice"),
        (
            f"promotions:\n- {{rule: A, family: F, {VERSION}}}\n- {{rule: B, family: F, {VERSION}}}\n",
            1,
            "'A' and 'B' cover the same partners and products on 2026-01-01",
        ),
        (
            "contracts:\n- rule: A\n  versions:\n  - {valid_from: 2026-02-01, tiers: [{rate: 0.1}]}\n"
            "  - {valid_from: 2026-01-01, tiers: [{rate: 0.1}]}\n",
            2,
            "begins before",
        ),
        (
            "contracts:\n- rule: A\n  versions:\n  - valid_from: 2026-02-01\n    valid_to: 2026-02-01\n"
            "    tiers: [{rate: 0.1}]\n",
            4,
            "valid_to after 2026-02-01",
        ),
        (
            "contracts:\n- rule: A\n  versions:\n  - valid_from: 2026-02-01\n"
            "    tiers: [{from_quantity: 10, rate: 0.1}, {from_quantity: 10, rate: 0.2}]\n",
            4,
            "ascending",
        ),
    ],
)
def test_a_fault_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, text)
    assert caught.value.place.line == line
    assert str(caught.value.place.file).endswith("rules/discounts.yml")
