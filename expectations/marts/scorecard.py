"""Promises on scorecards: scores stay within 0 and 100, and points add up to the total and its change."""

from __future__ import annotations

from expectations.marts.promises import REBUILD
from expectations.vocabulary import Suite, between, no_finding, one_row_per

MART = "mart_partner_scorecard_monthly"


def suites() -> list[Suite]:
    return [
        Suite(
            f"marts.{MART}",
            (
                one_row_per(
                    "month_start_date",
                    "partner_code",
                    "theme_code",
                    severity="critical",
                    message=f"{MART} holds a theme of a partner twice in one month.",
                    remedy=REBUILD,
                ),
                between("score_value", 0, 100, severity="critical", remedy=REBUILD),
                between("total_score", 0, 100, severity="critical", remedy=REBUILD),
                no_finding(
                    """
                    select month_start_date, partner_code, max(total_score) as total_score
                    from {batch}
                    group by month_start_date, partner_code
                    having sum(points_value) is distinct from max(total_score)
                        or sum(change_points) is distinct from max(total_change)
                        or max(total_change) is distinct from max(total_score) - max(former_total_score)
                    order by month_start_date, partner_code
                    """,
                    name="points_add_up",
                    severity="critical",
                    message="The points of the themes are not the total, or their changes not its change.",
                    remedy=REBUILD,
                    found="{partner_code} {month_start_date}: {total_score}",
                    column="total_score",
                ),
            ),
        )
    ]
