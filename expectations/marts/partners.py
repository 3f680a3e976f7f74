"""Promises on the marts that say how things stand today: a partner's row, and the map of the network."""

from __future__ import annotations

from expectations.marts.promises import REBUILD, rate_follows
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, one_row_per, refers_to


def suites() -> list[Suite]:
    return [_partner_360(), _network_map()]


def _partner_360() -> Suite:
    mart = "mart_partner_360"
    shown = ("partner_code",)
    return Suite(
        f"marts.{mart}",
        (
            one_row_per(
                "partner_code",
                severity="critical",
                message=f"{mart} holds a partner twice.",
                remedy=REBUILD,
            ),
            no_finding(
                """
                select partner_code from core.dim_partners where is_current
                except
                select partner_code from {batch}
                """,
                name="every_partner_is_there",
                severity="critical",
                message=f"A partner is missing in {mart}.",
                remedy=REBUILD,
                found="{partner_code}",
                column="partner_code",
            ),
            rate_follows(
                "rolling_sell_out_sell_in_rate",
                "rolling_sell_out_quantity",
                "rolling_sell_in_quantity",
                show=shown,
            ),
            rate_follows(
                "roi_12_months_rate",
                "contribution_12_months_amount",
                "programme_cost_12_months_amount",
                show=shown,
            ),
            rate_follows("compliance_rate", "on_time_count", "due_count", show=shown),
        ),
    )


def _network_map() -> Suite:
    mart = "mart_network_map"
    return Suite(
        f"marts.{mart}",
        (
            one_row_per(
                "network_map_id",
                severity="critical",
                message=f"{mart} holds a partner's territory twice.",
                remedy=REBUILD,
            ),
            filled("network_map_id", "inconsistency_count", severity="critical", remedy=REBUILD),
            refers_to(
                "partner_code", "core.dim_partners", "partner_code", severity="critical", remedy=REBUILD
            ),
            no_row_where(
                "(inconsistency_count > 0) <> (inconsistencies_fr is not null) "
                "or (inconsistency_count > 0) <> (inconsistencies_en is not null)",
                name="inconsistencies_are_said_in_words",
                show=("network_map_id", "inconsistency_count"),
                severity="critical",
                message="What does not fit together is counted and not said, or said and not counted.",
                remedy=REBUILD,
                column="inconsistency_count",
            ),
        ),
    )
