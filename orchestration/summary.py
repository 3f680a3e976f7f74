"""What a run did, in words and figures that a person reads: files, rows, gates, publication.

What belongs here: collecting it from the intake ledger. What does not: how it looks (`orchestration.cli`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from connectors.delivery.collect import Look, last_looks
from connectors.feeds.quarantine import Stakes, open_faults
from connectors.ledger import Batch, Figures, Ledger
from orchestration.alerts import Count, count_alerts
from orchestration.feeds_status import FeedStatus, all_feeds
from orchestration.plan import (
    LeftAside,
    Plan,
    Published,
    Sent,
    read_left_aside,
    read_outcomes,
    read_plan,
    read_published,
    read_sent,
)
from orchestration.publish import GateOutcome
from orchestration.run import Outcome
from orchestration.settings import Settings


@dataclass(frozen=True)
class Before:
    """The ledger as it was before the run."""

    last_batch_id: str | None
    superseded: frozenset[str]


@dataclass(frozen=True)
class FileNote:
    """One file that was not simply accepted: what happened to it and why."""

    file_name: str
    feed_code: str
    what: str
    why: str


@dataclass(frozen=True)
class Summary:
    """Everything that the summary of a run shows. Rows are counted as the sources have them."""

    outcome: Outcome
    day: date
    erp_rows: int
    erp_extracts: int
    files_accepted: int
    files_with_quarantine: int
    files_superseding: int
    files_rejected: int
    files_duplicate: int
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    rows_superseded: int
    notes: Sequence[FileNote]
    feeds: Sequence[FeedStatus]
    gates: Sequence[GateOutcome]
    plan: Plan | None
    published: Published | None
    sent: Sent | None
    alerts: Count | None

    @property
    def is_new_version(self) -> bool:
        """Whether the run published; one that only had to send to PostgreSQL leaves what stands."""
        return self.outcome.published and not (self.plan and self.plan.only_sends)

    @property
    def missing(self) -> list[str]:
        return [f"{feed.feed_code} {label}" for feed in self.feeds for label in feed.missing]


def before(settings: Settings) -> Before:
    """Take down the ledger's state before a run."""
    with Ledger(settings.paths.ledger) as ledger:
        return Before(
            ledger.last_batch_id(),
            frozenset(batch.batch_id for batch in ledger.batches("feeds", state="superseded")),
        )


def summarize(settings: Settings, earlier: Before, outcome: Outcome) -> Summary:
    """What the run did, from the ledger."""
    with Ledger(settings.paths.ledger) as ledger:
        new = ledger.batches(since=earlier.last_batch_id)
        erp = [batch for batch in new if batch.system == "erp"]
        files = [batch for batch in new if batch.system == "feeds"]
        replaced = [
            batch
            for batch in ledger.batches("feeds", state="superseded")
            if batch.batch_id not in earlier.superseded
        ]
        landed = [batch for batch in files if batch.state in ("landed", "superseded")]
        decided = read_plan(ledger)
        plan = decided if decided and decided.run_id == outcome.run_id else None
        day = date.fromisoformat(plan.as_of) if plan else settings.company.today()
        return Summary(
            outcome=outcome,
            day=day,
            erp_rows=sum(batch.rows_accepted for batch in erp),
            erp_extracts=len(erp),
            files_accepted=len(landed),
            files_with_quarantine=sum(batch.rows_quarantined > 0 for batch in landed),
            files_superseding=len(replaced),
            files_rejected=sum(batch.state == "rejected" for batch in files),
            files_duplicate=sum(batch.state == "duplicate" for batch in files),
            rows_read=sum(batch.rows_read for batch in landed),
            rows_accepted=sum(batch.rows_accepted for batch in landed),
            rows_quarantined=sum(batch.rows_quarantined for batch in landed),
            rows_superseded=sum(batch.rows_accepted for batch in replaced),
            notes=[
                *(
                    _note(
                        settings.paths.landing,
                        batch,
                        Stakes(ledger, settings.profiles, settings.company.currency),
                    )
                    for batch in files
                    if _is_noted(batch)
                ),
                *replacements(replaced, landed, ledger.restated),
                *_grouped(read_left_aside(ledger)),
                *(note for seen in _looks(settings, ledger) for note in _delivery_notes(seen)),
            ],
            feeds=all_feeds(settings.profiles, ledger, day, settings.company.zone),
            gates=read_outcomes(ledger, outcome.run_id),
            plan=plan,
            published=read_published(ledger),
            sent=read_sent(ledger) if settings.company.publish.postgresql else None,
            alerts=count_alerts(settings.paths.published),
        )


def _is_noted(batch: Batch) -> bool:
    return batch.state in ("held", "rejected", "duplicate") or batch.rows_quarantined > 0


def _note(landing: Path, batch: Batch, stakes: Stakes) -> FileNote:
    if batch.state == "held":
        remedy = f"accept it: aval feeds accept {batch.batch_id}"
        return FileNote(batch.file_name or "", batch.feed_code or "", "held", f"{batch.reason}; {remedy}")
    if batch.state in ("rejected", "duplicate"):
        return FileNote(batch.file_name or "", batch.feed_code or "", batch.state, batch.reason or "")
    faults = open_faults(landing, [batch])
    first = f"row {faults[0].source_row}: {faults[0].reason}" if faults else "no row is kept"
    at_stake = " and ".join(stake.said() for stake in stakes.total(faults))
    return FileNote(
        batch.file_name or "",
        batch.feed_code or "",
        "rows in quarantine",
        f"{batch.rows_quarantined} of {batch.rows_read}, at stake {at_stake or 'unknown'}; {first}",
    )


def _grouped(aside: Sequence[LeftAside]) -> list[FileNote]:
    """Files left alone for the same reason as one note: one missing setting may stop a hundred files."""
    groups: dict[tuple[str, str], list[str]] = {}
    for item in aside:
        groups.setdefault((item.state, item.reason), []).append(item.file_name)
    return [FileNote(_named(names), "", state, reason) for (state, reason), names in groups.items()]


def _looks(settings: Settings, ledger: Ledger) -> list[Look]:
    """The newest looks at the sources that the company still has."""
    return [seen for seen in last_looks(ledger) if seen.delivery in settings.company.deliveries]


def _delivery_notes(seen: Look) -> list[FileNote]:
    notes = [FileNote(name, "", f"refused from {seen.delivery}", reason) for name, reason in seen.refused]
    if seen.problem is not None:
        notes.insert(0, FileNote(seen.delivery, "", "delivery failed", seen.problem))
    return notes


def replacements(
    replaced: Sequence[Batch],
    landed: Sequence[Batch],
    restated: Callable[[str], tuple[Figures, Figures]],
) -> list[FileNote]:
    """A note on each report that another one replaced, with what changed, and one a feed on those that were
    only read again.
    """
    brought: dict[tuple[str | None, ...], set[str]] = {}
    for batch in landed:
        brought.setdefault(_content(batch), set()).add(batch.batch_id)
    notes: list[FileNote] = []
    again: dict[str, list[str]] = {}
    for batch in replaced:
        name, feed = batch.file_name or "", batch.feed_code or ""
        if brought.get(_content(batch), set()) - {batch.batch_id}:
            again.setdefault(feed, []).append(name)
        else:
            changes = _changes(*restated(batch.batch_id))
            notes.append(
                FileNote(name, feed, "superseded", f"replaced by a later report of the period{changes}")
            )
    reason = (
        "the same bytes; the profile (or what it needs) has changed, and this reading replaces the former"
    )
    return notes + [FileNote(_named(names), feed, "read again", reason) for feed, names in again.items()]


def _changes(before: Figures, now: Figures) -> str:
    """What another report has changed: a partner that sends corrected rows alone takes away the others."""
    figures = (
        ("rows", Decimal(before.rows), Decimal(now.rows)),
        ("quantity", before.quantity, now.quantity),
        ("amount", before.amount, now.amount),
    )
    changed = [
        f"{what} {old.normalize():,f} -> {new.normalize():,f}" for what, old, new in figures if old != new
    ]
    return f": {', '.join(changed)}" if changed else ""


def _content(batch: Batch) -> tuple[str | None, ...]:
    return batch.feed_code, batch.file_name, batch.content_hash


def _named(names: Sequence[str]) -> str:
    """Several files in few words: three names, and how many more."""
    shown, more = ", ".join(names[:3]), len(names) - 3
    return f"{shown} and {more} more" if more > 0 else shown
