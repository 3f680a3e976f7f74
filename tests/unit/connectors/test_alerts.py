"""The rules of alerts: what a company may say of them, and mutes as lines of a file."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from connectors.alerts import MUTES_FILE, RULES, Mute, add_mute, load_alert_rules, load_mutes
from connectors.errors import ConfigError
from tests.installation import ROOT

ON = date(2026, 6, 30)


def write(company: Path, name: str, text: str) -> None:
    (company / "rules").mkdir(exist_ok=True)
    (company / "rules" / name).write_text(text)


def values(company: Path, rule: str, limit: str) -> dict[str, str]:
    return {
        row["channel_code"]: row["limit_value"]
        for row in load_alert_rules(company).rows()
        if (row["rule_code"], row["limit_code"]) == (rule, limit)
    }


def test_without_a_file_every_rule_is_on_with_its_defaults(tmp_path: Path) -> None:
    rows = load_alert_rules(tmp_path).rows()

    enabled = {row["rule_code"]: row["limit_value"] for row in rows if row["limit_code"] == "enabled"}
    assert enabled == dict.fromkeys(RULES, "1")
    assert values(tmp_path, "overstock", "ratio_rate") == {"*": "0.80"}
    assert values(tmp_path, "overstock", "severity") == {"*": "1"}
    assert values(tmp_path, "*", "lapse_days") == {"*": "125"}


def test_a_company_turns_rules_off_and_sets_limits_for_all_or_for_one_channel(tmp_path: Path) -> None:
    write(
        tmp_path,
        "alerts.yml",
        "lapse_days: 90\nrules:\n"
        "  late_report: {enabled: false}\n"
        "  overstock:\n    severity: warning\n    ratio_rate: 0.75\n"
        "    channels: {online_reseller: {ratio_rate: 0.6, enabled: false}}\n",
    )
    assert values(tmp_path, "late_report", "enabled") == {"*": "0"}
    assert values(tmp_path, "overstock", "severity") == {"*": "2"}
    assert values(tmp_path, "overstock", "ratio_rate") == {"*": "0.75", "online_reseller": "0.6"}
    assert values(tmp_path, "overstock", "enabled") == {"*": "1", "online_reseller": "0"}
    assert values(tmp_path, "*", "lapse_days") == {"*": "90"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: {overstok: {}}", "unknown rule 'overstok'"),
        ("rules: {overstock: {ratio: 1}}", "overstock: unknown key 'ratio'"),
        ("rules: {overstock: {severity: urgent}}", "overstock.severity: expected one of critical"),
        ("rules: {overstock: {enabled: 1}}", "overstock.enabled: expected true or false"),
        ("rules: {overstock: {ratio_rate: -0.1}}", "overstock.ratio_rate: expected a number"),
        ("rules: {overstock: {channels: {direct: {x: 1}}}}", "overstock.channels.direct: unknown key 'x'"),
        ("rules: {overstock: {channels: [direct]}}", "overstock.channels: expected limits by channel"),
        ("rules: {overstock: {channels: {direct: 1}}}", "overstock.channels.direct: expected limits by name"),
        (
            "rules: {own_stock_shortage: {channels: {direct: {week_count: 1}}}}",
            "our own stock is of no channel",
        ),
        (
            "rules: {reconciliation_difference: {channels: {direct: {enabled: false}}}}",
            "reconciliation_difference.channels: enabled holds for all channels",
        ),
        ("lapse_days: 1", "lapse_days"),
    ],
)
def test_a_fault_names_rule_and_what_is_expected(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "alerts.yml", text)
    with pytest.raises(ConfigError) as caught:
        load_alert_rules(tmp_path)
    assert said in str(caught.value)
    assert "alerts.yml" in str(caught.value)


def test_a_mute_is_a_line_that_is_only_ever_added(tmp_path: Path) -> None:
    add_mute(tmp_path, Mute("overstock", "D07", date(2026, 9, 1), "sale is\nplanned", "Ana", ON))
    before = (tmp_path / MUTES_FILE).read_text()
    add_mute(tmp_path, Mute("*", "D13", date(2026, 8, 1), 'says "closed"; ask', "Léo", ON))

    assert (tmp_path / MUTES_FILE).read_text().startswith(before)
    assert load_mutes(tmp_path) == [
        {
            "rule_code": "overstock",
            "subject_code": "D07",
            "muted_until_date": "2026-09-01",
            "mute_reason": "sale is planned",
            "muted_by": "Ana",
            "muted_date": "2026-06-30",
        },
        {
            "rule_code": "*",
            "subject_code": "D13",
            "muted_until_date": "2026-08-01",
            "mute_reason": 'says "closed"; ask',
            "muted_by": "Léo",
            "muted_date": "2026-06-30",
        },
    ]


@pytest.mark.parametrize(
    ("mute", "code"),
    [
        (Mute("overstok", "D07", date(2026, 9, 1), "x", "Ana", ON), "unknown_alert_rule"),
        (Mute("overstock", "D07", ON, "x", "Ana", ON), "invalid_range"),
        (Mute("overstock", "D07", date(2026, 9, 1), " ", "Ana", ON), "missing_value"),
    ],
)
def test_a_mute_that_cannot_be_meant_is_not_written(tmp_path: Path, mute: Mute, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        add_mute(tmp_path, mute)
    assert caught.value.code == code
    assert not (tmp_path / MUTES_FILE).exists()


def test_a_line_with_a_fault_names_its_place_and_nothing_is_added(tmp_path: Path) -> None:
    write(
        tmp_path,
        "alert_mutes.csv",
        "rule_code;subject_code;muted_until_date;mute_reason;muted_by;muted_date\n"
        "overstock;D07;2026-13-01;x;Ana;2026-06-30\n",
    )
    with pytest.raises(ConfigError, match="muted_until_date") as caught:
        add_mute(tmp_path, Mute("overstock", "D08", date(2026, 9, 1), "x", "Ana", ON))
    assert ":2" in str(caught.value)
    assert "D08" not in (tmp_path / MUTES_FILE).read_text()


def test_each_rule_has_its_limits_its_texts_its_macro_and_its_page() -> None:
    project = ROOT / "dbt_project"
    with (project / "seeds" / "staging" / "seed_alert_rules.csv").open(encoding="utf-8") as file:
        texts = list(csv.DictReader(file))
    seeded = [row["rule_code"] for row in texts]
    shared = (project / "macros" / "alerts" / "_shared.sql").read_text()
    listed = re.findall(r"'([a-z_]+)'", shared.partition("macro alert_rules()")[2].partition("endmacro")[0])
    macros = "".join(path.read_text() for path in (project / "macros" / "alerts").glob("*.sql"))
    page = (ROOT / "docs" / "alerts.md").read_text()

    assert seeded == listed == list(RULES)
    assert all(all(row.values()) for row in texts)
    for code, rule in RULES.items():
        assert f"macro alert_{code}()" in macros
        assert f"`{code}`" in page
        for limit in rule.limits:
            assert f"`{limit}`" in page
