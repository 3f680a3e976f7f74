"""The register of closed months: closings, reopenings and figures in landing, and in the intake ledger.

A closed month's figures are immutable like all that landed: a change of theirs is one more row, a reopening
one more event. What belongs here: landing and reading the register. What does not: whether a month may be
closed and which figures it has (`orchestration.closing`), and what a change is worth (the models).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import pyarrow as pa

from connectors.contract import Entity, entity
from connectors.landing import batch_ids, entity_folder
from connectors.ledger import Batch, Ledger, Slice, write_rows

SYSTEM: Final = "closing"
SOURCE: Final = "aval close"


@dataclass(frozen=True)
class Event:
    """A month was closed or reopened; instants are UTC. A reopening has nothing of a publication."""

    closing_code: str
    month_start_date: date
    action_code: Literal["closed", "reopened"]
    done_at: datetime
    done_by: str
    reason: str | None = None
    publication_code: str | None = None
    run_code: str | None = None
    published_at: datetime | None = None
    as_of_date: date | None = None
    code_version: str | None = None
    gate_results: str | None = None
    last_batch_code: str | None = None
    figure_count: int | None = None
    remarks: str | None = None


@dataclass(frozen=True)
class Closing:
    """One closing of a month, and its reopening if there was one."""

    closed: Event
    reopened: Event | None = None

    @property
    def month(self) -> date:
        return self.closed.month_start_date

    @property
    def is_closed(self) -> bool:
        return self.reopened is None


def closings(landing: Path, ledger: Ledger) -> list[Closing]:
    """Every closing that ever was, by month, then by time."""
    files = _files(landing, ledger, "events")
    if not files:
        return []
    columns = ", ".join(field.name for field in fields(Event))
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {columns} from read_parquet(?, union_by_name = true)", [files]
        ).fetchall()
    events = [Event(*(_as_utc(value) for value in row)) for row in rows]
    reopened = {event.closing_code: event for event in events if event.action_code == "reopened"}
    found = [
        Closing(event, reopened.get(event.closing_code)) for event in events if event.action_code == "closed"
    ]
    return sorted(found, key=lambda item: (item.month, item.closed.done_at))


def pinned_publications(landing: Path, ledger: Ledger) -> set[str]:
    """Publications that closed months come from; they are kept."""
    return {item.closed.publication_code or "" for item in closings(landing, ledger) if item.is_closed}


def land_event(landing: Path, ledger: Ledger, event: Event, figures: pa.Table | None = None) -> None:
    """Land a closing with its figures, or a reopening, and enter all of it in one transaction.

    `figures` has the entity's columns without provenance. Killed before the transaction nothing is closed: a
    file that the ledger does not know is not read.
    """
    ids = batch_ids(event.done_at, ledger.last_batch_id())
    tables = {"figures": figures} if figures is not None else {}
    names = [field.name for field in fields(Event)]
    tables["events"] = pa.table({name: [_as_stored(asdict(event)[name])] for name in names})
    slice_key = f"closing|{event.closing_code}"
    month = event.month_start_date
    entries = []
    for name, rows in tables.items():
        batch, file = _land(landing, entity(SYSTEM, name), rows, next(ids), event.done_at)
        entries.append((batch, [Slice(SYSTEM, name, slice_key, month, month, rows.num_rows, file=file)]))
    ledger.record_all(entries)


def land_changes(landing: Path, ledger: Ledger, figures: pa.Table, now: datetime) -> int:
    """Land changes of closed figures as they are booked; returns how many were new.

    Nothing has to be built because of them: the warehouse that they come from holds them. A change that has
    landed already, in a run that was killed before it published, stays as it was booked then.
    """
    files = _files(landing, ledger, "figures")
    if files and figures.num_rows:
        key = ", ".join(entity(SYSTEM, "figures").key)
        with duckdb.connect() as connection:
            connection.register("changes", figures)
            figures = connection.execute(
                "select * from changes anti join read_parquet(?, union_by_name = true) as known "
                f"using ({key})",
                [files],
            ).to_arrow_table()
    if not figures.num_rows:
        return 0
    batch_id = next(batch_ids(now, ledger.last_batch_id()))
    batch, _ = _land(landing, entity(SYSTEM, "figures"), figures, batch_id, now)
    ledger.record(batch)
    return batch.rows_accepted


def _files(landing: Path, ledger: Ledger, name: str) -> list[str]:
    folder = entity_folder(landing, entity(SYSTEM, name))
    return [
        str(folder / f"{batch.batch_id}.parquet") for batch in ledger.batches(SYSTEM) if batch.source == name
    ]


def _land(landing: Path, target: Entity, rows: pa.Table, batch_id: str, now: datetime) -> tuple[Batch, str]:
    """Write one file; returns its batch, not yet in the ledger, and its path within landing."""
    now = now.astimezone(UTC)
    final = entity_folder(landing, target) / f"{batch_id}.parquet"
    batch = Batch(
        batch_id=batch_id,
        system=SYSTEM,
        source=target.name,
        state="landed",
        received_at=now,
        landed_at=now,
        file_name=SOURCE,
        rows_read=rows.num_rows,
        rows_accepted=rows.num_rows,
    )
    with duckdb.connect() as engine:
        write_rows(final, target, rows, batch, engine)
    return batch, final.relative_to(landing).as_posix()


def _as_stored(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _as_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
