"""Taking in whatever is new in the inbox: discover -> read -> judge -> land -> ledger.

`take_in` works through the inbox feed by feed, oldest file first. Each file is judged for itself: landed, a
duplicate, rejected, or left alone; one bad file never stops the others. What belongs here: the run over all
feeds, and clearing up after a run that was killed. What does not: the way of one file (`files`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from connectors.archive import Archive
from connectors.company import Company, Paths
from connectors.errors import ConfigError
from connectors.feeds import customers
from connectors.feeds.intake.files import Intake
from connectors.feeds.intake.inbox import Found, discover, unchanged_of
from connectors.feeds.intake.matcher import FeedMatcher
from connectors.feeds.intake.outcomes import FileOutcome, IntakeSummary, Progress, refusal, waiting
from connectors.feeds.intake.reading import workplace
from connectors.feeds.profile import Profile
from connectors.feeds.senders import load_identities
from connectors.landing import remove_leftovers
from connectors.ledger import Ledger, Sighting


def take_in(
    paths: Paths,
    company: Company,
    profiles: Mapping[str, Profile],
    ledger: Ledger,
    *,
    now: datetime,
    progress: Progress | None = None,
) -> IntakeSummary:
    """Take in every new file of the inbox. `now` (with a time zone) dates the batches."""
    repaired = repair(paths, ledger, ("feeds",))
    found, outcomes = discover(company.inbox.path)
    matcher = FeedMatcher(profiles)
    fingerprints = {code: customers.fingerprint(profile) for code, profile in profiles.items()}
    known = ledger.sightings()
    identities = load_identities(paths.landing)
    results: dict[str, FileOutcome] = {}
    todo: dict[str, list[tuple[Found, Sighting | None]]] = {}
    for item in found:
        try:
            feed_code = matcher.find(item.name)
        except ConfigError as error:
            results[item.name] = refusal(item.name, error.code, str(error))
            continue
        if feed_code is None:
            results[item.name] = _unmatched(item)
            continue
        seen = known.get(item.name)
        unchanged = unchanged_of(item, feed_code, profiles[feed_code])
        verdicts = (fingerprints[feed_code], identities.stamped(fingerprints[feed_code]))
        if seen is not None and seen.stamp == item.stamp and seen.profile_hash in verdicts:
            results[item.name] = unchanged
        elif abs(now.timestamp() - item.stat.st_mtime) < company.inbox.settle_seconds:
            results[item.name] = waiting(unchanged)
        else:
            todo.setdefault(feed_code, []).append((item, seen))

    def tell(name: str) -> None:
        if progress is not None:
            progress(len(results), len(found), name)

    scratch = paths.state / "intake"
    archive = Archive(paths.archive, company.archive)
    archive.tidy(now)
    with workplace(scratch) as connection:
        intake = Intake(paths, profiles, ledger, connection, scratch, archive, now, company.zone, identities)
        for feed_code, items in todo.items():
            fresh: dict[str, Sighting] = {}
            for outcome, sighting in intake.take(feed_code, items, lambda item: tell(item.name)):
                results[outcome.file_name] = outcome
                if sighting is not None:
                    fresh[outcome.file_name] = sighting
            ledger.remember_sightings(fresh)
    tell("")
    return IntakeSummary((*outcomes, *(results[item.name] for item in found)), tuple(repaired))


def _unmatched(item: Found) -> FileOutcome:
    return FileOutcome(
        item.name,
        "unmatched",
        bytes=item.stat.st_size,
        reason_code="unmatched",
        reason="no profile's files.glob matches it; correct a glob, write a profile, or remove the file",
    )


def repair(
    paths: Paths, ledger: Ledger, systems: Sequence[str] = ("feeds", "accounting", "rules")
) -> list[str]:
    """Remove what a killed run left: half-written files, and Parquet files that the ledger does not know."""
    removed = [path for system in systems for path in remove_leftovers(paths.landing / system)]
    known = {batch.batch_id for system in systems for batch in ledger.batches(system)}
    for path in _batch_files(paths.landing, systems):
        if path.stem not in known:
            path.unlink()
            removed.append(path)
    shutil.rmtree(paths.state / "intake", ignore_errors=True)
    return [path.relative_to(paths.landing).as_posix() for path in removed]


def _batch_files(landing: Path, systems: Iterable[str]) -> Iterator[Path]:
    for system in systems:
        for path in sorted((landing / system).rglob("*.parquet")):
            if not path.name.startswith(("_", ".")):
                yield path
