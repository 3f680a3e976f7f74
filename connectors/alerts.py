"""The company's rules of alerts: `rules/alerts.yml` and `rules/alert_mutes.csv`.

What belongs here: which rules there are with the limits that each has, reading what the company says of them,
and writing a mute. What does not: when a condition holds (`dbt_project/macros/alerts`), and in which words it
is told (`dbt_project/seeds/staging/seed_alert_rules.csv`).
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from connectors.company import Settings, read_model
from connectors.errors import ConfigError
from connectors.ruletables import Row, Table, read_date

FILE: Final = Path("rules") / "alerts.yml"
MUTES_FILE: Final = Path("rules") / "alert_mutes.csv"
EVERY: Final = "*"

Severity = Literal["critical", "warning", "notice"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "notice")
"""The most urgent first; lands as its number, from 1."""


@dataclass(frozen=True)
class Limit:
    """One limit of a rule: what holds where the company says nothing, and what it means."""

    default: str
    meaning: str


@dataclass(frozen=True)
class Rule:
    """A rule of alerts: how urgent it is, and its limits by name."""

    severity: Severity
    limits: Mapping[str, Limit]


RULES: Final[dict[str, Rule]] = {
    "stock_below_threshold": Rule(
        "warning",
        {
            "weeks_of_supply": Limit("1", "Weeks of supply at the partner below this."),
            "period_count": Limit("2", "Weeks one after the other."),
            "min_stake_amount": Limit("250", "Less at stake raises no alert."),
        },
    ),
    "shortage_foreseen": Rule(
        "warning",
        {
            "horizon_weeks": Limit("13", "The partner's stock ends within so many weeks."),
            "rate_weeks": Limit("13", "Weeks whose sales and arrivals give the rate."),
            "period_count": Limit("1", "Weeks one after the other."),
            "min_stake_amount": Limit("0", "Less at stake raises no alert."),
        },
    ),
    "overstock": Rule(
        "critical",
        {
            "ratio_rate": Limit("0.80", "Sell-out / sell-in of a month below this."),
            "period_count": Limit("3", "Months one after the other."),
            "min_stake_amount": Limit("1000", "Less at stake raises no alert."),
        },
    ),
    "phantom_stock": Rule(
        "warning",
        {
            "period_count": Limit("2", "Weeks one after the other."),
            "min_stake_amount": Limit("250", "Less at stake raises no alert."),
        },
    ),
    "stock_gap": Rule(
        "warning",
        {
            "period_count": Limit("2", "Weeks one after the other."),
            "min_stake_amount": Limit("250", "Less at stake raises no alert."),
        },
    ),
    "no_order": Rule(
        "critical",
        {
            "silent_days": Limit("61", "Days without an order, and"),
            "rhythm_factor": Limit("3", "so many times the partner's own usual interval between two orders."),
            "period_count": Limit("1", "Weeks one after the other."),
            "min_stake_amount": Limit("0", "Less at stake raises no alert."),
        },
    ),
    "abnormal_orders": Rule(
        "warning",
        {
            "deviation_factor": Limit(
                "4", "Median absolute deviations (as a standard deviation) from the usual."
            ),
            "deviation_rate": Limit("0.50", "Difference from the usual, as a share of it, beyond this too."),
            "period_count": Limit("1", "Months one after the other."),
            "min_stake_amount": Limit("2000", "Less at stake raises no alert."),
        },
    ),
    "rotation_slowing": Rule(
        "warning",
        {
            "drop_rate": Limit("0.30", "Rotation of three months below that of a year before by this share."),
            "period_count": Limit("2", "Months one after the other."),
            "min_stake_amount": Limit("1000", "Less at stake raises no alert."),
        },
    ),
    "margin_under_target": Rule(
        "critical",
        {
            "target_rate": Limit("0.20", "Pocket margin of three months / pocket sales below this."),
            "period_count": Limit("2", "Months one after the other."),
            "min_stake_amount": Limit("500", "Less at stake raises no alert."),
        },
    ),
    "discount_exception": Rule(
        "warning",
        {
            "unapproved_rate": Limit("0.03", "Discounts that nobody approved / net sales of the month."),
            "period_count": Limit("1", "Months one after the other."),
            "min_stake_amount": Limit("250", "Less at stake raises no alert."),
        },
    ),
    "rebate_tier_within_reach": Rule(
        "notice",
        {
            "distance_rate": Limit("0.10", "Forecast short of the next tier by at most this share of it."),
            "last_months": Limit("6", "Months before the period's end from which on it is told."),
            "period_count": Limit("1", "Months one after the other."),
            "min_stake_amount": Limit("0", "Less at stake raises no alert."),
        },
    ),
    "rebate_tier_at_risk": Rule(
        "warning",
        {
            "distance_rate": Limit("0.10", "Forecast above the expected tier by at most this share of it."),
            "last_months": Limit("3", "Months before the period's end from which on it is told."),
            "period_count": Limit("1", "Months one after the other."),
            "min_stake_amount": Limit("0", "Less at stake raises no alert."),
        },
    ),
    "late_payment": Rule(
        "warning",
        {
            "overdue_rate": Limit("0.35", "Overdue / owed at the month's end above this."),
            "period_count": Limit("2", "Months one after the other."),
            "min_stake_amount": Limit("1000", "Less at stake raises no alert."),
        },
    ),
    "late_report": Rule(
        "notice",
        {
            "late_days": Limit("3", "Days after the due date from which a report counts as late."),
            "period_count": Limit("2", "Reports one after the other."),
            "min_stake_amount": Limit("0", "Less at stake raises no alert."),
        },
    ),
    "missing_report": Rule(
        "warning",
        {
            "grace_days": Limit("14", "Days after the due date from which a report counts as missing."),
            "period_count": Limit("1", "Reports one after the other."),
            "min_stake_amount": Limit("0", "Less at stake raises no alert."),
        },
    ),
    "reconciliation_difference": Rule(
        "warning",
        {
            "period_count": Limit("1", "Months one after the other."),
            "min_stake_amount": Limit("1", "Less at stake raises no alert."),
        },
    ),
    "territory_conflict": Rule(
        "warning",
        {
            "period_count": Limit("1", "A conflict is judged as a whole."),
            "min_stake_amount": Limit("250", "Less at stake raises no alert."),
        },
    ),
    "delivery_drift": Rule(
        "warning",
        {
            "drift_days": Limit("1", "Days by which the wait has grown beyond that of all others in a year."),
            "period_count": Limit("4", "Months one after the other."),
            "min_stake_amount": Limit("1000", "Less at stake raises no alert."),
        },
    ),
    "promised_volume": Rule(
        "warning",
        {
            "grace_days": Limit("60", "Days after the expected day from which an announced deal is missed."),
            "period_count": Limit("1", "A deal is judged as a whole."),
            "min_stake_amount": Limit("5000", "Less at stake raises no alert."),
        },
    ),
    "forecast_bias": Rule(
        "warning",
        {
            "low_rate": Limit(
                "0.60", "Bought / announced over the deals decided in 12 months below this, or"
            ),
            "high_rate": Limit("1.60", "above this."),
            "deal_count": Limit(
                "5", "Deals decided in 12 months at least; a month with fewer is not judged."
            ),
            "period_count": Limit("3", "Months one after the other."),
            "min_stake_amount": Limit("1000", "Less at stake raises no alert."),
        },
    ),
    "own_stock_shortage": Rule(
        "critical",
        {
            "week_count": Limit(
                "2", "Weeks of the last four in which the stock was short or had to be ordered."
            ),
            "period_count": Limit("1", "Weeks one after the other."),
            "min_stake_amount": Limit("2000", "Less at stake raises no alert."),
        },
    ),
}
"""All rules. A new one has a row here, its macro `alert_<rule>` and its texts in the seed."""


class AlertRules(Settings):
    """`rules/alerts.yml`: by rule what differs from the default, for all channels or under `channels`."""

    lapse_days: int = Field(
        default=125,
        ge=7,
        description="A periodic alert that could not be judged for so many days lapses.",
    )
    rules: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("rules")
    @classmethod
    def _known(cls, rules: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for code, own in rules.items():
            if code not in RULES:
                raise ValueError(f"unknown rule {code!r}; expected one of {', '.join(RULES)}")
            channels = own.get("channels", {})
            if not isinstance(channels, dict):
                raise ValueError(f"{code}.channels: expected limits by channel")
            for where, limits in ((code, own), *((f"{code}.channels.{c}", v) for c, v in channels.items())):
                if not isinstance(limits, dict):
                    raise ValueError(f"{where}: expected limits by name")
                _check_limits(code, where, {k: v for k, v in limits.items() if k != "channels"})
            if code == "own_stock_shortage" and channels:
                raise ValueError(f"{code}.channels: our own stock is of no channel; leave channels out")
            if code == "reconciliation_difference" and any("enabled" in own for own in channels.values()):
                raise ValueError(f"{code}.channels: enabled holds for all channels; write it above them")
        return rules

    def rows(self) -> list[Row]:
        """One row per rule, limit and channel; `*` holds where a channel has none of its own."""
        rows: list[Row] = [_limit_row(EVERY, EVERY, "lapse_days", self.lapse_days)]
        for code, rule in RULES.items():
            own = self.rules.get(code, {})
            general: dict[str, Any] = {
                "enabled": True,
                "severity": rule.severity,
                **{name: limit.default for name, limit in rule.limits.items()},
                **{name: value for name, value in own.items() if name != "channels"},
            }
            sets: dict[str, dict[str, Any]] = {EVERY: general, **own.get("channels", {})}
            rows += [
                _limit_row(code, channel, name, value)
                for channel, limits in sets.items()
                for name, value in limits.items()
            ]
        return rows


def _check_limits(code: str, where: str, limits: Mapping[str, Any]) -> None:
    known = ("enabled", "severity", *RULES[code].limits)
    for name, value in limits.items():
        if name not in known:
            raise ValueError(f"{where}: unknown key {name!r}; expected one of {', '.join(known)}")
        if name == "enabled":
            if not isinstance(value, bool):
                raise ValueError(f"{where}.enabled: expected true or false")
        elif name == "severity":
            if value not in SEVERITIES:
                raise ValueError(f"{where}.severity: expected one of {', '.join(SEVERITIES)}")
        elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{where}.{name}: expected a number from 0 on")


def _limit_row(rule: str, channel: str, name: str, value: Any) -> Row:
    if name == "enabled":
        value = int(value)
    elif name == "severity":
        value = SEVERITIES.index(value) + 1
    return {
        "rule_code": rule,
        "channel_code": channel,
        "limit_code": name,
        "limit_value": str(Decimal(str(value))),
    }


def load_alert_rules(company: Path) -> AlertRules:
    """`rules/alerts.yml` of a company directory; the defaults where the file is absent."""
    path = company / FILE
    return read_model(path, AlertRules) if path.is_file() else AlertRules()


# --- mutes ---

MUTES: Final = Table(
    "list of muted alerts",
    ("rule_code", "subject_code", "muted_until_date", "mute_reason", "muted_by", "muted_date"),
)


@dataclass(frozen=True)
class Mute:
    """An alert that nobody wants to hear of before `until`; `*` stands for all rules or all subjects."""

    rule: str
    subject: str
    until: date
    reason: str
    by: str
    on: date


def load_mutes(company: Path) -> list[Row]:
    """All mutes in order; ConfigError with file and line at the first fault."""
    path = company / MUTES_FILE
    if not path.is_file():
        return []
    lines = MUTES.read(path)
    for row, place in lines:
        if row["rule_code"] not in (EVERY, *RULES):
            raise ConfigError(
                "unknown_alert_rule",
                f"rule_code is {row['rule_code']!r}",
                f"expected * or one of {', '.join(RULES)}",
                place,
            )
        read_date(row, "muted_until_date", place)
        read_date(row, "muted_date", place)
        if row["muted_until_date"] <= row["muted_date"]:
            raise ConfigError(
                "invalid_range",
                "muted_until_date is not after muted_date",
                "muted_until_date is the first day on which the alert is heard again",
                place,
            )
    return [row for row, _ in lines]


def add_mute(company: Path, mute: Mute) -> None:
    """Append a mute to `rules/alert_mutes.csv`; ConfigError if it is none, or the file has a fault."""
    if mute.rule not in (EVERY, *RULES):
        raise ConfigError(
            "unknown_alert_rule", f"there is no rule {mute.rule!r}", f"one of: *, {', '.join(RULES)}"
        )
    if mute.until <= mute.on:
        raise ConfigError(
            "invalid_range", f"{mute.until} is not after {mute.on}", "name a later day: --until 2026-12-31"
        )
    for name, value in (("the subject", mute.subject), ("the reason", mute.reason), ("the name", mute.by)):
        if not value.strip():
            raise ConfigError("missing_value", f"{name} is empty", "say it: it is kept with the mute")
    load_mutes(company)  # a file with a fault is not added to
    path = company / MUTES_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    if not path.is_file():
        writer.writerow(MUTES.required)
    # The table is read by lines: a line break would end the row.
    cells = (mute.rule, mute.subject, mute.until, mute.reason, mute.by, mute.on)
    writer.writerow([" ".join(str(cell).split()) for cell in cells])
    needs_newline = path.is_file() and not path.read_bytes().endswith(b"\n")
    with path.open("ab", buffering=0) as file:
        file.write((b"\n" if needs_newline else b"") + text.getvalue().encode())
        os.fsync(file.fileno())
