"""Scorecards and targets: what the files may say, and the rows that they give."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.errors import ConfigError
from connectors.scorecard import SUBJECTS, Scorecard, load_scorecard, load_targets

HEADER = "partner_code;segment_code;measure_code;period;target_value\n"


def read(tmp_path: Path, text: str) -> Scorecard:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "scorecard.yml").write_text(text, encoding="utf-8")
    return load_scorecard(tmp_path)


def targets(tmp_path: Path, *lines: str) -> list[dict[str, object]]:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "targets.csv").write_text(HEADER + "\n".join(lines), encoding="utf-8")
    return load_targets(tmp_path)


def test_without_the_file_all_themes_count_and_only_the_margin_is_not_shared(tmp_path: Path) -> None:
    rows = load_scorecard(tmp_path).rows()
    assert [row["theme_code"] for row in rows] == list(SUBJECTS)
    assert sum(Decimal(row["theme_weight"]) for row in rows) == 100
    assert [row["theme_code"] for row in rows if not row["is_shared"]] == ["margin"]
    assert {(row["valid_from_date"], row["valid_to_date"]) for row in rows} == {("1900-01-01", "9999-12-31")}


def test_a_theme_that_a_version_leaves_out_weighs_nothing_and_another_measure_has_no_known_benchmark(
    tmp_path: Path,
) -> None:
    rows = read(
        tmp_path,
        "peers: value\n"
        "versions:\n"
        "  - valid_from: 2025-01-01\n"
        "    themes: {growth: {weight: 3}}\n"
        "  - valid_from: 2026-01-01\n"
        "    themes:\n"
        "      growth: {weight: 1, measure: sell_in_growth_rate, zero_at: 0, full_at: 0.5, shared: false}\n",
    ).rows()
    growth = [row for row in rows if row["theme_code"] == "growth"]
    assert len(rows) == 2 * len(SUBJECTS)
    assert [
        (
            row["valid_to_date"],
            row["measure_code"],
            row["full_value"],
            row["benchmark_value"],
            row["is_shared"],
        )
        for row in growth
    ] == [
        ("2026-01-01", "sell_out_growth_rate", "0.2", "0", True),
        ("9999-12-31", "sell_in_growth_rate", "0.5", None, False),
    ]
    assert {row["theme_weight"] for row in rows if row["theme_code"] != "growth"} == {"0"}


@pytest.mark.parametrize(
    ("theme", "said"),
    [
        ("{weight: 1}, luck: {weight: 1}", "unknown theme 'luck'"),
        ("{weight: 0}", "a weight above 0"),
        ("{weight: -1}", "greater than or equal to 0"),
        ("{weight: 1, measure: overdue_rate}", "goes by sell_out_growth_rate or sell_in_growth_rate"),
        ("{weight: 1, zero_at: 0}", "both 'zero_at' and 'full_at'"),
        ("{weight: 1, zero_at: 0, full_at: 0}", "to differ"),
        ("{weight: 1, measure: sell_in_growth_rate}", "expected 'zero_at' and 'full_at'"),
    ],
)
def test_a_fault_of_a_theme_is_told_with_the_file(tmp_path: Path, theme: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, f"versions: [{{valid_from: 2025-01-01, themes: {{growth: {theme}}}}}]")
    assert str(caught.value.place.file).endswith("rules/scorecard.yml")


@pytest.mark.parametrize(
    ("days", "said"),
    [(("2025-01-02",), "first day of a month"), (("2025-02-01", "2025-01-01"), "in order of valid_from")],
)
def test_versions_begin_with_a_month_in_order(tmp_path: Path, days: tuple[str, ...], said: str) -> None:
    versions = ", ".join(f"{{valid_from: {day}, themes: {{growth: {{weight: 1}}}}}}" for day in days)
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, f"versions: [{versions}]")


def test_an_amount_is_spread_over_the_months_of_its_period_and_a_share_holds_in_each(tmp_path: Path) -> None:
    rows = targets(tmp_path, "D01;;sell_in_amount;2026-Q2;100", ";Gold;compliance_rate;2026;0,95")
    amounts = [row for row in rows if row["measure_code"] == "sell_in_amount"]
    shares = [row for row in rows if row["measure_code"] == "compliance_rate"]
    assert [row["month_start_date"] for row in amounts] == ["2026-04-01", "2026-05-01", "2026-06-01"]
    assert [row["target_value"] for row in amounts] == ["33.33", "33.34", "33.33"]
    assert len(shares) == 12
    assert {row["target_value"] for row in shares} == {"0.95"}


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (("D01;Gold;compliance_rate;2026;0.9",), 2, "a partner_code or a segment_code, and not both"),
        ((";;compliance_rate;2026;0.9",), 2, "a partner_code or a segment_code"),
        (("D01;;turnover;2026;0.9",), 2, "measure_code is 'turnover'"),
        (("D01;;compliance_rate;2026-13;0.9",), 2, "period is '2026-13'"),
        (("D01;;compliance_rate;0000;0.9",), 2, "period is '0000'"),
        (("D01;;compliance_rate;2026;much",), 2, "target_value is 'much'"),
        (("D01;;sell_in_amount;2026;10.001",), 2, "target_value is '10.001'"),
        (("D01;;compliance_rate;2026;0.9", "D01;;compliance_rate;2026-Q1;0.8"), 3, "in 2026-01 stands in"),
    ],
)
def test_a_fault_of_a_target_is_told_with_file_and_line(
    tmp_path: Path, lines: tuple[str, ...], line: int, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        targets(tmp_path, *lines)
    assert caught.value.place.line == line
    assert str(caught.value.place.file).endswith("rules/targets.csv")
