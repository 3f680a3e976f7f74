"""The way of one feed's files: told from what came before, read in groups, landed, entered.

Files of one feed are read together, because planning a query costs more than the rows of a small file.
Landing writes the Parquet of a group aside, fsyncs, renames, and then enters its batches in one ledger
transaction, so that a killed run leaves at most files that `repair` removes. What belongs here: decisions on
files. What does not: the run over all feeds (`run`), reading and judging (`reading`), writing (`landing`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

import duckdb

from connectors.archive import Archive
from connectors.company import Paths
from connectors.errors import ConfigError, RejectedFile
from connectors.feeds import customers
from connectors.feeds.edi.reports import Report
from connectors.feeds.intake.history import FeedHistory
from connectors.feeds.intake.inbox import Found, hash_of, stamp_of, unchanged_of
from connectors.feeds.intake.landing import entities_of, slices_of, write_entity, write_quarantine
from connectors.feeds.intake.outcomes import FileOutcome, outcome_of, refusal, waiting
from connectors.feeds.intake.reading import THREADS, Judged, Source, look, read_and_judge, verdict_on
from connectors.feeds.normalise.judging import Judgement, check_profile
from connectors.feeds.normalise.layout import file_span, refuse_future
from connectors.feeds.profile import Profile
from connectors.feeds.senders import Identities
from connectors.feeds.table import UnprovenRows
from connectors.ledger import Batch, Ledger, LookBack, Sighting, Slice

_SMALL: Final = 1 << 20
# Bounds of a group: planning is spread over enough files, and the typed rows stay far below the memory limit.
_GROUP_FILES: Final = 64
_GROUP_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class _Candidate:
    """A file that has not been entered, the batch that it would become and, once looked at, its source."""

    found: Found
    base: FileOutcome
    batch: Batch
    sighting: Sighting
    source: Source | None = None

    @property
    def feed_code(self) -> str:
        return self.batch.feed_code or ""

    @property
    def size(self) -> int:
        return self.source.size if self.source is not None else 0

    def has_changed(self) -> bool:
        """Whether somebody has written to the file since it was found."""
        return stamp_of(self.found.path.stat()) != self.found.stamp

    def repeats(self, other: _Candidate) -> bool:
        """Whether both are the same report; which is the duplicate can be told once the first is entered."""
        return (
            self.sighting.content_hash == other.sighting.content_hash
            and self.batch.period_start_date == other.batch.period_start_date
        )

    def fits(self, group: Sequence[_Candidate], is_of_one_file: bool) -> bool:
        """Whether it can be read by the query that reads the group, unless periods are those of one file."""
        first = group[0].source
        return (
            not is_of_one_file
            and self.source is not None
            and first is not None
            and self.source.joins(first)
            and len(group) < _GROUP_FILES
            and self.size + sum(each.size for each in group) <= _GROUP_BYTES
        )


_Result = tuple[FileOutcome, Sighting | None]
"""What became of a file, and the sighting to remember, None if it must be looked at again."""


_ERASED: Final = (
    "it names a customer who was erased since it came -> remove it; what landed of it still counts, and a "
    "report that the partner sends anew is read"
)


_FORMER: Final = (
    "a report of this name counts under the feed {former}, whose profile is gone, and would count once more "
    "under {feed} -> give the profile its former name back, {former}.yml"
)


class Intake:
    """What one run over the inbox does with the files of one partner."""

    def __init__(
        self,
        paths: Paths,
        profiles: Mapping[str, Profile],
        ledger: Ledger,
        connection: duckdb.DuckDBPyConnection,
        scratch: Path,
        archive: Archive,
        now: datetime,
        zone: tzinfo,
        until: date,
        identities: Identities,
        erased: Set[str],
        vanished: Set[str],
        next_id: Callable[[], str],
    ) -> None:
        self._paths = paths
        self._identities = identities
        self._erased = erased
        self._vanished = vanished
        self._archive = archive
        self._profiles = profiles
        self._ledger = ledger
        self._connection = connection
        self._scratch = scratch
        self._now = now.astimezone(UTC)
        self._zone = zone
        self._until = until
        self._threads = THREADS
        self._next_id = next_id

    def take(
        self,
        feed_code: str,
        items: Sequence[tuple[Found, Sighting | None]],
        begin: Callable[[Found], None],
    ) -> Iterator[_Result]:
        """Take in files of one feed, oldest first; `begin` is called when the turn of a file comes.

        The results come in groups.
        """
        profile = self._profiles[feed_code]
        try:
            keys = customers.keys_of(profile, feed_code)
            if keys.partner is not None:
                customers.remember_key(self._ledger, customers.partner_key(customers.ANYBODY))
            if keys.business is not None:
                customers.remember_key(self._ledger, keys.business)
            check_profile(self._connection, profile, feed_code)
        except ConfigError as error:
            for found, _ in items:
                yield refusal(found.name, error.code, str(error)), None
            return
        group: list[_Candidate] = []
        for found, seen in self._by_arrival(feed_code, items):
            begin(found)
            known = self._identify(found, feed_code, seen)
            if isinstance(known, _Candidate):
                if any(known.repeats(other) for other in group):
                    yield from self._finish(group, keys)
                    group = []
                known = self._prepare(known)
            if not isinstance(known, _Candidate):
                yield known
                continue
            if group and not known.fits(group, profile.period.is_of_one_file):
                yield from self._finish(group, keys)
                group = []
            group.append(known)
        yield from self._finish(group, keys)

    def _by_arrival(
        self, feed_code: str, items: Sequence[tuple[Found, Sighting | None]]
    ) -> list[tuple[Found, Sighting | None]]:
        """Files oldest first, what is read again by its first arrival: a correction stays the later one."""
        standing = self._ledger.standing_files(feed_code)

        def dated(found: Found, seen: Sighting | None) -> tuple[Found, Sighting | None]:
            if seen is None:
                return found, None
            if seen.stamp != found.stamp:
                try:
                    seen = replace(seen, stamp=found.stamp, content_hash=hash_of(found.path))
                except OSError:  # told when its turn comes, which reads it once more
                    return found, seen
            content, came_at = standing.get(found.name, (None, None))
            return replace(found, came_at=came_at if content == seen.content_hash else None), seen

        return sorted((dated(*item) for item in items), key=lambda item: (item[0].received_at, item[0].name))

    def _identify(self, found: Found, feed_code: str, seen: Sighting | None) -> _Result | _Candidate:
        """Tell a file by its bytes; a candidate unless it stands in the ledger as it is."""
        profile = self._profiles[feed_code]
        base = unchanged_of(found, feed_code, profile)
        try:
            content = seen.content_hash if seen and seen.stamp == found.stamp else hash_of(found.path)
            if stamp_of(found.path.stat()) != found.stamp:
                return waiting(base), None
        except OSError as error:
            return _failure(found, error), None
        if content in self._erased:
            # A backup of the inbox or of the archive that was put back.
            return refusal(found.name, "erased_original", _ERASED), None
        fingerprint = customers.fingerprint(profile)
        sighting = Sighting(found.stamp, content, fingerprint)
        for verdict in (fingerprint, self._identities.stamped(fingerprint)):
            if not self._has_vanished(content) and self._ledger.stands("feeds", found.name, content, verdict):
                return base, replace(sighting, profile_hash=verdict)
        for former in sorted(self._ledger.feeds_counting(found.name) - self._profiles.keys()):
            return refusal(found.name, "former_feed", _FORMER.format(former=former, feed=feed_code)), None
        try:
            is_kept = self._archive.keep(
                found.path, profile.partner, content, self._now, is_personal=profile.names_people
            )
        except (ConfigError, OSError) as error:
            return _failure(found, error), None
        if not is_kept:
            return waiting(base), None
        batch = Batch(
            batch_id=self._next_id(),
            system="feeds",
            source=f"{profile.partner}/{feed_code}",
            state="landed",
            received_at=found.received_at,
            landed_at=self._now,
            partner_code=profile.partner,
            feed_code=feed_code,
            file_name=found.name,
            content_hash=content,
            profile_hash=fingerprint,
            bytes=found.stat.st_size,
        )
        candidate = _Candidate(found, base, batch, sighting)
        try:
            span = file_span(profile, found.name, self._day_of(found))
            if span is not None:
                refuse_future(span, self._until, found.name)
        except RejectedFile as error:
            return self._give_up(candidate, error)
        if span is not None:
            candidate = replace(
                candidate, batch=replace(batch, period_start_date=span.start, period_end_date=span.end)
            )
        return candidate

    def _has_vanished(self, content: str) -> bool:
        """Whether a landed file of these bytes is gone that no reading of this run has brought back."""
        return content in self._vanished and bool(self._ledger.vanished(self._paths.landing, content))

    def _prepare(self, candidate: _Candidate) -> _Result | _Candidate:
        """Compare a file with what came before, and look how it can be read."""
        batch, found = candidate.batch, candidate.found
        identity = (candidate.sighting.content_hash, candidate.sighting.profile_hash)
        former = self._ledger.find_content(*identity, batch.period_start_date)
        if former is not None and not (
            self._has_vanished(candidate.sighting.content_hash)
            or self._ledger.is_replaced_in_place(candidate.feed_code, found.name, *identity)
        ):
            return self._enter_duplicate(candidate.base, batch, former), candidate.sighting
        profile = self._profiles[candidate.feed_code]
        try:
            return replace(
                candidate, source=look(found.path, found.name, profile, self._scratch, self._day_of(found))
            )
        except (RejectedFile, OSError) as error:
            return self._give_up(candidate, error)

    def _day_of(self, found: Found) -> date:
        """The day, where the company is, on which a file came."""
        return found.received_at.astimezone(self._zone).date()

    def _finish(self, group: Sequence[_Candidate], keys: customers.Keys) -> list[_Result]:
        """Read, judge and land files together; where that fails, one by one: only the bad one stays out."""
        if not group:
            return []
        profile = self._profiles[group[0].feed_code]
        sources = [candidate.source for candidate in group if candidate.source is not None]
        self._use_threads(THREADS if sum(each.size for each in group) > _SMALL else 1)
        try:
            history = FeedHistory(self._ledger, profile.partner, group[0].feed_code)
            foreign = self._identities.of_others(profile)
            judged = read_and_judge(self._connection, sources, profile, keys, history, foreign, self._until)
            return self._land(group, judged)
        except (RejectedFile, UnprovenRows, OSError, duckdb.Error) as error:
            if len(group) > 1:
                return [result for candidate in group for result in self._finish([candidate], keys)]
            return [self._give_up(group[0], error)]
        finally:
            for source in sources:
                shutil.rmtree(source.folder, ignore_errors=True)

    def _give_up(self, candidate: _Candidate, error: Exception) -> _Result:
        """Reject a file as a whole if its content is at fault, and nobody is just writing it."""
        try:
            if isinstance(error, RejectedFile) and candidate.has_changed():
                return waiting(candidate.base), None
        except OSError as gone:
            error = gone
        if not isinstance(error, RejectedFile):
            return _failure(candidate.found, error), None
        batch = _rejected(candidate.batch, error)
        self._ledger.record(batch)
        return outcome_of(candidate.base, batch), candidate.sighting

    def _use_threads(self, threads: int) -> None:
        """A little work takes a fifth less on one thread than on two that wait for one another."""
        if threads != self._threads:
            self._connection.execute(f"set threads = {threads}")
            self._threads = threads

    def _enter_duplicate(self, base: FileOutcome, batch: Batch, former: Batch) -> FileOutcome:
        reason = f"the same bytes came as {former.file_name} (batch {former.batch_id}, {former.state})"
        batch = replace(
            batch,
            state="duplicate",
            reason_code="duplicate",
            reason=reason,
            period_start_date=former.period_start_date,
            period_end_date=former.period_end_date,
        )
        self._ledger.record(batch)
        return outcome_of(base, batch)

    def _land(self, group: Sequence[_Candidate], judged: Judged) -> list[_Result]:
        """Write what is good in each file, and enter all of them in one transaction of the ledger."""
        profile, feed_code = judged.layout.profile, group[0].feed_code
        changed = [candidate.has_changed() for candidate in group]
        batches: dict[int, Batch] = {}
        for file, candidate in enumerate(group):
            if not changed[file]:
                batches[file] = self._judged_batch(candidate, judged.judgements[file], judged.report)
                if judged.judgements[file].reasons:
                    write_quarantine(self._connection, self._paths.landing, batches[file], file)
                rejected = verdict_on(
                    profile,
                    judged.judgements[file],
                    candidate.base.file_name,
                    takes_back=judged.takes_back,
                )
                if rejected is not None:
                    batches[file] = _rejected(batches[file], rejected)
        good = {file: batch for file, batch in batches.items() if batch.state == "landed"}
        slices: dict[int, list[Slice]] = {file: [] for file in batches}
        written = {
            name: write_entity(self._connection, self._paths.landing, name, judged.layout, good, self._now)
            for name in (entities_of(profile) if good else ())
        }
        for name, by_file in written.items():
            for file, (landed, personal) in by_file.items():
                in_file = {entity: files[file][0] for entity, files in written.items()}
                batch, spans = batches[file], judged.judgements[file].spans
                totals = {f"personal_{column}": str(count) for column, count in personal.items()}
                totals[f"{name}_rows"] = str(sum(rows for rows, _, _ in landed.values()))
                slices[file] += slices_of(name, batch, spans, in_file, judged.report)
                batches[file] = replace(batch, totals={**batch.totals, **totals})
                if spans:
                    batches[file] = replace(
                        batches[file], period_start_date=spans[0].start, period_end_date=spans[-1].end
                    )
        is_named = profile.period.source == "file_name"
        again = {
            batch.batch_id: self._ledger.readings(
                feed_code, batch.content_hash or "", batch.file_name if is_named else None
            )
            for batch in batches.values()
            if batch.state == "landed"
        }
        retired = judged.retired(feed_code)
        recorded = self._ledger.record_all(
            [(batch, slices[file]) for file, batch in batches.items()],
            {batch.batch_id: retired for batch in batches.values() if batch.state == "landed"},
            self._look_back(profile, good.values()),
            again,
        )
        entered = dict(zip(batches, recorded, strict=True))
        return [
            (waiting(candidate.base), None)
            if changed[file]
            else (
                replace(
                    outcome_of(candidate.base, entered[file].batch, judged.judgements[file].reasons),
                    slices=tuple(dict.fromkeys(item.slice_key for item in slices[file])),
                    superseded=entered[file].superseded,
                ),
                replace(candidate.sighting, profile_hash=batches[file].profile_hash or ""),
            )
            for file, candidate in enumerate(group)
        ]

    def _look_back(self, profile: Profile, batches: Iterable[Batch]) -> dict[str, LookBack]:
        """How far back each report may restate, by the day on which it came."""
        days = profile.max_restatement_days
        if days is None:
            return {}
        return {
            batch.batch_id: LookBack(
                batch.received_at.astimezone(self._zone).date() - timedelta(days=days), days
            )
            for batch in batches
        }

    def _judged_batch(self, candidate: _Candidate, judged: Judgement, report: Report | None) -> Batch:
        faults = {f"faults_{code}": str(count) for code, count in judged.reasons.items()}
        verdict = candidate.batch.profile_hash
        if "other_partner" in judged.reasons and verdict is not None:
            verdict = self._identities.stamped(verdict)
        return replace(
            candidate.batch,
            profile_hash=verdict,
            rows_read=judged.counts.read,
            rows_accepted=judged.counts.accepted,
            rows_quarantined=judged.counts.quarantined,
            rows_skipped=judged.counts.skipped,
            totals=faults | (report.totals if report is not None else {}),
        )


def _rejected(batch: Batch, error: RejectedFile) -> Batch:
    return replace(batch, state="rejected", reason_code=error.code, reason=str(error))


def _failure(found: Found, error: Exception) -> FileOutcome:
    """What is no fault of the file's content."""
    if isinstance(error, ConfigError):
        return refusal(found.name, error.code, str(error))
    if isinstance(error, OSError):
        remedy = "; let the account that runs Aval read it" if isinstance(error, PermissionError) else ""
        reason = f"the file cannot be read ({error.strerror or error}){remedy}"
        return refusal(found.name, "unreadable_file", reason)
    first_line = str(error).splitlines()[0]
    return refusal(found.name, "engine_error", f"DuckDB could not work through the file: {first_line}")
