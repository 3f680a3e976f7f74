"""Our own stock of a product, projected from the raw ERP: the other method for `mart_pipeline_supply_weekly`.

It follows docs/figures.md and knows no model. Days are Sundays, on which the sample's stock is counted.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from math import floor
from typing import Any

RATE_DAYS, NOTICE_DAYS, STALE_DAYS, DEAL_COUNT = 91, 7, 60, 5
ORDERED = """
    with sent as (
        select l.no_cde, l.no_ligne_cde, sum(l.qte * coalesce(u.qte_base, 1)) as pieces
        from expeditions_lignes as l join expeditions as e on e.no_bl = l.no_bl
        left join articles_cond as u on u.code_article = l.code_article and u.unite = l.unite
        where e.sens = 'S' and l.code_article = :product
        group by 1, 2
    )
    select c.date_cde, l.qte * coalesce(u.qte_base, 1), l.montant_ht, l.etat, coalesce(sent.pieces, 0),
        exists (select 1 from affaires as a where a.no_cde = l.no_cde and a.code_article = l.code_article)
    from cdes_lignes as l join cdes as c on c.no_cde = l.no_cde
    left join sent on sent.no_cde = l.no_cde and sent.no_ligne_cde = l.no_ligne
    left join articles_cond as u on u.code_article = l.code_article and u.unite = l.unite
    where l.code_article = :product and l.etat <> 'ANN'
"""
SHIPPED = """
    select e.date_exp, l.qte * coalesce(u.qte_base, 1)
    from expeditions_lignes as l join expeditions as e on e.no_bl = l.no_bl
    left join articles_cond as u on u.code_article = l.code_article and u.unite = l.unite
    where e.sens = 'S' and l.code_article = :product
"""
DEALS = """
    select a.code_tiers, a.code_article, a.qte_annoncee, a.montant_annonce, a.date_creation, a.date_prevue,
        a.date_cloture, a.etape, case when a.etape = 'lost' then 0 when a.no_cde is not null then (
            select sum(l.montant_ht) from cdes_lignes as l
            where l.no_cde = a.no_cde and l.code_article = a.code_article and l.etat <> 'ANN'
        ) end
    from affaires as a
"""


@dataclass(frozen=True)
class Deal:
    """What a partner announced, and what it bought of it; `bought` is None where nobody knows."""

    partner: str
    product: str
    pieces: int
    amount: float
    created: date
    expected: date
    closed: date | None
    stage: str
    bought: float | None


class OwnStock:
    """One product at us, as it could be seen on a day."""

    def __init__(self, erp: sqlite3.Connection, product: str) -> None:
        def ask(sql: str) -> list[Any]:
            return erp.execute(sql, {"product": product}).fetchall()

        day = date.fromisoformat
        self.product = product
        ((self.lead_days,),) = ask("select delai_appro from articles where code_article = :product")
        self.counts = {
            day(counted): pieces
            for counted, pieces in ask(
                "select date_photo, sum(qte) from stock_photo where code_article = :product group by 1"
            )
        }
        self.orders = [(day(ordered), *rest) for ordered, *rest in ask(ORDERED)]
        self.shipped = [(day(sent), pieces) for sent, pieces in ask(SHIPPED)]
        self.made = [
            (day(ordered), day(expected), pieces, day(received) if received else date.max)
            for ordered, expected, pieces, received in ask(
                "select date_ordre, date_prevue, qte, date_reception from appro_lignes "
                "where code_article = :product"
            )
        ]
        self.deals = [
            Deal(*head, day(created), day(expected), day(closed) if closed else None, stage, bought)
            for *head, created, expected, closed, stage, bought in ask(DEALS)
        ]

    def owed(self, today: date) -> int:
        """Pieces that were ordered and have not left us."""
        due = sum(
            max(pieces, sent) if state == "ENC" else sent
            for ordered, pieces, _, state, sent, _ in self.orders
            if ordered <= today
        )
        return max(due - sum(pieces for sent, pieces in self.shipped if sent <= today), 0)

    def price(self, today: date) -> float:
        """Euro of a piece on the orders of 13 weeks."""
        recent = self._recent(today)
        return float(sum(row[2] for row in recent) / sum(row[1] for row in recent))

    def _recent(self, today: date) -> list[Any]:
        return [row for row in self.orders if 0 <= (today - row[0]).days < RATE_DAYS]

    def missing_amount(self, today: date) -> float | None:
        """Euro of what would be missing until a new order came; None while it would come in time."""
        recent = self._recent(today)
        daily = sum(pieces for _, pieces, _, _, _, is_deal in recent if not is_deal) / RATE_DAYS
        available = self.counts[today] - self.owed(today)
        to_come = [
            (max(expected, today + timedelta(days=1)), pieces)
            for ordered, expected, pieces, received in self.made
            if ordered <= today < received
        ]
        asked = self._expected_of_deals(today)

        reach = self.lead_days + NOTICE_DAYS
        stock, missing, empty = available, max(-available, 0), today if available <= 0 else date.max
        for week in range(reach // 7 + 1):
            begin = today + timedelta(days=1 + 7 * week)
            end = begin + timedelta(days=7)
            demand = 7 * daily + sum(pieces for due, pieces in asked if begin <= due < end)
            stock += sum(pieces for due, pieces in to_come if begin <= due < end) - demand
            if stock < 0:
                empty = min(empty, begin + timedelta(days=floor(7 * max(stock + demand, 0) / demand)))
                if (begin - today).days <= reach:
                    missing = max(missing, -stock)
        return missing * self.price(today) if empty == today or (empty - today).days <= reach else None

    def _expected_of_deals(self, today: date) -> list[tuple[date, float]]:
        decided = [
            deal
            for deal in self.deals
            if deal.closed is not None and 0 <= (today - deal.closed).days < 365 and deal.bought is not None
        ]
        found = []
        for deal in self.deals:
            is_open = deal.created <= today and (
                deal.stage not in ("won", "lost") if deal.closed is None else today < deal.closed
            )
            if deal.product != self.product or not is_open or (today - deal.expected).days > STALE_DAYS:
                continue
            own = [other for other in decided if other.partner == deal.partner]
            known = own if len(own) >= DEAL_COUNT else decided
            share = (
                sum(other.bought or 0 for other in known) / sum(other.amount for other in known)
                if len(known) >= DEAL_COUNT
                else 1
            )
            slips = [
                (other.closed - other.expected).days
                for other in known
                if other.stage == "won" and other.closed is not None
            ]
            slip = floor(max(sum(slips) / len(slips), 0) + 0.5) if slips else 0
            due = max(deal.expected + timedelta(days=slip), today + timedelta(days=1))
            found.append((due, deal.pieces * share))
        return found
