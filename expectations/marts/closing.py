"""Promises on closed months: as closed plus the adjustments is what the marts say now."""

from __future__ import annotations

from great_expectations.expectations.expectation import Expectation

from expectations.hub import ROLLED, Hub
from expectations.marts.promises import REBUILD
from expectations.vocabulary import Suite, no_finding, one_row_per

MART = "mart_closing_adjustments_monthly"


def suites(hub: Hub) -> list[Suite]:
    promises = [
        one_row_per(
            "closing_adjustment_id",
            severity="critical",
            message=f"{MART} holds a change twice.",
            remedy=REBUILD,
        )
    ]
    closed = _closed_measures(hub)
    if closed:
        promises.append(_ties(closed))
    return [Suite(f"marts.{MART}", tuple(promises))]


def _closed_measures(hub: Hub) -> list[tuple[str, str]]:
    """Marts and measures of closed months that are there still."""
    if "core.fct_closed_figures" not in hub.tables():
        return []
    found = hub.execute(
        "select mart_name, column_name from core.fct_closed_figures join core.fct_closings "
        "using (closing_code) where is_closed and row_key = '*' group by all order by all"
    )
    return [(mart, column) for mart, column in found if column in hub.columns(f"marts.{mart}")]


def _whole(mart: str) -> str:
    """The closed month may lie before what a run has replaced of the mart."""
    return f"marts.{mart}_whole" if f"marts.{mart}" in ROLLED else f"marts.{mart}"


def _ties(measures: list[tuple[str, str]]) -> Expectation:
    now = " union all ".join(
        f"select '{mart}' as mart_name, '{column}' as column_name, month_start_date, "
        f"cast(sum({column}) as decimal(28, 4)) as amount from {_whole(mart)} group by month_start_date"
        for mart, column in measures
    )
    return no_finding(
        f"""
        with closed as (
            select closing_code, figures.month_start_date, mart_name, column_name, figure_amount
            from core.fct_closed_figures as figures
            join core.fct_closings as closings using (closing_code)
            where is_closed and row_key = '*'
        ),
        changed as (
            select closing_code, mart_name, measure_code as column_name, sum(adjustment_amount) as amount
            from {{batch}}
            group by all
        ),
        now as ({now})
        select
            closed.closing_code, closed.mart_name, closed.column_name,
            coalesce(figure_amount, 0) + coalesce(changed.amount, 0) - coalesce(now.amount, 0) as too_much
        from closed
        left join changed using (closing_code, mart_name, column_name)
        left join now
            on closed.mart_name = now.mart_name and closed.column_name = now.column_name
            and closed.month_start_date = now.month_start_date
        where too_much <> 0
        order by all
        """,
        name="as_closed_and_adjustments_give_as_is",
        severity="critical",
        message="What was closed and its adjustments do not give what the mart says now.",
        remedy=REBUILD,
        found="{closing_code} {mart_name} {column_name}: {too_much} too much",
        column="adjustment_amount",
    )
