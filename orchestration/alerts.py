"""Alerts as they are published: which there are, the most urgent first, and which are new.

What belongs here: reading `marts.fct_alerts`. What does not: when an alert is raised (the models), how it
looks (`orchestration.alert_words`), telling people of it (`orchestration.notices`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import duckdb

from connectors.alerts import RULES, Severity
from connectors.errors import ConfigError
from orchestration.publish import current_version, has_mart, published_file, require_mart, versions

Language = Literal["fr", "en"]
MART: Final = "fct_alerts"
OPEN: Final = ("open", "muted")
STATES: Final = (*OPEN, "resolved", "lapsed")
NOBODY: Final = "NONE"
"""The partner of an alert that is about our own stock, or a document of no partner."""


@dataclass(frozen=True)
class Alert:
    """One alert; amounts in the company's currency, `stake` None where it cannot be valued."""

    alert_id: str
    rule: str
    severity: Severity
    subject: str
    partner: str
    item: str | None
    status: str
    since: date
    first_seen: date
    last_seen: date
    resolved: date | None
    muted_until: date | None
    measured: Decimal | None
    limit: Decimal | None
    unit: str
    figures: str
    stake: Decimal | None
    currency: str
    name_fr: str
    name_en: str
    measure_fr: str
    measure_en: str
    action_fr: str
    action_en: str
    partner_name: str | None
    product_name: str | None
    programme_name_fr: str | None
    programme_name_en: str | None
    conflict_fr: str | None
    conflict_en: str | None
    cause_fr: str | None
    cause_en: str | None

    def name(self, language: Language) -> str:
        return self.name_fr if language == "fr" else self.name_en

    @property
    def measured_in(self) -> str:
        """The unit of what was measured; of a rebate's tier `amount`, `units` or `months`."""
        if self.unit != "value":
            return self.unit
        return dict(pair.split("=", 1) for pair in self.figures.split("; ")).get("measure_code", "")

    def measure(self, language: Language) -> str:
        """What `measured` and `limit` measure, in words."""
        return self.measure_fr if language == "fr" else self.measure_en

    def programme_name(self, language: Language) -> str | None:
        """The name of the rebate programme that the alert is of."""
        return self.programme_name_fr if language == "fr" else self.programme_name_en

    def conflict(self, language: Language) -> str | None:
        """What the conflict is that the alert is of, with whom and where."""
        return self.conflict_fr if language == "fr" else self.conflict_en

    def action(self, language: Language) -> str:
        """What to do; and why a stock seems not to agree, since that says where to begin."""
        action, cause = (
            (self.action_fr, self.cause_fr) if language == "fr" else (self.action_en, self.cause_en)
        )
        if cause is None:
            return action
        why = "Cause probable : " if language == "fr" else "Likely cause: "
        return f"{action} {why}{cause[0].lower()}{cause[1:]}."


_COLUMNS: Final = (
    "alert_id, rule_code, severity_code, subject_code, alerts.partner_code, item_code, status_code, "
    "since_date, first_seen_date, last_seen_date, resolved_date, muted_until_date, measured_value, "
    "limit_value, unit_code, figures, at_stake_amount, alerts.currency_code, rule_name_fr, rule_name_en, "
    "measure_fr, measure_en, action_fr, action_en, partners.partner_name, product_name, "
    "programme_name_fr, programme_name_en, conflict_fr, conflict_en, gap_cause_name_fr, gap_cause_name_en"
)
_NAMED: Final = (
    f"marts.{MART} as alerts "
    "left join core.dim_partners as partners "
    "on alerts.partner_code = partners.partner_code and partners.is_current "
    "left join core.dim_products as products on alerts.product_code = products.product_code "
    "left join ("
    "select programme_code, max_by(programme_name_fr, programme_version_date) as programme_name_fr, "
    "max_by(programme_name_en, programme_version_date) as programme_name_en "
    "from core.dim_rebate_programmes group by programme_code"
    ") as programmes on alerts.subject_kind_code = 'programme' "
    "and split_part(alerts.item_code, '|', 1) = programmes.programme_code "
    "left join ("
    "select conflict_code, kind_name_fr || place as conflict_fr, kind_name_en || place as conflict_en "
    "from (select *, ' (' || concat_ws(', ', other_partner_name, territory_name) || ')' as place "
    "from marts.mart_territory_conflicts)"
    ") as conflicts on alerts.rule_code = 'territory_conflict' "
    "and alerts.item_code = conflicts.conflict_code "
    "left join core.dim_gap_causes as causes on alerts.rule_code = 'stock_gap' "
    "and regexp_extract(alerts.figures, 'likely_cause_code=([a-z_]+)', 1) = causes.gap_cause_code"
)
_ORDER: Final = "severity_number, at_stake_amount desc nulls last, alert_id"


def published_alerts(
    published: Path,
    *,
    states: Sequence[str] = ("open",),
    partner: str | None = None,
    rule: str | None = None,
    severity: str | None = None,
    version: str | None = None,
) -> list[Alert]:
    """Alerts of the current publication, or of a `version`, in these states: by severity, then by what is at
    stake.
    """
    file = published_file(published, version)
    if rule is not None and rule not in RULES:
        raise ConfigError("unknown_alert_rule", f"there is no rule {rule!r}", f"one of: {', '.join(RULES)}")
    conditions = ["status_code in (select unnest(?))"]
    values: list[object] = [list(states)]
    for column, wanted in (
        ("alerts.partner_code", partner),
        ("rule_code", rule),
        ("severity_code", severity),
    ):
        if wanted is not None:
            conditions.append(f"{column} = ?")
            values.append(wanted)
    with duckdb.connect(str(file), read_only=True) as connection:
        require_mart(connection, MART)
        rows = connection.execute(
            f"select {_COLUMNS} from {_NAMED} where {' and '.join(conditions)} order by {_ORDER}",
            values,
        ).fetchall()
    return [Alert(*row) for row in rows]


def as_of(published: Path) -> date:
    """The day that the current publication tells of; after days without a run it is not today."""
    with duckdb.connect(str(published_file(published)), read_only=True) as connection:
        rows: list[tuple[date]] = connection.execute("select as_of_date from marts.publication").fetchall()
    return rows[0][0]


@dataclass(frozen=True)
class Count:
    """Open alerts, and how many of them the publication before did not have (None without one to compare)."""

    open: int
    new: int | None


def count_alerts(published: Path) -> Count | None:
    """Open alerts of the current publication; None before the first one that has alerts."""
    current = current_version(published)
    if current is None:
        return None
    now = _open_ids(published / f"{current}.duckdb")
    if now is None:
        return None
    former = [version for version in versions(published) if version < current]
    before = _open_ids(published / f"{former[-1]}.duckdb") if former else None
    return Count(len(now), None if before is None else len(now - before))


def _open_ids(publication: Path) -> set[str] | None:
    with duckdb.connect(str(publication), read_only=True) as connection:
        if not has_mart(connection, MART):
            return None
        return {
            str(alert)
            for (alert,) in connection.execute(
                f"select alert_id from marts.{MART} where status_code = 'open'"
            ).fetchall()
        }
