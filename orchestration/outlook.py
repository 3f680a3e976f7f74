"""What a dry run compares a report with: this company's ledger, landed products and the feed's crosswalk.

What belongs here: gathering it by the settings. What does not: the comparison (`connectors.feeds.outlook`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.feeds.outlook import Outlook
    from connectors.feeds.profile import Profile
    from orchestration.settings import Settings


def outlook_of(settings: Settings, profile: Profile, feeds: Path | None = None) -> Outlook:
    """The outlook of one feed; `feeds` is the folder of its crosswalk, the company's if not given."""
    from connectors.feeds.known import load_known
    from connectors.feeds.outlook import Outlook
    from connectors.rules import load_crosswalks, load_units

    rows = load_crosswalks(feeds or settings.paths.company / "feeds", {"feed": profile})
    known = load_known(settings.paths.landing, settings.company.company.name)
    return Outlook(
        settings.paths.ledger,
        known,
        frozenset(
            str(row["partner_product_code"]) for row in rows if row["product_code"] in known.product_codes
        ),
        frozenset(str(row["unit_code"]) for row in load_units(settings.paths.company)),
    )
