"""Promises on registered deals and leads: each stands once, and who came first is told."""

from __future__ import annotations

from typing import Final

from expectations.core.documents import REBUILD
from expectations.hub import Hub
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, one_of, one_row_per, refers_to

PROTECTIONS: Final = ("protected", "second", "tied", "to_confirm", "expired", "closed")


def suites(hub: Hub) -> list[Suite]:
    landed = (
        (
            no_finding(
                """
                select coalesce(landed.registration_number, built.registration_number) as registration_number
                from landing.deal_registrations as landed
                full join {batch} as built on landed.registration_number = built.registration_number
                where landed.registration_number is null or built.registration_number is null
                    or landed.expected_amount is distinct from built.document_expected_amount
                """,
                name="holds_what_landed",
                severity="critical",
                message="Registered deals are not those of the ERP.",
                remedy=REBUILD,
                found="{registration_number}",
                column="registration_number",
            ),
        )
        if "landing.deal_registrations" in hub.tables()
        else ()
    )
    return [
        Suite(
            "core.fct_deal_registrations",
            (
                one_row_per(
                    "registration_number",
                    severity="critical",
                    message="fct_deal_registrations holds a deal twice.",
                    remedy=REBUILD,
                ),
                filled(
                    "registration_number",
                    "partner_code",
                    "protection_code",
                    severity="critical",
                    remedy=REBUILD,
                ),
                one_of("protection_code", PROTECTIONS, severity="critical", remedy=REBUILD),
                no_row_where(
                    "first_registered_at > registered_at or registered_at >= first_protected_until_at "
                    "or first_partner_code = partner_code",
                    name="the_first_came_before_and_was_protected",
                    show=("registration_number", "first_registration_number"),
                    severity="critical",
                    message="A deal is said to be another partner's that came later, or was not protected.",
                    remedy=REBUILD,
                    column="first_registration_number",
                ),
                *landed,
            ),
        ),
        Suite(
            "core.fct_lead_routings",
            (
                one_row_per(
                    "lead_number",
                    severity="critical",
                    message="fct_lead_routings holds a lead twice.",
                    remedy=REBUILD,
                ),
                refers_to(
                    "routed_partner_code",
                    "core.dim_partners",
                    "partner_code",
                    severity="critical",
                    remedy=REBUILD,
                ),
                no_row_where(
                    "(is_routed_by_rule is null) <> (reason_code is not null)",
                    name="what_is_not_judged_says_why",
                    show=("lead_number", "reason_code"),
                    severity="critical",
                    message="A lead is not judged and nothing says why, or both.",
                    remedy=REBUILD,
                    column="is_routed_by_rule",
                ),
            ),
        ),
    ]
