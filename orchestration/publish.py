"""Publication: what the gates let through becomes what everybody reads, in one atomic switch.

The warehouse is checkpointed and copied aside, everything but `core` and `marts` is dropped from the
copy, `marts.publication` says what it is, the file is fsynced and renamed to
`published/<version>.duckdb`, and only then `published/current.duckdb` points to it. A crash before the
switch leaves the former version in place; readers of an older version keep it until they close it,
because an unlinked file lives as long as it is open.

What belongs here: writing, switching and pruning versions. What does not: deciding whether the data
are good enough (`orchestration.gates`), and knowing Dagster.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import duckdb

from connectors.errors import AvalError
from connectors.landing import fsync_folder
from orchestration.closed_rows import CLOSED, write_closed_rows

PUBLIC_SCHEMAS: Final = ("core", "marts")
READABLE_BY_ALL: Final[dict[str, str | bool | int | float | list[str]]] = {
    "experimental_metadata_reuse": False
}
"""How DuckDB writes a file that others read: where it keeps the metadata of unchanged tables in place,
clients older than 1.4.4 can refuse the file ("Failed to load metadata pointer")."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class GateOutcome:
    """What one gate said about the data that are published, for the record; `warned` in sentences."""

    gate: str
    passed: bool
    scope: str
    checks: int
    failed: int
    warnings: int = 0
    warned: Sequence[str] = ()


@dataclass(frozen=True)
class Coverage:
    """How far the sources reached: what a reader must know to trust a missing figure."""

    newest_invoice_date: date | None = None
    newest_sell_out_date: date | None = None
    reports_expected: int = 0
    reports_received: int = 0
    reports_missing: Sequence[str] = ()


@dataclass(frozen=True)
class Publication:
    """A published version: its name, its file, and rows by table."""

    version: str
    path: Path
    bytes: int
    rows: Mapping[str, int]
    parquet: Path | None = None


_TABLE: Final = """
create table marts.publication (
    publication_id varchar not null,
    run_id varchar not null,
    published_at timestamp not null,
    code_version varchar not null,
    as_of_date date not null,
    newest_invoice_date date,
    newest_sell_out_date date,
    reports_expected integer not null,
    reports_received integer not null,
    reports_missing varchar not null,
    gate_results varchar not null
)
"""
_COMMENTS: Final = {
    "publication_id": "Version of this publication; also the name of its file.",
    "run_id": "Run that built and checked the data, as in the history of Dagster.",
    "published_at": "When it was published (UTC).",
    "code_version": "Version and fingerprint of Aval that built it.",
    "as_of_date": "Day that the figures are as of.",
    "newest_invoice_date": "Newest invoice or credit note in the data.",
    "newest_sell_out_date": "Newest day for which a partner reported sell-out.",
    "reports_expected": "Partner reports due by as_of_date.",
    "reports_received": "Of these, how many were received and accepted.",
    "reports_missing": "Those that are missing, feed and period, as a JSON list.",
    "gate_results": "What each gate checked and found, as JSON.",
}


def publish(
    warehouse: Path,
    published: Path,
    *,
    run_id: str,
    code_version: str,
    as_of: date,
    gates: Sequence[GateOutcome],
    coverage: Coverage,
    keep: int,
    parquet: bool,
    pinned: Collection[str] = (),
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Publication:
    """Publish the warehouse as a new version and switch `current` to it.

    The newest `keep` versions stay, and those `pinned` by closed months. `gates` must hold a passed
    outcome of `core` and of `marts`: AvalError otherwise.
    """
    passed = {outcome.gate for outcome in gates if outcome.passed}
    if not {"core", "marts"} <= passed or not all(outcome.passed for outcome in gates):
        raise AvalError(
            "gate_closed",
            "the data have not passed the gates core and marts",
            "see the gate's message above; nothing has been published",
        )
    say = progress or (lambda _: None)
    moment = now or datetime.now(UTC)
    version = f"{moment.astimezone(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"
    published.mkdir(parents=True, exist_ok=True)
    checkpoint(warehouse)

    part = published / f".{version}.duckdb.part"
    say("copying the warehouse aside")
    try:
        shutil.copyfile(warehouse, part)
        rows = _strip(part, version, run_id, code_version, as_of, gates, coverage, moment)
        parquet_folder = None
        if parquet:
            say("writing Parquet")
            parquet_folder = _export_parquet(part, published / "parquet", version)
        _fsync(part)
        final = published / f"{version}.duckdb"
        part.replace(final)
    finally:
        part.unlink(missing_ok=True)
        part.with_name(part.name + ".wal").unlink(missing_ok=True)
    fsync_folder(published)
    say("switching to the new version")
    if parquet_folder is not None:
        _switch(published / "parquet" / "current", parquet_folder.name)
    _switch(published / "current.duckdb", final.name)
    prune(published, keep, pinned)
    return Publication(version, final, final.stat().st_size, rows, parquet_folder)


def checkpoint(warehouse: Path) -> None:
    """Fold the write-ahead log into the warehouse file, so that the file alone is the whole."""
    connection = duckdb.connect(str(warehouse))
    try:
        connection.execute("checkpoint")
    finally:
        connection.close()


def current_version(published: Path) -> str | None:
    """The version that readers get now, or None before the first publication."""
    link = published / "current.duckdb"
    return link.resolve().stem if link.exists() else None


def newest_version(published: Path) -> str | None:
    """The version that was published last, whichever one readers are shown; None before the first."""
    return next(reversed(versions(published)), None)


def standing(published: Path, version: str) -> Publication:
    """A version that is published already, as `publish` gave it."""
    path = published_file(published, version)
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = _row_counts(connection)
    parquet = published / "parquet" / version
    return Publication(version, path, path.stat().st_size, rows, parquet if parquet.is_dir() else None)


def published_file(published: Path, version: str | None = None) -> Path:
    """The file of the publication that readers get now, by its version's name, or of another one; AvalError
    if it is not there.
    """
    wanted = version or current_version(published)
    path = published / f"{wanted}.duckdb"
    if wanted is None or not path.is_file():
        what = "nothing has been published" if wanted is None else f"there is no publication {wanted}"
        raise AvalError(
            "no_publication",
            f"{what} in {published}",
            "`aval run`, or name with --data or AVAL_DATA where the company's data lie"
            if version is None
            else "name a file of that folder, without .duckdb",
        )
    return path


def require_mart(connection: duckdb.DuckDBPyConnection, mart: str) -> None:
    """AvalError if the publication was built before there was this mart."""
    if not has_mart(connection, mart):
        raise AvalError(
            "no_publication", f"what is published was built before there was {mart}", "run: aval run"
        )


def fault_of_age(error: BaseException) -> AvalError | None:
    """The fault of a publication without a table or column that this version of Aval reads, if it is one."""
    found = str(error).partition("\n")[0]
    is_missing = "not found in FROM clause" in found or "does not exist" in found
    if not (isinstance(error, duckdb.BinderException | duckdb.CatalogException) and is_missing):
        return None
    return AvalError(
        "no_publication",
        f"what is published was built by another version of Aval, which wrote it otherwise: {found}",
        "run: aval run; what says the same after that is a fault of Aval's own",
    )


def has_mart(connection: duckdb.DuckDBPyConnection, mart: str) -> bool:
    """Whether the publication holds this mart."""
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'marts' and table_name = ?", [mart]
    ).fetchone()
    return found == (1,)


def versions(published: Path) -> list[str]:
    """Versions that are kept, oldest first."""
    return sorted(path.stem for path in published.glob("*.duckdb") if not path.is_symlink())


def prune(published: Path, keep: int, pinned: Collection[str] = ()) -> list[str]:
    """Remove all but the newest `keep` versions, the current one and those `pinned`; returns what went."""
    stay = {current_version(published), *pinned}
    removed = [version for version in versions(published)[:-keep] if version not in stay]
    for version in removed:
        (published / f"{version}.duckdb").unlink()
    kept = set(versions(published))
    parquet = published / "parquet"
    if parquet.is_dir():
        for folder in parquet.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.name not in kept:
                shutil.rmtree(folder)
    return removed


def remove_leftovers(published: Path) -> list[Path]:
    """Remove what a killed publication left half written; returns what was removed."""
    leftovers = [*published.glob(".*.part"), *published.glob(".*.part.wal")]
    leftovers += published.glob("parquet/.*.part")
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return leftovers


def _strip(
    part: Path,
    version: str,
    run_id: str,
    code_version: str,
    as_of: date,
    gates: Sequence[GateOutcome],
    coverage: Coverage,
    moment: datetime,
) -> dict[str, int]:
    """Leave only what is public in the copy and add `marts.publication`; returns rows by table."""
    connection = duckdb.connect(str(part), config=READABLE_BY_ALL)
    try:
        schemas = connection.execute(
            "select distinct schema_name from duckdb_schemas() "
            "where database_name = current_database() and not internal"
        ).fetchall()
        # Views may stand on one another over schemas, so those that go go first.
        for schema, view in connection.execute(
            "select schema_name, view_name from duckdb_views() "
            "where database_name = current_database() and not internal"
        ).fetchall():
            if schema not in PUBLIC_SCHEMAS:
                connection.execute(f'drop view if exists "{schema}"."{view}"')
        for (schema,) in schemas:
            if schema not in PUBLIC_SCHEMAS and schema != "main":
                connection.execute(f'drop schema "{schema}" cascade')
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() "
            "where database_name = current_database() and schema_name = 'main' and not internal"
        ).fetchall():
            connection.execute(f'drop table main."{table}"')
        _refuse_broken_views(connection)
        connection.execute("create schema if not exists marts")
        write_closed_rows(connection)
        connection.execute("drop table if exists marts.publication")
        connection.execute(_TABLE)
        connection.execute(
            "insert into marts.publication values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                version,
                run_id,
                moment.astimezone(UTC).replace(tzinfo=None),
                code_version,
                as_of,
                coverage.newest_invoice_date,
                coverage.newest_sell_out_date,
                coverage.reports_expected,
                coverage.reports_received,
                json.dumps(list(coverage.reports_missing)),
                json.dumps([vars(outcome) for outcome in gates]),
            ],
        )
        connection.execute(
            "comment on table marts.publication is "
            "'Grain: one row, this publication: what it holds, from what, and what was checked.'"
        )
        for column, text in _COMMENTS.items():
            connection.execute(f"comment on column marts.publication.{column} is '{text}'")
        rows = _row_counts(connection)
        connection.execute("checkpoint")
    finally:
        connection.close()
    return rows


def _row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return {
        f"{schema}.{table}": int(count)
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = current_database() and not internal order by all"
        ).fetchall()
        for (count,) in connection.execute(f'select count(*) from "{schema}"."{table}"').fetchall()
    }


def _refuse_broken_views(connection: duckdb.DuckDBPyConnection) -> None:
    """A public view reads public tables, by names that hold in any file; AvalError of one that does not."""
    for schema, view in connection.execute(
        "select schema_name, view_name from duckdb_views() "
        "where database_name = current_database() and not internal order by all"
    ).fetchall():
        try:
            connection.execute(f'select * from "{schema}"."{view}" limit 0')
        except duckdb.Error as error:
            raise AvalError(
                "public_view",
                f"the public view {schema}.{view} cannot be read in the published file: {error}",
                "let it read core and marts alone, each by of_this_file(ref(…)), or make it a table",
            ) from error


def goes_beyond_the_file(schema: str, table: str) -> bool:
    """Whether Parquet and PostgreSQL hold this public table: marts, closed rows, and the dimensions to which
    their codes lead.

    Facts do not: billions of lines would be written again every day for readers that have them in the file.
    """
    return schema in ("marts", CLOSED) or (schema == "core" and table.startswith("dim_"))


def _export_parquet(part: Path, parquet: Path, version: str) -> Path:
    """Write these tables as `<version>/<schema>/<table>.parquet`, whole or not at all."""
    folder = parquet / f".{version}.part"
    connection = duckdb.connect(str(part), read_only=True)
    try:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = current_database() and not internal order by all"
        ).fetchall()
        for schema, table in tables:
            if not goes_beyond_the_file(schema, table):
                continue
            (folder / schema).mkdir(parents=True, exist_ok=True)
            target = folder / schema / f"{table}.parquet"
            connection.execute(
                f'copy {schema}."{table}" to ? (format parquet, compression zstd)', [str(target)]
            )
            _fsync(target)
        for written in folder.iterdir():
            fsync_folder(written)
    finally:
        connection.close()
    final = parquet / version
    folder.replace(final)
    fsync_folder(parquet)
    return final


def _switch(link: Path, target: str) -> None:
    """Let `link` point to `target` beside it, atomically: a reader finds the one or the other.

    A folder in the link's place, as a copy that followed links leaves it, goes with the next pruning.
    """
    fresh = link.with_name(f".{link.name}.{secrets.token_hex(4)}.part")
    fresh.symlink_to(target)
    if link.is_dir() and not link.is_symlink():
        link.replace(link.with_name(f".{link.name}.{secrets.token_hex(4)}.part"))
    fresh.replace(link)
    fsync_folder(link.parent)


def _fsync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
