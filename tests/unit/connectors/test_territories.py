"""`rules/territories.yml` and `rules/territory_decisions.csv`: what holds when, and what cannot be meant."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.errors import ConfigError
from connectors.territories import load_territory_decisions, load_territory_rules

RULES = """
protection_days: 60
routing:
  - since: 2026-01-01
    channels: [regional_distributor]
    order: [exclusive, segment]
    segments: [Gold, Silver]
  - {since: 2026-03-01, channels: [direct], order: [load], load_days: 30}
"""


def write(folder: Path, name: str, text: str) -> None:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / name).write_text(text, encoding="utf-8")


def test_later_routing_ends_the_former_on_its_first_day_and_limits_hold_always(tmp_path: Path) -> None:
    write(tmp_path, "territories.yml", RULES)
    rows = [tuple(row.values()) for row in load_territory_rules(tmp_path).rows()]
    assert rows == [
        ("protection_days", 1, 60, None, "1900-01-01", "9999-12-31"),
        ("certain_score_rate", 1, Decimal("0.98"), None, "1900-01-01", "9999-12-31"),
        ("likely_score_rate", 1, Decimal("0.85"), None, "1900-01-01", "9999-12-31"),
        ("tolerated_share_rate", 1, Decimal("0.02"), None, "1900-01-01", "9999-12-31"),
        ("resolved_after_days", 1, 90, None, "1900-01-01", "9999-12-31"),
        ("exclusivity_binds", 1, None, "channel", "1900-01-01", "9999-12-31"),
        ("routing_channel", 1, None, "regional_distributor", "2026-01-01", "2026-03-01"),
        ("routing_criterion", 1, None, "exclusive", "2026-01-01", "2026-03-01"),
        ("routing_criterion", 2, None, "segment", "2026-01-01", "2026-03-01"),
        ("routing_segment", 1, None, "Gold", "2026-01-01", "2026-03-01"),
        ("routing_segment", 2, None, "Silver", "2026-01-01", "2026-03-01"),
        ("routing_load_days", 1, 90, None, "2026-01-01", "2026-03-01"),
        ("routing_channel", 1, None, "direct", "2026-03-01", "9999-12-31"),
        ("routing_criterion", 1, None, "load", "2026-03-01", "9999-12-31"),
        ("routing_load_days", 1, 30, None, "2026-03-01", "9999-12-31"),
    ]


def test_without_a_file_limits_are_the_defaults_and_nothing_is_routed(tmp_path: Path) -> None:
    codes = [row["rule_code"] for row in load_territory_rules(tmp_path).rows()]
    assert "protection_days" in codes
    assert not [code for code in codes if code.startswith("routing")]
    assert load_territory_decisions(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("protection_days: 0", "protection_days"),
        ("likely_score_rate: 0.5", "likely_score_rate"),
        ("{likely_score_rate: 0.99, certain_score_rate: 0.9}", "likely_score_rate <= certain_score_rate"),
        ("routing: [{channels: [direct], order: [segment]}]", "segments"),
        ("routing: [{channels: [direct], order: [load, load]}]", "once"),
        ("routing: [{channels: [direct], order: [nearest]}]", "order"),
        ("routing: [{channels: [a], order: [load]}, {channels: [b], order: [load]}]", "since"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "territories.yml", text)
    with pytest.raises(ConfigError, match=said):
        load_territory_rules(tmp_path)


def test_decisions_are_read_in_order_and_hold_on_without_an_end(tmp_path: Path) -> None:
    write(
        tmp_path,
        "territory_decisions.csv",
        "conflict_code;decision_code;decided_by;decided_date;reason\n"
        "deal|R1|R2;first_partner;C. Duval;2026-06-30;first by five days\n",
    )
    assert load_territory_decisions(tmp_path) == [
        {
            "conflict_code": "deal|R1|R2",
            "decision_code": "first_partner",
            "decided_by": "C. Duval",
            "decided_date": "2026-06-30",
            "reason": "first by five days",
            "valid_to_date": "9999-12-31",
        }
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c;forgiven;me;2026-06-30;", "forgiven"),
        ("c;stopped;me;30/06/2026;", "30/06/2026"),
        ("c;stopped;me;2026-06-30;2026-06-30", "valid_to_date"),
        ("c;stopped;;2026-06-30;", "decided_by"),
    ],
)
def test_a_decision_that_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, line: str, said: str
) -> None:
    write(
        tmp_path,
        "territory_decisions.csv",
        f"conflict_code;decision_code;decided_by;decided_date;valid_to_date\n{line}\n",
    )
    with pytest.raises(ConfigError, match=said) as refused:
        load_territory_decisions(tmp_path)
    assert "territory_decisions.csv:2" in str(refused.value)
