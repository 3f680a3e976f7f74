"""Taking in partners' reports: discover -> read -> judge -> land -> ledger.

`take_in` works through the inbox, oldest file first. Each file is judged for itself: landed, a duplicate,
rejected, or left alone; one bad file never stops the others. Landing writes Parquet aside, fsyncs, renames,
and then enters the batch in one ledger transaction, so that a killed run leaves at most files that `repair`
removes. `check_file` does the same work without writing, and tells what would happen.

What belongs here: the way of a file through the house, and decisions on whole files. What does not: reading
containers (`delimited`, `excel`), the meaning of cells (`normalise`), reports by EDI (readers of their own
beside these two).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import duckdb

from connectors.archive import Archive
from connectors.company import Company, Paths
from connectors.errors import AvalError, ConfigError, Place, RejectedFile, SourceError
from connectors.feeds import customers, delimited, excel, normalise
from connectors.feeds.normalise import Counts, Layout
from connectors.feeds.outlook import Former, Matching, Outlook, personal_cells, personal_titles
from connectors.feeds.periods import Span
from connectors.feeds.profile import Delimited, Profile
from connectors.feeds.sections import fill_down
from connectors.feeds.table import RawTable, UnprovenRows, fold, quoted
from connectors.feeds.unpack import UNPACKED, unpack
from connectors.landing import atomic_file, batch_ids, remove_leftovers
from connectors.ledger import Batch, Ledger, Sighting, Slice

_IGNORED_ENDINGS: Final = (".part", ".tmp", ".crdownload", ".partial", ".filepart")
_IGNORED_STARTS: Final = (".", "~$")
_HASH_CHUNK: Final = 1 << 20
_SAMPLE: Final = 20
_THREADS: Final = 2
_SMALL_FILE: Final = 1 << 20
_SIGHTINGS_AT_ONCE: Final = 500

FileState = Literal["landed", "duplicate", "rejected", "unchanged", "waiting", "refused", "unmatched"]
"""`landed`, `duplicate` and `rejected` are entered in the ledger; `unchanged` was entered before. `waiting`
(still being written), `refused` (a fault on our side: configuration, rights, a link out of the inbox)
and `unmatched` (no profile) are not entered and are looked at again at the next run.
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
    """What one intake did, file by file in the order of work, and what `repair` removed before it."""

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
        return bool(self.in_state("landed", "duplicate", "rejected"))


@dataclass(frozen=True)
class PeriodTotal:
    """Totals of one entity in one period, as they would land."""

    entity: str
    period: str
    rows: int
    quantity: str
    amount: str


@dataclass(frozen=True)
class QuarantinedRow:
    """One fault of one row."""

    source_row: int
    column_name: str | None
    value: str | None
    reason_code: str
    reason: str
    raw_text: str | None


@dataclass(frozen=True)
class CheckReport:
    """What `take_in` would do with a file. `problem` is set if it would be rejected as a whole."""

    file_name: str
    feed_code: str
    partner_code: str
    titles: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_skipped: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    quarantined: tuple[QuarantinedRow, ...] = ()
    totals: tuple[PeriodTotal, ...] = ()
    preview: tuple[Mapping[str, str | None], ...] = ()
    problem: AvalError | None = None
    former: tuple[Former, ...] = ()
    superseded: tuple[str, ...] = ()
    twin: str | None = None
    matchings: tuple[Matching, ...] = ()
    personal: tuple[str, ...] = ()
    addresses: Mapping[str, int] = field(default_factory=dict)

    @property
    def would_land(self) -> bool:
        return self.problem is None

    def as_json(self) -> str:
        """All of it as one JSON object; `problem` has code, text and remedy, or is null."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "problem"}
        error = self.problem
        problem = error and {"code": error.code, "problem": error.problem, "remedy": error.remedy}
        lists = ("totals", "quarantined", "former", "matchings")
        values |= {name: [asdict(item) for item in values[name]] for name in lists}
        return json.dumps(values | {"would_land": self.would_land, "problem": problem}, ensure_ascii=False)


# --- discovering ---


@dataclass(frozen=True)
class _Found:
    path: Path
    name: str
    stat: os.stat_result

    @property
    def stamp(self) -> str:
        return _stamp(self.stat)

    @property
    def received_at(self) -> datetime:
        return datetime.fromtimestamp(self.stat.st_mtime, UTC)


def _stamp(stat: os.stat_result) -> str:
    # The change time catches a file rewritten with its former size and modification time.
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}:{stat.st_ino}"


def _discover(inbox: Path) -> tuple[list[_Found], list[FileOutcome]]:
    """Files of the inbox, oldest first, and what is refused outright."""
    if not inbox.is_dir():
        raise SourceError(
            "missing_inbox",
            f"the inbox {inbox} does not exist",
            "create it, or correct inbox.path in company.yml",
        )
    root = inbox.resolve()
    found: list[_Found] = []
    refused: list[FileOutcome] = []

    def unreadable(error: OSError) -> None:
        name = Path(error.filename or inbox).relative_to(inbox).as_posix()
        refused.append(_refusal(name, "unreadable_folder", f"the folder cannot be read ({error.strerror})"))

    for folder, folders, files in os.walk(inbox, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*(n for n in folders if (Path(folder) / n).is_symlink()), *files):
            path = Path(folder) / name
            relative = path.relative_to(inbox).as_posix()
            if name.startswith(_IGNORED_STARTS) or name.lower().endswith(_IGNORED_ENDINGS):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                refused.append(
                    _refusal(
                        relative, "outside_inbox", "the link leads out of the inbox; copy the file instead"
                    )
                )
                continue
            if not path.is_file():
                continue
            found.append(_Found(path, relative, path.stat()))
    found.sort(key=lambda item: (item.stat.st_mtime_ns, item.name))
    return found, refused


def _refusal(name: str, code: str, reason: str) -> FileOutcome:
    return FileOutcome(file_name=name, state="refused", reason_code=code, reason=reason)


def _glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression: `*` and `?` stay within a folder, `**/` stands for any folders."""
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]*\])", unicodedata.normalize("NFC", glob))
    known = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    pattern = "".join(
        known.get(part)
        or ("[^" + part[2:] if part.startswith("[!") else part if part.startswith("[") else re.escape(part))
        for part in parts
    )
    # Partners' systems change the case of names; nobody tells two reports apart by it.
    return re.compile(pattern, re.IGNORECASE)


class FeedMatcher:
    """Finds the feed of a file by the profiles' globs."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._patterns = {code: _glob_pattern(profile.files.glob) for code, profile in profiles.items()}

    def find(self, name: str) -> str | None:
        """The feed of a file below the inbox; None if no profile matches, ConfigError if several do."""
        normal = unicodedata.normalize("NFC", name)
        codes = [code for code, pattern in self._patterns.items() if pattern.fullmatch(normal)]
        if len(codes) > 1:
            raise ConfigError(
                "ambiguous_feed",
                f"the file matches several profiles: {', '.join(codes)}",
                "make 'files.glob' of these profiles exclude one another",
                Place(file=name),
            )
        return codes[0] if codes else None


def find_feed(path: Path, inbox: Path, profiles: Mapping[str, Profile]) -> str:
    """The feed of any file: by its place below the inbox, otherwise by its name alone; ConfigError if that
    fails.
    """
    matcher = FeedMatcher(profiles)
    resolved, root = path.resolve(), inbox.resolve()
    if resolved.is_relative_to(root):
        code = matcher.find(resolved.relative_to(root).as_posix())
    else:
        tails = {code: profile.files.glob.rpartition("/")[2] for code, profile in profiles.items()}
        codes = [code for code, tail in tails.items() if _glob_pattern(tail).fullmatch(path.name)]
        code = codes[0] if len(codes) == 1 else None
    if code is None:
        raise ConfigError(
            "unmatched_file",
            "no profile, or more than one, matches the file's name",
            f"name the feed; known feeds: {', '.join(sorted(profiles)) or 'none'}",
            Place(file=path),
        )
    return code


# --- reading and judging ---


@contextmanager
def _workplace(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own that spills to the scratch folder, which is removed afterwards: it holds clear
    text.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "threads": _THREADS,
            "memory_limit": os.environ.get("AVAL_MEMORY_LIMIT", "2GB"),
            "temp_directory": str(scratch / "spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    try:
        yield connection
    finally:
        connection.close()
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class _Judged:
    layout: Layout
    counts: Counts
    spans: tuple[Span, ...]
    reasons: dict[str, int]


def _key(profile: Profile, feed_code: str) -> customers.PartnerKey | None:
    return customers.partner_key(profile.partner, feed_code) if profile.columns.customer else None


def _read_and_judge(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    file: str,
    profile: Profile,
    key: customers.PartnerKey | None,
    scratch: Path,
) -> _Judged:
    normalise.file_span(profile, file)
    scratch.mkdir(parents=True, exist_ok=True)
    container = profile.container

    def found(table: RawTable) -> tuple[Layout, normalise.Judgement]:
        if profile.section is not None:
            if table.expected_rows is not None:
                # A heading holds for the rows below it: they must bear their numbers.
                raise UnprovenRows
            table = fill_down(connection, table, profile.section, file)
        layout = normalise.bind(profile, table, file)
        return layout, normalise.judge(connection, layout, key)

    try:
        path = unpack(path, container, scratch, file)
        if isinstance(container, Delimited):
            try:
                layout, judgement = found(delimited.load(connection, path, container, scratch, file))
            except UnprovenRows:
                carefully = delimited.load_carefully(connection, path, container, scratch, file)
                layout, judgement = found(carefully)
        else:
            layout, judgement = found(excel.load(connection, path, profile, container, file))
    finally:
        for leftover in delimited.SCRATCH_FILES:
            (scratch / leftover).unlink(missing_ok=True)
        for unpacked in scratch.glob(f"{UNPACKED}*"):
            unpacked.unlink()
    reasons = {}
    if judgement.counts.quarantined:
        reasons = dict(
            connection.execute(
                "select reason_code, count(*) from faults group by all order by all"
            ).fetchall()
        )
    return _Judged(layout, judgement.counts, judgement.spans, reasons)


def _verdict(judged: _Judged, file: str) -> RejectedFile | None:
    """Why the file as a whole cannot land; None if it can."""
    counts, profile = judged.counts, judged.layout.profile
    data_rows = counts.read - counts.skipped
    if data_rows and counts.quarantined / data_rows > profile.max_quarantined_share:
        worst = max(judged.reasons, key=lambda code: judged.reasons[code])
        return RejectedFile(
            "too_many_faults",
            f"{counts.quarantined} of {data_rows} rows are faulty, more than the share of "
            f"{profile.max_quarantined_share:.0%} that the profile allows; most often: {worst}",
            "see the quarantined rows; correct the file or the profile",
            Place(file=file),
        )
    if not judged.spans:
        return RejectedFile(
            "no_rows",
            "the file has no good row, and only its rows say which period it covers",
            "ask the partner for a report with rows, or for the period in the file's name",
            Place(file=file),
        )
    return None


def _entities(profile: Profile) -> list[str]:
    names = [("sell_out", profile.reports_sell_out), ("inventory", profile.reports_inventory)]
    return [name for name, reported in names if reported]


def _totals(
    connection: duckdb.DuckDBPyConnection, relation: str, name: str
) -> dict[str, tuple[int, str, str]]:
    """Rows and exact control totals by slice key."""
    quantity = "sold_quantity" if name == "sell_out" else "on_hand_quantity"
    amount = "net_amount" if name == "sell_out" else "0"
    rows = connection.execute(
        f"select slice_key, count(*), cast(coalesce(sum({quantity}), 0) as varchar), "
        f"cast(coalesce(sum({amount}), 0) as varchar) from {relation} group by slice_key"
    ).fetchall()
    return {
        slice_key: (count, quantity_total, amount_total)
        for slice_key, count, quantity_total, amount_total in rows
    }


# --- landing ---


class _Intake:
    """One run over the inbox."""

    def __init__(
        self,
        paths: Paths,
        profiles: Mapping[str, Profile],
        ledger: Ledger,
        connection: duckdb.DuckDBPyConnection,
        scratch: Path,
        archive: Archive,
        now: datetime,
    ) -> None:
        self._paths = paths
        self._archive = archive
        self._profiles = profiles
        self._ledger = ledger
        self._connection = connection
        self._scratch = scratch
        self._now = now.astimezone(UTC)
        self._checked: set[str] = set()
        self._threads = _THREADS
        self._ids = batch_ids(self._now, ledger.last_batch_id())

    def take(
        self, found: _Found, feed_code: str, seen: Sighting | None
    ) -> tuple[FileOutcome, Sighting | None]:
        """Take in one file; also gives the sighting to remember, None if it must be looked at again."""
        profile = self._profiles[feed_code]
        fingerprint = customers.fingerprint(profile)
        base = FileOutcome(found.name, "unchanged", feed_code, profile.partner, bytes=found.stat.st_size)
        key = _key(profile, feed_code)
        if feed_code not in self._checked:
            normalise.check_profile(self._connection, profile, feed_code)
            self._checked.add(feed_code)
        content = seen.content_hash if seen and seen.stamp == found.stamp else _hash(found.path)
        if _stamp(found.path.stat()) != found.stamp:
            return _waiting(base), None
        sighting = Sighting(found.stamp, content, fingerprint)
        if self._ledger.has_sighting(found.name, content, fingerprint):
            return base, sighting
        if not self._archive.keep(
            found.path, profile.partner, content, self._now, is_personal=profile.names_people
        ):
            return _waiting(base), None
        batch = Batch(
            batch_id=next(self._ids),
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
        try:
            span = normalise.file_span(profile, found.name)
            if span is not None:
                batch = replace(batch, period_start_date=span.start, period_end_date=span.end)
            former = self._ledger.find_content(content, fingerprint, span.start if span else None)
            if former is not None:
                return self._enter_duplicate(base, batch, former), sighting
            self._use_threads(_THREADS if found.stat.st_size > _SMALL_FILE else 1)
            judged = _read_and_judge(self._connection, found.path, found.name, profile, key, self._scratch)
        except RejectedFile as error:
            if _stamp(found.path.stat()) != found.stamp:
                return _waiting(base), None
            return self._enter_rejected(base, batch, error), sighting
        if _stamp(found.path.stat()) != found.stamp:
            return _waiting(base), None
        return self._land(base, batch, judged), sighting

    def _use_threads(self, threads: int) -> None:
        """A small file takes a fifth less work on one thread than on two that wait for one another."""
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
        return _outcome(base, batch)

    def _enter_rejected(
        self, base: FileOutcome, batch: Batch, error: RejectedFile, reasons: Mapping[str, int] | None = None
    ) -> FileOutcome:
        batch = replace(batch, state="rejected", reason_code=error.code, reason=str(error))
        self._ledger.record(batch)
        return _outcome(base, batch, reasons or {})

    def _land(self, base: FileOutcome, batch: Batch, judged: _Judged) -> FileOutcome:
        counts, profile = judged.counts, judged.layout.profile
        spans = judged.spans
        batch = replace(
            batch,
            rows_read=counts.read,
            rows_accepted=counts.accepted,
            rows_quarantined=counts.quarantined,
            rows_skipped=counts.skipped,
            totals={f"faults_{code}": str(count) for code, count in judged.reasons.items()},
        )
        if judged.reasons:
            self._write_quarantine(batch)
        rejected = _verdict(judged, base.file_name)
        if rejected is not None:
            return self._enter_rejected(base, batch, rejected, judged.reasons)
        slices: list[Slice] = []
        totals = dict(batch.totals)
        for name in _entities(profile):
            query = normalise.lines(
                judged.layout, name, base.feed_code or "", batch.batch_id, base.file_name, self._now
            )
            relative = f"feeds/{name}/{profile.partner}/{base.feed_code}/{batch.batch_id}.parquet"
            with atomic_file(self._paths.landing / relative) as part:
                self._connection.execute(
                    f"copy ({query}) to {quoted(str(part))} (format parquet, compression zstd)"
                )
                # Read back from the file: the control totals are those of what lies on disk.
                landed = _totals(self._connection, f"read_parquet({quoted(str(part))})", name)
                personal = normalise.personal_values(
                    self._connection, judged.layout, f"read_parquet({quoted(str(part))})"
                )
            for span in spans:
                slice_key = f"{profile.partner}|{base.feed_code}|{span.key}"
                rows, quantity, amount = landed.get(slice_key, (0, "0", "0"))
                slices.append(
                    Slice(
                        "feeds",
                        name,
                        slice_key,
                        span.start,
                        span.end,
                        rows,
                        quantity,
                        amount,
                        profile.partner,
                        base.feed_code,
                        relative,
                    )
                )
            totals |= {f"personal_{column}": str(count) for column, count in personal.items()}
            totals[f"{name}_rows"] = str(sum(rows for rows, _, _ in landed.values()))
        batch = replace(batch, period_start_date=spans[0].start, period_end_date=spans[-1].end, totals=totals)
        superseded = self._ledger.record(batch, slices)
        return replace(
            _outcome(base, batch, judged.reasons),
            slices=tuple(dict.fromkeys(item.slice_key for item in slices)),
            superseded=superseded,
        )

    def _write_quarantine(self, batch: Batch) -> None:
        folder = (
            self._paths.landing
            / "feeds"
            / "quarantine"
            / (batch.partner_code or "")
            / (batch.feed_code or "")
        )
        with atomic_file(folder / f"{batch.batch_id}.parquet") as part:
            self._connection.execute(
                f"copy (select {quoted(batch.batch_id)} as batch_id, {quoted(batch.partner_code or '')} as "
                "partner_code, "
                f"{quoted(batch.feed_code or '')} as feed_code, {quoted(batch.file_name or '')} as "
                "file_name, "
                "source_row, column_name, value, reason_code, reason, raw_text from faults order by "
                "source_row) "
                f"to {quoted(str(part))} (format parquet, compression zstd)"
            )


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _waiting(base: FileOutcome) -> FileOutcome:
    return replace(
        base,
        state="waiting",
        reason_code="still_changing",
        reason="the file is being written; it is read at the next run",
    )


def _outcome(base: FileOutcome, batch: Batch, reasons: Mapping[str, int] | None = None) -> FileOutcome:
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
    found, outcomes = _discover(company.inbox.path)
    matcher = FeedMatcher(profiles)
    fingerprints = {code: customers.fingerprint(profile) for code, profile in profiles.items()}
    known = ledger.sightings()
    fresh: dict[str, Sighting] = {}
    scratch = paths.state / "intake"
    archive = Archive(paths.archive, company.archive)
    archive.tidy(now)
    with _workplace(scratch) as connection:
        intake = _Intake(paths, profiles, ledger, connection, scratch, archive, now)
        for done, item in enumerate(found):
            if progress is not None:
                progress(done, len(found), item.name)
            try:
                feed_code = matcher.find(item.name)
                if feed_code is None:
                    outcomes.append(_unmatched(item))
                    continue
                seen = known.get(item.name)
                if seen == Sighting(item.stamp, seen.content_hash if seen else "", fingerprints[feed_code]):
                    outcomes.append(
                        FileOutcome(
                            item.name,
                            "unchanged",
                            feed_code,
                            profiles[feed_code].partner,
                            bytes=item.stat.st_size,
                        )
                    )
                    continue
                if abs(now.timestamp() - item.stat.st_mtime) < company.inbox.settle_seconds:
                    outcomes.append(
                        _waiting(FileOutcome(item.name, "waiting", feed_code, profiles[feed_code].partner))
                    )
                    continue
                outcome, sighting = intake.take(item, feed_code, seen)
            except ConfigError as error:
                outcomes.append(_refusal(item.name, error.code, str(error)))
                continue
            except OSError as error:
                outcomes.append(
                    _refusal(
                        item.name, "unreadable_file", f"the file cannot be read ({error.strerror or error})"
                    )
                )
                continue
            except duckdb.Error as error:
                first_line = str(error).splitlines()[0]
                outcomes.append(
                    _refusal(
                        item.name, "engine_error", f"DuckDB could not work through the file: {first_line}"
                    )
                )
                continue
            outcomes.append(outcome)
            if sighting is not None:
                fresh[item.name] = sighting
            if len(fresh) >= _SIGHTINGS_AT_ONCE:
                ledger.remember_sightings(fresh)
                fresh = {}
        if progress is not None:
            progress(len(found), len(found), "")
    ledger.remember_sightings(fresh)
    return IntakeSummary(tuple(outcomes), tuple(repaired))


def _unmatched(item: _Found) -> FileOutcome:
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


# --- checking ---


def check_file(
    path: Path,
    profile: Profile,
    feed_code: str,
    *,
    scratch: Path | None = None,
    outlook: Outlook | None = None,
) -> CheckReport:
    """Read and judge a file as `take_in` would, and tell what would happen; nothing is landed or entered.

    With an `outlook` it is compared with what has landed before.
    """
    report = CheckReport(path.name, feed_code, profile.partner)
    if not path.is_file():
        raise SourceError(
            "missing_file", "the file does not exist", "give the path of a report", Place(file=path)
        )
    key = _key(profile, feed_code)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="aval-check-") as folder:
        workplace = Path(folder) / "intake"
        with _workplace(workplace) as connection:
            normalise.check_profile(connection, profile, feed_code)
            try:
                judged = _read_and_judge(connection, path, path.name, profile, key, workplace)
            except RejectedFile as error:
                return replace(report, problem=error)
            except duckdb.Error as error:
                return replace(report, problem=_engine_error(error, path.name))
            report = _report(connection, report, judged, outlook)
    if outlook is None:
        return report
    totals = [(total.entity, total.period) for total in report.totals]
    former = outlook.former(profile.partner, feed_code, totals)
    superseded = outlook.superseded(former)
    return replace(report, former=former, superseded=superseded, twin=outlook.twin(_hash(path)))


def _engine_error(error: duckdb.Error, file: str) -> RejectedFile:
    return RejectedFile(
        "engine_error",
        f"DuckDB could not work through the file: {str(error).splitlines()[0]}",
        "compare the file with the profile; if they agree, report this as a fault of Aval",
        Place(file=file),
    )


def _report(
    connection: duckdb.DuckDBPyConnection, report: CheckReport, judged: _Judged, outlook: Outlook | None
) -> CheckReport:
    counts, layout = judged.counts, judged.layout
    spans = judged.spans
    totals: list[PeriodTotal] = []
    preview: list[Mapping[str, str | None]] = []
    matchings: list[Matching] = []
    declared = {fold(title) for title in layout.profile.personal}
    personal = [
        title
        for title in personal_titles(layout.table.titles, layout.positions)
        if fold(title) not in declared
    ]
    addresses: dict[str, int] = {}
    for name in _entities(layout.profile):
        query = normalise.lines(layout, name, report.feed_code, "check", report.file_name, datetime.now(UTC))
        connection.execute(f"create or replace temp table would_land as {query}")
        addresses = normalise.personal_values(connection, layout, "would_land")
        landed = _totals(connection, "would_land", name)
        for span in spans:
            slice_key = f"{layout.profile.partner}|{report.feed_code}|{span.key}"
            totals.append(PeriodTotal(name, span.key, *landed.get(slice_key, (0, "0", "0"))))
        matching = outlook.matching(connection, name, "would_land") if outlook is not None else None
        matchings += [matching] if matching is not None else []
        personal += [
            layout.title(column) for column in personal_cells(connection, "would_land", layout.positions)
        ]
        sample = connection.execute("select columns(*)::varchar from would_land order by _source_row limit 5")
        names = [column[0] for column in sample.description or []]
        preview.extend(dict(zip(names, row, strict=True)) for row in sample.fetchall())
    faults: list[tuple[Any, ...]] = []
    if counts.quarantined:
        faults = connection.execute(
            "select source_row, column_name, value, reason_code, reason, raw_text from faults "
            f"order by source_row, column_name limit {_SAMPLE}"
        ).fetchall()
    return replace(
        report,
        titles=layout.table.titles,
        columns={name: layout.title(name) for name in layout.positions},
        rows_read=counts.read,
        rows_accepted=counts.accepted,
        rows_quarantined=counts.quarantined,
        rows_skipped=counts.skipped,
        reasons=judged.reasons,
        quarantined=tuple(QuarantinedRow(*row) for row in faults),
        totals=tuple(totals),
        preview=tuple(preview),
        matchings=tuple(matchings),
        personal=tuple(dict.fromkeys(personal)),
        addresses=addresses,
        problem=_verdict(judged, report.file_name),
    )
