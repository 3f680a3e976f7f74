"""Segments: what the file may say, and the rows that it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.company import line_finder
from connectors.errors import ConfigError
from connectors.segments import FILE, SegmentRules, load_segments

HEAD = """
schemes:
  value:
    name_fr: Valeur
    name_en: Value
    versions:
"""
GOOD = """
      - valid_from: 2025-01-01
        measure: revenue
        by: cumulated_share
        hysteresis: {beyond: 0.02, months: 2}
        segments:
          - {code: New, name_fr: Nouveau, name_en: New, newer_than_months: 6}
          - {code: Gold, name_fr: Or, name_en: Gold, up_to: 0.5, partners: [D01]}
          - {code: Bronze, name_fr: Bronze, name_en: Bronze}
      - {valid_from: 2026-01-01, measure: channel}
"""


def read(tmp_path: Path, text: str) -> SegmentRules:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "segments.yml").write_text(text, encoding="utf-8")
    return load_segments(tmp_path)


def test_without_the_file_there_is_no_scheme(tmp_path: Path) -> None:
    rules = load_segments(tmp_path)
    assert (rules.rows(), rules.segment_rows(), rules.member_rows()) == ([], [], [])


def test_a_version_holds_until_the_next_one_and_new_partners_have_no_place_in_the_order(
    tmp_path: Path,
) -> None:
    rules = read(tmp_path, HEAD + GOOD)
    assert [
        (row["valid_from_date"], row["valid_to_date"], row["method_code"], row["hysteresis_value"])
        for row in rules.rows()
    ] == [
        ("2025-01-01", "2026-01-01", "cumulated_share", "0.02"),
        ("2026-01-01", "9999-12-31", "attribute", "0"),
    ]
    assert [
        (row["segment_number"], row["segment_code"], row["bound_value"], row["newer_than_months"])
        for row in rules.segment_rows()
    ] == [(1, "Gold", "0.5", None), (2, "Bronze", None, None), (3, "New", None, 6)]
    assert [
        (row["segment_code"], row["member_kind_code"], row["member_code"]) for row in rules.member_rows()
    ] == [("Gold", "partner", "D01")]


def test_a_partner_and_a_value_are_found_again_in_the_file(tmp_path: Path) -> None:
    text = (
        HEAD
        + GOOD
        + (
            "      - valid_from: 2027-01-01\n"
            "        measure: channel\n"
            "        segments:\n"
            "          - code: Shops\n"
            "            name_fr: Boutiques\n"
            "            name_en: Shops\n"
            "            values:\n"
            "              - trade_counter\n"
            "              - online_reseller\n"
        )
    )
    rows = read(tmp_path, text).member_rows(line_finder(tmp_path / FILE))
    lines = text.splitlines()
    assert [row["member_code"] for row in rows] == ["D01", "trade_counter", "online_reseller"]
    assert all(row["member_code"] in lines[row["line_number"] - 1] for row in rows)


def version(measure: str, *segments: str, more: str = "", first: str = "2025-01-01") -> str:
    lines = [f"      - valid_from: {first}", f"        measure: {measure}"]
    lines += [f"        {more}"] if more else []
    lines += ["        segments:"] if segments else []
    return "\n".join(
        [
            *lines,
            *(
                f"          - {{code: S{number}, name_fr: S, name_en: S, {segment}}}"
                for number, segment in enumerate(segments)
            ),
        ]
    )


REST = "values: []"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (version("revenue", REST, first="2025-01-15"), "first day of a month"),
        (version("turnover", REST), "measure"),
        (version("margin_rate", "up_to: 0.5", REST, more="by: cumulated_share"), "revenue and margin only"),
        (version("revenue", "from: 0.5", REST, more="by: cumulated_share"), "expected 'up_to' for bounds"),
        (version("revenue", "up_to: 1.5", REST, more="by: cumulated_share"), "0.50 is the half"),
        (version("margin_rate", "from: 0.1", "from: 0.2", REST), "best segment first"),
        (version("margin_rate", "from: 0.2", "from: 0.1"), "each segment but the last"),
        (version("margin_rate", REST, REST), "each segment but the last"),
        (
            version("margin_rate", "from: 0.2", "from: 0.1", REST, more="hysteresis: {beyond: 0.05}"),
            "further apart",
        ),
        (version("margin_rate", "values: [X]"), "is a figure"),
        (version("margin_rate"), "at least one segment"),
        (version("territory", "from: 1", REST), "knows no bounds"),
        (version("territory", "values: ['69']", REST, REST), "the one for all others"),
        (version("territory", "values: ['69']", "values: ['69']"), "stands twice"),
        (version("revenue", "partners: [D1]", "partners: [D1]"), "stands twice"),
        (version("revenue", "newer_than_months: 3", "newer_than_months: 6", REST), "at most one segment"),
        (version("channel") + "\n" + version("channel"), "in order of valid_from"),
    ],
)
def test_a_fault_is_told_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, HEAD + text)
    assert str(caught.value.place.file).endswith("rules/segments.yml")
