"""Reports that are held because they restate a period too long after it, and letting one count.

What belongs here: accepting one by a person's decision. What does not: which reports are held
(`connectors.ledger`, by `max_restatement_days` of the profile).
"""

from __future__ import annotations

from connectors.errors import ConfigError
from connectors.ledger import Batch, Ledger


def accept(ledger: Ledger, batch_id: str, reason: str) -> Batch:
    """Let a held report count; `reason` is kept. ConfigError if it is not held, or if a later report has
    told one of its periods anew.
    """
    found = ledger.held(batch_id)
    if not found:
        known = ", ".join(batch.batch_id for batch in ledger.held())
        raise ConfigError(
            "not_held",
            f"no report is held as batch {batch_id!r}",
            f"held are: {known}" if known else "`aval feeds status` shows what is held; nothing is",
        )
    newer = ledger.newer_than_held(batch_id)
    if newer:
        raise ConfigError(
            "newer_report",
            f"a report that came later has told {', '.join(newer)} anew",
            "ask the partner for the right figures; accepting this one would bring older ones back",
        )
    ledger.accept(batch_id, reason)
    return found[0]
