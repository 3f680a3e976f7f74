"""Promises on the marts of optional sources: counts are the facts', rates follow, NULLs have a reason."""

from __future__ import annotations

from collections.abc import Mapping

from great_expectations.expectations.expectation import Expectation

from expectations.marts.promises import REBUILD, rate_follows
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, no_row_where, one_of, one_row_per

SATISFACTION = "mart_partner_satisfaction_monthly"
TRAINING = "mart_partner_training_monthly"
CONVERSION = "mart_conversion_monthly"


def suites(terms: Terms) -> list[Suite]:
    return [_satisfaction(terms), _training(terms), _conversion(terms)]


def _satisfaction(terms: Terms) -> Suite:
    keys = ("month_start_date", "partner_code")
    subjects = ("partner", "product")
    return Suite(
        f"marts.{SATISFACTION}",
        (
            _one_row(SATISFACTION, *keys),
            *(
                _score_follows(score, count, answers)
                for score, count, answers in (
                    *(
                        (f"{s}_net_promoter_score", f"{s}_net_promoter_count", f"{s}_answer_count")
                        for s in subjects
                    ),
                    ("rolling_net_promoter_score", "rolling_net_promoter_count", "rolling_answer_count"),
                )
            ),
            _counts_the_fact(
                SATISFACTION,
                "core.fct_survey_answers",
                keys,
                {f"{s}_answer_count": f"count(*) filter (where subject_code = '{s}')" for s in subjects},
                until=f"answer_date <= {terms.as_of_sql}",
                name="answers_are_those_of_the_fact",
            ),
            _counts_the_fact(
                SATISFACTION,
                "core.fct_support_tickets",
                keys,
                {"opened_ticket_count": "count(*)"},
                until=f"opened_date <= {terms.as_of_sql}",
                name="tickets_are_those_of_the_fact",
            ),
            _nothing_without_reason(
                ("partner_net_promoter_score", "tickets_per_1000_units"),
                ("survey_reason_code", "support_reason_code"),
            ),
        ),
    )


def _training(terms: Terms) -> Suite:
    keys = ("month_start_date", "partner_code")
    return Suite(
        f"marts.{TRAINING}",
        (
            _one_row(TRAINING, *keys),
            rate_follows("passed_rate", "passed_count", "examined_count", show=keys),
            one_of(
                "certification_status_code",
                ("certified", "expiring", "expired", "never_certified"),
                severity="critical",
                remedy=REBUILD,
            ),
            _counts_the_fact(
                TRAINING,
                "core.fct_trainings",
                keys,
                {"attendance_count": "count(*)"},
                until=f"training_date <= {terms.as_of_sql}",
                name="attendances_are_those_of_the_fact",
            ),
            _nothing_without_reason(("is_certified",), ("reason_code",)),
        ),
    )


def _conversion(terms: Terms) -> Suite:
    keys = ("month_start_date", "partner_code", "source_code")
    return Suite(
        f"marts.{CONVERSION}",
        (
            _one_row(CONVERSION, *keys),
            rate_follows("conversion_rate", "purchase_count", "conversion_basis_count", show=keys),
            _counts_the_fact(
                CONVERSION,
                "core.fct_shop_visits",
                keys,
                {"purchase_count": "sum(purchase_count)"},
                until=f"visit_date <= {terms.as_of_sql}",
                name="purchases_are_those_of_the_fact",
            ),
            _nothing_without_reason(("conversion_rate",), ("reason_code",)),
        ),
    )


def _one_row(mart: str, *keys: str) -> Expectation:
    return one_row_per(
        *keys,
        severity="critical",
        message=f"{mart} holds a row twice: its figures count twice.",
        remedy=REBUILD,
    )


def _score_follows(score: str, count: str, answers: str) -> Expectation:
    """A score may be negative, and stands exactly where there are answers."""
    return no_row_where(
        f"({score} is not null) <> coalesce({answers} > 0, false) "
        f"or abs({score} - 100.0 * {count} / nullif({answers}, 0)) > 0.0001",
        name=f"{score}_follows_its_parts",
        show=("month_start_date", "partner_code", count, answers, score),
        severity="critical",
        message=f"{score} is not {count} / {answers} x 100, or stands where nobody answered.",
        remedy=REBUILD,
        column=score,
    )


def _counts_the_fact(
    mart: str, fact: str, keys: tuple[str, ...], counts: Mapping[str, str], *, until: str, name: str
) -> Expectation:
    """Each figure of the mart that is known is the fact's of that month and partner, as far as it counts yet
    (`until`).
    """
    joined = ", ".join(keys)
    differs = " or ".join(f"mart.{column} <> coalesce(fact.{column}, 0)" for column in counts)
    shown = ", ".join(f"mart.{column} - coalesce(fact.{column}, 0) as {column}" for column in counts)
    found = ", ".join(f"{column} {{{column}}}" for column in counts)
    return no_finding(
        f"""
        with fact as (
            select {joined}, {", ".join(f"{source} as {column}" for column, source in counts.items())}
            from {fact} where {until} group by {joined}
        )
        select {", ".join(f"mart.{key}" for key in keys)}, {shown}
        from {{batch}} as mart
        left join fact using ({joined})
        where {differs}
        order by {joined}
        """,
        name=name,
        severity="critical",
        message=f"{mart} does not tie to {fact.partition('.')[2]}: something is lost or doubled.",
        remedy=REBUILD,
        found=f"{{partner_code}} {{month_start_date}} is too high by {found}",
        column=", ".join(counts),
    )


def _nothing_without_reason(figures: tuple[str, ...], reasons: tuple[str, ...]) -> Expectation:
    missing = " or ".join(
        f"({figure} is null and {reason} is null)" for figure, reason in zip(figures, reasons, strict=True)
    )
    return no_row_where(
        missing,
        name="what_is_unknown_says_why",
        show=("month_start_date", "partner_code", *figures, *reasons),
        severity="critical",
        message="A figure is missing and nothing says whether the source is not connected or silent.",
        remedy=REBUILD,
        column=", ".join(figures),
    )
