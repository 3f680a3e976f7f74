"""The marts gate: what goes out ties to the facts and stays within what its figures can be.

`suites` gathers the modules of this folder; each module holds the promises of one subject.
"""

from __future__ import annotations

from expectations.hub import Hub
from expectations.marts import (
    alerts,
    campaigns,
    channel,
    closing,
    margin,
    monthly,
    orders,
    partners,
    pipeline,
    programmes,
    rebates,
    receivables,
    reconciliation,
    reports,
    scorecard,
    sources,
    territories,
)
from expectations.terms import Terms
from expectations.vocabulary import Suite


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    """The suites for `marts`; each promised mart is expected to be there."""
    return [
        *monthly.suites(hub, terms),
        *channel.suites(hub, terms),
        *reports.suites(hub, terms),
        *orders.suites(terms),
        *reconciliation.suites(hub, terms),
        *receivables.suites(hub, terms),
        *rebates.suites(),
        *programmes.suites(hub, terms),
        *closing.suites(hub),
        *territories.suites(terms),
        *partners.suites(),
        *margin.suites(hub, terms),
        *alerts.suites(),
        *sources.suites(terms),
        *pipeline.suites(terms),
        *campaigns.suites(),
        *scorecard.suites(),
    ]
