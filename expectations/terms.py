"""The terms a gate judges by: what it looks at, as of which day, and its thresholds.

What belongs here: settings handed to suites. What does not: the checks themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

Gate = Literal["landing", "core", "marts"]
Scope = Literal["touched", "all"]
Severity = Literal["critical", "warning"]

SELL_OUT_OF_RECORD: Final = (
    "feed_code not in "
    "(select feed_code from core.dim_feeds where reports_sell_out and not is_sell_out_of_record)"
)
"""Of reported sales those that count: not those of a feed beside the partner's source of record."""


@dataclass(frozen=True)
class Thresholds:
    """Where a gate draws its lines. Shares are 0..1.

    A company moves those that its rules have under the same name (`rules/thresholds.yml`).
    """

    amount_tolerance: Decimal = Decimal("0.01")
    """Largest difference of a document line's own arithmetic, in its currency."""
    numbering_min_documents: int = 20
    """A series of invoice numbers is judged only from this many documents on."""
    numbering_min_unit_steps_share: float = 0.95
    """... and only if this share of its steps is 1: otherwise the ERP does not number without gaps."""
    max_missing_invoice_numbers: int = 0
    """Numbers that may be missing in a series: raise it once a gap is explained (voided numbers)."""
    silent_day_min_days: int = 60
    """Days with shipments needed before a day without invoices is judged."""
    silent_day_min_share: float = 0.98
    """... and the share of them that has invoices."""
    silent_day_lag_days: int = 3
    """Invoices may be posted this many days late: younger days are not judged."""
    max_silent_days: int = 0
    """Shipping days without invoices that have been explained."""
    max_row_drop_share: float = 0.20
    """A mart that shrinks by more than this against the published one closes the gate."""
    max_rejected_share: float = 0.20
    """Share of rejected files among those of one feed above which a warning is given."""
    max_quarantined_share: float = 0.05
    """Share of quarantined rows in a feed above which a warning is given."""
    max_unmatched_share: float = 0.05
    """Share of a partner's sell-out lines without a known product above which a warning is given."""
    reconciliation_tolerance_amount: Decimal = Decimal("1.00")
    """Unexplained difference of a month against the general ledger above which the gate closes."""
    erp_stale_days: int = 7
    """Days without a new invoice after which a warning is given."""

    @classmethod
    def of_company(cls, values: Mapping[str, str]) -> Thresholds:
        """The defaults, and the company's own values where it has some."""
        defaults: dict[str, Any] = asdict(cls())
        own = {
            name: type(default)(Decimal(values[name])) for name, default in defaults.items() if name in values
        }
        return cls(**own)


@dataclass(frozen=True)
class Terms:
    """What a suite needs to know to write its expectations.

    `is_rebuilt`: this run has built everything again from landing.
    """

    scope: Scope
    is_rebuilt: bool
    as_of: date
    currency: str
    thresholds: Thresholds

    @property
    def as_of_sql(self) -> str:
        return f"date '{self.as_of.isoformat()}'"
