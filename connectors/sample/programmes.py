"""What the sample company spends on its channel beside the invoice: budgets, claims, freight, shared costs,
commissions, cash discounts.

Amounts are whole cents, rates millionths. What belongs here: the events and the ERP's rows of them. What does
not: what is planted (`plants`), and what a pipeline must find (`programme_key`). The rates agreed with agents
and partners stand in `plants` and, for the pipeline, in `examples/demo/rules/programme_costs.yml`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from connectors.sample import plants
from connectors.sample.cast import PARTNER_INDEX, PARTNERS, START
from connectors.sample.catalogue import Listings, Product
from connectors.sample.dice import Dice, Ints
from connectors.sample.documents import INVOICE, VAT_PERCENT, Documents
from connectors.sample.trade import Trade, day_number

MILLION: Final = 1_000_000
Row = dict[str, Any]


class _Dated(Protocol):
    @property
    def day(self) -> date: ...


Event = TypeVar("Event", bound=_Dated)


@dataclass(frozen=True)
class Claim:
    """A partner's claim; `approved` and `paid` are None while nothing has happened."""

    step: str
    partner: str
    day: date
    first: date
    last: date
    claimed: int
    text: str
    proof: str | None
    budget: str | None = None
    agreement: str | None = None
    product: str | None = None
    pieces: int | None = None
    granted: int | None = None
    decided_after: int | None = 15
    paid_after: int | None = 40


@dataclass(frozen=True)
class Cost:
    """A booked cost; what it names bears it."""

    step: str
    day: date
    amount: int
    text: str
    invoice: str | None = None
    shipment: str | None = None
    partner: str | None = None
    channel: str | None = None


@dataclass(frozen=True)
class Commission:
    """What one line earns an agent, or takes back; `due` is None while it is not due."""

    agent: str
    partner: str
    invoice: str
    day: date
    due: date | None
    net: int
    amount: int
    is_clawback: bool


@dataclass(frozen=True)
class AgentPayment:
    agent: str
    partner: str
    month: date
    day: date
    amount: int


@dataclass(frozen=True)
class Programmes:
    """All of it up to the horizon. `claims`, `costs` and `agent_payments` are by number, in order of day;
    `discounts` are cents taken before tax, by payment, and `discount_taxes` the tax on them.
    """

    as_of: date
    claims: dict[str, Claim]
    budgets: dict[str, tuple[str, int, date]]
    agreements: list[tuple[str, str, str, str, int, date]]
    costs: dict[str, Cost]
    commissions: list[Commission]
    agent_payments: dict[str, AgentPayment]
    discounts: Ints
    discount_taxes: Ints


def build_programmes(
    seed: int,
    as_of: date,
    products: tuple[Product, ...],
    listings: Listings,
    trade: Trade,
    documents: Documents,
) -> Programmes:
    """Everything spent on the channel up to the end of `as_of`."""
    debit, protected = (
        _best_sold(partner, products, listings) for partner in (plants.DEBIT_PARTNER, plants.PROTECTED)
    )
    claims = [
        claim
        for claim in (
            *_marketing(seed, as_of),
            *_resales(as_of, products, listings, trade, debit),
            *_protections(products, listings, trade, protected),
        )
        if claim.day <= as_of
    ]
    commissions = list(_commissions(products, listings, documents))
    discounts = _discounts(documents)
    return Programmes(
        as_of,
        _numbered("DP", claims),
        {
            f"BUD-{year}-{partner}": (
                partner,
                plants.SMALL_BUDGET if (partner, year) == plants.OVER_BUDGET else plants.MARKETING_BUDGET,
                date(year, 1, 1),
            )
            for year in range(START.year, as_of.year + 1)
            for partner in plants.MARKETING_PARTNERS
        },
        [
            (
                "SD-2024-01",
                "ship_and_debit",
                plants.DEBIT_PARTNER,
                products[int(listings.product[debit])].code,
                plants.DEBIT_UNIT_TENTHS,
                plants.DEBIT_FROM,
            ),
            (
                "PP-2026-01",
                "price_protection",
                plants.PROTECTED,
                products[int(listings.product[protected])].code,
                plants.PROTECTION_UNIT_TENTHS,
                plants.PROTECTION_DATE,
            ),
        ],
        _numbered("OD", [cost for cost in _costs(as_of, documents) if cost.day <= as_of], width=6),
        commissions,
        _numbered("RC", list(_agent_payments(commissions, as_of))),
        discounts,
        _taxes(documents, discounts),
    )


def _numbered(prefix: str, events: Sequence[Event], width: int = 4) -> dict[str, Event]:
    """Events by number: by year of their day, in order of day."""
    counts: dict[int, int] = defaultdict(int)
    numbered = {}
    for event in sorted(events, key=lambda event: event.day):
        counts[event.day.year] += 1
        numbered[f"{prefix}-{event.day.year}-{counts[event.day.year]:0{width}d}"] = event
    return numbered


def months(as_of: date) -> Iterator[tuple[date, date]]:
    """First and last day of each month of the history that has ended by `as_of`."""
    first = START
    while True:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        if following - timedelta(days=1) > as_of:
            return
        yield first.replace(day=1), following - timedelta(days=1)
        first = following


def rounded_share(amount: int, *rates: int) -> int:
    """`amount` times the rates in millionths, rounded half away from zero."""
    product, whole = abs(amount), 1
    for rate in rates:
        product, whole = product * rate, whole * MILLION
    share = (2 * product + whole) // (2 * whole)
    return -share if amount < 0 else share


# --- claims ---


def _marketing(seed: int, as_of: date) -> Iterator[Claim]:
    """Each partner claims for one campaign a quarter, a few weeks after its month."""
    dice = Dice(seed, "marketing claims")
    partners = plants.MARKETING_PARTNERS
    for number, (first, last) in enumerate(months(as_of)):
        for slot in range(len(partners) // 3):
            drawn = [float(value) for value in dice.uniform(5)]
            partner = partners[(number % 3) + 3 * slot]
            claimed = 60_000 + 100 * int(drawn[0] * 1800)
            if (partner, first.year) == plants.OVER_BUDGET:
                claimed = plants.OVER_BUDGET_CLAIM
            campaign = plants.CAMPAIGNS[int(drawn[1] * len(plants.CAMPAIGNS))]
            has_proof = partner != plants.WITHOUT_PROOF
            claim = Claim(
                "mdf",
                partner,
                last + timedelta(days=5 + int(drawn[2] * 15)),
                first,
                last,
                claimed,
                f"{campaign} {first:%m/%Y}",
                f"FA{first:%y%m}-{int(drawn[3] * 9000) + 1000}" if has_proof else None,
                budget=f"BUD-{first.year}-{partner}",
                granted=claimed * 90 // 100 if drawn[4] < 0.25 else claimed,
            )
            yield claim
            if (partner, f"{first:%Y-%m}") == plants.DOUBLE_CLAIM:
                yield Claim(
                    "mdf",
                    partner,
                    claim.day + timedelta(days=plants.DOUBLE_CLAIM_DAYS),
                    first,
                    last,
                    claimed + claimed * plants.DOUBLE_CLAIM_PERCENT // 100,
                    f"{campaign} du {first:%m/%Y}",
                    claim.proof.replace("-", " / ").lower() if claim.proof else None,
                    budget=claim.budget,
                    decided_after=None,
                    paid_after=None,
                )


def _resales(
    as_of: date, products: tuple[Product, ...], listings: Listings, trade: Trade, pair: int
) -> Iterator[Claim]:
    """Ship and debit: the partner claims the agreed difference for what it resold in a month's weeks."""
    for first, last in months(as_of):
        if first < plants.DEBIT_FROM:
            continue
        # A week belongs to the month of its Thursday, as in the partner's own reports.
        thursdays = [
            first + timedelta(days=day)
            for day in range((last - first).days + 1)
            if (first + timedelta(days=day)).weekday() == 3
        ]
        span = slice(
            day_number(thursdays[0] - timedelta(days=3)), day_number(thursdays[-1] + timedelta(days=4))
        )
        pieces = int((trade.sold[span, pair] - trade.returned[span, pair]).sum())
        is_planted = f"{first:%Y-%m}" == plants.DEBIT_TOO_MUCH
        if is_planted:
            pieces = pieces * (100 + plants.DEBIT_TOO_MUCH_PERCENT) // 100
        yield Claim(
            "ship_and_debit",
            plants.DEBIT_PARTNER,
            last + timedelta(days=12),
            first,
            last,
            (2 * pieces * plants.DEBIT_UNIT_TENTHS + 10) // 20,
            f"Compensation reventes {first:%m/%Y}",
            f"REV-{first:%Y%m}",
            agreement="SD-2024-01",
            product=products[int(listings.product[pair])].code,
            pieces=pieces,
            decided_after=None if is_planted else 15,
            paid_after=None if is_planted else 40,
        )


def _protections(
    products: tuple[Product, ...], listings: Listings, trade: Trade, pair: int
) -> Iterator[Claim]:
    """Price protection: the difference for what was in stock on the eve of the lower price."""
    eve = day_number(plants.PROTECTION_DATE) - 1
    if eve >= trade.days:
        return
    pieces = int(trade.stock[eve, pair])
    yield Claim(
        "price_protection",
        plants.PROTECTED,
        plants.PROTECTION_DATE + timedelta(days=11),
        plants.PROTECTION_DATE,
        plants.PROTECTION_DATE,
        (2 * pieces * plants.PROTECTION_UNIT_TENTHS + 10) // 20,
        "Baisse de tarif, stock au 1er du mois",
        "INV-2026-02",
        agreement="PP-2026-01",
        product=products[int(listings.product[pair])].code,
        pieces=pieces,
    )


def _best_sold(partner: str, products: tuple[Product, ...], listings: Listings) -> int:
    """The pair of the partner with the highest demand, of products that were there from the beginning."""
    own = [
        pair
        for pair in np.flatnonzero(listings.partner == PARTNER_INDEX[partner]).tolist()
        if products[int(listings.product[pair])].launched <= START
        and products[int(listings.product[pair])].code not in plants.DISCONTINUED
    ]
    return max(own, key=lambda pair: (float(listings.rate[pair]), -pair))


# --- booked costs ---


def _costs(as_of: date, documents: Documents) -> Iterator[Cost]:
    yield from _freight(documents)
    for first, last in months(as_of):
        for channel, changes in plants.CHANNEL_STAFF.items():
            monthly = [amount for since, amount in changes if since <= first][-1]
            yield Cost("channel_staff", last, monthly, f"Salaires {channel}", channel=channel)
        yield Cost("tools", last, plants.PORTAL, "Portail partenaires")
        if first >= plants.DIRECT_FROM:
            yield Cost("tools", last, plants.DIRECT_TOOLS, "CRM grands comptes", channel="direct")
        if first.month % 3 == 0:
            yield Cost("training", last - timedelta(days=10), plants.TRAINING, "Formation du réseau")
            yield Cost(
                "spiff", last, plants.SPIFF, "Challenge vendeurs comptoir", partner=plants.SPIFF_PARTNER
            )


def _freight(documents: Documents) -> Iterator[Cost]:
    """Carriage paid by us: by invoice for some partners, by shipment for one."""
    invoices, shipments = documents.invoices, documents.shipments
    for document, (number, partner, kind) in enumerate(
        zip(invoices.number, invoices.partner.tolist(), invoices.kind.tolist(), strict=True)
    ):
        if kind == INVOICE and PARTNERS[partner].code in plants.FREIGHT_BY_INVOICE:
            amount = 1200 + int(invoices.net[document]) * 12 // 1000
            yield Cost("freight", _date(int(invoices.day[document])), amount, "Transport", invoice=number)
    lines: dict[int, int] = defaultdict(int)
    days: dict[int, int] = {}
    bound = PARTNER_INDEX[plants.FREIGHT_BY_SHIPMENT]
    own = documents.orders.partner[documents.orders.document[shipments.order_line]] == bound
    for document, day, is_own, is_return in zip(
        shipments.document.tolist(),
        shipments.day.tolist(),
        own.tolist(),
        shipments.is_return.tolist(),
        strict=True,
    ):
        if is_own and not is_return:
            lines[document] += 1
            days[document] = day
    for document, count in sorted(lines.items()):
        yield Cost(
            "freight",
            _date(days[document]),
            2500 + 40 * count,
            "Messagerie",
            shipment=shipments.number[document],
        )


# --- commissions ---


def _commissions(
    products: tuple[Product, ...], listings: Listings, documents: Documents
) -> Iterator[Commission]:
    """What each line earns whom: assignments and rates of the invoice's day, also for its credit notes."""
    invoices, payments = documents.invoices, documents.payments
    settled = dict(zip(payments.document.tolist(), payments.day.tolist(), strict=True))
    by_partner = {
        partner.code: [
            item
            for item in plants.ASSIGNMENTS
            if item[2] == partner.code
            or (
                item[3] == partner.territory and all(other[2] != partner.code for other in plants.ASSIGNMENTS)
            )
        ]
        for partner in PARTNERS
    }
    for document, pair, net in zip(
        invoices.document.tolist(), invoices.pair.tolist(), invoices.line_net.tolist(), strict=True
    ):
        code = PARTNERS[int(invoices.partner[document])].code
        if not by_partner[code]:
            continue
        earning = document if invoices.kind[document] == INVOICE else int(invoices.original[document])
        earned, day = _date(int(invoices.day[earning])), _date(int(invoices.day[document]))
        family = products[int(listings.product[pair])].family.code
        for agent, _, _, _, plan, split, first, after in by_partner[code]:
            if not first <= earned < after:
                continue
            basis, rates = next(
                (basis, rates)
                for since, basis, rates in reversed(plants.COMMISSION_PLANS[plan])
                if since <= earned
            )
            paid = settled.get(earning)
            due = day if basis == "invoiced" else None if paid is None else max(day, _date(paid))
            yield Commission(
                agent,
                code,
                invoices.number[document],
                day,
                due,
                net,
                rounded_share(net, rates.get(family, rates["*"]), split),
                document != earning,
            )


def _agent_payments(commissions: Sequence[Commission], as_of: date) -> Iterator[AgentPayment]:
    """What fell due in a month is paid on the 20th of the next; who has left gives nothing back."""
    due: dict[tuple[date, str, str], int] = defaultdict(int)
    for item in commissions:
        has_left = item.agent == plants.LEAVING_AGENT and item.day >= plants.LEAVING_DATE
        if item.due is not None and not (has_left and item.is_clawback):
            due[item.due.replace(day=1), item.agent, item.partner] += item.amount
    for (month, agent, partner), amount in sorted(due.items()):
        day = (month + timedelta(days=32)).replace(day=20)
        if amount and day <= as_of:
            yield AgentPayment(agent, partner, month, day, amount)


# --- cash discounts ---


def _discounts(documents: Documents) -> Ints:
    """Cents taken, by payment: what the term gives for a payment in time; one partner takes it anyway."""
    invoices, payments = documents.invoices, documents.payments
    taken = np.zeros(len(payments.day), dtype=np.int64)
    for _, rate, within, partners, since in plants.CASH_DISCOUNTS:
        for row, document in enumerate(payments.document.tolist()):
            code = PARTNERS[int(invoices.partner[document])].code
            day = _date(int(invoices.day[document]))
            if code not in partners or invoices.kind[document] != INVOICE or day < since:
                continue
            in_time = int(payments.day[row]) - int(invoices.day[document]) <= within
            is_cheeky = code == plants.DISCOUNT_TAKER and day >= plants.DISCOUNT_TAKEN_FROM
            if in_time or is_cheeky:
                taken[row] = rounded_share(int(invoices.net[document]), rate)
    return taken


def _taxes(documents: Documents, discounts: Ints) -> Ints:
    """Cents of tax that fall away with the discounts, by payment."""
    is_taxed = documents.invoices.vat[documents.payments.document] != 0
    return np.where(is_taxed, (discounts * VAT_PERCENT + 50) // 100, 0)


# --- the ERP's rows ---


def status_of(claim: Claim, as_of: date) -> tuple[str, date | None, date | None]:
    """How far the claim has come: its status, the day it was granted, the day it was paid."""
    decided, paid = (
        claim.day + timedelta(days=after) if after is not None else None
        for after in (claim.decided_after, claim.paid_after)
    )
    decided = decided if decided and decided <= as_of else None
    paid = paid if paid and paid <= as_of else None
    return ("paid" if paid else "approved" if decided else "claimed"), decided, paid


def rows_by_table(programmes: Programmes) -> dict[str, list[Row]]:
    """The ERP's rows of budgets, claims, agreements, costs, agents and their payments."""
    return {
        "budgets_coop": [
            {
                "code_budget": code,
                "nature": "mdf",
                "code_tiers": partner,
                "montant": amount / 100,
                "devise": "EUR",
                "date_debut": first,
                "date_fin": date(first.year + 1, 1, 1),
                "maj": _at(max(first - timedelta(days=20), date(2024, 1, 2))),
            }
            for code, (partner, amount, first) in programmes.budgets.items()
        ],
        "demandes_prise_en_charge": list(_claim_rows(programmes)),
        "accords_ecart_prix": [
            {
                "no_accord": agreement,
                "nature": step,
                "code_tiers": partner,
                "code_article": product,
                "ecart_unitaire": tenths / 1000,
                "devise": "EUR",
                "date_debut": first,
                "date_fin": None,
                "maj": _at(min(first - timedelta(days=14), programmes.as_of)),
            }
            for agreement, step, partner, product, tenths, first in programmes.agreements
            if first - timedelta(days=14) <= programmes.as_of
        ],
        "frais_commerciaux": [
            {
                "no_frais": number,
                "nature": cost.step,
                "date_frais": cost.day,
                "no_piece": cost.invoice,
                "no_bl": cost.shipment,
                "code_tiers": cost.partner,
                "canal": cost.channel,
                "montant_ht": cost.amount / 100,
                "libelle": cost.text,
                "devise": "EUR",
                "maj": _at(cost.day),
            }
            for number, cost in programmes.costs.items()
        ],
        "agents_affectations": [
            {
                "code_agent": agent,
                "nom_agent": name,
                "code_tiers": partner,
                "secteur": territory,
                "plan": plan,
                "quote_part": split / MILLION,
                "date_debut": first,
                "date_fin": None if after == date.max else after,
                "maj": _at(max(first - timedelta(days=7), date(2024, 1, 2))),
            }
            for agent, name, partner, territory, plan, split, first, after in plants.ASSIGNMENTS
            if first - timedelta(days=7) <= programmes.as_of
        ],
        "commissions_reglees": [
            {
                "no_reglement": number,
                "code_agent": payment.agent,
                "code_tiers": payment.partner,
                "mois": payment.month,
                "date_reglement": payment.day,
                "montant": payment.amount / 100,
                "devise": "EUR",
                "maj": _at(payment.day),
            }
            for number, payment in programmes.agent_payments.items()
        ],
    }


def _claim_rows(programmes: Programmes) -> Iterator[Row]:
    for number, claim in programmes.claims.items():
        status, decided, paid = status_of(claim, programmes.as_of)
        granted = claim.claimed if claim.granted is None else claim.granted
        yield {
            "no_demande": number,
            "nature": claim.step,
            "code_tiers": claim.partner,
            "code_budget": claim.budget,
            "no_accord": claim.agreement,
            "code_article": claim.product,
            "date_demande": claim.day,
            "date_debut": claim.first,
            "date_fin": claim.last,
            "qte": claim.pieces,
            "montant_demande": claim.claimed / 100,
            "montant_accorde": granted / 100 if decided else None,
            "montant_regle": granted / 100 if paid else None,
            "etat": {"claimed": "DEM", "approved": "ACC", "paid": "REG"}[status],
            "justificatif": claim.proof,
            "date_accord": decided,
            "date_reglement": paid,
            "libelle": claim.text,
            "devise": "EUR",
            "maj": _at(paid or decided or claim.day),
        }


def _at(day: date) -> datetime:
    return datetime.combine(day, time(15))


def _date(number: int) -> date:
    return START + timedelta(days=number)
