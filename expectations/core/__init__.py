"""The core gate: facts and dimensions hold what landed, once, and hang together.

`suites` gathers the modules of this folder; each module holds the promises of one subject.
"""

from __future__ import annotations

from expectations.core import (
    closing,
    dimensions,
    discounts,
    documents,
    general_ledger,
    inventory,
    margin,
    programmes,
    rebates,
    receivables,
    segments,
    sell_out,
    sources,
    territories,
)
from expectations.hub import Hub
from expectations.terms import Terms
from expectations.vocabulary import Suite


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    """The suites for `core`; every table of it is expected to be there."""
    return [
        *dimensions.suites(),
        *documents.suites(terms),
        *discounts.suites(terms),
        *sell_out.suites(terms),
        *inventory.suites(),
        *general_ledger.suites(),
        *receivables.suites(hub),
        *rebates.suites(),
        *programmes.suites(hub, terms),
        *closing.suites(),
        *territories.suites(hub),
        *margin.suites(terms),
        *segments.suites(),
        *sources.suites(hub),
    ]
