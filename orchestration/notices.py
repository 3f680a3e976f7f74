"""What there is to tell each recipient: alerts and proposals that it has not been told of yet.

What belongs here: choosing, from the publication, what a recipient may know and has not heard. What does
not: in which words (`orchestration.notice_texts`), what was told (`orchestration.told`), and sending
(`orchestration.sending`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import duckdb

from connectors.alerts import RULES, SEVERITIES
from connectors.errors import ConfigError, Place
from connectors.notices import FILE, PARTNER_RULES, Notices, Proposal, Recipient
from orchestration.alerts import Alert, as_of, published_alerts
from orchestration.publish import published_file


@dataclass(frozen=True)
class Proposed:
    """A proposal to a partner: what it should reorder, promote or try. Amounts in the company's currency."""

    kind: Proposal
    partner: str
    product: str
    product_name: str
    quantity: Decimal | None
    pack: Decimal | None
    amount: Decimal | None
    currency: str
    stock: Decimal | None
    weeks: Decimal | None
    cause_date: date | None

    @property
    def cause(self) -> str:
        """Told once until the partner orders the product again, or another is launched."""
        return f"{self.kind}|{self.partner}|{self.product}|{self.cause_date}"


@dataclass(frozen=True)
class Digest:
    """What one recipient is told at once: alerts by urgency, proposals by amount.

    `more` counts proposals of a partner and kind that a later message tells.
    """

    recipient: str
    alerts: tuple[Alert, ...]
    proposals: tuple[Proposed, ...]
    more: Mapping[tuple[str, Proposal], int] = field(default_factory=dict)

    @property
    def causes(self) -> tuple[str, ...]:
        return (
            *(f"alert|{alert.alert_id}" for alert in self.alerts),
            *(proposal.cause for proposal in self.proposals),
        )

    def halves(self) -> tuple[Digest, Digest]:
        """The more urgent half of what it tells, and the other."""
        middle = len(self.causes) // 2
        of_alerts, of_proposals = min(middle, len(self.alerts)), max(0, middle - len(self.alerts))
        later = self.proposals[of_proposals:]
        of_later = {(proposal.partner, proposal.kind) for proposal in later}
        return (
            Digest(
                self.recipient,
                self.alerts[:of_alerts],
                self.proposals[:of_proposals],
                {group: count for group, count in self.more.items() if group not in of_later},
            ),
            Digest(self.recipient, self.alerts[of_alerts:], later, self.more),
        )


_PROPOSALS: Final = """
    select proposals.proposal_kind_code, proposals.partner_code, proposals.product_code,
        products.product_name, proposals.proposed_quantity, proposals.pack_quantity,
        proposals.proposed_amount, proposals.currency_code, proposals.on_hand_quantity,
        proposals.weeks_of_supply, proposals.cause_date
    from marts.mart_partner_proposals_weekly as proposals
    inner join core.dim_products as products on proposals.product_code = products.product_code
    order by proposals.partner_code,
        case proposals.proposal_kind_code when 'reorder' then 1 when 'promotion' then 2 else 3 end,
        proposals.proposed_amount desc nulls last, proposals.product_code
"""


@dataclass(frozen=True)
class News:
    """All that could be told: what is published now."""

    alerts: tuple[Alert, ...]
    proposals: tuple[Proposed, ...]
    partners: Mapping[str, str]
    as_of: date


def read_news(published: Path) -> News:
    """Open alerts and proposals of the current publication with its day, and the partners' names by code."""
    alerts = published_alerts(published)
    with duckdb.connect(str(published_file(published)), read_only=True) as connection:
        proposals = connection.execute(_PROPOSALS).fetchall()
        partners = connection.execute(
            "select partner_code, partner_name from core.dim_partners where is_current"
        ).fetchall()
    return News(tuple(alerts), tuple(Proposed(*row) for row in proposals), dict(partners), as_of(published))


def check_partners(notices: Notices, news: News, company: Path) -> None:
    """ConfigError if a recipient names a partner that the company does not have."""
    for name, recipient in notices.recipients.items():
        for code in (*(recipient.partners or ()), *([recipient.partner] if recipient.partner else ())):
            if code not in news.partners:
                raise ConfigError(
                    "unknown_partner",
                    f"recipients.{name} names the partner {code!r}, which the ERP does not have",
                    "correct the code, or remove it",
                    Place(file=company / FILE),
                )


def digest(name: str, recipient: Recipient, news: News, told: Collection[str]) -> Digest:
    """What the recipient may know and has not been told: only of its own partners, and of each kind of
    proposal no more than it is shown.
    """
    groups: dict[tuple[str, Proposal], list[Proposed]] = {}
    for proposal in news.proposals:
        if (
            _concerns(recipient, proposal.partner)
            and proposal.kind in recipient.proposals
            and proposal.cause not in told
        ):
            groups.setdefault((proposal.partner, proposal.kind), []).append(proposal)
    return Digest(
        name,
        tuple(
            alert
            for alert in news.alerts
            if _concerns(recipient, alert.partner)
            and _may_know(recipient, alert)
            and f"alert|{alert.alert_id}" not in told
        ),
        tuple(proposal for group in groups.values() for proposal in group[: recipient.shown]),
        {key: len(group) - recipient.shown for key, group in groups.items() if len(group) > recipient.shown},
    )


def _concerns(recipient: Recipient, partner: str) -> bool:
    if recipient.partner is not None:
        return partner == recipient.partner
    return recipient.partners is None or partner in recipient.partners


def _may_know(recipient: Recipient, alert: Alert) -> bool:
    if recipient.partner is not None:
        return alert.rule in (PARTNER_RULES if recipient.rules is None else recipient.rules)
    is_urgent = SEVERITIES.index(alert.severity) <= SEVERITIES.index(recipient.severity)
    return is_urgent and alert.rule in (RULES if recipient.rules is None else recipient.rules)
