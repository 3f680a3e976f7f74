"""Promises on the marts that hold reports against something: stocks, due dates, other feeds."""

from __future__ import annotations

from expectations.hub import Hub
from expectations.marts.promises import (
    REBUILD,
    does_not_collapse,
    has_reason,
    of_grain,
    of_time,
    rate_follows,
    ties,
)
from expectations.terms import Terms
from expectations.vocabulary import (
    Suite,
    between,
    filled,
    no_row_where,
    one_of,
    one_row_per,
    refers_to,
)

CAUSES = ("missing_sell_in", "duplicate_sell_out", "late_report", "phantom_stock", "missing_sell_out")


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    return [_siso(hub, terms), _compliance(hub, terms), _differences(terms)]


def _siso(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_siso_weekly"
    return Suite(
        f"marts.{mart}",
        (
            *of_grain(mart, ("week_start_date", "partner_code", "product_code")),
            of_time("week_start_date", terms),
            ties(
                mart,
                "core.fct_inventory_whole",
                month_of_mart="cast(date_trunc('month', week_start_date) as date)",
                month_of_fact="cast(date_trunc('month', week_start_date) as date)",
                sums={
                    "reported_quantity": "reported_quantity",
                    "calculated_quantity": "calculated_quantity",
                    "gap_quantity": "gap_quantity",
                },
                until=terms,
            ),
            no_row_where(
                "(gap_rate is not null) <> (gap_quantity is not null) "
                "or abs(gap_rate - 100.0 * gap_quantity / gap_base_quantity) > 0.0001",
                name="gap_rate_follows_its_parts",
                show=("week_start_date", "partner_code", "product_code", "gap_quantity", "gap_rate"),
                severity="critical",
                message="gap_rate is not the gap divided by the calculated stock (at least 1) x 100.",
                remedy=REBUILD,
                column="gap_rate",
            ),
            no_row_where(
                "is_gap_tolerated = false and (likely_cause_code is null or likely_cause_name_fr is null)",
                name="a_gap_has_a_likely_cause",
                show=("week_start_date", "partner_code", "product_code", "gap_quantity"),
                severity="critical",
                message="A gap beyond the tolerance has no likely cause.",
                remedy=REBUILD,
                column="likely_cause_code",
            ),
            one_of("likely_cause_code", CAUSES, severity="critical", remedy=REBUILD),
            has_reason(("gap_rate",)),
            *does_not_collapse(mart, hub, terms),
        ),
    )


def _compliance(hub: Hub, terms: Terms) -> Suite:
    mart = "mart_reporting_compliance_weekly"
    grain = ("week_start_date", "partner_code", "feed_code")
    return Suite(
        f"marts.{mart}",
        (
            one_row_per(
                *grain,
                severity="critical",
                message=f"{mart} holds a feed's week twice: its reports count twice.",
                remedy=REBUILD,
            ),
            filled(*grain, severity="critical", remedy=REBUILD),
            refers_to(
                "partner_code", "core.dim_partners", "partner_code", severity="critical", remedy=REBUILD
            ),
            no_row_where(
                "expected_count <> due_count + not_due_count "
                "or due_count <> on_time_count + late_count + missing_count",
                name="every_expected_report_has_one_state",
                show=(*grain, "expected_count", "on_time_count", "late_count", "missing_count"),
                severity="critical",
                message="An expected report is not in exactly one of on time, late, missing and not due.",
                remedy=REBUILD,
                column="expected_count",
            ),
            between("compliance_rate", 0, 100, severity="critical", remedy=REBUILD),
            rate_follows("compliance_rate", "on_time_count", "due_count", show=("partner_code", "feed_code")),
            between("quarantined_rate", 0, 100, severity="critical", remedy=REBUILD),
            *does_not_collapse(mart, hub, terms),
        ),
    )


def _differences(terms: Terms) -> Suite:
    mart = "mart_feed_differences_monthly"
    return Suite(
        f"marts.{mart}",
        (
            one_row_per(
                "month_start_date",
                "feed_code",
                "product_code",
                severity="critical",
                message=f"{mart} holds a feed's product twice in a month.",
                remedy=REBUILD,
            ),
            of_time("month_start_date", terms),
            no_row_where(
                "(net_quantity is not null and feed_code not in "
                "(select feed_code from core.dim_feeds where not is_sell_out_of_record)) or "
                "(stock_date is not null and feed_code not in "
                "(select feed_code from core.dim_feeds where not is_inventory_of_record))",
                name="only_feeds_that_do_not_count",
                show=("month_start_date", "partner_code", "feed_code"),
                severity="critical",
                message="A feed is held against itself: it counts in the figures.",
                remedy=REBUILD,
                column="feed_code",
            ),
            no_row_where(
                "difference_quantity is distinct from net_quantity - counted_net_quantity "
                "or difference_on_hand_quantity is distinct from on_hand_quantity - counted_on_hand_quantity",
                name="difference_is_the_feed_less_what_counts",
                show=("month_start_date", "partner_code", "feed_code", "product_code"),
                severity="critical",
                message="The difference is not what the feed says less what counts.",
                remedy=REBUILD,
                column="difference_quantity",
            ),
        ),
    )
