"""Promises on challenges and promotions: one row each, positions and uplifts that follow from their parts."""

from __future__ import annotations

from expectations.marts.promises import REBUILD
from expectations.vocabulary import Suite, no_finding, no_row_where, one_row_per

CHALLENGES = "mart_challenges_monthly"
UPLIFT = "mart_promotion_uplift"


def suites() -> list[Suite]:
    return [_challenges(), _uplift()]


def _challenges() -> Suite:
    return Suite(
        f"marts.{CHALLENGES}",
        (
            one_row_per(
                "challenge_code",
                "month_start_date",
                "partner_code",
                severity="critical",
                message=f"{CHALLENGES} holds a partner twice: positions are wrong.",
                remedy=REBUILD,
            ),
            no_finding(
                """
                select challenge_code, month_start_date, partner_code, position_number, reached_value
                from (
                    select
                        *,
                        case when ranked_by_code = 'growth' then growth_rate else reached_value end as score,
                        max(
                            case when ranked_by_code = 'growth' then growth_rate else reached_value end
                        ) over (
                            partition by challenge_code, month_start_date, position_number
                        ) as score_of_position
                    from {batch}
                ) as scored
                where position_number is not null and (
                    score <> score_of_position
                    or (position_number = 1) <> (score = leader_score)
                )
                order by challenge_code, month_start_date, partner_code
                """,
                name="positions_follow_the_score",
                severity="critical",
                message="Partners share a position with unequal scores, or the first one is not the leader.",
                remedy=REBUILD,
                found="{challenge_code} {month_start_date}: {partner_code} on {position_number}",
                column="position_number",
            ),
            no_row_where(
                "(position_number is null) <> (reason_code is not null)",
                name="who_has_no_position_is_told_why",
                show=("challenge_code", "month_start_date", "partner_code", "position_number", "reason_code"),
                severity="critical",
                message="A partner has no position and nothing says why, or has one and a reason against it.",
                remedy=REBUILD,
                column="position_number",
            ),
        ),
    )


def _uplift() -> Suite:
    return Suite(
        f"marts.{UPLIFT}",
        (
            one_row_per(
                "promotion_code",
                "partner_code",
                severity="critical",
                message=f"{UPLIFT} holds a partner twice.",
                remedy=REBUILD,
            ),
            no_row_where(
                "abs(sold_quantity - expected_quantity - uplift_quantity) > 0.001 "
                "or uplift_low_quantity > uplift_quantity or uplift_high_quantity < uplift_quantity "
                "or (uplift_quantity is null) <> (reason_code is not null)",
                name="uplift_is_sold_less_expected",
                show=(
                    "promotion_code",
                    "partner_code",
                    "sold_quantity",
                    "expected_quantity",
                    "uplift_quantity",
                    "reason_code",
                ),
                severity="critical",
                message="An uplift is not what was sold less what was expected, lies outside its interval, "
                "or is missing without a reason.",
                remedy=REBUILD,
                column="uplift_quantity",
            ),
        ),
    )
