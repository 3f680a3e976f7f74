"""Taking in partners' reports: discover -> read -> judge -> land -> ledger.

`take_in` works through the inbox feed by feed, oldest file first. Each file is judged for itself: landed, a
duplicate, rejected, or left alone; one bad file never stops the others. Files of one feed are read together
in groups, because planning a query costs more than the rows of a small file. Landing writes the Parquet of a
group aside, fsyncs, renames, and then enters its batches in one ledger transaction, so that a killed run
leaves at most files that `repair` removes. `check_file` does the same work without writing, and tells what
would happen.

What belongs here: the way of a file through the house, and decisions on whole files. What does not: reading
containers (`delimited`, `excel`, `edifact`, `x12`), the meaning of cells (`normalise`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import duckdb

from connectors.archive import Archive
from connectors.company import Company, Paths
from connectors.contract import entity
from connectors.errors import AvalError, ConfigError, Place, RejectedFile, SourceError
from connectors.feeds import customers, delimited, edifact, excel, fixed_width, normalise, x12
from connectors.feeds.edi.functions import Known, NothingKnown
from connectors.feeds.edi.reports import Report
from connectors.feeds.lines import Text
from connectors.feeds.normalise import Judgement, Layout
from connectors.feeds.outlook import Former, Matching, Outlook, personal_cells, personal_titles
from connectors.feeds.parquet import ROW_GROUP, write_files
from connectors.feeds.periods import Span
from connectors.feeds.profile import X12, Delimited, Edifact, Excel, FixedWidth, Profile
from connectors.feeds.sections import fill_down
from connectors.feeds.senders import Identities, load_identities
from connectors.feeds.table import RawTable, UnprovenRows, fold, quoted
from connectors.feeds.unpack import unpack
from connectors.landing import atomic_file, atomic_files, batch_ids, remove_leftovers
from connectors.ledger import Batch, Ledger, LookBack, Retired, Sighting, Slice

_IGNORED_ENDINGS: Final = (".part", ".tmp", ".crdownload", ".partial", ".filepart")
_IGNORED_STARTS: Final = (".", "~$")
_HASH_CHUNK: Final = 1 << 20
_SAMPLE: Final = 20
_THREADS: Final = 2
_SMALL: Final = 1 << 20
# Bounds of a group: planning is spread over enough files, and the typed rows stay far below the memory limit.
_GROUP_FILES: Final = 64
_GROUP_BYTES: Final = 64 << 20

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
    controls: Mapping[str, str] = field(default_factory=dict)
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

    def _matching(self, name: str) -> list[str]:
        normal = unicodedata.normalize("NFC", name)
        return [code for code, pattern in self._patterns.items() if pattern.fullmatch(normal)]

    def takes(self, name: str) -> bool:
        """Whether any profile matches a file below the inbox."""
        return bool(self._matching(name))

    def find(self, name: str) -> str | None:
        """The feed of a file below the inbox; None if no profile matches, ConfigError if several do."""
        codes = self._matching(name)
        if len(codes) > 1:
            raise ConfigError(
                "ambiguous_feed",
                f"the file matches several profiles: {', '.join(codes)}",
                "make 'files.glob' of these profiles exclude one another",
                Place(file=name),
            )
        return codes[0] if codes else None


def unclaimed(inbox: Path, profiles: Mapping[str, Profile]) -> list[str]:
    """Names below the inbox of the files that no profile takes, oldest first."""
    matcher = FeedMatcher(profiles)
    found, _ = _discover(inbox)
    return [item.name for item in found if not matcher.takes(item.name)]


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
class _Source:
    """A report to read: the file (unpacked or decoded, if need be, in a folder of its own), its name below
    the inbox, and what a look at a text file found.
    """

    path: Path
    name: str
    folder: Path
    text: Text | None

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def joins(self, other: _Source) -> bool:
        """Whether both can be read by one query."""
        one, two = self.text, other.text
        return (
            one is not None and two is not None and one.is_plain and two.is_plain and one.titles == two.titles
        )


@dataclass(frozen=True)
class _Judged:
    """Reports read together, and the judgement of each."""

    layout: Layout
    judgements: tuple[Judgement, ...]
    report: Report | None = None
    """What the one report says beside its rows if it came by EDI: functions, corrections, control totals."""

    @property
    def takes_back(self) -> bool:
        """Whether the file corrects what came before, be it all that it does."""
        return self.report is not None and bool(self.report.retired or self.report.only_corrects)

    def retired(self, feed_code: str) -> list[Retired]:
        """The documents that the file takes back."""
        head = f"{self.layout.profile.partner}|{feed_code}|"
        return [
            Retired(feed_code, item.document, tuple(head + key for key in item.period_keys))
            for item in (self.report.retired if self.report is not None else ())
        ]


def _look(path: Path, name: str, profile: Profile, scratch: Path) -> _Source:
    """Find out how a report can be read; what has to be unpacked or decoded goes to `scratch`."""
    normalise.file_span(profile, name)
    container = profile.container
    folder = scratch / secrets.token_hex(8)
    folder.mkdir(parents=True)
    try:
        path = unpack(path, container, folder, name)
        text = None
        if isinstance(container, Delimited):
            text = delimited.look(path, container, folder / "decoded.csv", name)
        elif isinstance(container, FixedWidth):
            text = fixed_width.look(path, container, folder / "decoded.txt", name)
        path = path if text is None else text.source
        return _Source(path, name, folder, text)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _read_and_judge(
    connection: duckdb.DuckDBPyConnection,
    sources: Sequence[_Source],
    profile: Profile,
    keys: customers.Keys,
    known: Known,
    foreign: frozenset[str] = frozenset(),
) -> _Judged:
    """Read reports that `joins` lets be read together; UnprovenRows if they must be read one by one."""
    names = [source.name for source in sources]
    texts = [source.text for source in sources if source.text is not None]
    container = profile.container

    def judged(table: RawTable) -> _Judged:
        if profile.section is not None:
            if table.expected_rows is not None:
                # A heading holds for the rows below it: they must bear their numbers.
                raise UnprovenRows
            table = fill_down(connection, table, profile.section, names[0])
        layout = normalise.bind(profile, table, *names)
        return _Judged(layout, normalise.judge(connection, layout, keys, foreign))

    if isinstance(container, Excel):
        return judged(excel.load(connection, sources[0].path, profile, container, names[0]))
    if isinstance(container, (Edifact, X12)):
        load = edifact.load if container.kind == "edifact" else x12.load
        report = load(connection, sources[0].path, profile, known, names[0])
        read = judged(report.table)
        (judgement,) = read.judgements
        spans = tuple(sorted({*judgement.spans, *report.silent}))
        return replace(read, judgements=(replace(judgement, spans=spans),), report=report)
    if texts[0].is_plain:
        try:
            return judged(_offer(connection, texts, container))
        except UnprovenRows:
            if len(texts) > 1:
                raise
    return judged(_load_carefully(connection, texts[0], container, sources[0].folder))


def _offer(
    connection: duckdb.DuckDBPyConnection, texts: Sequence[Text], container: Delimited | FixedWidth
) -> RawTable:
    if isinstance(container, FixedWidth):
        return fixed_width.offer(connection, texts, container)
    return delimited.offer(connection, texts, container)


def _load_carefully(
    connection: duckdb.DuckDBPyConnection, text: Text, container: Delimited | FixedWidth, folder: Path
) -> RawTable:
    if isinstance(container, FixedWidth):
        return fixed_width.load_carefully(connection, text, container, folder)
    return delimited.load_carefully(connection, text, container, folder)


def _verdict(
    profile: Profile, judged: Judgement, file: str, *, takes_back: bool = False
) -> RejectedFile | None:
    """Why the file as a whole cannot land; None if it can."""
    counts = judged.counts
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
    if not judged.spans and not takes_back:
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


_Totals = dict[tuple[str, str], tuple[int, str, str]]


def _totals(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], name: str) -> list[_Totals]:
    """Rows and exact control totals by slice key and document ('' if it is no EDI), of each Parquet file."""
    quantity = "sold_quantity" if name == "sell_out" else "on_hand_quantity"
    amount = "net_amount" if name == "sell_out" else "0"
    totals: list[_Totals] = [{} for _ in files]
    paths = ", ".join(quoted(str(path)) for path in files)
    for file, slice_key, document, *figures in connection.execute(
        f"select file_index, slice_key, coalesce(document_number, ''), count(*), "
        f"cast(coalesce(sum({quantity}), 0) as varchar), "
        f"cast(coalesce(sum({amount}), 0) as varchar) from read_parquet([{paths}]) group by all"
    ).fetchall():
        totals[file][slice_key, document] = tuple(figures)
    return totals


# --- landing ---


@dataclass(frozen=True)
class _Candidate:
    """A file that has not been entered, the batch that it would become and, once looked at, its source."""

    found: _Found
    base: FileOutcome
    batch: Batch
    sighting: Sighting
    source: _Source | None = None

    @property
    def feed_code(self) -> str:
        return self.batch.feed_code or ""

    @property
    def size(self) -> int:
        return self.source.size if self.source is not None else 0

    def has_changed(self) -> bool:
        """Whether somebody has written to the file since it was found."""
        return _stamp(self.found.path.stat()) != self.found.stamp

    def repeats(self, other: _Candidate) -> bool:
        """Whether both are the same report; which is the duplicate can be told once the first is entered."""
        return (
            self.sighting.content_hash == other.sighting.content_hash
            and self.batch.period_start_date == other.batch.period_start_date
        )

    def fits(self, group: Sequence[_Candidate]) -> bool:
        """Whether it can be read by the query that reads the group."""
        first = group[0].source
        return (
            self.source is not None
            and first is not None
            and self.source.joins(first)
            and len(group) < _GROUP_FILES
            and self.size + sum(each.size for each in group) <= _GROUP_BYTES
        )


_Result = tuple[FileOutcome, Sighting | None]
"""What became of a file, and the sighting to remember, None if it must be looked at again."""


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
        zone: tzinfo,
        identities: Identities,
    ) -> None:
        self._paths = paths
        self._identities = identities
        self._archive = archive
        self._profiles = profiles
        self._ledger = ledger
        self._connection = connection
        self._scratch = scratch
        self._now = now.astimezone(UTC)
        self._zone = zone
        self._threads = _THREADS
        self._ids = batch_ids(self._now, ledger.last_batch_id())

    def take(
        self,
        feed_code: str,
        items: Sequence[tuple[_Found, Sighting | None]],
        begin: Callable[[_Found], None],
    ) -> Iterator[_Result]:
        """Take in files of one feed, oldest first; `begin` is called when the turn of a file comes.

        The results come in groups.
        """
        profile = self._profiles[feed_code]
        try:
            keys = customers.keys_of(profile, feed_code)
            normalise.check_profile(self._connection, profile, feed_code)
        except ConfigError as error:
            for found, _ in items:
                yield _refusal(found.name, error.code, str(error)), None
            return
        group: list[_Candidate] = []
        for found, seen in items:
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
            if group and not known.fits(group):
                yield from self._finish(group, keys)
                group = []
            group.append(known)
        yield from self._finish(group, keys)

    def _identify(self, found: _Found, feed_code: str, seen: Sighting | None) -> _Result | _Candidate:
        """Tell a file by its bytes; a candidate if this very file has not been entered before."""
        profile = self._profiles[feed_code]
        base = _unchanged(found, feed_code, profile)
        try:
            content = seen.content_hash if seen and seen.stamp == found.stamp else _hash(found.path)
            if _stamp(found.path.stat()) != found.stamp:
                return _waiting(base), None
        except OSError as error:
            return _failure(found, error), None
        fingerprint = customers.fingerprint(profile)
        sighting = Sighting(found.stamp, content, fingerprint)
        for verdict in (fingerprint, self._identities.stamped(fingerprint)):
            if self._ledger.has_sighting(found.name, content, verdict):
                return base, replace(sighting, profile_hash=verdict)
        try:
            is_kept = self._archive.keep(
                found.path, profile.partner, content, self._now, is_personal=profile.names_people
            )
        except (ConfigError, OSError) as error:
            return _failure(found, error), None
        if not is_kept:
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
        candidate = _Candidate(found, base, batch, sighting)
        try:
            span = normalise.file_span(profile, found.name)
        except RejectedFile as error:
            return self._give_up(candidate, error)
        if span is not None:
            candidate = replace(
                candidate, batch=replace(batch, period_start_date=span.start, period_end_date=span.end)
            )
        return candidate

    def _prepare(self, candidate: _Candidate) -> _Result | _Candidate:
        """Compare a file with what came before, and look how it can be read."""
        batch, found = candidate.batch, candidate.found
        former = self._ledger.find_content(
            candidate.sighting.content_hash, candidate.sighting.profile_hash, batch.period_start_date
        )
        if former is not None:
            return self._enter_duplicate(candidate.base, batch, former), candidate.sighting
        profile = self._profiles[candidate.feed_code]
        try:
            return replace(candidate, source=_look(found.path, found.name, profile, self._scratch))
        except (RejectedFile, OSError) as error:
            return self._give_up(candidate, error)

    def _finish(self, group: Sequence[_Candidate], keys: customers.Keys) -> list[_Result]:
        """Read, judge and land files together; where that fails, one by one: only the bad one stays out."""
        if not group:
            return []
        profile = self._profiles[group[0].feed_code]
        sources = [candidate.source for candidate in group if candidate.source is not None]
        self._use_threads(_THREADS if sum(each.size for each in group) > _SMALL else 1)
        try:
            history = FeedHistory(self._ledger, profile.partner, group[0].feed_code)
            foreign = self._identities.of_others(profile)
            judged = _read_and_judge(self._connection, sources, profile, keys, history, foreign)
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
                return _waiting(candidate.base), None
        except OSError as gone:
            error = gone
        if not isinstance(error, RejectedFile):
            return _failure(candidate.found, error), None
        batch = _rejected(candidate.batch, error)
        self._ledger.record(batch)
        return _outcome(candidate.base, batch), candidate.sighting

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
        return _outcome(base, batch)

    def _land(self, group: Sequence[_Candidate], judged: _Judged) -> list[_Result]:
        """Write what is good in each file, and enter all of them in one transaction of the ledger."""
        profile, feed_code = judged.layout.profile, group[0].feed_code
        changed = [candidate.has_changed() for candidate in group]
        batches: dict[int, Batch] = {}
        for file, candidate in enumerate(group):
            if not changed[file]:
                batches[file] = self._judged_batch(candidate, judged.judgements[file], judged.report)
                if judged.judgements[file].reasons:
                    self._write_quarantine(batches[file], file)
                rejected = _verdict(
                    profile,
                    judged.judgements[file],
                    candidate.base.file_name,
                    takes_back=judged.takes_back,
                )
                if rejected is not None:
                    batches[file] = _rejected(batches[file], rejected)
        good = {file: batch for file, batch in batches.items() if batch.state == "landed"}
        slices: dict[int, list[Slice]] = {file: [] for file in batches}
        for name in _entities(profile) if good else ():
            written = self._write(name, judged.layout, feed_code, good)
            for file, (landed, personal) in written.items():
                batch, spans = batches[file], judged.judgements[file].spans
                totals = {f"personal_{column}": str(count) for column, count in personal.items()}
                totals[f"{name}_rows"] = str(sum(rows for rows, _, _ in landed.values()))
                slices[file] += _slices(name, batch, spans, landed, judged.report)
                batches[file] = replace(batch, totals={**batch.totals, **totals})
                if spans:
                    batches[file] = replace(
                        batches[file], period_start_date=spans[0].start, period_end_date=spans[-1].end
                    )
        retired = judged.retired(feed_code)
        recorded = self._ledger.record_all(
            [(batch, slices[file]) for file, batch in batches.items()],
            {batch.batch_id: retired for batch in batches.values() if batch.state == "landed"},
            self._look_back(profile, good.values()),
        )
        entered = dict(zip(batches, recorded, strict=True))
        return [
            (_waiting(candidate.base), None)
            if changed[file]
            else (
                replace(
                    _outcome(candidate.base, entered[file].batch, judged.judgements[file].reasons),
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

    def _write(
        self, name: str, layout: Layout, feed_code: str, batches: Mapping[int, Batch]
    ) -> dict[int, tuple[_Totals, dict[str, int]]]:
        """Write an entity's rows of each file, named by its batch; gives by file the totals by slice, and how
        many rows look personal by column.
        """
        with atomic_files(
            [self._paths.landing / _relative(name, batch) for batch in batches.values()]
        ) as parts:
            targets = dict(zip(batches, parts, strict=True))
            provenance = {file: (batch.batch_id, batch.file_name or "") for file, batch in batches.items()}
            _write_lines(self._connection, name, layout, feed_code, provenance, self._now, targets)
            # Read back from the files: the control totals are those of what lies on disk.
            totals = _totals(self._connection, parts, name)
            personal = normalise.personal_values(self._connection, layout, parts)
            return dict(zip(batches, zip(totals, personal, strict=True), strict=True))

    def _write_quarantine(self, batch: Batch, file: int) -> None:
        with atomic_file(self._paths.landing / _relative("quarantine", batch)) as part:
            self._connection.execute(
                f"copy (select {quoted(batch.batch_id)} as batch_id, {quoted(batch.partner_code or '')} as "
                "partner_code, "
                f"{quoted(batch.feed_code or '')} as feed_code, {quoted(batch.file_name or '')} as "
                "file_name, "
                "source_row, column_name, value, reason_code, reason, raw_text, quantity, amount from faults "
                f"where _file = {file} order by source_row) "
                f"to {quoted(str(part))} (format parquet, compression zstd)"
            )


def _relative(entity_name: str, batch: Batch) -> str:
    """Path below landing of what a batch brought of an entity."""
    return f"feeds/{entity_name}/{batch.partner_code}/{batch.feed_code}/{batch.batch_id}.parquet"


def _slices(
    name: str, batch: Batch, spans: Sequence[Span], landed: _Totals, report: Report | None
) -> list[Slice]:
    """The slices of an entity that a batch brought: one for each period, those without rows too.

    In a report by EDI one for each of its documents.
    """
    if report is not None and name == "inventory" and not landed:
        # A report by EDI without any stock is no stock report.
        return []
    slices = []
    for span in spans:
        key = f"{batch.partner_code}|{batch.feed_code}|{span.key}"
        for document in sorted(number for slice_key, number in landed if slice_key == key) or [""]:
            rows, quantity, amount = landed.get((key, document), (0, "0", "0"))
            slices.append(
                Slice(
                    "feeds",
                    name,
                    key,
                    span.start,
                    span.end,
                    rows,
                    quantity,
                    amount,
                    batch.partner_code,
                    batch.feed_code,
                    _relative(name, batch),
                    document,
                    report is None or report.supersedes(document),
                )
            )
    return slices


class FeedHistory:
    """What the ledger knows of the documents of one feed."""

    def __init__(self, ledger: Ledger, partner_code: str, feed_code: str) -> None:
        self._ledger = ledger
        self._feed_code = feed_code
        self._head = f"{partner_code}|{feed_code}|"

    def has_come(self, document: str, period_key: str) -> bool:
        return self._ledger.has_document(self._feed_code, document, self._head + period_key)

    def is_reported(self, period_key: str) -> bool:
        return self._ledger.has_slice(self._feed_code, self._head + period_key)

    def is_live(self, document: str) -> bool:
        return self._ledger.has_document(self._feed_code, document)


def _write_lines(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    layout: Layout,
    feed_code: str,
    provenance: Mapping[int, tuple[str, str]],
    landed_at: datetime,
    targets: Mapping[int, Path],
) -> None:
    """Write an entity's rows of several files; `provenance` gives batch and name of each."""
    lines = normalise.lines(layout, name, feed_code)
    constants = {
        file: {
            **lines.constants[file],
            "_batch_id": batch_id,
            "_source_file": file_name,
            "_landed_at": landed_at.astimezone(UTC).replace(tzinfo=None),
            "_is_deleted": False,
        }
        for file, (batch_id, file_name) in provenance.items()
    }
    nothing = ", ".join(f"cast(null as {c.type}) as {c.name}" for c in entity("feeds", name).all_columns)
    schema = connection.execute(f"select {nothing} limit 0").to_arrow_table().schema
    rows = connection.execute(lines.query).to_arrow_reader(ROW_GROUP)
    write_files(rows, schema, constants, targets)


def _rejected(batch: Batch, error: RejectedFile) -> Batch:
    return replace(batch, state="rejected", reason_code=error.code, reason=str(error))


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
    identities = load_identities(paths.landing)
    results: dict[str, FileOutcome] = {}
    todo: dict[str, list[tuple[_Found, Sighting | None]]] = {}
    for item in found:
        try:
            feed_code = matcher.find(item.name)
        except ConfigError as error:
            results[item.name] = _refusal(item.name, error.code, str(error))
            continue
        if feed_code is None:
            results[item.name] = _unmatched(item)
            continue
        seen = known.get(item.name)
        unchanged = _unchanged(item, feed_code, profiles[feed_code])
        verdicts = (fingerprints[feed_code], identities.stamped(fingerprints[feed_code]))
        if seen is not None and seen.stamp == item.stamp and seen.profile_hash in verdicts:
            results[item.name] = unchanged
        elif abs(now.timestamp() - item.stat.st_mtime) < company.inbox.settle_seconds:
            results[item.name] = _waiting(unchanged)
        else:
            todo.setdefault(feed_code, []).append((item, seen))

    def tell(name: str) -> None:
        if progress is not None:
            progress(len(results), len(found), name)

    scratch = paths.state / "intake"
    archive = Archive(paths.archive, company.archive)
    archive.tidy(now)
    with _workplace(scratch) as connection:
        intake = _Intake(paths, profiles, ledger, connection, scratch, archive, now, company.zone, identities)
        for feed_code, items in todo.items():
            fresh: dict[str, Sighting] = {}
            for outcome, sighting in intake.take(feed_code, items, lambda item: tell(item.name)):
                results[outcome.file_name] = outcome
                if sighting is not None:
                    fresh[outcome.file_name] = sighting
            ledger.remember_sightings(fresh)
    tell("")
    return IntakeSummary((*outcomes, *(results[item.name] for item in found)), tuple(repaired))


def _unchanged(found: _Found, feed_code: str, profile: Profile) -> FileOutcome:
    return FileOutcome(found.name, "unchanged", feed_code, profile.partner, bytes=found.stat.st_size)


def _failure(found: _Found, error: Exception) -> FileOutcome:
    """What is no fault of the file's content."""
    if isinstance(error, ConfigError):
        return _refusal(found.name, error.code, str(error))
    if isinstance(error, OSError):
        reason = f"the file cannot be read ({error.strerror or error})"
        return _refusal(found.name, "unreadable_file", reason)
    first_line = str(error).splitlines()[0]
    return _refusal(found.name, "engine_error", f"DuckDB could not work through the file: {first_line}")


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
    known: Known | None = None,
    identities: Identities | None = None,
) -> CheckReport:
    """Read and judge a file as `take_in` would, and tell what would happen; nothing is landed or entered.

    With an `outlook` it is compared with what has landed before. `known` is what copies and corrections by
    EDI are judged by; without it nothing has come before. `identities` are the numbers of partners, by which
    a report of another partner is told.
    """
    report = CheckReport(path.name, feed_code, profile.partner)
    if not path.is_file():
        raise SourceError(
            "missing_file", "the file does not exist", "give the path of a report", Place(file=path)
        )
    keys = customers.keys_of(profile, feed_code)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="aval-check-") as folder:
        workplace = Path(folder) / "intake"
        with _workplace(workplace) as connection:
            normalise.check_profile(connection, profile, feed_code)
            try:
                source = _look(path, path.name, profile, workplace)
                foreign = identities.of_others(profile) if identities is not None else frozenset()
                judged = _read_and_judge(
                    connection, [source], profile, keys, known or NothingKnown(), foreign
                )
            except RejectedFile as error:
                return replace(report, problem=error)
            except duckdb.Error as error:
                return replace(report, problem=_engine_error(error, path.name))
            report = _report(connection, report, judged, outlook, workplace)
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


def _period_total(name: str, period: str, parts: Sequence[tuple[int, str, str]]) -> PeriodTotal:
    """The total of a period, of all documents that report it."""
    if len(parts) == 1:
        return PeriodTotal(name, period, *parts[0])
    quantity, amount = (sum((Decimal(part[i]) for part in parts), Decimal(0)) for i in (1, 2))
    return PeriodTotal(name, period, sum(part[0] for part in parts), str(quantity), str(amount))


def _report(
    connection: duckdb.DuckDBPyConnection,
    report: CheckReport,
    judged: _Judged,
    outlook: Outlook | None,
    scratch: Path,
) -> CheckReport:
    layout, (judgement,) = judged.layout, judged.judgements
    counts = judgement.counts
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
        target = scratch / f"{name}.parquet"
        provenance = {0: ("check", report.file_name)}
        _write_lines(connection, name, layout, report.feed_code, provenance, datetime.now(UTC), {0: target})
        (landed,) = _totals(connection, [target], name)
        (addresses,) = normalise.personal_values(connection, layout, [target])
        for span in judgement.spans:
            slice_key = f"{layout.profile.partner}|{report.feed_code}|{span.key}"
            parts = [figures for (key, _), figures in landed.items() if key == slice_key]
            totals.append(_period_total(name, span.key, parts))
        connection.execute(
            f"create or replace temp view would_land as from read_parquet({quoted(str(target))})"
        )
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
        reasons=judgement.reasons,
        quarantined=tuple(QuarantinedRow(*row) for row in faults),
        totals=tuple(totals),
        controls=judged.report.totals if judged.report is not None else {},
        preview=tuple(preview),
        matchings=tuple(matchings),
        personal=tuple(dict.fromkeys(personal)),
        addresses=addresses,
        problem=_verdict(layout.profile, judgement, report.file_name, takes_back=judged.takes_back),
    )
