"""Promises on the mart of conflicts between partners."""

from __future__ import annotations

from typing import Final

from expectations.marts.promises import REBUILD
from expectations.terms import Terms
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, one_of, one_row_per, refers_to

KINDS: Final = (
    "sell_out_in_exclusive_territory",
    "sell_in_in_exclusive_territory",
    "overlapping_grants",
    "deal_registered_twice",
    "lead_of_exclusive_partner",
)
STATUSES: Final = ("open", "within_tolerance", "resolved", "decided")


def suites(terms: Terms) -> list[Suite]:
    mart = "mart_territory_conflicts"
    return [
        Suite(
            f"marts.{mart}",
            (
                one_row_per(
                    "conflict_code",
                    severity="critical",
                    message=f"{mart} holds a conflict twice.",
                    remedy=REBUILD,
                ),
                filled(
                    "conflict_code",
                    "kind_code",
                    "partner_code",
                    "other_partner_code",
                    "first_date",
                    "status_code",
                    severity="critical",
                    remedy=REBUILD,
                ),
                one_of("kind_code", KINDS, severity="critical", remedy=REBUILD),
                one_of("status_code", STATUSES, severity="critical", remedy=REBUILD),
                *(
                    refers_to(
                        column, "core.dim_partners", "partner_code", severity="critical", remedy=REBUILD
                    )
                    for column in ("partner_code", "other_partner_code")
                ),
                no_row_where(
                    f"partner_code = other_partner_code or first_date > last_date "
                    f"or (kind_code <> 'overlapping_grants' and first_date > {terms.as_of_sql}) "
                    "or (at_stake_amount is null) <> (at_stake_reason_code is not null)",
                    name="a_conflict_is_between_two_and_says_what_is_at_stake",
                    show=("conflict_code",),
                    severity="critical",
                    message="A conflict is of a partner with itself, lies after the as-of day, or says "
                    "neither what is at stake nor why it cannot.",
                    remedy=REBUILD,
                    column="at_stake_amount",
                ),
                no_finding(
                    """
                    select
                        kind_code,
                        count(*) as conflict_count,
                        coalesce(cast(sum(at_stake_amount) as varchar), 'not known') as at_stake
                    from {batch}
                    where status_code = 'open'
                    group by kind_code
                    order by kind_code
                    """,
                    name="conflicts_are_settled",
                    severity="warning",
                    message="Partners are in conflict over territories or deals.",
                    remedy="Look at mart_territory_conflicts, talk to both, and write what was decided into "
                    "rules/territory_decisions.csv.",
                    found="{kind_code}: {conflict_count}, at stake {at_stake}",
                    column="status_code",
                ),
            ),
        )
    ]
