"""The intake ledger: what came in, what became of it, and what the warehouse still has to build.

A SQLite file in WAL mode with these tables:

- `batches`: one row per file seen or extract pulled, with its state and counts;
- `slices`: which batch is the live one of each slice (partner|feed|period, or erp|entity|month). Reports by
  EDI may stand beside one another in a slice, and be taken back by their number: then it has several. What
  restates a period too long after it is held: its slices are not live until somebody accepts it;
- `pending`: slices whose facts must be replaced. An entry goes only after a publication that held it;
- `erasures`: when a customer was erased, and from how many rows and files; never who; `erased_contents`:
  which files these were, so that one which comes back from a backup does not bring the customer back;
- `deliveries`: what was fetched from where, so that it is not fetched again;
- `sightings` and `facts`: what spares work (files seen unchanged, named values). Losing them loses nothing.

Every change of state is one transaction. What belongs here: state of intake. What does not: the
data itself (`connectors.landing`) and quality results (`quality` schema of the warehouse).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import duckdb

from connectors.contract import Entity
from connectors.errors import AvalError, Place
from connectors.landing import atomic_file

if TYPE_CHECKING:
    import pyarrow as pa

State = Literal["landed", "held", "superseded", "rejected", "duplicate"]

_SCHEMA: Final = """
create table if not exists batches (
    batch_id text primary key,
    system text not null,
    source text not null,
    partner_code text,
    feed_code text,
    file_name text,
    content_hash text,
    profile_hash text,
    period_start_date text,
    period_end_date text,
    received_at text not null,
    landed_at text not null,
    rows_read integer not null default 0,
    rows_accepted integer not null default 0,
    rows_quarantined integer not null default 0,
    rows_skipped integer not null default 0,
    bytes integer not null default 0,
    state text not null check (state in ('landed', 'held', 'superseded', 'rejected', 'duplicate')),
    reason_code text,
    reason text,
    cursor_value text,
    totals text not null default '{}'
);
create index if not exists batches_content on batches (content_hash, profile_hash);
create index if not exists batches_file on batches (system, file_name);
create table if not exists slices (
    system text not null,
    entity text not null,
    slice_key text not null,
    batch_id text not null references batches (batch_id),
    partner_code text,
    feed_code text,
    period_start_date text not null,
    period_end_date text not null,
    file text,
    rows_landed integer not null,
    quantity_total text not null default '0',
    amount_total text not null default '0',
    is_live integer not null,
    document text not null default '',
    is_held integer not null default 0,
    primary key (system, entity, slice_key, batch_id, document)
);
create index if not exists slices_live on slices (system, entity, slice_key) where is_live = 1;
create index if not exists slices_batch on slices (batch_id);
create table if not exists pending (
    sequence integer primary key autoincrement,
    system text not null,
    entity text not null,
    slice_key text not null,
    reason text not null
);
create table if not exists deliveries (
    delivery text not null,
    item text not null,
    stamp text not null,
    state text not null check (state in ('seen', 'fetched', 'finished', 'refused')),
    at text not null,
    files text not null default '{}',
    primary key (delivery, item)
);
create table if not exists erasures (
    partner_code text not null,
    erased_at text not null,
    rows integer not null,
    faults integer not null,
    originals integer not null,
    files integer not null
);
create table if not exists erased_contents (content_hash text primary key, erased_at text not null);
create table if not exists facts (name text primary key, value text not null);
create table if not exists sightings (
    path text primary key,
    stamp text not null,
    content_hash text not null,
    profile_hash text not null
);
"""


@dataclass(frozen=True)
class Batch:
    """One file seen or extract pulled. Dates and instants are UTC; counts are rows of the source.

    `rows_read = rows_accepted + rows_quarantined + rows_skipped`; skipped rows are those that a profile
    declares to be no data (blank lines, totals); rows up to the header do not count. `totals` keeps control
    totals by name.
    """

    batch_id: str
    system: str
    source: str
    state: State
    received_at: datetime
    landed_at: datetime
    partner_code: str | None = None
    feed_code: str | None = None
    file_name: str | None = None
    content_hash: str | None = None
    profile_hash: str | None = None
    period_start_date: date | None = None
    period_end_date: date | None = None
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_skipped: int = 0
    bytes: int = 0
    reason_code: str | None = None
    reason: str | None = None
    cursor_value: str | None = None
    totals: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """A slice of one entity that a batch brought, with its control totals.

    `quantity_total` and `amount_total` are exact decimals written as text: the sums of the entity's main
    quantity and net amount as landed. `file` is the Parquet file, relative to the landing folder;
    None for ERP extracts, whose slices are spread over several files. `document` is the partner's number of
    the report within an EDI file, '' elsewhere. `supersedes` says whether the slice's live batches end with
    this one; it is not kept.
    """

    system: str
    entity: str
    slice_key: str
    period_start_date: date
    period_end_date: date
    rows_landed: int
    quantity_total: str = "0"
    amount_total: str = "0"
    partner_code: str | None = None
    feed_code: str | None = None
    file: str | None = None
    document: str = ""
    supersedes: bool = True


@dataclass(frozen=True)
class Figures:
    """What some slices hold together."""

    rows: int
    quantity: Decimal
    amount: Decimal

    @classmethod
    def of(cls, slices: Iterable[sqlite3.Row]) -> Figures:
        rows, quantity, amount = 0, Decimal(0), Decimal(0)
        for row in slices:
            rows += row["rows_landed"]
            quantity += Decimal(row["quantity_total"])
            amount += Decimal(row["amount_total"])
        return cls(rows, quantity, amount)


@dataclass(frozen=True)
class Retired:
    """A document that a partner takes back: in the slices named, otherwise where it came last."""

    feed_code: str
    document: str
    slice_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class LookBack:
    """How far back a report may restate: the last day of the oldest period that it may still change, which is
    `days` before the day on which it came.
    """

    oldest_end: date
    days: int


@dataclass(frozen=True)
class Recorded:
    """A batch as it was entered, and the reports superseded by it."""

    batch: Batch
    superseded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sighting:
    """A file of the inbox as last seen: `stamp` tells, without reading it, whether it may have changed."""

    stamp: str
    content_hash: str
    profile_hash: str


DeliveryState = Literal["seen", "fetched", "finished", "refused"]
"""`seen`: left alone for now; `fetched`: it is in the inbox; `finished`: the source knows as well."""


@dataclass(frozen=True)
class Delivered:
    """One file, object or mail of a source as last seen; `files` are its files in the inbox by hash."""

    item: str
    stamp: str
    state: DeliveryState
    at: datetime
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Erasure:
    """One customer of one partner was erased; who it was is not kept. `rows` are landed rows that no longer
    name anybody, `faults` texts in quarantine, `originals` and `files` those removed from archive and inbox.
    """

    partner_code: str
    erased_at: datetime
    rows: int
    faults: int
    originals: int
    files: int


_EXPORTED: Final = "ledger"
"""Folder of landing to which each run writes the ledger for SQL."""


class Ledger:
    """The intake ledger of one company. Open it as a context manager; it may be opened by several readers."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Ledger:
        """AvalError if the file is gone: what landed beside it would be taken for half done, and removed."""
        is_there = self.path.is_file() and self.path.stat().st_size > 0
        if not is_there and (self.path.parent / _EXPORTED / "batches.parquet").is_file():
            raise AvalError(
                "lost_ledger",
                "the intake ledger is gone, and nothing else knows what has landed beside it",
                "restore it from the backup, with what lies beside it under its name and -wal; where there "
                "is none, move the folder landing away: all is read again from the inbox and the ERP, but "
                "what was closed, erased and told is forgotten",
                Place(file=self.path),
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        _add_documents(self._connection)
        _add_held(self._connection)
        self._connection.executescript(_SCHEMA)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("begin immediate")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def record(
        self, batch: Batch, slices: Sequence[Slice] = (), retired: Sequence[Retired] = ()
    ) -> tuple[str, ...]:
        """Enter a batch with the slices it brought; returns the reports superseded by it."""
        (recorded,) = self.record_all([(batch, slices)], {batch.batch_id: retired})
        return recorded.superseded

    def record_all(
        self,
        entries: Sequence[tuple[Batch, Sequence[Slice]]],
        retired: Mapping[str, Sequence[Retired]] | None = None,
        look_back: Mapping[str, LookBack] | None = None,
        again: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Recorded]:
        """Enter batches in this order, all in one transaction.

        Each slice becomes live and pending. What was live of its key ends, unless the slice stands beside it;
        what came from the same bytes always ends, so that a file read again counts once: of its key, and of
        any other key in the batches that are read `again`. The documents that a batch has `retired` end too.
        A batch is superseded once none of its slices is live. A batch that would change a period before its
        `look_back` is held instead: nothing of it counts before `accept`.
        """
        with self._transaction() as connection:
            return [
                _record(
                    connection,
                    batch,
                    slices,
                    (retired or {}).get(batch.batch_id, ()),
                    (look_back or {}).get(batch.batch_id),
                    (again or {}).get(batch.batch_id, ()),
                )
                for batch, slices in entries
            ]

    def held(self, batch_id: str | None = None) -> list[Batch]:
        """Reports that are held, in order of entry; with a `batch_id`, that one if it is held."""
        rows = self._connection.execute(
            "select * from batches where state = 'held' and (?1 is null or batch_id = ?1) order by batch_id",
            (batch_id,),
        )
        return [_batch(row) for row in rows]

    def newer_than_held(self, batch_id: str) -> list[str]:
        """Periods of a held report that a report which came later has told anew."""
        rows = self._connection.execute(
            "select distinct held.slice_key from slices held join slices live "
            "on live.system = held.system and live.entity = held.entity and live.slice_key = held.slice_key "
            "and live.is_live = 1 and live.batch_id > held.batch_id "
            "where held.batch_id = ? and held.is_held = 1 order by held.slice_key",
            (batch_id,),
        )
        return [row["slice_key"].rsplit("|", 1)[1] for row in rows]

    def accept(self, batch_id: str, note: str) -> tuple[str, ...]:
        """Let a held report count, as if it had come in time; returns the reports superseded by it."""
        (batch,) = self.held(batch_id)
        kept = json.loads(batch.totals[_HELD])
        with self._transaction() as connection:
            rows = connection.execute(
                "select * from slices where batch_id = ? and is_held = 1", (batch_id,)
            ).fetchall()
            connection.execute("delete from slices where batch_id = ? and is_held = 1", (batch_id,))
            connection.execute(
                "update batches set state = 'landed', reason_code = 'accepted_restatement', reason = ? "
                "where batch_id = ?",
                (note, batch_id),
            )
            former: set[str] = set()
            for gone in kept["retired"]:
                former |= _retire(connection, Retired(gone[0], gone[1], tuple(gone[2])))
            former |= _end_readings(connection, kept.get("again", ()), {row["document"] for row in rows})
            for row in rows:
                beside = [row["entity"], row["slice_key"], row["document"]] in kept["beside"]
                former |= _enter(connection, _slice(row, supersedes=not beside), batch)
            return _supersede(connection, former)

    def has_document(self, feed_code: str, document: str, slice_key: str | None = None) -> bool:
        """Whether a document is live, or, with a slice, whether it ever came for it."""
        return (
            self._connection.execute(
                "select 1 from slices where system = 'feeds' and feed_code = ?1 and document = ?2 "
                "and document <> '' and ((?3 is null and is_live = 1) or slice_key = ?3)",
                (feed_code, document, slice_key),
            ).fetchone()
            is not None
        )

    def has_slice(self, feed_code: str, slice_key: str) -> bool:
        """Whether a slice of a feed has a live report."""
        return (
            self._connection.execute(
                "select 1 from slices where system = 'feeds' and feed_code = ? and slice_key = ? "
                "and is_live = 1",
                (feed_code, slice_key),
            ).fetchone()
            is not None
        )

    def standing_files(self, feed_code: str) -> dict[str, tuple[str, datetime]]:
        """What stood last under each name of a feed's files: the hash of its bytes, and when they came first
        (after others stood there, when they came back).
        """
        standing: dict[str, tuple[str, datetime]] = {}
        for name, content, text in self._connection.execute(
            "select file_name, content_hash, received_at from batches where system = 'feeds' "
            "and feed_code = ? and file_name is not null and content_hash is not null order by batch_id",
            (feed_code,),
        ):
            former, came_at = standing.get(name, (content, _moment(text)))
            moment = _moment(text)
            standing[name] = (content, min(came_at, moment) if former == content else moment)
        return standing

    def find_content(
        self, content_hash: str, profile_hash: str, period_start: date | None = None
    ) -> Batch | None:
        """The newest batch (landed, superseded or rejected) that these bytes gave under this profile.

        `period_start` limits it to one period: where the file's name gives the period, equal bytes (two
        reported zeros, say) under the names of two periods are two reports.
        """
        row = self._connection.execute(
            "select * from batches where content_hash = ?1 and profile_hash = ?2 and state <> 'duplicate' "
            "and (?3 is null or period_start_date = ?3) order by batch_id desc limit 1",
            (content_hash, profile_hash, _text(period_start)),
        ).fetchone()
        return _batch(row) if row else None

    def readings(self, feed_code: str, content_hash: str, file_name: str | None) -> list[str]:
        """Batches of a feed that these bytes gave and that count; with a name, those under it."""
        rows = self._connection.execute(
            "select batch_id from batches where system = 'feeds' and state = 'landed' and feed_code = ?1 "
            "and content_hash = ?2 and (?3 is null or file_name = ?3) order by batch_id",
            (feed_code, content_hash, file_name),
        )
        return [row["batch_id"] for row in rows]

    def sightings(self) -> dict[str, Sighting]:
        """What was last seen under each path of the inbox."""
        rows = self._connection.execute("select path, stamp, content_hash, profile_hash from sightings")
        return {row["path"]: Sighting(row["stamp"], row["content_hash"], row["profile_hash"]) for row in rows}

    def remember_sightings(self, sightings: Mapping[str, Sighting]) -> None:
        """Keep what was seen under these paths, so that an unchanged file need not be read again."""
        if not sightings:
            return
        with self._transaction() as connection:
            connection.executemany(
                "insert into sightings (path, stamp, content_hash, profile_hash) values (?, ?, ?, ?) "
                "on conflict (path) do update set stamp = excluded.stamp, "
                "content_hash = excluded.content_hash, profile_hash = excluded.profile_hash",
                [
                    (path, item.stamp, item.content_hash, item.profile_hash)
                    for path, item in sightings.items()
                ],
            )

    def delivered(self, delivery: str) -> dict[str, Delivered]:
        """What is known of one source, by the name that the source gives it."""
        rows = self._connection.execute(
            "select item, stamp, state, at, files from deliveries where delivery = ?", (delivery,)
        )
        return {
            row["item"]: Delivered(
                row["item"],
                row["stamp"],
                row["state"],
                datetime.fromisoformat(row["at"]).replace(tzinfo=UTC),
                json.loads(row["files"]),
            )
            for row in rows
        }

    def remember_delivered(self, delivery: str, item: Delivered) -> None:
        """Keep what was seen or fetched of one source."""
        row = {
            "delivery": delivery,
            "item": item.item,
            "stamp": item.stamp,
            "state": item.state,
            "at": _text(item.at),
            "files": json.dumps(dict(item.files)),
        }
        with self._transaction() as connection:
            connection.execute(
                "delete from deliveries where delivery = :delivery and item = :item",
                {"delivery": delivery, "item": item.item},
            )
            _insert(connection, "deliveries", row)

    def record_erasure(self, erasure: Erasure, contents: Iterable[str] = ()) -> None:
        """Enter that a customer was erased, and the hashes of the files that held the customer."""
        with self._transaction() as connection:
            row = {name: _text(value) for name, value in asdict(erasure).items()}
            _insert(connection, "erasures", row)
            connection.executemany(
                "insert or ignore into erased_contents (content_hash, erased_at) values (?, ?)",
                [(content, row["erased_at"]) for content in sorted(contents)],
            )

    def feeds_counting(self, file_name: str) -> set[str]:
        """The feeds under which a report of this name counts."""
        rows = self._connection.execute(
            "select distinct feed_code from batches where system = 'feeds' and file_name = ? "
            "and state = 'landed'",
            (file_name,),
        )
        return {row["feed_code"] for row in rows}

    def erased_contents(self) -> set[str]:
        """Hashes of files that are not read again, because a customer whom they hold was erased."""
        return {row["content_hash"] for row in self._connection.execute("select * from erased_contents")}

    def erasures(self) -> list[Erasure]:
        """Erasures in the order of entry."""
        rows = self._connection.execute("select * from erasures order by rowid")
        return [
            Erasure(
                **{**dict(row), "erased_at": datetime.fromisoformat(row["erased_at"]).replace(tzinfo=UTC)}
            )
            for row in rows
        ]

    def slices_of(self, batch_ids: Iterable[str]) -> list[tuple[str, str, str]]:
        """Keys of the live slices that these batches brought."""
        return [
            (row["system"], row["entity"], row["slice_key"])
            for batch_id in batch_ids
            for row in self._connection.execute(
                "select system, entity, slice_key from slices where batch_id = ? and is_live = 1", (batch_id,)
            )
        ]

    def has_content(self, content_hash: str) -> bool:
        """Whether intake has entered these bytes, under whatever name."""
        row = self._connection.execute(
            "select 1 from batches where content_hash = ? limit 1", (content_hash,)
        ).fetchone()
        return row is not None

    def vanished(self, landing: Path, content_hash: str | None = None) -> set[str]:
        """Hashes of reports (or that of one) of which a landed file that counts is no longer there."""
        rows = self._connection.execute(
            "select distinct content_hash, file from slices join batches using (batch_id) "
            "where slices.system = 'feeds' and is_live = 1 and file is not null "
            "and (?1 is null or content_hash = ?1)",
            (content_hash,),
        )
        return {content for content, file in rows if not (landing / file).is_file()}

    def stands(self, system: str, file_name: str, content_hash: str, profile_hash: str) -> bool:
        """Whether what was entered last under this name are these bytes, by these settings; duplicates
        included.
        """
        row = self._connection.execute(
            "select content_hash, profile_hash from batches where system = ? and file_name = ? "
            "order by batch_id desc limit 1",
            (system, file_name),
        ).fetchone()
        return row is not None and tuple(row) == (content_hash, profile_hash)

    def live_under(self, system: str, file_name: str) -> list[Slice]:
        """Live slices that came under this name."""
        rows = self._connection.execute(
            "select slices.* from slices join batches using (batch_id) "
            "where slices.system = ? and file_name = ? and is_live = 1 order by slice_key",
            (system, file_name),
        )
        return [_slice(row, supersedes=True) for row in rows]

    def is_replaced_in_place(
        self, feed_code: str, file_name: str, content_hash: str, profile_hash: str
    ) -> bool:
        """Whether a slice that these bytes brought was superseded by what came under this name since: other
        bytes, or the same ones by another profile, whose reading ends all that they brought.
        """
        newest = self._connection.execute(
            "select profile_hash from batches where feed_code = ? and file_name = ? and content_hash = ? "
            "and state in ('landed', 'superseded') order by batch_id desc limit 1",
            (feed_code, file_name, content_hash),
        ).fetchone()
        if newest is not None and newest["profile_hash"] != profile_hash:
            return True
        return (
            self._connection.execute(
                "select 1 from batches own join slices mine on mine.batch_id = own.batch_id "
                "join slices theirs on theirs.system = mine.system and theirs.entity = mine.entity "
                "and theirs.slice_key = mine.slice_key and theirs.is_live = 1 "
                "join batches other on other.batch_id = theirs.batch_id "
                "where own.feed_code = ?1 and own.content_hash = ?3 and own.profile_hash = ?4 "
                "and mine.is_live = 0 and other.file_name = ?2 and other.content_hash <> ?3",
                (feed_code, file_name, content_hash, profile_hash),
            ).fetchone()
            is not None
        )

    def batches(
        self,
        system: str | None = None,
        since: str | None = None,
        source: str | None = None,
        state: State | None = None,
    ) -> list[Batch]:
        """Batches in order of entry; `since` is a batch id and excludes it and all before."""
        rows = self._connection.execute(
            "select * from batches where (?1 is null or system = ?1) "
            "and (?2 is null or batch_id > ?2) "
            "and (?3 is null or source = ?3) "
            "and (?4 is null or state = ?4) order by batch_id",
            (system, since, source, state),
        )
        return [_batch(row) for row in rows]

    def known_batches(self, *systems: str) -> set[str]:
        """The ids of all batches of these systems."""
        return {
            row["batch_id"]
            for system in systems
            for row in self._connection.execute("select batch_id from batches where system = ?", (system,))
        }

    def last_batch_id(self) -> str | None:
        row = self._connection.execute("select max(batch_id) as batch_id from batches").fetchone()
        return row["batch_id"] if row else None

    def cursor(self, system: str, source: str) -> str | None:
        """The cursor reached by the newest complete extract of that source."""
        row = self._connection.execute(
            "select cursor_value from batches where system = ? and source = ? and cursor_value is not null "
            "order by batch_id desc limit 1",
            (system, source),
        ).fetchone()
        return row["cursor_value"] if row else None

    def last_extract(self, system: str, source: str) -> Batch | None:
        row = self._connection.execute(
            "select * from batches where system = ? and source = ? order by batch_id desc limit 1",
            (system, source),
        ).fetchone()
        return _batch(row) if row else None

    def amend_totals(self, batch_id: str, totals: Mapping[str, str]) -> None:
        """Set control totals of a batch that is entered already; the others stay."""
        with self._transaction() as connection:
            _amend(connection, batch_id, totals)

    def accept_deletions(self, system: str) -> int:
        """Mark the deletions of all batches of a system as accepted; returns how many batches that were."""
        open_batches = [
            batch.batch_id
            for batch in self.batches(system)
            if int(batch.totals.get("deleted_rows", "0")) and batch.totals.get("deletions_accepted") != "yes"
        ]
        with self._transaction() as connection:
            for batch_id in open_batches:
                _amend(connection, batch_id, {"deletions_accepted": "yes"})
        return len(open_batches)

    def mark_pending(self, keys: Iterable[tuple[str, str, str]], reason: str) -> int:
        """Ask for slices `(system, entity, slice_key)` to be built again; returns how many."""
        rows = [(*key, reason) for key in keys]
        with self._transaction() as connection:
            connection.executemany(
                "insert into pending (system, entity, slice_key, reason) values (?, ?, ?, ?)", rows
            )
        return len(rows)

    def count_reported_slices(self, *, pending_only: bool) -> int:
        """Partners' slices that count, or those of them that are to be built; each has about one file."""
        where = "is_live = 1"
        if pending_only:
            where += (
                " and (entity, slice_key) in (select entity, slice_key from pending where system = 'feeds')"
            )
        row = self._connection.execute(
            f"select count(*) as slices from slices where system = 'feeds' and {where}"
        ).fetchone()
        return int(row["slices"])

    def live_slices(self, first: date | None = None, last: date | None = None) -> list[tuple[str, str, str]]:
        """Keys of live slices whose period touches `first..last` (both included)."""
        rows = self._connection.execute(
            "select distinct system, entity, slice_key from slices where is_live = 1 "
            "and (?1 is null or period_end_date >= ?1) and (?2 is null or period_start_date <= ?2)",
            (_text(first), _text(last)),
        )
        return [(row["system"], row["entity"], row["slice_key"]) for row in rows]

    def live_totals(self, feed_code: str, entity: str) -> tuple[int, Decimal, Decimal]:
        """Rows, units and amounts of all live reports of a feed."""
        found = Figures.of(
            self._connection.execute(
                "select rows_landed, quantity_total, amount_total from slices "
                "where feed_code = ? and entity = ? and is_live = 1",
                (feed_code, entity),
            )
        )
        return found.rows, found.quantity, found.amount

    def restated(self, batch_id: str) -> tuple[Figures, Figures]:
        """What a report brought, and what is live of its slices now: sales, or stock if it has no sales."""
        brought = self._connection.execute(
            "select entity, slice_key, rows_landed, quantity_total, amount_total from slices "
            "where batch_id = ? and (entity = 'sell_out' or not exists "
            "(select 1 from slices where batch_id = ? and entity = 'sell_out'))",
            (batch_id, batch_id),
        ).fetchall()
        live = [
            row
            for entity, slice_key in {(row["entity"], row["slice_key"]) for row in brought}
            for row in self._connection.execute(
                "select rows_landed, quantity_total, amount_total from slices "
                "where entity = ? and slice_key = ? and is_live = 1",
                (entity, slice_key),
            )
        ]
        return Figures.of(brought), Figures.of(live)

    def state_of(self, system: str, entity: str) -> str:
        """One value that changes with whatever is entered of a landed entity: batches and live slices."""
        # A batch of reports or of a ledger export names its feed or kind, not the entity.
        batches = self._connection.execute(
            "select count(*), max(batch_id), sum(state = 'landed') from batches "
            "where system = ?1 and (source = ?2 or ?1 not in ('erp', 'rules', 'sources'))",
            (system, entity),
        ).fetchone()
        slices = self._connection.execute(
            "select count(*), max(batch_id), sum(is_live) from slices where system = ? and entity = ?",
            (system, entity),
        ).fetchone()
        return json.dumps([*batches, *slices])

    def pending_sequence(self) -> int:
        """The newest entry of `pending`; hand it to `clear_pending` after the publication. 0 when none."""
        row = self._connection.execute(
            "select coalesce(max(sequence), 0) as sequence from pending"
        ).fetchone()
        return int(row["sequence"])

    def pending_systems(self) -> set[str]:
        """Systems of which something has landed that no publication holds yet."""
        return {row["system"] for row in self._connection.execute("select distinct system from pending")}

    def pending_reasons(self) -> set[str]:
        """Why slices are pending: `landed`, `retired`, …, or what `mark_pending` was told."""
        return {row["reason"] for row in self._connection.execute("select distinct reason from pending")}

    def clear_pending(self, up_to: int) -> None:
        """Forget what was pending up to that entry: it is published. Later entries stay."""
        with self._transaction() as connection:
            connection.execute("delete from pending where sequence <= ?", (up_to,))

    def remember(self, name: str, value: str) -> None:
        """Keep a named value (for example the fingerprint of the last published warehouse)."""
        with self._transaction() as connection:
            connection.execute(
                "insert into facts (name, value) values (?, ?) "
                "on conflict (name) do update set value = excluded.value",
                (name, value),
            )

    def recall(self, name: str) -> str | None:
        row = self._connection.execute("select value from facts where name = ?", (name,)).fetchone()
        return row["value"] if row else None

    def export(self, landing: Path) -> None:
        """Write the ledger as Parquet for SQL: `landing/ledger/{batches,slices}.parquet`.

        `slices` holds live slices only, a row for each document, with `is_pending` and the rows that other
        bytes had landed there before (`rows_replaced`), plus keys that are pending but no longer live.
        """
        connection = duckdb.connect()
        try:
            for name, query, types in (
                ("batches", "select * from batches order by batch_id", _BATCH_TYPES),
                ("slices", _EXPORTED_SLICES, _SLICE_TYPES),
            ):
                rows = [tuple(row) for row in self._connection.execute(query)]
                columns = ", ".join(f"{column} {type_}" for column, type_ in types.items())
                connection.execute(f"create or replace table exported ({columns})")
                if rows:
                    import pyarrow as pa

                    incoming = pa.table(  # noqa: F841 - read by DuckDB by its name
                        {
                            column: pa.array(
                                [None if row[i] is None else str(row[i]) for row in rows],
                                pa.string(),
                            )
                            for i, column in enumerate(types)
                        }
                    )
                    connection.execute("insert into exported select * from incoming")
                with atomic_file(landing / _EXPORTED / f"{name}.parquet") as part:
                    connection.execute("copy exported to ? (format parquet)", [str(part)])
        finally:
            connection.close()


def write_rows(
    final: Path, target: Entity, rows: pa.Table, batch: Batch, engine: duckdb.DuckDBPyConnection
) -> None:
    """Write rows in the columns of an entity, with the provenance of their batch, as one landed file.

    `engine` is any open DuckDB; nothing is kept in it.
    """
    provenance = {
        "_batch_id": batch.batch_id,
        "_source_file": batch.file_name,
        "_landed_at": batch.landed_at.replace(tzinfo=None).isoformat(sep=" "),
        "_is_deleted": "false",
    }
    columns = ", ".join(
        f'cast("{column.name}" as {column.type}) as "{column.name}"' for column in target.all_columns
    )
    fixed = ", ".join(f"${number} as {name}" for number, name in enumerate(provenance, start=2))
    with engine.cursor() as connection, atomic_file(final) as part:
        connection.register("incoming", rows)
        connection.execute(
            f"copy (select {columns} from "
            f"(select *, row_number() over () as _source_row, {fixed} from incoming)) "
            "to $1 (format parquet, compression zstd)",
            [str(part), *provenance.values()],
        )


_BATCH_TYPES: Final = {
    "batch_id": "VARCHAR",
    "system": "VARCHAR",
    "source": "VARCHAR",
    "partner_code": "VARCHAR",
    "feed_code": "VARCHAR",
    "file_name": "VARCHAR",
    "content_hash": "VARCHAR",
    "profile_hash": "VARCHAR",
    "period_start_date": "DATE",
    "period_end_date": "DATE",
    "received_at": "TIMESTAMP",
    "landed_at": "TIMESTAMP",
    "rows_read": "BIGINT",
    "rows_accepted": "BIGINT",
    "rows_quarantined": "BIGINT",
    "rows_skipped": "BIGINT",
    "bytes": "BIGINT",
    "state": "VARCHAR",
    "reason_code": "VARCHAR",
    "reason": "VARCHAR",
    "cursor_value": "VARCHAR",
    "totals": "VARCHAR",
}
_SLICE_TYPES: Final = {
    "system": "VARCHAR",
    "entity": "VARCHAR",
    "slice_key": "VARCHAR",
    "batch_id": "VARCHAR",
    "partner_code": "VARCHAR",
    "feed_code": "VARCHAR",
    "period_start_date": "DATE",
    "period_end_date": "DATE",
    "file": "VARCHAR",
    "rows_landed": "BIGINT",
    "quantity_total": "DECIMAL(38,4)",
    "amount_total": "DECIMAL(38,4)",
    "is_live": "BOOLEAN",
    "is_pending": "BOOLEAN",
    "document": "VARCHAR",
    "rows_replaced": "BIGINT",
}
_EXPORTED_SLICES: Final = """
select s.system, s.entity, s.slice_key, s.batch_id, s.partner_code, s.feed_code, s.period_start_date,
       s.period_end_date, s.file, s.rows_landed, s.quantity_total, s.amount_total, s.is_live,
       exists (select 1 from pending p where p.system = s.system and p.entity = s.entity
               and p.slice_key = s.slice_key) as is_pending, s.document,
       case when s.system = 'feeds' and s.document = '' then (
           select former.rows_landed
           from slices former
           join batches former_batch on former_batch.batch_id = former.batch_id
           join batches batch on batch.batch_id = s.batch_id
           where former.system = s.system and former.entity = s.entity and former.slice_key = s.slice_key
                 and former.document = '' and former.is_live = 0 and former.batch_id < s.batch_id
                 and coalesce(former_batch.content_hash <> batch.content_hash, 1)
           order by former.batch_id desc limit 1) end as rows_replaced
from slices s where s.is_live = 1
union all
select distinct p.system, p.entity, p.slice_key, null, null, null, null, null, null, 0, '0', '0', 0, 1, '',
                null
from pending p where not exists (select 1 from slices s where s.is_live = 1 and s.system = p.system
                                 and s.entity = p.entity and s.slice_key = p.slice_key)
"""


def _record(
    connection: sqlite3.Connection,
    batch: Batch,
    slices: Sequence[Slice],
    retired: Sequence[Retired],
    look_back: LookBack | None,
    again: Sequence[str],
) -> Recorded:
    if batch.system == "feeds" and batch.state == "landed":
        _end_held(connection, batch)
        old = _too_old(connection, batch, slices, retired, look_back) if look_back is not None else []
        if look_back is not None and old:
            return Recorded(_hold(connection, batch, slices, retired, again, old, look_back))
    _insert(connection, "batches", _batch_row(batch))
    former: set[str] = set()
    for gone in retired:
        former |= _retire(connection, gone)
    former |= _end_readings(connection, again, {item.document for item in slices})
    for item in slices:
        former |= _enter(connection, item, batch)
    return Recorded(batch, _supersede(connection, former))


def _enter(connection: sqlite3.Connection, item: Slice, batch: Batch) -> set[str]:
    """Make a slice live and pending; returns the batches that it ends."""
    former = _end_former(connection, item, batch)
    _insert(connection, "slices", {**_slice_row(item, batch), "is_live": 1})
    _mark(connection, (item.system, item.entity, item.slice_key), "landed")
    return former


def _slice_row(item: Slice, batch: Batch) -> dict[str, object]:
    row = {name: _text(value) for name, value in asdict(item).items() if name != "supersedes"}
    return {**row, "batch_id": batch.batch_id}


def _slice(row: sqlite3.Row, *, supersedes: bool) -> Slice:
    values = {name: value for name, value in dict(row).items() if name not in _STATE_OF_SLICE}
    for name in ("period_start_date", "period_end_date"):
        values[name] = date.fromisoformat(values[name])
    return Slice(**values, supersedes=supersedes)


_STATE_OF_SLICE: Final = frozenset({"batch_id", "is_live", "is_held"})

_HELD: Final = "held"
"""Name of the control total that keeps what a held report would take back, and what it would stand beside."""


def _hold(
    connection: sqlite3.Connection,
    batch: Batch,
    slices: Sequence[Slice],
    retired: Sequence[Retired],
    again: Sequence[str],
    old: Sequence[str],
    look_back: LookBack,
) -> Batch:
    """Enter a batch that changes nothing before it is accepted."""
    kept = {
        "retired": [[gone.feed_code, gone.document, list(gone.slice_keys)] for gone in retired],
        "again": list(again),
        "beside": [[item.entity, item.slice_key, item.document] for item in slices if not item.supersedes],
    }
    shown = ", ".join(old[:4]) + (f" and {len(old) - 4} more" if len(old) > 4 else "")
    batch = replace(
        batch,
        state="held",
        reason_code="old_restatement",
        reason=f"it would change {shown}, which ended more than {look_back.days} days before it came",
        totals={**batch.totals, _HELD: json.dumps(kept)},
    )
    _insert(connection, "batches", _batch_row(batch))
    for item in slices:
        _insert(connection, "slices", {**_slice_row(item, batch), "is_live": 0, "is_held": 1})
    return batch


def _end_held(connection: sqlite3.Connection, batch: Batch) -> None:
    """What the same file gave when it was read before, under another profile, is no longer held."""
    same = "select batch_id from batches where state = 'held' and feed_code = ? and content_hash = ?"
    values = (batch.feed_code, batch.content_hash)
    connection.execute(f"delete from slices where is_held = 1 and batch_id in ({same})", values)
    connection.execute(
        "update batches set state = 'duplicate', reason_code = 'duplicate', reason = ? "
        f"where batch_id in ({same})",
        (f"the same bytes were read again as batch {batch.batch_id}", *values),
    )


def _too_old(
    connection: sqlite3.Connection,
    batch: Batch,
    slices: Sequence[Slice],
    retired: Sequence[Retired],
    look_back: LookBack,
) -> list[str]:
    """Periods that the batch would change although they ended before its look-back, in order.

    A period that was never reported is not changed, nor one whose rows and totals are as before.
    """
    first = look_back.oldest_end.isoformat()
    found = {
        str(row["slice_key"])
        for gone in retired
        for row in _retirable(connection, gone)
        if row["period_end_date"] < first
    }
    for item in slices:
        if item.period_end_date >= look_back.oldest_end:
            continue
        live = connection.execute(
            "select s.rows_landed, s.quantity_total, s.amount_total from slices s "
            "join batches b on b.batch_id = s.batch_id where s.system = ? and s.entity = ? "
            "and s.slice_key = ? and s.is_live = 1 and b.content_hash is not ?",
            (item.system, item.entity, item.slice_key, batch.content_hash),
        ).fetchall()
        told = [(item.rows_landed, item.quantity_total, item.amount_total)]
        if live and not (item.supersedes and [tuple(row) for row in live] == told):
            found.add(item.slice_key)
    return [key.rsplit("|", 1)[1] for key in sorted(found)]


def _supersede(connection: sqlite3.Connection, former: set[str]) -> tuple[str, ...]:
    """Mark those of these batches as superseded of which nothing is live any more; returns which."""
    connection.executemany(
        "update batches set state = 'superseded' "
        "where batch_id = ? and system in ('feeds', 'accounting') and not exists "
        "(select 1 from slices where slices.batch_id = batches.batch_id and is_live = 1)",
        [(batch_id,) for batch_id in sorted(former)],
    )
    return tuple(
        batch_id
        for batch_id in sorted(former)
        if connection.execute(
            "select 1 from batches where batch_id = ? and state = 'superseded'", (batch_id,)
        ).fetchone()
    )


def _mark(connection: sqlite3.Connection, key: tuple[str, str, str], reason: str) -> None:
    connection.execute(
        "insert into pending (system, entity, slice_key, reason) values (?, ?, ?, ?)", (*key, reason)
    )


def _end_former(connection: sqlite3.Connection, item: Slice, batch: Batch) -> set[str]:
    """End what is live of the slice's key before this batch; returns the batches it came with."""
    condition = (
        "system = ? and entity = ? and slice_key = ? and is_live = 1 and batch_id <> ? and (? or batch_id in "
        "(select batch_id from batches where content_hash = ? and feed_code = ?))"
    )
    values = (
        item.system,
        item.entity,
        item.slice_key,
        batch.batch_id,
        item.supersedes,
        batch.content_hash,
        item.feed_code,
    )
    former = {
        row["batch_id"]
        for row in connection.execute(f"select batch_id from slices where {condition}", values)
    }
    if former:
        connection.execute(f"update slices set is_live = 0 where {condition}", values)
    return former


def _end_readings(connection: sqlite3.Connection, batch_ids: Sequence[str], documents: Set[str]) -> set[str]:
    """End what former readings of a file gave, which a changed profile may have put under other keys; returns
    the batches. A document that the new reading does not bring, such as a copy of itself, stays.
    """
    ended = [
        row
        for batch_id in batch_ids
        for row in connection.execute(
            "select rowid, system, entity, slice_key, batch_id, document from slices "
            "where batch_id = ? and is_live = 1",
            (batch_id,),
        )
        if row["document"] in documents
    ]
    for row in ended:
        connection.execute("update slices set is_live = 0 where rowid = ?", (row["rowid"],))
        _mark(connection, (row["system"], row["entity"], row["slice_key"]), "read again")
    return {row["batch_id"] for row in ended}


def _retire(connection: sqlite3.Connection, gone: Retired) -> set[str]:
    """End a document where it is live; returns the batches it came with."""
    chosen = _retirable(connection, gone)
    for row in chosen:
        connection.execute("update slices set is_live = 0 where rowid = ?", (row["rowid"],))
        _mark(connection, ("feeds", row["entity"], row["slice_key"]), "retired")
    return {row["batch_id"] for row in chosen}


def _retirable(connection: sqlite3.Connection, gone: Retired) -> list[sqlite3.Row]:
    """The live slices that end when a document is taken back."""
    rows = connection.execute(
        "select rowid, entity, slice_key, batch_id, period_end_date from slices where system = 'feeds' "
        "and feed_code = ? and document = ? and is_live = 1",
        (gone.feed_code, gone.document),
    ).fetchall()
    chosen = [row for row in rows if row["slice_key"] in gone.slice_keys]
    if chosen:
        return chosen
    # A number may come back, next year for example: the newest report that bears it is meant.
    newest = max((row["batch_id"] for row in rows), default=None)
    return [row for row in rows if row["batch_id"] == newest]


def _add_held(connection: sqlite3.Connection) -> None:
    """Let a ledger of before the look-back hold reports."""
    columns = {row["name"] for row in connection.execute("pragma table_info(slices)")}
    if not columns or "is_held" in columns:
        return
    created = _SCHEMA[: _SCHEMA.index(";") + 1].replace("batches", "batches_after", 1)
    names = ", ".join(row["name"] for row in connection.execute("pragma table_info(batches)"))
    connection.executescript(
        "begin; alter table slices add column is_held integer not null default 0; "
        f"{created} insert into batches_after ({names}) select {names} from batches; "
        "drop table batches; alter table batches_after rename to batches; commit;"
    )


def _add_documents(connection: sqlite3.Connection) -> None:
    """Give a ledger of before reports by EDI the column that tells documents of one slice apart."""
    columns = {row["name"] for row in connection.execute("pragma table_info(slices)")}
    if not columns or "document" in columns:
        return
    names = ", ".join(sorted(columns))
    connection.executescript(
        "begin; alter table slices rename to slices_before; drop index if exists slices_live; "
        f"{_SCHEMA} insert into slices ({names}) select {names} from slices_before; "
        "drop table slices_before; commit;"
    )


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(f"insert into {table} ({names}) values ({marks})", row)


def _amend(connection: sqlite3.Connection, batch_id: str, totals: Mapping[str, str]) -> None:
    row = connection.execute("select totals from batches where batch_id = ?", (batch_id,)).fetchone()
    merged = {**json.loads(row["totals"]), **totals}
    connection.execute(
        "update batches set totals = ? where batch_id = ?", (json.dumps(merged, sort_keys=True), batch_id)
    )


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return (
            value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
            if value.tzinfo
            else value.isoformat(sep=" ")
        )
    return value.isoformat() if isinstance(value, date) else value


def _moment(text: str) -> datetime:
    """A moment of the ledger, which keeps UTC without saying so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _batch_row(batch: Batch) -> dict[str, object]:
    row = {name: _text(value) for name, value in asdict(batch).items()}
    return {**row, "totals": json.dumps(batch.totals, sort_keys=True)}


def _batch(row: sqlite3.Row) -> Batch:
    values = dict(row)
    for name in ("received_at", "landed_at"):
        values[name] = _moment(values[name])
    for name in ("period_start_date", "period_end_date"):
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    values["totals"] = json.loads(values["totals"])
    return Batch(**values)
