"""The landing gate: what came in from the ERP and the partners is whole enough to build on.

`suites` gathers the modules of this folder; each module holds the promises of one source.
"""

from __future__ import annotations

from expectations.hub import Hub
from expectations.landing import documents, intake, master_data, reports
from expectations.terms import Terms
from expectations.vocabulary import Suite


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    """The suites for what has landed; entities that a company's ERP does not have are left out."""
    return [
        *master_data.suites(hub, terms),
        *documents.suites(hub, terms),
        *intake.suites(hub, terms),
        *reports.suites(hub, terms),
    ]
