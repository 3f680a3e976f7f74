"""Promises on survey, tickets, trainings and web shops: what is kept beside the ERP is what landed."""

from __future__ import annotations

from typing import Final

from expectations.core.documents import REBUILD
from expectations.core.ledgered import holds_what_the_ledger_says
from expectations.hub import Hub
from expectations.vocabulary import Suite, no_finding, one_row_per

FACTS: Final = {
    "fct_survey_answers": ("survey_answers", "answer_number", {}),
    "fct_support_tickets": ("support_tickets", "ticket_number", {}),
    "fct_trainings": ("trainings", "training_number", {}),
    "fct_shop_visits": ("shop_visits", "shop_visit_id", {"quantity_total": "sum(purchase_count)"}),
}
"""Each fact with the landed entity that it holds, its key, and the ledger's totals of it."""


def suites(hub: Hub) -> list[Suite]:
    """The suites of those sources that the company connects."""
    return [
        Suite(
            f"core.{fact}",
            (
                one_row_per(
                    key,
                    severity="critical",
                    message=f"{fact} holds a row twice: what is counted from it counts twice.",
                    remedy=REBUILD,
                ),
                holds_what_the_ledger_says(
                    "sources",
                    entity,
                    totals,
                    message=f"{fact} is not what its source delivered: rows are doubled, lost or changed.",
                ),
                no_finding(
                    """
                    select partner_code, count(*) as row_count from {batch}
                    where partner_code is not null
                        and partner_code not in (select partner_code from core.dim_partners)
                    group by partner_code
                    order by partner_code
                    """,
                    name="partners_are_known",
                    severity="warning",
                    message="A source names partners that the ERP does not have: no mart shows these rows.",
                    remedy=f"Correct the code at the source, or translate it with `codes` under "
                    f"sources.{entity}.columns.partner_code in company.yml, and run again.",
                    found="{partner_code}: {row_count} rows",
                    column="partner_code",
                ),
            ),
        )
        for fact, (entity, key, totals) in FACTS.items()
        if hub.delivers(entity, "sources")
    ]
