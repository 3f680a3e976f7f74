"""What selling costs beside the invoice: claims, cash discounts, booked costs and commissions, on the invoice
lines that carry them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tests.second_calculation.allocation import KEYS
from tests.second_calculation.books import CHANNELS, OPEN_END, Books, millionths, share
from tests.second_calculation.granted import Granted, carried, without_line


@dataclass(frozen=True)
class Cost:
    """A cost and what it names; None where it names nothing."""

    step: str
    day: str
    cents: int
    document: str | None = None
    shipment: str | None = None
    partner: str | None = None
    channel: str | None = None
    product: str | None = None


def programme_costs(books: Books, lines: pd.DataFrame) -> Iterator[Granted]:
    """All costs on their lines; what no line can carry by itself."""
    carriers = lines[lines["is_invoice"] & (lines["net"] > 0)]
    by_document = dict(list(carriers.groupby("document")))
    by_month = dict(list(carriers.groupby("month")))
    by_shipment = _lines_by_shipment(books, carriers)
    allocation = books.rule("programme_costs")["allocation"]
    nobody = carriers.iloc[:0]
    for cost in (*claims(books), *cash_discounts(books), *booked_costs(books)):
        if not cost.cents:
            continue
        month = cost.day[:7]
        if cost.document is not None:
            bearing, key = by_document.get(cost.document, nobody), "net_amount"
        elif cost.shipment is not None:
            bearing, key = carriers.loc[by_shipment.get(cost.shipment, [])], "net_amount"
        else:
            bearing, key = by_month.get(month, nobody), _key(allocation, cost)
            if cost.partner is not None:
                bearing = bearing[bearing["partner"] == cost.partner]
            elif cost.channel is not None:
                bearing = bearing[bearing["channel"] == cost.channel]
        if cost.product is not None:
            bearing = bearing[bearing["product"] == cost.product]
        if len(bearing):
            yield from carried(cost.step, KEYS[key](cost.cents, bearing), lines)
        else:
            yield without_line(cost.step, month, cost.partner, cost.channel, cost.cents)
    yield from commissions(books, lines)


def claims(books: Books) -> Iterator[Cost]:
    """A claim costs what was paid, else what was granted, else what is claimed; rejected ones nothing."""
    channel = _channels(books)
    for row in books.table("demandes_prise_en_charge").itertuples():
        assert row.etat in ("DEM", "ACC", "REG", "REF")
        stages = {
            "REG": (row.montant_regle, row.montant_accorde, row.montant_demande),
            "ACC": (row.montant_accorde, row.montant_demande),
            "DEM": (row.montant_demande,),
            "REF": (0.0,),
        }[row.etat]
        amount = next(stage for stage in stages if pd.notna(stage))
        day = row.date_fin if row.date_fin <= books.today else row.date_demande
        yield Cost(
            row.nature,
            day,
            round(amount * 100),
            partner=row.code_tiers,
            channel=channel[row.code_tiers],
            product=row.code_article,
        )


def cash_discounts(books: Books) -> Iterator[Cost]:
    """What partners deducted, by invoice; the payments of the sample company all say so."""
    payments = books.table("reglements")
    assert payments["escompte"].notna().all()
    for document, own in payments[payments["escompte"] > 0].groupby("no_piece"):
        cents = round(own["escompte"].sum() * 100)
        yield Cost("cash_discount", own["date_reglement"].max(), cents, document=document)


def booked_costs(books: Books) -> Iterator[Cost]:
    channel = _channels(books)
    for row in books.table("frais_commerciaux").itertuples():
        yield Cost(
            row.nature,
            row.date_frais,
            round(row.montant_ht * 100),
            document=row.no_piece,
            shipment=row.no_bl,
            partner=row.code_tiers,
            channel=channel[row.code_tiers] if row.code_tiers else row.canal,
        )


def commissions(books: Books, lines: pd.DataFrame) -> Iterator[Granted]:
    """Net amount x rate x share by line, of the agents and rates of the invoice's day. Who has the partner
    comes before who has its territory; credit notes take back from who earned.
    """
    territories = {
        row.code_tiers: row.code_postal[:2] if row.pays == "FR" else row.pays
        for row in books.table("tiers").itertuples()
    }
    assigned = list(books.table("agents_affectations").itertuples())
    plans = books.rule("programme_costs")["commissions"]
    of_partner = {
        partner: [item for item in assigned if item.code_tiers == partner] for partner in territories
    }
    of_territory = {
        partner: [item for item in assigned if item.code_tiers == "*" and item.secteur == territory]
        for partner, territory in territories.items()
    }
    for line in lines.reset_index().itertuples():
        agents = [
            [item for item in those[line.partner] if item.date_debut <= line.sale_day < _end(item.date_fin)]
            for those in (of_partner, of_territory)
        ]
        for agent in agents[0] or agents[1]:
            rate = _rate(plans, agent.plan, line.family, line.sale_day)
            cents = share(line.net, rate, millionths(agent.quote_part))
            if cents:
                yield Granted(
                    "commission", line.line, line.month, line.partner, line.channel, line.product, cents
                )


def _rate(plans: list[dict[str, Any]], plan: str, family: str, day: str) -> int:
    """The plan's rate in force on the day: of the family, else of all; in millionths."""
    begun = [item for item in plans if item["plan"] == plan and str(item["since"]) <= day]
    rates = max(begun, key=lambda item: str(item["since"]))["rates"]
    return millionths(rates.get(family, rates["*"]))


def _key(allocation: list[dict[str, Any]], cost: Cost) -> str:
    """How the cost is shared: the rule of its step that holds on its day, else by net amount."""
    begun = [
        (str(item.get("since", "1900-01-01")), str(item["key"]))
        for item in allocation
        if item["step"] == cost.step
    ]
    return max((item for item in begun if item[0] <= cost.day), default=("", "net_amount"))[1]


def _lines_by_shipment(books: Books, carriers: pd.DataFrame) -> dict[str, list[str]]:
    """The lines that invoice a shipment: of each of its order lines the first from its day on."""
    invoiced: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for row in carriers.dropna(subset=["order"]).reset_index().itertuples():
        invoiced.setdefault((row.order, int(row.order_line)), []).append((row.day, row.line))
    heads = books.table("expeditions")
    days = dict(
        zip(heads[heads["sens"] == "S"]["no_bl"], heads[heads["sens"] == "S"]["date_exp"], strict=True)
    )
    found: dict[str, list[str]] = {}
    for row in books.table("expeditions_lignes").dropna(subset=["no_cde"]).itertuples():
        after = [
            item
            for item in invoiced.get((row.no_cde, int(row.no_ligne_cde)), [])
            if row.no_bl in days and item[0] >= days[row.no_bl]
        ]
        if after:
            line = min(after)[1]
            if line not in found.setdefault(row.no_bl, []):
                found[row.no_bl].append(line)
    return found


def _channels(books: Books) -> dict[str, str]:
    return {row.code_tiers: CHANNELS[row.categorie] for row in books.table("tiers").itertuples()}


def _end(day: str | None) -> str:
    return day or OPEN_END
