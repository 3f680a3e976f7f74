"""Deals that partners registered to be protected in them, and who should get a lead.

A deal a week, each about a customer of its own; the planted ones are about customers that two
partners know. What belongs here: registrations as the ERP holds them, with names in clear, and what a correct
pipeline must find in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from connectors.sample import plants
from connectors.sample.cast import FAMILIES, PARTNERS, Partner
from connectors.sample.dice import Dice
from connectors.sample.identifiers import siret

if TYPE_CHECKING:
    from connectors.sample.documents import Lead

FIRST: Final = date(2024, 7, 2)
TRADES: Final = (
    "Scierie", "Tuilerie", "Papeterie", "Brasserie", "Fonderie", "Carrosserie", "Imprimerie", "Conserverie",
    "Minoterie", "Tannerie", "Cimenterie", "Verrerie",
)  # fmt: skip
OUTCOMES: Final = ("won", "lost", "withdrawn")


@dataclass(frozen=True)
class Deal:
    """A registered deal; `amount` in cents, instants in UTC."""

    number: str
    partner: str
    customer: str
    siret: str | None
    mail: str | None
    postal_code: str
    family: str
    amount: int
    registered: datetime
    status: str
    closed: datetime | None


def build_deals(seed: int, as_of: date) -> list[Deal]:
    """All deals registered up to the end of `as_of`, in the order of their numbers."""
    dice = Dice(seed, "deal registrations")
    partners = [
        partner
        for partner in PARTNERS
        if partner.channel == "regional_distributor" and partner.territory.isdigit()
    ]
    deals: list[Deal] = []
    day = FIRST
    while day <= as_of:
        drawn = [float(value) for value in dice.uniform(6)]
        known = [partner for partner in partners if partner.joined <= day]
        partner = known[int(drawn[0] * len(known))]
        number = len(deals) + 1
        registered = _instant(day, 8, int(drawn[1] * 480))
        closed = registered + timedelta(days=20 + int(drawn[2] * 60))
        outcome = OUTCOMES[min(int(drawn[3] * 2.2), 2)]
        is_closed = closed.date() <= as_of
        trade = TRADES[number % len(TRADES)]
        deals.append(
            Deal(
                f"ENR-{day:%Y}-{number:04d}",
                partner.code,
                f"{trade} {partner.city} {number}",
                siret(1000 + number),
                f"achats@{trade.lower()}-{number}.example",
                f"{partner.territory}{100 + 10 * (number % 9)}",
                FAMILIES[int(drawn[4] * len(FAMILIES))].code,
                50_000 * (2 + int(drawn[5] * 38)),
                registered,
                outcome if is_closed else "registered",
                closed if is_closed else None,
            )
        )
        day += timedelta(days=7)
    return deals + [_planted(*row) for row in plants.DEALS if row[2].date() <= as_of]


def _instant(day: date, hour: int, minutes: int) -> datetime:
    return datetime.combine(day, time(hour), UTC) + timedelta(minutes=minutes)


def _planted(
    number: str,
    partner: str,
    registered: datetime,
    customer: str,
    company: int | None,
    mail: str | None,
    postal_code: str,
    family: str,
    amount: int,
) -> Deal:
    site = siret(company) if company is not None else None
    state = "registered"
    return Deal(number, partner, customer, site, mail, postal_code, family, amount, registered, state, None)


def rows(deals: list[Deal]) -> Iterator[dict[str, Any]]:
    """The ERP's rows; it keeps UTC without an offset."""
    for deal in deals:
        yield {
            "no_enregistrement": deal.number,
            "code_tiers": deal.partner,
            "client": deal.customer,
            "siret_client": deal.siret,
            "courriel_client": deal.mail,
            "code_postal": deal.postal_code,
            "code_famille": deal.family,
            "montant_attendu": deal.amount / 100,
            "devise": "EUR",
            "etat": deal.status,
            "enregistre_le": deal.registered.replace(tzinfo=None),
            "clos_le": deal.closed.replace(tzinfo=None) if deal.closed else None,
            "maj": (deal.closed or deal.registered).replace(tzinfo=None),
        }


def planted(registered: list[Deal], leads: list[Lead], as_of: date) -> dict[str, dict[str, Any]]:
    """What is wrong with grants, registrations and leads, by its code."""
    deals = {deal.number: deal for deal in registered}
    found: dict[str, dict[str, Any]] = {
        "overlapping_grant": {
            "partner_code": plants.OVERLAPPING_GRANT[0],
            "other_partner_code": plants.OVERLAPPED,
            "territory_code": plants.OVERLAPPING_GRANT[1],
            "family_code": plants.OVERLAPPING_GRANT[2],
            "from": plants.OVERLAPPING_GRANT[3].isoformat(),
        }
    }
    for code, (first, second, match) in plants.DOUBLE_DEALS.items():
        if second in deals:
            earlier, later = deals[first], deals[second]
            found[code] = {
                "partner_code": earlier.partner,
                "other_partner_code": later.partner,
                "numbers": [first, second],
                "match_code": match,
                "family_code": later.family,
                "at_stake_amount": f"{max(earlier.amount, later.amount) / 100:.2f}",
                "from": later.registered.date().isoformat(),
            }
    found["registered_deals"] = {
        "deal_count": len(registered),
        "expected_amount": f"{sum(deal.amount for deal in registered) / 100:.2f}",
        "from": FIRST.isoformat(),
    }
    routed = [lead for lead in leads if lead.created >= plants.ROUTING_FROM]
    if routed:
        found["routed_leads"] = {
            "leads": [
                {
                    "lead_number": lead.number,
                    "partner_code": lead.partner,
                    "routed_partner_code": right,
                    "routing_code": rule,
                }
                for lead in routed
                for right, rule in [_right(lead, leads, as_of)]
            ],
            "from": plants.ROUTING_FROM.isoformat(),
        }
    return found


def _right(lead: Lead, leads: list[Lead], as_of: date) -> tuple[str, str]:
    """Who should have got a lead, and which criterion said so, by examples/demo/rules/territories.yml."""
    here = lead.postal_code[:2]
    candidates = [
        partner
        for partner in PARTNERS
        if partner.channel == "regional_distributor" and partner.joined <= min(lead.created, as_of)
    ]
    exclusive = [partner for partner in candidates if (here, True) in partner.grants]
    if len(exclusive) == 1:
        return exclusive[0].code, "exclusive"
    load = Counter(
        other.partner for other in leads if timedelta(0) < lead.created - other.created <= timedelta(days=90)
    )

    def order(partner: Partner) -> tuple[int, int, int]:
        far = 0 if any(unit == here for unit, _ in partner.grants) else _distance(partner, here)
        return far, ("Gold", "Silver", "Bronze").index(partner.segment), load[partner.code]

    best = sorted(candidates, key=lambda partner: (*order(partner), partner.code))
    first, second = order(best[0]), order(best[1])
    rules = ("distance", "segment", "load")
    return best[0].code, next(
        (rule for rule, a, b in zip(rules, first, second, strict=True) if a != b), "code"
    )


_REGIONS: Final = {
    "11": ("75", "77", "78", "91", "92", "93", "94", "95"),
    "24": ("18", "28", "36", "37", "41", "45"),
    "27": ("21", "25", "39", "58", "70", "71", "89", "90"),
    "28": ("14", "27", "50", "61", "76"),
    "32": ("02", "59", "60", "62", "80"),
    "44": ("08", "10", "51", "52", "54", "55", "57", "67", "68", "88"),
    "52": ("44", "49", "53", "72", "85"),
    "53": ("22", "29", "35", "56"),
    "75": ("16", "17", "19", "23", "24", "33", "40", "47", "64", "79", "86", "87"),
    "76": ("09", "11", "12", "30", "31", "32", "34", "46", "48", "65", "66", "81", "82"),
    "84": ("01", "03", "07", "15", "26", "38", "42", "43", "63", "69", "73", "74"),
    "93": ("04", "05", "06", "13", "83", "84"),
}
"""Departements by region, for the distance of a partner to a lead."""


def _distance(partner: Partner, departement: str) -> int:
    """1 in a region where the partner has a grant, 2 elsewhere in the country."""
    region = next((code for code, units in _REGIONS.items() if departement in units), None)
    near = _REGIONS.get(region or "", ())
    return 1 if any(unit in near for unit, _ in partner.grants) else 2
