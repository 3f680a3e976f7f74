"""Promises on segments of partners: each partner has one segment a day in each scheme."""

from __future__ import annotations

from expectations.core.documents import REBUILD
from expectations.vocabulary import Suite, no_finding, one_row_per, refers_to


def suites() -> list[Suite]:
    return [
        Suite(
            "core.fct_partner_segments",
            (
                one_row_per(
                    "partner_segment_id",
                    severity="critical",
                    message="fct_partner_segments holds a range twice: its partner would count twice.",
                    remedy=REBUILD,
                ),
                refers_to(
                    "partner_code", "core.dim_partners", "partner_code", severity="critical", remedy=REBUILD
                ),
                no_finding(
                    """
                    select scheme_code, partner_code, valid_from_date, valid_to_date
                    from (
                        select *, lead(valid_from_date, 1, date '9999-12-31') over (
                            partition by scheme_code, partner_code order by valid_from_date
                        ) as next_date
                        from {batch}
                    ) as ordered
                    where valid_to_date <> next_date or valid_from_date >= valid_to_date
                    order by scheme_code, partner_code, valid_from_date
                    """,
                    name="one_segment_a_day",
                    severity="critical",
                    message="A partner has two segments of a scheme on a day, or none.",
                    remedy=REBUILD,
                    found="{scheme_code}, {partner_code}: {valid_from_date} to {valid_to_date}",
                    column="valid_to_date",
                ),
            ),
        )
    ]
