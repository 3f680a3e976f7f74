"""Erasing one customer everywhere: in what partners reported, in the warehouse, and in what was published.

DuckDB leaves freed blocks in its file, so a file that bore the customer is written anew. Publications keep
their version: they are the same figures without the customer, and open readers keep the file they have. What
belongs here: that, under the run lock. What does not: landing, archive and inbox (`connectors.privacy`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from connectors import privacy
from connectors.contract import PERSON_KEYS, is_of_person
from connectors.errors import AvalError
from connectors.feeds.table import quoted
from connectors.landing import atomic_file
from connectors.ledger import Erasure, Ledger
from orchestration.defs.resources import repair
from orchestration.lock import run_lock
from orchestration.plan import save_sent
from orchestration.publish import READABLE_BY_ALL
from orchestration.release import send
from orchestration.settings import Settings


@dataclass(frozen=True)
class Erased:
    """What was erased. `left` names what could not be looked into or reached; `tables` are rows of built
    tables.
    """

    entry: Erasure
    tables: int
    left: tuple[str, ...]


def erase(settings: Settings, partner: str, texts: Iterable[str]) -> Erased:
    """Erase the customer of a partner that the texts name, under the current key and all former ones."""
    who = privacy.wanted(partner, texts)
    with run_lock(settings.paths.state, "aval privacy erase"), Ledger(settings.paths.ledger) as ledger:
        # Folds in what a killed run left beside the warehouse: the log belongs to the file as it was.
        repair(settings)
        entry, left = privacy.erase(
            settings.paths, settings.company, settings.profiles, ledger, who, now=datetime.now(UTC)
        )
        published = settings.paths.published
        databases = [settings.paths.warehouse, *sorted(published.glob("*.duckdb"))]
        tables = sum(
            forget_in_database(path, who) for path in databases if path.is_file() and not path.is_symlink()
        )
        for path in sorted(published.rglob("*.parquet")):
            if any(is_of_person(name) for name in _parquet_columns(path)):
                tables += privacy.forget_in_parquet(path, who)
        if settings.company.publish.postgresql is not None and settings.current.is_file():
            # Until it has the file as it is now, it has no publication: a run that follows sends it.
            save_sent(ledger, None)
            try:
                send(settings, ledger)
            except AvalError as error:
                left = (*left, f"PostgreSQL still names the customer: {error}")
    return Erased(entry, tables, left)


def forget_in_database(path: Path, who: privacy.Wanted) -> int:
    """Take the customer out of every table of a DuckDB file; returns how many rows bore it.

    The file is only read, as its readers do, and replaced by one that was written anew.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        found = [
            (f'"{schema}"."{table}"', f'"{column}"')
            for schema, table, column in connection.execute(
                "select c.schema_name, c.table_name, c.column_name from duckdb_columns() as c "
                "join duckdb_tables() as t using (database_name, schema_name, table_name) "
                "where c.database_name = current_database() "
                f"and regexp_matches(c.column_name, '({'|'.join(PERSON_KEYS)})$')"
            ).fetchall()
        ]
        bearing = {
            (table, column): int(count)
            for table, column in found
            for (count,) in connection.execute(
                f"select count(*) from {table} where {column} in ({who.in_sql()})"
            ).fetchall()
            if count
        }
    if bearing:
        _rewrite(path, [f"update work.{t} set {c} = null where {c} in ({who.in_sql()})" for t, c in bearing])
    return sum(bearing.values())


def _rewrite(path: Path, changes: Sequence[str]) -> None:
    """Change a DuckDB file and write it anew, without the blocks that the change has freed."""
    with atomic_file(path) as part:
        work = part.with_name(part.name.removesuffix(".part") + ".work.part")
        try:
            with duckdb.connect(config=READABLE_BY_ALL) as connection:
                connection.execute(f"attach {quoted(str(path))} as old (read_only)")
                connection.execute(f"attach {quoted(str(work))} as work")
                connection.execute(f"attach {quoted(str(part))} as new")
                connection.execute("copy from database old to work")
                for change in changes:
                    connection.execute(change)
                connection.execute("copy from database work to new")
                for comment in _comments(connection):
                    connection.execute(comment)
                connection.execute("checkpoint new")
        finally:
            for leftover in (work, *(item.with_name(item.name + ".wal") for item in (work, part))):
                leftover.unlink(missing_ok=True)


def _comments(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Statements that give the copy the comments of the original: copying a database leaves them out."""
    rows = connection.execute(
        "select 'table', concat_ws('.', 'new', schema_name, table_name), comment "
        "from duckdb_tables() where database_name = 'old' and comment is not null union all "
        "select 'view', concat_ws('.', 'new', schema_name, view_name), comment "
        "from duckdb_views() where database_name = 'old' and comment is not null union all "
        "select 'column', concat_ws('.', 'new', schema_name, table_name, column_name), comment "
        "from duckdb_columns() where database_name = 'old' and comment is not null"
    ).fetchall()
    return [f"comment on {kind} {name} is {quoted(comment)}" for kind, name, comment in rows]


def _parquet_columns(path: Path) -> set[str]:
    with duckdb.connect() as connection:
        rows = connection.execute("select name from parquet_schema(?)", [str(path)]).fetchall()
    return {name for (name,) in rows}
