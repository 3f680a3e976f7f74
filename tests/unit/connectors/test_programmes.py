"""`rules/programme_costs.yml`: versions end one another; what cannot be meant is refused with its line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.errors import ConfigError
from connectors.programmes import ProgrammeCosts, load_programme_costs

RULES = """
allocation:
  - {step: training, key: partners}
  - {step: training, key: orders, since: 2026-01-01}
commissions:
  - {plan: agents, basis: invoiced, since: 2024-07-01, rates: {"*": 0.03, VAN: 0.045}}
  - {plan: agents, basis: paid, since: 2026-01-01, rates: {"*": 0.025}}
cash_discounts:
  - {term: E2, rate: 0.02, within_days: 10, partners: [D02, W01]}
  - {term: E1, rate: 0.01, within_days: 10, channels: [direct], since: 2025-01-01}
"""


def written(folder: Path, text: str) -> ProgrammeCosts:
    (folder / "rules").mkdir()
    (folder / "rules" / "programme_costs.yml").write_text(text, encoding="utf-8")
    return load_programme_costs(folder)


def test_a_later_version_ends_the_former_one_on_its_first_day(tmp_path: Path) -> None:
    rules = written(tmp_path, RULES)
    assert [tuple(row.values()) for row in rules.allocation_rows()] == [
        ("training", "partners", "1900-01-01", "2026-01-01"),
        ("training", "orders", "2026-01-01", "9999-12-31"),
    ]
    assert [tuple(row.values()) for row in rules.commission_rows()] == [
        ("agents", "*", "invoiced", Decimal("0.03"), "2024-07-01", "2026-01-01"),
        ("agents", "VAN", "invoiced", Decimal("0.045"), "2024-07-01", "2026-01-01"),
        ("agents", "*", "paid", Decimal("0.025"), "2026-01-01", "9999-12-31"),
    ]
    assert [tuple(row.values()) for row in rules.cash_discount_rows()] == [
        ("E1", "*", "direct", Decimal("0.01"), 10, "2025-01-01", "9999-12-31"),
        ("E2", "D02", "*", Decimal("0.02"), 10, "1900-01-01", "9999-12-31"),
        ("E2", "W01", "*", Decimal("0.02"), 10, "1900-01-01", "9999-12-31"),
    ]


def test_a_company_without_the_file_has_no_rules(tmp_path: Path) -> None:
    rules = load_programme_costs(tmp_path)
    assert rules.allocation_rows() == rules.commission_rows() == rules.cash_discount_rows() == []


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("allocation:\n  - {step: rent, key: units}\n", 2, "channel_staff"),
        ("allocation:\n  - {step: tools, key: weight}\n", 2, "partners"),
        ("commissions:\n  - {plan: A, basis: paid, rates: {'*': 1.5}}\n", 2, "less than 1"),
        ("commissions:\n  - {plan: A, basis: paid, rates: {}}\n", 2, "at least 1"),
        (
            "cash_discounts:\n  - {term: E, rate: 0.01, within_days: 9, partners: [A], channels: [B]}\n",
            2,
            "partners or channels, not both",
        ),
        ("allocation:\n  - {step: tools, key: units}\n  - {step: tools, key: orders}\n", None, "tools"),
        ("commissions:\n  - {plan: A, basis: paid, rates: {'*': 0.1}, sinse: 2026-01-01}\n", 2, "sinse"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int | None, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, text)
    assert said in str(caught.value)
    if line is not None:
        assert caught.value.place.line == line
