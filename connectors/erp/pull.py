"""The ERP pull: what the ERP has now, as immutable Parquet in landing and a row in the ledger.

Each entity is pulled on its own, master data first:

1. *Read.* Its mapping query runs with `:cursor` at the newest `updated_at` read so far, less `OVERLAP`. A
   query without `:cursor`, a new or changed query, and the first pull read everything. Rows come as Arrow, in
   chunks. What ends within one chunk is whole in memory. Of all else dlt takes the chunks and loads them to a
   staging dataset below `state/`. Only a load that dlt has entered as complete in its `_dlt_loads`, with as
   many rows as were read, goes on. An ERP that does not answer, or dies on the way, is tried again with
   growing pauses from the start of that entity; what was staged of it is thrown away.
2. *Sweep.* Where the reading was partial, all keys of the ERP are read and compared with landing. Keys that
   are gone become tombstones (`_is_deleted`); keys that landing lacks make the entity be read whole.
3. *Land.* Rows that are new or differ, and the tombstones, become one file, renamed into
   `landing/erp/<entity>/<batch_id>.parquet`, then one ledger transaction. Nothing new writes nothing.

Why staging and not dlt's own layout in landing: readers of landing need no knowledge of dlt, never see a
half load, and dlt's state is disposable. The cursor lives in the ledger alone, so a killed pull leaves
nothing to mend but files that `repair` removes. (Measured: importing dlt takes 1.3 s, its first load of a
process 0.8 s, every further one 0.1 s.)

A batch's `totals` tell the landing gate what vanished: `deleted_rows`, `deleted_documents` and
`deleted_amount` count the batch's tombstones that are still the last word on their key (`tombstone_rows` as
first written), `deletions_accepted` is `yes` once somebody agreed. A slice's totals in the ledger are those
of the whole month as it stands after the batch, deleted rows left out.

What does not belong here: SQL of one ERP, Dagster, and judgement on deletions, which is the gate's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from connectors.changes import NOTHING, Comparison, Totals, open_engine
from connectors.company import Company, Erp, Paths
from connectors.contract import CRM_ENTITIES, ERP_ENTITIES, Entity
from connectors.contract import entity as contract_entity
from connectors.erp import sql, tryton
from connectors.erp.queries import MANDATORY, MappingQuery, check_mandatory, choose, find_queries
from connectors.erp.reading import (
    BEGINNING,
    Extract,
    Unreachable,
    catalogue,
    check_shape,
    open_erp,
    read_keys,
    read_unreached_keys,
    translated,
)
from connectors.erp.registrations import concealed
from connectors.errors import ConfigError, Place, SourceError
from connectors.feeds.customers import business_key, remember_key
from connectors.landing import forget_unrecorded, new_batch_id
from connectors.ledger import Batch, Ledger

if TYPE_CHECKING:
    import duckdb
    import sqlalchemy as sa

OVERLAP: Final = timedelta(hours=1)
"""Read again before the cursor: a transaction may commit after we read, with an older stamp."""

_PIPELINE: Final = "aval_erp"
_KINDS: Final = {"sql": sql.query_folders, "tryton": tryton.query_folders}

Progress = Callable[[str], object]
"""Called with a line of text that says how far the pull is."""

EntityState = Literal["landed", "unchanged", "not_connected"]


@dataclass(frozen=True)
class EntityPull:
    """What one pull did for one entity. Counts are rows; amounts exact decimals as text."""

    entity: str
    state: EntityState
    rows_read: int = 0
    rows_landed: int = 0
    deleted_rows: int = 0
    deleted_documents: int = 0
    deleted_amount: str = "0"
    restored_rows: int = 0
    batch_id: str | None = None
    file: Path | None = None
    cursor: str | None = None
    swept: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class PullSummary:
    """What one pull did, entity by entity in the order of the contract."""

    entities: tuple[EntityPull, ...]
    accepted_deletions: int = 0

    def __getitem__(self, name: str) -> EntityPull:
        return next(entity for entity in self.entities if entity.entity == name)

    @property
    def has_news(self) -> bool:
        """Whether anything was landed."""
        return any(entity.state == "landed" for entity in self.entities)

    @property
    def rows_landed(self) -> int:
        return sum(entity.rows_landed for entity in self.entities)

    @property
    def rows_read(self) -> int:
        return sum(entity.rows_read for entity in self.entities)

    @property
    def deleted_rows(self) -> int:
        return sum(entity.deleted_rows for entity in self.entities)

    @property
    def not_connected(self) -> tuple[str, ...]:
        """Entities without a mapping query: they stay empty."""
        return tuple(entity.entity for entity in self.entities if entity.state == "not_connected")


def repair(paths: Paths, ledger: Ledger) -> list[Path]:
    """Remove what a killed pull left: staged loads, `.part` files, and batches the ledger does not know."""
    removed = forget_unrecorded(paths.landing / "erp", ledger.known_batches("erp"))
    for folder in (_staging(paths), _dlt_home(paths)):
        if folder.exists():
            shutil.rmtree(folder)
            removed.append(folder)
    return removed


def queries_of(erp: Erp) -> dict[str, tuple[MappingQuery, ...]]:
    """The variants of each entity's query, but for entities that the ERP is said not to deliver."""
    found = find_queries(_KINDS[erp.kind](erp))
    return {name: variants for name, variants in found.items() if name not in erp.leave_out}


def check_queries(company: Company) -> Iterator[tuple[MappingQuery, SourceError | None]]:
    """Each query that a pull would run, and what is wrong with its tables or columns; no row is read.

    ConfigError if an entity is missing without which no figure can be made; Unreachable if the ERP is.
    """
    with open_erp(company.erp.connection_url()) as engine:
        queries = _connected(engine, queries_of(company.erp))
        check_mandatory(queries, company.erp.queries or Path(tryton.__file__).parent)
        for query in queries.values():
            try:
                check_shape(engine, query)
            except SourceError as fault:
                yield query, fault
            else:
                yield query, None


def refuse_two_sources(company: Company, place: Path) -> None:
    """ConfigError if ERP and a source both bring an entity: nobody could tell which of them is right."""
    for name in company.sources:
        if name in CRM_ENTITIES and name in queries_of(company.erp):
            raise ConfigError(
                "two_sources",
                f"{name} come from the ERP and from sources.{name}",
                f"take one of them away: sources.{name}, the ERP's mapping query, or with "
                f"erp.leave_out: [{name}] what the ERP has",
                Place(file=place),
            )


def pull_erp(
    paths: Paths,
    company: Company,
    ledger: Ledger,
    *,
    now: datetime,
    entities: Iterable[str] | None = None,
    accept_deleted: bool = False,
    progress: Progress | None = None,
    first_pause: float = 1.0,
) -> PullSummary:
    """Pull the ERP's entities (all, or those named) into landing and enter them in the ledger.

    `accept_deleted` marks deletions that are not accepted yet, those of this pull included, and lets an
    entity have no row any more. `first_pause` is the pause in seconds before the second attempt at an ERP
    that does not answer; it doubles up to 30 s.
    """
    wanted = [contract_entity("erp", name).name for name in entities] if entities is not None else None
    repair(paths, ledger)
    variants = queries_of(company.erp)
    puller = _Puller(paths, company, ledger, now, progress, first_pause, accept_deleted)
    pulled: list[EntityPull] = []
    with open_erp(company.erp.connection_url()) as engine, open_engine() as comparing:
        queries = puller.patiently(lambda: _connected(engine, variants))
        check_mandatory(queries, company.erp.queries or Path(tryton.__file__).parent)
        try:
            for entity in ERP_ENTITIES:
                if wanted is not None and entity.name not in wanted:
                    continue
                query = queries.get(entity.name)
                pulled.append(
                    puller.pull(engine, entity, query, comparing)
                    if query
                    else EntityPull(entity.name, "not_connected")
                )
        finally:
            for folder in (_staging(paths), _dlt_home(paths)):
                shutil.rmtree(folder, ignore_errors=True)
    accepted = ledger.accept_deletions("erp") if accept_deleted else 0
    return PullSummary(tuple(pulled), accepted)


def _connected(
    engine: sa.Engine, variants: Mapping[str, tuple[MappingQuery, ...]]
) -> dict[str, MappingQuery]:
    with translated():
        return choose(variants, catalogue(engine))


class _Puller:
    """One pull: what is the same for every entity of it."""

    def __init__(
        self,
        paths: Paths,
        company: Company,
        ledger: Ledger,
        now: datetime,
        progress: Progress | None,
        first_pause: float,
        accepts_deleted: bool,
    ) -> None:
        self._paths = paths
        self._erp = company.erp
        self._zone = company.zone
        self._ledger = ledger
        self._now = now
        self._progress = progress
        self._first_pause = first_pause
        self._accepts_deleted = accepts_deleted
        self._pipeline: Any = None

    def patiently(self, work: Callable[[], Any]) -> Any:
        """Do `work`, again after a growing pause while the ERP does not answer; SourceError in the end."""
        attempts = self._erp.retries + 1
        try:
            return Retrying(
                retry=retry_if_exception_type(Unreachable),
                wait=wait_exponential(multiplier=self._first_pause, max=30),
                stop=stop_after_attempt(attempts),
                reraise=True,
            )(work)
        except Unreachable as error:
            raise SourceError(
                "erp_unreachable",
                f"the ERP did not answer in {attempts} attempt{'s' if attempts > 1 else ''}: {error}",
                "nothing of the unfinished extract was landed; start again when the ERP is back",
            ) from error

    def pull(
        self, engine: sa.Engine, entity: Entity, query: MappingQuery, comparing: duckdb.DuckDBPyConnection
    ) -> EntityPull:
        started = time.monotonic()
        fingerprint = f"erp_query:{entity.name}"
        swept_at = f"erp_swept_at:{entity.name}"
        is_same_query = self._ledger.recall(fingerprint) == query.fingerprint
        read_from = f"erp_database:{entity.name}"
        # An earlier version did not remember it.
        is_same_database = self._ledger.recall(read_from) in (None, _identity(engine))
        reached = f"erp_cursor:{entity.name}"
        known_cursor = self._ledger.recall(reached)
        cursor = BEGINNING
        if query.uses_cursor and is_same_query and is_same_database and known_cursor:
            cursor = max(BEGINNING, datetime.fromisoformat(known_cursor) - OVERLAP)
        is_whole = cursor == BEGINNING
        with Comparison(self._paths.landing, entity, query.file, comparing) as comparison:
            extract = self._extract(engine, query, cursor, comparison)
            if not is_whole and _was_set_back(extract, known_cursor):
                extract = self._extract(engine, query, BEGINNING, comparison)
                is_whole = True
            is_swept = is_whole
            if is_whole:
                comparison.know_keys(None)
            elif self._sweep_is_due(swept_at):
                comparison.know_keys(self.patiently(lambda: read_keys(engine, query, self._zone)))
                is_swept = True
                if comparison.lacks_rows():
                    extract = self._extract(engine, query, BEGINNING, comparison)
                    comparison.know_keys(None)
            if is_swept:
                self._refuse_emptiness(query, comparison)
                self._refuse_rows_out_of_reach(engine, query, comparison)
            to_land = comparison.compare(keys_known=is_swept)
            # What is read whole says itself how far it goes, also where the ERP was set back.
            known = None if is_whole else known_cursor
            new_cursor = self._reached(known, extract) if query.uses_cursor else None
            batch = self._land(query, comparison, extract, new_cursor) if to_land else None
            pulled = EntityPull(
                entity=entity.name,
                state="landed" if batch else "unchanged",
                rows_read=extract.rows,
                swept=is_swept,
                seconds=round(time.monotonic() - started, 3),
                cursor=new_cursor,
                **(_counts(batch, self._paths) if batch else {}),
            )
        self._settle_deletions(entity)
        self._ledger.remember(fingerprint, query.fingerprint)
        self._ledger.remember(read_from, _identity(engine))
        if new_cursor is not None:
            self._ledger.remember(reached, new_cursor)
        if is_swept:
            self._ledger.remember(swept_at, self._now.isoformat())
        self._ledger.remember(f"erp_checked_at:{entity.name}", self._now.isoformat())
        return pulled

    def _reached(self, known: str | None, extract: Extract) -> str | None:
        """The newest `updated_at` read so far; a stamp in the future must not hide what comes before it."""
        if extract.newest is None:
            return known
        newest = min(extract.newest, self._now.astimezone(UTC).replace(tzinfo=None)).isoformat()
        return max(newest, known or "")

    def _sweep_is_due(self, name: str) -> bool:
        last = self._ledger.recall(name)
        hours = timedelta(hours=self._erp.sweep_hours)
        return last is None or self._now - datetime.fromisoformat(last) >= hours

    def _refuse_emptiness(self, query: MappingQuery, comparison: Comparison) -> None:
        """An ERP that suddenly has not one row of an entity is cut off, not cleaned up.

        Of invoice lines the gate tells which documents are gone.
        """
        name = query.entity.name
        if name == "invoice_lines" or comparison.key_count or not comparison.landed_rows:
            return
        remedy = "check the ERP's address and the rights of the account; nothing of it was changed"
        if name not in MANDATORY:
            if self._accepts_deleted:
                return
            remedy += "; if there is none any more, run once with --accept-deleted-documents"
        raise SourceError(
            "erp_empty",
            f"the ERP gives no row of {name}, and {comparison.landed_rows} were landed before",
            remedy,
            Place(file=query.file),
        )

    def _refuse_rows_out_of_reach(
        self, engine: sa.Engine, query: MappingQuery, comparison: Comparison
    ) -> None:
        """A NULL is never `>= :cursor`: the condition hides its row from every pull and every sweep."""
        if not query.uses_cursor:
            return
        keys = self.patiently(lambda: read_unreached_keys(engine, query, self._zone))
        hidden = comparison.not_among_keys(keys) if keys is not None else []
        if hidden:
            raise SourceError(
                "null_cursor",
                f"of {len(hidden):,} rows the query compares a NULL with :cursor, and would never read them",
                "compare what every row has, for example coalesce(updated_at, created_at) >= :cursor, "
                "and give the same as updated_at",
                Place(
                    file=query.file,
                    column=", ".join(query.entity.key),
                    value=" | ".join(map(str, hidden[0])),
                ),
            )

    def _extract(
        self, engine: sa.Engine, query: MappingQuery, cursor: datetime, comparison: Comparison
    ) -> Extract:
        def attempt() -> Extract:
            extract = Extract(engine, query, cursor, self._zone)
            tables = self._told(extract, query.entity)
            if query.entity.secret_columns and (whole := list(tables)):
                # Nothing of it is written before it is concealed, and names are compared with one another.
                remember_key(self._ledger, business_key(f"erp/{query.entity.name}.sql"))
                tables = iter([concealed(pa.concat_tables(whole), query.entity)])
            head = list(islice(tables, 2))
            if len(head) < 2:
                # Read to its end already, and whole in memory: there is no load that could break off. dlt,
                # whose start costs more than all the rest of a daily pull, is not even imported.
                comparison.take_tables(head)
            else:
                comparison.take(self._stage(chain(head, tables), extract, query.entity))
            return extract

        extract: Extract = self.patiently(attempt)
        return extract

    def _told(self, extract: Extract, entity: Entity) -> Iterator[pa.Table]:
        for table in extract:
            if self._progress is not None:
                self._progress(f"{entity.name}: {extract.rows:,} rows read")
            yield table

    def _stage(self, tables: Iterator[pa.Table], extract: Extract, entity: Entity) -> list[Path]:
        """Let dlt load the extract to staging; returns the files of the complete load."""
        if self._pipeline is None:
            self._pipeline = _new_pipeline(self._paths)
        import dlt
        from dlt.pipeline.exceptions import PipelineStepFailed

        resource = dlt.resource(tables, name=entity.name, write_disposition="append")
        try:
            info = self._pipeline.run(resource, loader_file_format="parquet")
        except PipelineStepFailed as error:
            shutil.rmtree(_dlt_home(self._paths), ignore_errors=True)
            self._pipeline = None
            raise extract.fault or error from error
        return _completed_files(_staging(self._paths), entity, info.loads_ids, extract.rows)

    def _land(
        self, query: MappingQuery, comparison: Comparison, extract: Extract, cursor: str | None
    ) -> Batch:
        entity = query.entity
        batch_id = _following_batch_id(self._ledger.last_batch_id(), self._now)
        changed, vanished = comparison.changed(), comparison.vanished()
        first, last = comparison.period()
        final = comparison.write(batch_id, f"{self._erp.kind}:{query.file.name}", self._now)
        batch = Batch(
            batch_id=batch_id,
            system="erp",
            source=entity.name,
            state="landed",
            received_at=self._now,
            landed_at=self._now,
            file_name=query.file.name,
            profile_hash=query.fingerprint,
            period_start_date=first,
            period_end_date=last,
            rows_read=extract.rows,
            rows_accepted=changed.rows,
            rows_skipped=extract.rows - changed.rows,
            bytes=final.stat().st_size,
            cursor_value=cursor,
            totals={
                "quantity": changed.quantity,
                "amount": changed.amount,
                "restored_rows": str(comparison.restored_rows()),
                "tombstone_rows": str(vanished.rows),
                **_deletions(vanished),
            },
        )
        self._ledger.record(batch, comparison.slices())
        return batch

    def _settle_deletions(self, entity: Entity) -> None:
        """Count again which tombstones stand: a document that came back no longer counts as deleted."""
        with_tombstones = [
            batch
            for batch in self._ledger.batches("erp", source=entity.name)
            if int(batch.totals.get("deleted_rows", "0"))
        ]
        if not with_tombstones:
            return
        with Comparison(self._paths.landing, entity) as landed:
            standing = landed.open_deletions()
        for batch in with_tombstones:
            totals = standing.get(batch.batch_id, NOTHING)
            self._ledger.amend_totals(batch.batch_id, _deletions(totals))


def _identity(engine: sa.Engine) -> str:
    """Changes with the database that is read, not with who reads it; it tells no secret."""
    address = engine.url.set(username=None, password=None).render_as_string(hide_password=False)
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def _was_set_back(extract: Extract, known_cursor: str | None) -> bool:
    """Whether the row that carried the newest `updated_at` is gone or bears an older one.

    So it is where a backup was restored: rows changed since then are as they were before, and older than the
    cursor. A row that was only deleted costs one whole reading.
    """
    if known_cursor is None:
        return False
    return extract.newest is None or extract.newest < datetime.fromisoformat(known_cursor)


def _deletions(totals: Totals) -> dict[str, str]:
    return {
        "deleted_rows": str(totals.rows),
        "deleted_documents": str(totals.documents),
        "deleted_amount": totals.amount,
    }


def _counts(batch: Batch, paths: Paths) -> dict[str, Any]:
    return {
        "rows_landed": batch.rows_accepted,
        "deleted_rows": int(batch.totals["deleted_rows"]),
        "deleted_documents": int(batch.totals["deleted_documents"]),
        "deleted_amount": batch.totals["deleted_amount"],
        "restored_rows": int(batch.totals["restored_rows"]),
        "batch_id": batch.batch_id,
        "file": paths.landing / "erp" / batch.source / f"{batch.batch_id}.parquet",
    }


def _following_batch_id(last: str | None, now: datetime) -> str:
    """A batch id greater than every former one, also if the clock stood still or was set back."""
    moment = now
    if last is not None:
        former = datetime.strptime(last.split("-", 1)[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
        moment = max(now, former + timedelta(microseconds=1))
    return new_batch_id(moment.astimezone(UTC))


def _staging(paths: Paths) -> Path:
    return paths.state / "erp_staging"


def _dlt_home(paths: Paths) -> Path:
    return paths.state / "dlt" / _PIPELINE


def _new_pipeline(paths: Paths) -> Any:
    # Read by dlt when it is imported or starts a pipeline; nothing is looked up outside this project.
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RESTORE_FROM_DESTINATION"] = "false"
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
    import dlt
    from dlt.destinations import filesystem

    return dlt.pipeline(
        pipeline_name=_PIPELINE,
        destination=filesystem(bucket_url=str(_staging(paths))),
        dataset_name="extracts",
        pipelines_dir=str(paths.state / "dlt"),
    )


def _completed_files(staging: Path, entity: Entity, loads: list[str], rows: int) -> list[Path]:
    """The Parquet files of loads that dlt entered as complete; SourceError if rows are missing in them."""
    import pyarrow.parquet as pq

    dataset = staging / "extracts"
    complete = {file.stem.split("__", 1)[1] for file in (dataset / "_dlt_loads").glob("*.jsonl")}
    files = [
        file
        for file in sorted((dataset / entity.name).glob("*.parquet"))
        if (load := file.name.rsplit(".", 2)[0]) in loads and load in complete
    ]
    staged = sum(pq.read_metadata(file).num_rows for file in files)
    if staged != rows:
        raise SourceError(
            "incomplete_load",
            f"{rows} rows of {entity.name} were read and {staged} were staged",
            "nothing was landed; start again, and look for a full disk",
            Place(file=dataset),
        )
    return files
