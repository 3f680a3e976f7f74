"""Sources -> landing: read whole, judge, land what is new, and remember where each source stands.

Each source is on its own: one that is down, or whose file cannot be read, leaves everything as it was and
stops no other. A file source is read when its bytes or its settings have changed; a source by REST goes on
from its cursor, the newest `updated_at` that was read less `OVERLAP`, but never past a row that is held back,
so that what is wrong is read again until it is right. Nothing new writes nothing.

Landed: `<landing>/<system>/<entity>/<batch_id>.parquet`, rows that are new or differ, and with `is_complete`
tombstones of those that are gone; `<landing>/sources/quarantine/<entity>/<batch_id>.parquet`, one row per
fault. While a row is held back nothing is marked as gone: it may be the one that is missing.

What belongs here: that order of things. What does not: reading (`files`, `rest`), judging (`judging`), and
what differs (`connectors.changes`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final, Literal

import duckdb
import pyarrow as pa

from connectors.changes import Comparison
from connectors.company import AnySource, Company, FileSource, Paths
from connectors.contract import is_of_person, source_entity
from connectors.errors import AvalError, SourceError
from connectors.feeds.customers import ANYBODY, key_id, partner_key, remember_key
from connectors.landing import atomic_file, batch_ids, column_definitions, forget_unrecorded
from connectors.ledger import Batch, Ledger
from connectors.sources import files, rest
from connectors.sources.judging import Fault, Judged, judge
from connectors.sources.reading import Part

OVERLAP: Final = timedelta(hours=1)
"""Read again before the cursor: a source may show a change later than its stamp says."""

Progress = Callable[[str], object]
"""Called with a line of text that says how far the intake is."""

State = Literal["landed", "unchanged", "failed"]


@dataclass(frozen=True)
class Standing:
    """What is known of one source after its newest reading. Instants are ISO texts in UTC.

    `reading` tells without reading whether a file source is as it was; `settings` whether everything has to
    be read again; `faults` whether the same rows are held back as before. `failure` is why the newest attempt
    did not come to its end.
    """

    read_at: str | None = None
    reading: str = ""
    settings: str = ""
    cursor: str | None = None
    faults: str = ""
    quarantine: str | None = None
    rows_held: int = 0
    tried_at: str | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What one run did with one source."""

    entity: str
    state: State
    rows_read: int = 0
    rows_landed: int = 0
    rows_held: int = 0
    rows_gone: int = 0
    error: AvalError | None = None

    def in_words(self) -> str:
        if self.error is not None:
            return f"not read: {self.error}"
        if self.state == "unchanged" and not self.rows_read:
            return "nothing new"
        held = f", {self.rows_held:,} rows in quarantine" if self.rows_held else ""
        gone = f", {self.rows_gone:,} gone" if self.rows_gone else ""
        return f"{self.rows_read:,} rows read, {self.rows_landed:,} new or changed{gone}{held}"


def take_in(
    paths: Paths,
    company: Company,
    ledger: Ledger,
    *,
    now: datetime,
    entities: Iterable[str] | None = None,
    progress: Progress | None = None,
    first_pause: float = rest.SHORTEST_PAUSE,
) -> list[Outcome]:
    """Read the sources that the company connects (all, or those named); one outcome each, none raises."""
    wanted = set(entities) if entities is not None else set(company.sources)
    forget_unrecorded(paths.landing / "sources", ledger.known_batches("sources", "erp"))
    outcomes = []
    for name, source in company.sources.items():
        if name not in wanted:
            continue
        if progress is not None:
            progress(f"{name} from {_origin(source)}")
        outcomes.append(_take_in_one(paths, company, source, ledger, now.astimezone(UTC), first_pause))
    return outcomes


def standing(ledger: Ledger, entity: str) -> Standing:
    """Where a source stands; nothing is known of one that was never tried."""
    text = ledger.recall(f"source:{entity}")
    return Standing(**json.loads(text)) if text else Standing()


def held_back(paths: Paths, ledger: Ledger, entity: str) -> list[Fault]:
    """The faults of the newest reading, row by row."""
    batch = standing(ledger, entity).quarantine
    if batch is None:
        return []
    names = [item.name for item in fields(Fault)]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {', '.join(names)} from read_parquet(?) order by source_file, source_row",
            [str(_quarantine_file(paths, entity, batch))],
        ).fetchall()
    return [Fault(*row) for row in rows]


def attempt(source: AnySource, zone: tzinfo) -> str:
    """Ask a source for its first rows and land nothing; what was found in words, AvalError if it fails."""
    if isinstance(source, FileSource):
        found = files.find(source)
        rows = sum(1 for part in files.read(source, found[-1:]) for _ in part.rows)
        return f"{len(found)} files, {rows:,} rows in {found[-1].name}"
    first = next(iter(rest.read(source.model_copy(update={"retries": 0}), None)), None)
    judged = judge(source, [first] if first is not None else [], zone)
    return (
        f"{rest.address(source)}: {judged.read:,} rows on the first page, {judged.quarantined:,} with faults"
    )


def _origin(source: AnySource) -> str:
    return source.path.name if isinstance(source, FileSource) else rest.address(source)


def _take_in_one(
    paths: Paths, company: Company, source: AnySource, ledger: Ledger, now: datetime, first_pause: float
) -> Outcome:
    former = standing(ledger, source.entity)
    try:
        outcome, current = _read_and_land(paths, company, source, ledger, now, first_pause, former)
    except AvalError as error:
        failed = replace(former, tried_at=now.isoformat(), failure=str(error))
        ledger.remember(f"source:{source.entity}", json.dumps(asdict(failed)))
        return Outcome(source.entity, "failed", error=error)
    current = replace(current, read_at=now.isoformat(), tried_at=now.isoformat(), failure=None)
    ledger.remember(f"source:{source.entity}", json.dumps(asdict(current)))
    return outcome


def _read_and_land(
    paths: Paths,
    company: Company,
    source: AnySource,
    ledger: Ledger,
    now: datetime,
    first_pause: float,
    former: Standing,
) -> tuple[Outcome, Standing]:
    settings = _fingerprint(source, company.time_zone)
    is_same = settings == former.settings
    reading, since = "", None
    parts: Iterator[Part]
    if isinstance(source, FileSource):
        found = files.find(source)
        reading = files.content_hash(found)
        if is_same and reading == former.reading:
            return Outcome(source.entity, "unchanged", rows_held=former.rows_held), former
        parts = files.read(source, found)
    else:
        if source.cursor is not None and is_same and former.cursor is not None:
            since = datetime.fromisoformat(former.cursor) - OVERLAP
        parts = rest.read(source, since, first_pause=first_pause)
    if any(is_of_person(column) for column in source.columns):
        remember_key(ledger, partner_key(ANYBODY))
    judged = judge(source, parts, company.zone)
    faults = _fingerprint_of_faults(source, judged.faults)
    with Comparison(paths.landing, judged.entity) as comparison:
        comparison.take_tables([judged.accepted()])
        if source.is_complete and not judged.faults:
            _refuse_emptiness(source, judged, comparison)
            comparison.know_keys(None)
        to_land = comparison.compare(keys_known=source.is_complete and not judged.faults)
        batch = None
        if to_land or faults != former.faults:
            new_faults = judged.faults if faults != former.faults else []
            batch = _land(paths, source, ledger, now, judged, new_faults, comparison, settings)
        gone = comparison.vanished().rows
        changed = comparison.changed().rows
    current = Standing(
        reading=reading,
        settings=settings,
        cursor=_reached(former.cursor if is_same else None, judged, now),
        faults=faults,
        quarantine=_quarantined_in(judged, batch if faults != former.faults else None, former),
        rows_held=judged.quarantined,
    )
    state: State = "landed" if batch is not None else "unchanged"
    return Outcome(source.entity, state, judged.read, changed, judged.quarantined, gone), current


def _fingerprint(source: AnySource, time_zone: str) -> str:
    """Changes with whatever decides how rows are read: settings, contract, time zone, the key of people."""
    contract = source_entity(source.entity)
    has_people = any(is_of_person(name) for name in source.columns)
    return _hash_of(
        source.model_dump(mode="json"),
        column_definitions(contract),
        time_zone,
        key_id() if has_people else None,
    )


def _hash_of(*content: object) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refuse_emptiness(source: AnySource, judged: Judged, comparison: Comparison) -> None:
    """A source that suddenly has not one row is cut off, not cleaned up."""
    if not judged.rows and comparison.landed_rows:
        raise SourceError(
            "source_empty",
            f"it gives no row, and {comparison.landed_rows:,} were landed before",
            f"check the export or the account; nothing of {source.entity} was changed",
        )


def _reached(former: str | None, judged: Judged, now: datetime) -> str | None:
    """Where the next reading goes on: behind what was read, never behind a row that is held back."""
    if judged.is_fault_undated:
        return former
    # A stamp in the future must not hide what comes before it.
    stamps = [min(judged.newest, now.replace(tzinfo=None)).isoformat()] if judged.newest is not None else []
    newest = max([*stamps, *([former] if former is not None else [])], default=None)
    if judged.oldest_fault is None or newest is None:
        return newest
    return min(newest, judged.oldest_fault.isoformat())


def _fingerprint_of_faults(source: AnySource, faults: Sequence[Fault]) -> str:
    """Tells whether the same rows are held back for the same reasons. On pages that begin elsewhere each time
    a row has another number and is the same; in a file people look for it by its number.
    """
    rows = [asdict(fault) for fault in faults]
    if not isinstance(source, FileSource):
        rows = [{**row, "source_file": None, "source_row": None} for row in rows]
    return _hash_of(rows)


def _quarantined_in(judged: Judged, newest: Batch | None, former: Standing) -> str | None:
    """The batch whose file in quarantine holds what is held back now."""
    if not judged.faults:
        return None
    return newest.batch_id if newest is not None else former.quarantine


def _land(
    paths: Paths,
    source: AnySource,
    ledger: Ledger,
    now: datetime,
    judged: Judged,
    new_faults: Sequence[Fault],
    comparison: Comparison,
    settings: str,
) -> Batch:
    """Write what is new and what is held back, then enter both in the ledger: so nothing is lost."""
    batch_id = next(batch_ids(now, ledger.last_batch_id()))
    changed, vanished = comparison.changed(), comparison.vanished()
    first, last = comparison.period()
    size = 0
    if changed.rows or vanished.rows:
        size = comparison.write(batch_id, _origin(source), now).stat().st_size
    if new_faults:
        _write_quarantine(_quarantine_file(paths, source.entity, batch_id), new_faults)
    batch = Batch(
        batch_id=batch_id,
        system=judged.entity.system,
        source=source.entity,
        state="landed",
        received_at=now,
        landed_at=now,
        file_name=_origin(source),
        profile_hash=settings,
        period_start_date=first,
        period_end_date=last,
        rows_read=judged.read,
        rows_accepted=changed.rows,
        rows_quarantined=judged.quarantined,
        rows_skipped=judged.read - changed.rows - judged.quarantined,
        bytes=size,
        totals={
            "quantity": changed.quantity,
            "amount": changed.amount,
            "tombstone_rows": str(vanished.rows),
        },
    )
    ledger.record(batch, comparison.slices() if size else [])
    return batch


def _quarantine_file(paths: Paths, entity: str, batch_id: str) -> Path:
    return paths.landing / "sources" / "quarantine" / entity / f"{batch_id}.parquet"


def _write_quarantine(final: Path, faults: Sequence[Fault]) -> None:
    import pyarrow.parquet as pq

    types = {"source_row": pa.int64()}
    table = pa.table(
        {
            item.name: pa.array(
                [getattr(fault, item.name) for fault in faults], types.get(item.name, pa.string())
            )
            for item in fields(Fault)
        }
    )
    with atomic_file(final) as part:
        pq.write_table(table, part, compression="zstd")
