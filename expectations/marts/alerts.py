"""Promises on what people are told: one alert for each cause, whose days follow one another, and proposals
of whole packs.
"""

from __future__ import annotations

from expectations.marts.promises import REBUILD
from expectations.vocabulary import (
    Suite,
    filled,
    no_finding,
    no_row_where,
    one_of,
    one_row_per,
    refers_to,
)

TABLE = "fct_alerts"
PROPOSALS = "mart_partner_proposals_weekly"


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
        ),
        Suite(
            f"marts.{PROPOSALS}",
            (
                one_row_per(
                    "partner_proposal_id",
                    severity="critical",
                    message=f"{PROPOSALS} holds a proposal twice.",
                    remedy=REBUILD,
                ),
                one_of(
                    "proposal_kind_code",
                    ("reorder", "promotion", "novelty"),
                    severity="critical",
                    remedy=REBUILD,
                ),
                refers_to(
                    "product_code", "core.dim_products", "product_code", severity="critical", remedy=REBUILD
                ),
                refers_to(
                    "partner_code", "core.dim_partners", "partner_code", severity="critical", remedy=REBUILD
                ),
                no_row_where(
                    "proposal_kind_code = 'reorder' and (coalesce(proposed_quantity <= 0, true) "
                    "or proposed_quantity % pack_quantity <> 0)",
                    name="reorders_are_whole_packs",
                    show=("partner_code", "product_code", "proposed_quantity", "pack_quantity"),
                    severity="critical",
                    message="A reorder is proposed that is nothing, or no whole packs.",
                    remedy=REBUILD,
                    column="proposed_quantity",
                ),
            ),
        ),
    ]
