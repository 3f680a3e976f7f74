"""Promises on alerts: one for each cause, with a state and days that follow one another."""

from __future__ import annotations

from expectations.marts.promises import REBUILD
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, one_of, one_row_per

TABLE = "fct_alerts"


def suites() -> list[Suite]:
    return [
        Suite(
            f"marts.{TABLE}",
            (
                one_row_per(
                    "alert_id",
                    severity="critical",
                    message=f"{TABLE} holds an alert twice.",
                    remedy=REBUILD,
                ),
                filled(
                    "rule_code",
                    "subject_code",
                    "partner_code",
                    "since_date",
                    "first_seen_date",
                    "last_seen_date",
                    "action_fr",
                    "action_en",
                    severity="critical",
                    remedy=REBUILD,
                ),
                one_of(
                    "status_code",
                    ("open", "muted", "resolved", "lapsed"),
                    severity="critical",
                    remedy=REBUILD,
                ),
                no_finding(
                    """
                    select rule_code, subject_code, count(*) as alert_count
                    from {batch}
                    where status_code in ('open', 'muted')
                    group by rule_code, subject_code
                    having count(*) > 1
                    """,
                    name="one_alert_for_each_cause",
                    severity="critical",
                    message="Two alerts of one rule and subject are open: somebody would be told twice.",
                    remedy=REBUILD,
                    found="{rule_code} {subject_code}: {alert_count} alerts",
                    column="subject_code",
                ),
                no_row_where(
                    "since_date > first_seen_date or first_seen_date > last_seen_date "
                    "or resolved_date < last_seen_date "
                    "or (status_code in ('resolved', 'lapsed')) <> (resolved_date is not null)",
                    name="days_follow_one_another",
                    show=("alert_id", "status_code", "first_seen_date", "last_seen_date", "resolved_date"),
                    severity="critical",
                    message="The days of an alert contradict its state.",
                    remedy=REBUILD,
                    column="status_code",
                ),
            ),
        )
    ]
