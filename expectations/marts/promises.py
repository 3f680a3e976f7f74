"""Promises that every mart makes: one row per grain, sums that tie, rates that follow their parts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.hub import ROLLED, Hub
from expectations.terms import Terms
from expectations.vocabulary import filled, no_finding, no_row_where, one_row_per, refers_to

REBUILD: Final = "`aval run --full-refresh`; if it comes back, report it as a fault of Aval."


def of_grain(mart: str, keys: tuple[str, ...]) -> list[Expectation]:
    """One row per grain, keys filled, and known to the dimensions."""
    return [
        one_row_per(
            *keys,
            severity="critical",
            message=f"{mart} holds a row twice: its figures count twice.",
            remedy=REBUILD,
        ),
        filled(*keys, severity="critical", remedy=REBUILD),
        *(
            refers_to(column, table, column, severity="critical", remedy=REBUILD)
            for column, table in (
                ("partner_code", "core.dim_partners"),
                ("product_code", "core.dim_products"),
            )
        ),
    ]


def of_time(column: str, terms: Terms, unless: str = "false") -> Expectation:
    """Nothing lies after the as-of day, `unless` this condition holds for the row."""
    return no_row_where(
        f"{column} > {terms.as_of_sql} and not ({unless})",
        name="nothing_after_the_as_of_day",
        show=(column, "partner_code", "product_code"),
        severity="critical",
        message=f"A figure lies after {terms.as_of.isoformat()}, the day that figures are as of.",
        remedy="Correct the date of the document, or `as_of_date` in company.yml, and run again; of a report "
        "that landed under a period to come, send that period again without rows (docs/feeds.md).",
        column=column,
    )


def ties(
    mart: str,
    fact: str,
    *,
    month_of_mart: str,
    month_of_fact: str,
    sums: Mapping[str, str],
    until: Terms,
    since: date | None = None,
    where: str = "true",
    name: str = "ties_to_the_fact",
) -> Expectation:
    """By month, sums of the mart equal sums of the fact; `sums` maps mart columns to fact expressions.

    `since` is the first month of the mart that is looked at; `where` leaves out rows of the fact that the
    mart does not hold by its own definition. Months of the fact after `until` may be absent from the mart;
    where they stand there they tie too: that they do is what `of_time` tells.
    """
    if since is not None:
        where = f"{month_of_fact} >= date '{since}' and {where}"
    name_of_fact = fact.rpartition(".")[2].removesuffix("_whole")
    of_mart = ", ".join(f"coalesce(sum({column}), 0) as {column}" for column in sums)
    of_fact = ", ".join(f"coalesce(sum({source}), 0) as {column}" for column, source in sums.items())
    differs = " or ".join(f"coalesce(mart.{c}, 0) <> coalesce(fact.{c}, 0)" for c in sums)
    shown = ", ".join(f"coalesce(mart.{c}, 0) - coalesce(fact.{c}, 0) as {c}" for c in sums)
    found = ", ".join(f"{column} {{{column}}}" for column in sums)
    return no_finding(
        f"""
        with mart as (
            select {month_of_mart} as month_start_date, {of_mart} from {{batch}} group by 1
        ),
        fact as (
            select {month_of_fact} as month_start_date, {of_fact} from {fact}
            where {where}
            group by 1
        )
        select strftime(coalesce(mart.month_start_date, fact.month_start_date), '%Y-%m') as month, {shown}
        from mart
        full join fact on mart.month_start_date = fact.month_start_date
        where ({differs})
        and (mart.month_start_date is not null or fact.month_start_date <= {until.as_of_sql})
        order by month
        """,
        name=name,
        severity="critical",
        message=f"{mart} does not tie to {name_of_fact}: units or cents are lost or doubled.",
        remedy=REBUILD,
        found=f"{{month}} is too high by {found}",
        column=", ".join(sums),
    )


def rate_follows(
    rate: str,
    numerator: str,
    denominator: str,
    *,
    digits: str = "0.0001",
    show: tuple[str, ...] = ("partner_code", "product_code"),
) -> Expectation:
    """The rate stands exactly where both parts do and the denominator is above 0: 100 x the ratio."""
    return no_row_where(
        f"({rate} is not null) <> ({numerator} is not null and coalesce({denominator} > 0, false)) "
        f"or abs({rate} - 100.0 * {numerator} / nullif({denominator}, 0)) > {digits}",
        name=f"{rate}_follows_its_parts",
        show=(
            *show,
            f"{numerator} as numerator",
            f"{denominator} as denominator",
            rate,
        ),
        severity="critical",
        message=f"{rate} is not {numerator} / {denominator} x 100, or stands where there is no denominator.",
        remedy=REBUILD,
        column=rate,
    )


def has_reason(rates: tuple[str, ...], reason: str = "reason_code") -> Expectation:
    """Where a rate is missing, a reason says why."""
    missing = " or ".join(f"{rate} is null" for rate in rates)
    return no_row_where(
        f"({missing}) and {reason} is null",
        name=f"{reason}_says_why",
        show=("partner_code", "product_code", *rates),
        severity="warning",
        message="A rate is missing and nothing says why.",
        remedy=REBUILD,
        column=reason,
    )


def does_not_collapse(mart: str, hub: Hub, terms: Terms) -> list[Expectation]:
    """The mart has not lost a large share of its rows against the one last published.

    It only warns where everything was built again (`--full-refresh`): that is how a person says that the
    smaller mart is right. That a run looks at everything says nothing of the kind: the one after a closed
    gate does, too.
    """
    if f"published.{mart}" not in hub.tables():
        return []
    share = terms.thresholds.max_row_drop_share
    now = f"marts.{mart}_whole" if f"marts.{mart}" in ROLLED else "{batch}"
    return [
        no_finding(
            f"""
            with counts as (
                select
                    (select count(*) from published.{mart}) as rows_before,
                    (select count(*) from {now}) as rows_now
            )
            select rows_before, rows_now from counts
            where rows_now < rows_before * (1 - {share})
            """,
            name="does_not_collapse",
            severity="warning" if terms.is_rebuilt else "critical",
            message=f"{mart} has lost more than {share:.0%} of its rows since the last publication.",
            remedy="Look for a partner, product or period that is gone; if the smaller mart is right, "
            "accept it with `aval run --full-refresh`.",
            found="{rows_now} rows now, {rows_before} before",
        )
    ]
