"""The publication in PostgreSQL, for BI tools that do not read a DuckDB file.

Marts, dimensions and closed rows stand there under the names that they have in the published file. All is
brought over in one transaction: readers see the former publication until it ends and the new one afterwards,
and wait for nothing. A part is the rows of one week or month of a table that has such a column, else the
whole table; only parts that have changed are replaced. What stands there is noted in the schema `aval` of the
same database, so that a database which was restored from yesterday is brought up to date like any other.

What belongs here: that database. What does not: what is published (`orchestration.publish`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import psycopg2
import sqlalchemy as sa
from sqlalchemy import exc
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from connectors.company import PostgresqlTarget
from connectors.errors import AvalError, ConfigError
from orchestration.plan import Sent
from orchestration.publish import Progress, goes_beyond_the_file

NOTES: Final = "aval"
"""The schema in which Aval notes what it has written."""
SENDING: Final = "publish_postgresql"
"""The step of a run that sends the publication."""
PERIODS: Final = ("week_start_date", "month_start_date")
"""Columns by which a table's rows are replaced in parts; the first that it has."""

_NULL: Final = r"\N"
_notes: Final = sa.MetaData(schema=NOTES)
_TABLES: Final = sa.Table(
    "published_tables",
    _notes,
    sa.Column("schema_name", sa.Text, primary_key=True),
    sa.Column("table_name", sa.Text, primary_key=True),
    sa.Column("company_code", sa.Text, nullable=False),
    sa.Column("shape", sa.Text, nullable=False),
    comment="Tables that Aval has written into this database, and for which company.",
)
_PARTS: Final = sa.Table(
    "published_parts",
    _notes,
    sa.Column("schema_name", sa.Text, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("period_start_date", sa.Date),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    sa.Column("content", sa.Numeric(38, 0), nullable=False),
    comment="Rows of each part of these tables, and a sum over what they hold.",
)

_FOLDERS: Final = sa.Table(
    "published_from",
    _notes,
    sa.Column("folder", sa.Text, primary_key=True),
    comment="The one folder whose publications stand in this database.",
)

Part = tuple[int, Decimal]
"""Rows, and the sum of their hashes."""


class NotNow(AvalError):
    """The server does not answer, or somebody holds what has to change: it may pass."""


@dataclass(frozen=True)
class _Table:
    """One published table: columns as name, DuckDB's type and comment."""

    schema: str
    name: str
    comment: str | None
    columns: tuple[tuple[str, str, str | None], ...]

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> str:
        return f'"{self.schema}"."{self.name}"'

    @property
    def shape(self) -> str:
        """Changes with columns, types and comments."""
        return hashlib.sha256(repr((self.comment, self.columns)).encode()).hexdigest()

    @property
    def period(self) -> str | None:
        names = {name for name, _, _ in self.columns}
        return next((period for period in PERIODS if period in names), None)

    def in_postgresql(self) -> sa.Table:
        columns = [
            sa.Column(name, _type(kind, f"{self.full_name}.{name}"), comment=text)
            for name, kind, text in self.columns
        ]
        made = sa.Table(self.name, sa.MetaData(), *columns, schema=self.schema, comment=self.comment)
        if self.period:
            sa.Index(None, made.c[self.period])
        return made


def send(target: PostgresqlTarget, company: str, publication: Path, progress: Progress | None = None) -> Sent:
    """Bring a published DuckDB file to PostgreSQL, whole or not at all.

    NotNow if the server does not answer after the target's retries; AvalError if it refuses, if a table that
    Aval has not written stands in the way, or if the database holds another company or data directory.
    """
    say = progress or (lambda _: None)
    tries = Retrying(
        retry=retry_if_exception_type(NotNow),
        stop=stop_after_attempt(target.retries + 1),
        wait=wait_exponential(multiplier=1, max=30),
        reraise=True,
    )
    return tries(_send_once, target, company, publication, say)


def probe(target: PostgresqlTarget, company: str, published: Path) -> str:
    """Look whether publications of this folder can be written to the database; returns the server's version.

    AvalError as `send`.
    """
    with _open(target) as engine, engine.begin() as connection:
        _take_over(connection, company, published)
        version = connection.dialect.server_version_info or ()
        connection.rollback()
    return ".".join(str(part) for part in version)


def _send_once(target: PostgresqlTarget, company: str, publication: Path, say: Progress) -> Sent:
    changed: dict[str, int] = {}
    with (
        duckdb.connect(str(publication), read_only=True) as source,
        # Removed with other leftovers if the process is killed.
        TemporaryDirectory(prefix=".", suffix=".part", dir=publication.parent) as folder,
        _open(target) as engine,
    ):
        tables = _published_tables(source)
        with engine.begin() as connection:
            _take_over(connection, company, publication.parent)
            standing = _standing(connection)
            for table in tables:
                say(f"PostgreSQL: {table.full_name}")
                former = standing.get((table.schema, table.name))
                written = _replace(source, connection, table, company, former, Path(folder))
                if written is not None:
                    changed[table.full_name] = written
            for schema, name in standing.keys() - {(table.schema, table.name) for table in tables}:
                _remove(connection, schema, name)
        _tidy(engine, [table for table in tables if table.full_name in changed])
    return Sent(publication.stem, sum(changed.values()), len(changed))


def _published_tables(source: duckdb.DuckDBPyConnection) -> list[_Table]:
    found = source.execute(
        "select t.schema_name, t.table_name, t.comment, "
        "list([c.column_name, c.data_type, c.comment] order by c.column_index) "
        "from duckdb_tables() as t join duckdb_columns() as c using (database_name, schema_name, table_name) "
        "where t.database_name = current_database() and not t.internal group by all order by all"
    ).fetchall()
    return [
        _Table(schema, name, comment, tuple((column, kind, text) for column, kind, text in columns))
        for schema, name, comment, columns in found
        if goes_beyond_the_file(schema, name)
    ]


_SIMPLE: Final[dict[str, Callable[[], sa.types.TypeEngine[Any]]]] = {
    "VARCHAR": sa.Text,
    "BOOLEAN": sa.Boolean,
    "DATE": sa.Date,
    "TIMESTAMP": sa.TIMESTAMP,
    "SMALLINT": sa.SmallInteger,
    "INTEGER": sa.Integer,
    "BIGINT": sa.BigInteger,
    "HUGEINT": lambda: sa.Numeric(39, 0),
    "DOUBLE": sa.Double,
}


def _type(kind: str, column: str) -> sa.types.TypeEngine[Any]:
    if simple := _SIMPLE.get(kind):
        return simple()
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        return sa.Numeric(int(decimal[1]), int(decimal[2]))
    raise AvalError(
        "postgresql_type",
        f"{column} is of type {kind}, which has no counterpart in PostgreSQL here",
        "give the column another type in its model, or name the counterpart in orchestration/postgresql.py",
    )


def _take_over(connection: sa.Connection, company: str, published: Path) -> None:
    """Make sure that this database is this company's, and that nobody else publishes to it now.

    Nor another data directory of the company: what somebody tries out with `--data` must not reach readers.
    """
    # What changes columns waits for readers; not for ever, since others then wait behind it.
    connection.execute(sa.text("set local lock_timeout = '60s'"))
    connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('aval publication'))"))
    _make_schema(connection, NOTES)
    _notes.create_all(connection)
    other = connection.execute(
        sa.select(_TABLES.c.company_code).where(_TABLES.c.company_code != company).limit(1)
    ).scalar()
    if other is not None:
        raise AvalError(
            "postgresql_other_company",
            f"the database holds the publication of the company {other}",
            "name a database of its own in publish.postgresql.url; one database holds one company",
        )
    folder = str(published.resolve())
    known = connection.execute(sa.select(_FOLDERS.c.folder)).scalar()
    if known is None:
        connection.execute(_FOLDERS.insert().values(folder=folder))
    elif known != folder:
        raise AvalError(
            "postgresql_other_data",
            f"the database holds what was published in {known}, and this is {folder}",
            "to try something out, name another database in publish.postgresql.url; if the data directory "
            f"was moved, `delete from {_FOLDERS.fullname}` in the database and run again",
        )


def _make_schema(connection: sa.Connection, name: str) -> None:
    # "If not exists" would ask for the right to make schemas also where an administrator has made this one.
    if not sa.inspect(connection).has_schema(name):
        connection.execute(sa.schema.CreateSchema(name))


def _standing(connection: sa.Connection) -> dict[tuple[str, str], str]:
    """Shapes of the tables that Aval wrote and that are still there, by schema and name."""
    noted = connection.execute(sa.select(_TABLES.c.schema_name, _TABLES.c.table_name, _TABLES.c.shape)).all()
    looked = sa.inspect(connection)
    return {(schema, name): shape for schema, name, shape in noted if looked.has_table(name, schema)}


def _replace(
    source: duckdb.DuckDBPyConnection,
    connection: sa.Connection,
    table: _Table,
    company: str,
    former: str | None,
    folder: Path,
) -> int | None:
    """Replace the parts that have changed; returns the rows written, None where nothing has changed."""
    made = table.in_postgresql()
    if former != table.shape:
        _fit(connection, made, is_there=former is not None)
        connection.execute(_TABLES.delete().where(*_of(_TABLES, made)))
        values = (made.schema, made.name, company, table.shape)
        connection.execute(_TABLES.insert().values(values))
    known = _known_parts(connection, made)
    parts = _parts(source, table)
    gone = [period for period, part in known.items() if parts.get(period) != part]
    new = [period for period, part in parts.items() if known.get(period) != part]
    if not known:
        # A new table, or one that somebody wants to be written again.
        connection.execute(made.delete())
    if gone:
        connection.execute(made.delete().where(_within(made, table.period, gone)))
        connection.execute(
            _PARTS.delete().where(*_of(_PARTS, made), _within(_PARTS, _PARTS.c.period_start_date.name, gone))
        )
    if new:
        _copy(source, connection, table, new, folder)
        rows = [(made.schema, made.name, period, *parts[period]) for period in new]
        connection.execute(_PARTS.insert().values(rows))
    return sum(parts[period][0] for period in new) if gone or new else None


def _fit(connection: sa.Connection, made: sa.Table, *, is_there: bool) -> None:
    """Make the table, or give the one that stands the columns it should have now.

    It is altered, not dropped: rights granted on it and views that read it stay.
    """
    looked = sa.inspect(connection)
    if not is_there:
        if looked.has_table(made.name, made.schema):
            raise AvalError(
                "postgresql_foreign_table",
                f"the database holds a table {made.fullname} that Aval has not written",
                "name a database of its own in publish.postgresql.url, or take the table away",
            )
        _make_schema(connection, str(made.schema))
        connection.execute(_PARTS.delete().where(*_of(_PARTS, made)))
        made.create(connection)
        return
    quote = connection.dialect.identifier_preparer
    name = quote.format_table(made)

    def kind(column_type: sa.types.TypeEngine[Any]) -> str:
        return column_type.compile(connection.dialect)

    has = {column["name"]: kind(column["type"]) for column in looked.get_columns(made.name, made.schema)}
    wanted = {column.name: kind(column.type) for column in made.columns}
    if has != wanted:
        for column in has.keys() - dict(has.items() & wanted.items()):
            connection.execute(sa.text(f"alter table {name} drop column {quote.quote(column)}"))
        for column in wanted.keys() - dict(has.items() & wanted.items()):
            connection.execute(
                sa.text(f"alter table {name} add column {quote.quote(column)} {wanted[column]}")
            )
        connection.execute(_PARTS.delete().where(*_of(_PARTS, made)))
    connection.execute(sa.schema.SetTableComment(made))
    for stated in made.columns:
        connection.execute(sa.schema.SetColumnComment(stated))


def _known_parts(connection: sa.Connection, made: sa.Table) -> dict[date | None, Part]:
    columns = (_PARTS.c.period_start_date, _PARTS.c.row_count, _PARTS.c.content)
    rows = connection.execute(sa.select(*columns).where(*_of(_PARTS, made))).all()
    return {period: (count, content) for period, count, content in rows}


def _parts(source: duckdb.DuckDBPyConnection, table: _Table) -> dict[date | None, Part]:
    """Rows of each part with a sum over what they hold, which is the same where they are the same."""
    period = f'"{table.period}"' if table.period else "cast(null as date)"
    rows = source.execute(
        f"select {period}, count(*), cast(sum(cast(hash(part) as hugeint)) as decimal(38, 0)) "
        f"from {table.quoted} as part group by 1"
    ).fetchall()
    return {start: (count, content) for start, count, content in rows}


def _copy(
    source: duckdb.DuckDBPyConnection,
    connection: sa.Connection,
    table: _Table,
    periods: Sequence[date | None],
    folder: Path,
) -> None:
    """Bring the rows of these parts over, by way of a file as both sides write and read it fastest."""
    columns = ", ".join(f'"{name}"' for name, _, _ in table.columns)
    # A character 0 cannot stand in a text of PostgreSQL.
    selected = ", ".join(
        f"replace(\"{name}\", chr(0), '')" if kind == "VARCHAR" else f'"{name}"'
        for name, kind, _ in table.columns
    )
    where = ""
    if table.period:
        where = f'where list_contains($periods, "{table.period}")'
        where += f' or "{table.period}" is null' if None in periods else ""
    path = folder / "rows.csv"
    rows = source.sql(
        f"select {selected} from {table.quoted} {where}",
        params={"periods": [period for period in periods if period]} if table.period else None,
    )
    rows.write_csv(str(path), header=False, na_rep=_NULL)
    taken = f"copy {table.quoted} ({columns}) from stdin with (format csv, null '{_NULL}')"
    with path.open("rb") as written, closing(connection.connection.cursor()) as cursor:
        cursor.copy_expert(taken, written)


def _remove(connection: sa.Connection, schema: str, name: str) -> None:
    """Take away a table that is not published any more; what stood there would pass for today's."""
    gone = sa.Table(name, sa.MetaData(), schema=schema)
    gone.drop(connection)
    for notes in (_TABLES, _PARTS):
        connection.execute(notes.delete().where(*_of(notes, gone)))


def _of(notes: sa.Table, made: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    return notes.c.schema_name == made.schema, notes.c.table_name == made.name


def _within(table: sa.Table, period: str | None, periods: Collection[date | None]) -> sa.ColumnElement[bool]:
    """Rows of these parts; a table without a period is one part."""
    if period is None:
        return sa.true()
    days = [day for day in periods if day is not None]
    within = table.c[period].in_(days)
    return sa.or_(within, table.c[period].is_(None)) if None in periods else within


def _tidy(engine: sa.Engine, tables: Sequence[_Table]) -> None:
    """Give back the room of replaced rows, and let the server count the new ones for its plans."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.execute(sa.text(f"vacuum (analyze) {table.quoted}"))


@contextmanager
def _open(target: PostgresqlTarget) -> Iterator[sa.Engine]:
    """An engine on the database; its errors as AvalError, without the URL, which may hold a password."""
    remedy = "write publish.postgresql.url as postgresql://user@host/database (docs/publication.md)"
    try:
        url = sa.make_url(target.connection_url())
    except exc.ArgumentError as error:
        raise ConfigError("postgresql_url", "the URL of PostgreSQL cannot be read", remedy) from error
    if url.get_backend_name() != "postgresql":
        raise ConfigError("postgresql_url", f"{url.drivername!r} is not PostgreSQL", remedy)
    waiting = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg2"), poolclass=sa.pool.NullPool, connect_args=waiting
    )
    try:
        yield engine
    except exc.DBAPIError as error:
        raise _fault(error.orig) from error
    except psycopg2.Error as error:
        raise _fault(error) from error
    finally:
        engine.dispose()


def _fault(error: BaseException | None) -> AvalError:
    state = getattr(error, "pgcode", None) or ""
    told = getattr(error, "diag", None)
    lines = [told.message_primary, told.message_detail] if told else []
    said = "; ".join(line for line in lines if line) or " ".join(str(error).split())
    # Without a state the server has said nothing; 08, 53 and 57 are its connections, its room and its end.
    if isinstance(error, psycopg2.OperationalError) and state[:2] in ("", "08", "53", "57"):
        is_full = state == "53100"
        return NotNow(
            "postgresql_unreachable",
            f"PostgreSQL does not take the publication: {said}",
            f"{'give its disk room' if is_full else 'see that the server runs and lets this user in'}; "
            "what was sent before stands there",
        )
    if state == "55P03":
        return NotNow(
            "postgresql_locked",
            f"a table that changes its columns is held by a query: {said}",
            "end queries that stay open for long; the next run tries again",
        )
    remedies = {
        "2BP01": "change or drop what depends on it, and run again",
        "42501": "grant the user of publish.postgresql.url what docs/publication.md names",
    }
    return AvalError(
        "postgresql_refused",
        f"PostgreSQL refuses the publication: {said}",
        remedies.get(state, "what was sent before stands there; mend what PostgreSQL says and run again"),
    )
