"""Where landed data lies, and how a file gets there whole or not at all.

Layout: `<landing>/<system>/<entity>/…/<batch_id>.parquet`, immutable. Each entity's folder also holds
`_schema.parquet`, typed and without rows, so that a reader finds every column before the first batch.
What a batch is worth (live, superseded, rejected) is not here but in `connectors.ledger`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from connectors.contract import ENTITIES, Entity


def new_batch_id(moment: datetime | None = None) -> str:
    """A batch identity that sorts by time: `20260630T060000-1a2b3c4d`."""
    stamp = (moment or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S%f")
    return f"{stamp}-{secrets.token_hex(4)}"


def batch_ids(moment: datetime, newest: str | None) -> Iterator[str]:
    """Batch identities that sort after `newest` and after one another, however the clock stands."""
    while True:
        if newest is not None:
            last = datetime.strptime(newest.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
            moment = max(moment.astimezone(UTC), last + timedelta(microseconds=1))
        newest = new_batch_id(moment.astimezone(UTC))
        yield newest


def entity_folder(landing: Path, entity: Entity) -> Path:
    return landing / entity.system / entity.name


@contextmanager
def atomic_file(final: Path) -> Iterator[Path]:
    """Yield a path beside `final`; on leaving without error it is fsynced and renamed to `final`.

    After a crash only a file ending in `.part` can be left over, which no reader looks at.
    """
    with atomic_files([final]) as (part,):
        yield part


@contextmanager
def atomic_files(finals: Sequence[Path]) -> Iterator[list[Path]]:
    """`atomic_file` for several files: none is renamed before all are on disk; a folder is fsynced once."""
    parts = [final.with_name(f".{final.name}.{secrets.token_hex(4)}.part") for final in finals]
    folders = {final.parent for final in finals}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield parts
        for part in parts:
            with part.open("rb") as handle:
                os.fsync(handle.fileno())
        for part, final in zip(parts, finals, strict=True):
            part.replace(final)
        for folder in folders:
            fsync_folder(folder)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def fsync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def column_definitions(entity: Entity) -> str:
    """The entity's columns as SQL, `name type, …`, provenance included."""
    return ", ".join(f'"{column.name}" {column.type}' for column in entity.all_columns)


def write_schemas(landing: Path) -> None:
    """Write the empty `_schema.parquet` of every contract entity, anew where the contract changed."""
    connection = duckdb.connect()
    try:
        for entity in ENTITIES.values():
            connection.execute(f"create or replace table empty ({column_definitions(entity)})")
            with atomic_file(entity_folder(landing, entity) / "_schema.parquet") as part:
                connection.execute("copy empty to ? (format parquet)", [str(part)])
    finally:
        connection.close()


def forget_unrecorded(folder: Path, known: Collection[str]) -> list[Path]:
    """Remove what a killed intake left below a system's folder: half files, and batches that are not `known`
    to the ledger; returns what was removed.
    """
    removed = remove_leftovers(folder) if folder.is_dir() else []
    for file in sorted(folder.rglob("*.parquet")):
        if not file.name.startswith("_") and file.stem not in known:
            file.unlink()
            removed.append(file)
    return removed


def remove_leftovers(landing: Path) -> list[Path]:
    """Remove `.part` files that a killed run left; returns what was removed."""
    leftovers = sorted(landing.rglob(".*.part"))
    for path in leftovers:
        path.unlink()
    return leftovers
