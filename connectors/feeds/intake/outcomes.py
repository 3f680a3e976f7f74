"""What becomes of files of the inbox.

What belongs here: outcomes of files and of a whole intake. What does not: deciding them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from connectors.ledger import Batch

FileState = Literal["landed", "held", "duplicate", "rejected", "unchanged", "waiting", "refused", "unmatched"]
"""`landed`, `held` (it restates a period too long after it), `duplicate` and `rejected` are entered in the
ledger; `unchanged` was entered before. `waiting` (still being written), `refused` (a fault on our side:
configuration, rights, a link out of the inbox) and `unmatched` (no profile) are not entered and are looked at
again at the next run.
"""
Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and the name of the file that comes next."""


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file of the inbox. Counts are source rows; `reasons` counts faults by code."""

    file_name: str
    state: FileState
    feed_code: str | None = None
    partner_code: str | None = None
    batch_id: str | None = None
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_skipped: int = 0
    bytes: int = 0
    period_start_date: date | None = None
    period_end_date: date | None = None
    reason_code: str | None = None
    reason: str | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()


@dataclass(frozen=True)
class IntakeSummary:
    """What one intake did, file by file, oldest first, and what `repair` removed before it."""

    files: tuple[FileOutcome, ...]
    repaired: tuple[str, ...] = ()

    def in_state(self, *states: FileState) -> tuple[FileOutcome, ...]:
        return tuple(outcome for outcome in self.files if outcome.state in states)

    @property
    def counts(self) -> dict[str, int]:
        """Files by state."""
        counts: dict[str, int] = {}
        for outcome in self.files:
            counts[outcome.state] = counts.get(outcome.state, 0) + 1
        return counts

    @property
    def has_news(self) -> bool:
        return bool(self.in_state("landed", "held", "duplicate", "rejected"))


def refusal(name: str, code: str, reason: str) -> FileOutcome:
    """The outcome of a file that is not entered for a fault on our side."""
    return FileOutcome(file_name=name, state="refused", reason_code=code, reason=reason)


def waiting(base: FileOutcome) -> FileOutcome:
    """The outcome of a file that somebody is just writing."""
    return replace(
        base,
        state="waiting",
        reason_code="still_changing",
        reason="the file is being written; it is read at the next run",
    )


def outcome_of(base: FileOutcome, batch: Batch, reasons: Mapping[str, int] | None = None) -> FileOutcome:
    """The outcome of a file whose batch is entered; `reasons` counts faults by code."""
    if batch.state == "superseded":
        raise ValueError("a batch that is just entered cannot be superseded")
    return replace(
        base,
        state=batch.state,
        batch_id=batch.batch_id,
        rows_read=batch.rows_read,
        rows_accepted=batch.rows_accepted,
        rows_quarantined=batch.rows_quarantined,
        rows_skipped=batch.rows_skipped,
        period_start_date=batch.period_start_date,
        period_end_date=batch.period_end_date,
        reason_code=batch.reason_code,
        reason=batch.reason,
        reasons=dict(reasons or {}),
    )
