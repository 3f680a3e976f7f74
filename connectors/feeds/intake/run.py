"""Taking in whatever is new in the inbox: discover -> read -> judge -> land -> ledger.

`take_in` works through the inbox partner by partner and feed by feed, oldest file first; two partners at a
time, each in a DuckDB of its own. Each file is judged for itself: landed, a duplicate, rejected, or left
alone; one bad file never stops the others. What belongs here: the run over all feeds, and clearing up after a
run that was killed. What does not: the way of one file (`files`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Final

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
from connectors.landing import batch_ids, remove_leftovers
from connectors.ledger import Ledger, Sighting

PARTNERS_AT_A_TIME: Final = 2
Todo = Mapping[str, Sequence[tuple[Found, Sighting | None]]]
"""Files to look at by feed, each with what is remembered of it."""


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
    erased = ledger.erased_contents()
    vanished = ledger.vanished(paths.landing)
    not_as_it_was = erased | vanished
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
        is_seen = seen is not None and seen.stamp == item.stamp and seen.profile_hash in verdicts
        if seen is not None and is_seen and seen.content_hash not in not_as_it_was:
            results[item.name] = unchanged
        elif abs(now.timestamp() - item.stat.st_mtime) < company.inbox.settle_seconds:
            results[item.name] = waiting(unchanged)
        else:
            todo.setdefault(feed_code, []).append((item, seen))

    def tell(name: str) -> None:
        if progress is not None:
            progress(len(results), len(found), name)

    archive = Archive(paths.archive, company.archive)
    archive.tidy(now)
    next_id = _one_after_another(batch_ids(now.astimezone(UTC), ledger.last_batch_id()))
    shares = _by_partner(todo, profiles)
    places = min(PARTNERS_AT_A_TIME, len(shares))
    scratch = paths.state / "intake"

    def take(partner: str, stop: Event) -> None:
        """Take in the files of one partner; SQLite wants a connection for each thread."""
        place = scratch / partner
        with Ledger(paths.ledger) as own, workplace(place, places) as connection:
            intake = Intake(
                paths,
                profiles,
                own,
                connection,
                place,
                archive,
                now,
                company.zone,
                company.last_day_begun(now),
                identities,
                erased,
                vanished,
                next_id,
            )
            for feed_code, items in shares[partner].items():
                fresh: dict[str, Sighting] = {}
                for outcome, sighting in intake.take(feed_code, items, lambda item: tell(item.name)):
                    results[outcome.file_name] = outcome
                    if sighting is not None:
                        fresh[outcome.file_name] = sighting
                    if stop.is_set():
                        return
                own.remember_sightings(fresh)

    try:
        _together(take, shares, places)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    tell("")
    return IntakeSummary((*outcomes, *(results[item.name] for item in found)), tuple(repaired))


def _by_partner(todo: Todo, profiles: Mapping[str, Profile]) -> dict[str, Todo]:
    """The feeds of each partner; who has most to read comes first, so that all end at the same time."""
    shares: dict[str, dict[str, Sequence[tuple[Found, Sighting | None]]]] = {}
    for feed_code, items in todo.items():
        shares.setdefault(profiles[feed_code].partner, {})[feed_code] = items
    bytes_of = {
        partner: sum(item.stat.st_size for items in feeds.values() for item, _ in items)
        for partner, feeds in shares.items()
    }
    return {partner: shares[partner] for partner in sorted(shares, key=lambda each: -bytes_of[each])}


def _together(take: Callable[[str, Event], None], partners: Iterable[str], places: int) -> None:
    """Take in some partners at a time; what goes wrong with one stops the others after their next files."""
    stop = Event()
    with ThreadPoolExecutor(max_workers=max(places, 1), thread_name_prefix="intake") as pool:
        try:
            for done in as_completed([pool.submit(take, partner, stop) for partner in partners]):
                done.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _one_after_another(ids: Iterator[str]) -> Callable[[], str]:
    lock = Lock()

    def following() -> str:
        with lock:
            return next(ids)

    return following


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
    known = ledger.known_batches(*systems)
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
