"""Promises on closed months: the register is whole, and what was frozen is what was frozen."""

from __future__ import annotations

from expectations.core.documents import REBUILD
from expectations.vocabulary import Suite, no_finding, one_row_per

RESTORE = "Restore landing/closing from a backup: what a close has frozen is never changed by Aval itself."


def suites() -> list[Suite]:
    return [
        Suite(
            "core.fct_closings",
            (
                no_finding(
                    "select month_start_date, count(*) as closings from {batch} where is_closed "
                    "group by month_start_date having count(*) > 1",
                    name="a_month_is_closed_once",
                    severity="critical",
                    message="A month is closed twice at the same time.",
                    remedy="Reopen it with `aval reopen`, and close it again.",
                    found="{month_start_date}: {closings} closings",
                    column="is_closed",
                ),
                no_finding(
                    """
                    select closings.closing_code, closings.figure_count, count(figures.closing_code) as held
                    from {batch} as closings
                    left join core.fct_closed_figures as figures
                        on closings.closing_code = figures.closing_code
                        and figures.sequence_number = 0 and figures.row_key <> '*'
                    group by all
                    having closings.figure_count <> count(figures.closing_code)
                    """,
                    name="all_figures_are_held",
                    severity="critical",
                    message="Figures of a closed month are missing, or there are more than were frozen.",
                    remedy=RESTORE,
                    found="{closing_code}: {held} of {figure_count} figures",
                    column="figure_count",
                ),
            ),
        ),
        Suite(
            "core.fct_closed_figures",
            (
                one_row_per(
                    "closed_figure_id",
                    severity="critical",
                    message="fct_closed_figures holds a figure twice.",
                    remedy=REBUILD,
                ),
                no_finding(
                    """
                    select
                        closing_code, mart_name, column_name,
                        coalesce(sum(figure_amount) filter (where row_key <> '*'), 0)
                        - coalesce(sum(figure_amount) filter (where row_key = '*'), 0) as too_much
                    from {batch}
                    where sequence_number = 0
                    group by closing_code, mart_name, column_name
                    having bool_or(row_key = '*') and too_much <> 0
                    order by all
                    """,
                    name="ties_to_its_control_totals",
                    severity="critical",
                    message="The figures of a closed month do not add up to what was closed.",
                    remedy=RESTORE,
                    found="{closing_code} {mart_name} {column_name}: {too_much} too much",
                    column="figure_amount",
                ),
            ),
        ),
    ]
