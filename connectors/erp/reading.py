"""Reading an ERP: a connection that cannot write, rows in chunks, values in the contract's types.

What belongs here: everything that speaks to the ERP's database, and the translation of its faults into
`SourceError`. What does not: which rows are new (`connectors.changes`), and landing.

Types. A driver that gives `Decimal` or text keeps every digit. SQLite stores NUMERIC as a binary
floating-point number: its shortest decimal writing is taken, then rounded. Values with more decimals
than the contract has are rounded half up; dates may be dates, instants or ISO texts; instants
with an offset become UTC, those without are taken as UTC. Where one with an offset stands for a date,
its day is that of the company's time zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy import exc

from connectors.contract import Column, Entity
from connectors.erp.queries import MappingQuery, binds_cursor
from connectors.errors import Place, SourceError

CHUNK_ROWS: Final = 20_000
BEGINNING: Final = datetime(1900, 1, 1)  # noqa: DTZ001 - instants of the contract are UTC without offset
_CONTEXT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
_DECIMAL: Final = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_SHAPE_WORDS: Final = re.compile(
    r"no such (column|table|function)|unknown column|does(n't| not) exist|syntax error|invalid column",
    re.IGNORECASE,
)
_AS_IS: Final = {
    "VARCHAR": frozenset({str, type(None)}),
    "DATE": frozenset({date, type(None)}),
    "DECIMAL": frozenset({Decimal, type(None)}),
}
_UNUSABLE: Final = (ValueError, TypeError, OverflowError, InvalidOperation, pa.ArrowException)
_TRUE: Final = {"1", "t", "true", "y", "yes"}
_FALSE: Final = {"0", "f", "false", "n", "no"}
_EXPECTED: Final = {
    "VARCHAR": "text (JSON, lists, bytes and lengths of time are none)",
    "BOOLEAN": "BOOLEAN (true or false, 1 or 0, t or f, y or n)",
    "DATE": "DATE (a date, an instant or a text such as 2026-01-31)",
}


class Unreachable(Exception):
    """The ERP did not answer, or went away while it was read: worth another attempt."""


def arrow_type(type_: str) -> pa.DataType:
    """The Arrow type of a contract type."""
    decimal = _DECIMAL.fullmatch(type_)
    if decimal:
        return pa.decimal128(int(decimal.group(1)), int(decimal.group(2)))
    return {
        "VARCHAR": pa.string(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us"),
        "BOOLEAN": pa.bool_(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
    }[type_]


@contextmanager
def open_erp(url: str) -> Iterator[sa.Engine]:
    """An engine on the ERP that reads only; SourceError if the URL cannot be used."""
    try:
        parsed = sa.make_url(url)
        engine = sa.create_engine(parsed, poolclass=sa.pool.NullPool)
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError) as error:
        raise SourceError(
            "erp_url",
            f"the URL of the ERP cannot be used ({error})",
            "correct 'erp.url' in company.yml (an SQLAlchemy URL) and install the driver it names",
        ) from error
    if engine.dialect.name == "sqlite" and parsed.database and not Path(parsed.database).is_file():
        # SQLite would make an empty database of a path that is mistyped.
        raise SourceError(
            "erp_missing",
            "the database file of the ERP does not exist",
            "correct 'erp.url' in company.yml",
            Place(file=parsed.database),
        )
    sa.event.listen(engine, "connect", _read_only(engine.dialect.name))
    try:
        yield engine
    finally:
        engine.dispose()


def _read_only(dialect: str) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        if dialect == "sqlite":
            cursor.execute("pragma query_only = on")
        elif dialect == "postgresql":
            cursor.execute("set session characteristics as transaction read only")
            cursor.execute("set time zone 'UTC'")
            connection.commit()
        cursor.close()

    return prepare


def catalogue(engine: sa.Engine) -> Callable[[str, str | None], bool]:
    """Whether the ERP has a table (or a column of it): decides between variants of a query."""
    inspector = sa.inspect(engine)
    tables = {*inspector.get_table_names(), *inspector.get_view_names()}

    def has(table: str, column: str | None) -> bool:
        if table not in tables:
            return False
        return column is None or column in {found["name"] for found in inspector.get_columns(table)}

    return has


def cursor_parameter(engine: sa.Engine, moment: datetime) -> object:
    """What is bound to `:cursor`.

    SQLite compares instants as texts, written with or without seconds and fractions. The shortest writing
    is never greater than another one of the same instant, so that no row at the cursor is missed.
    """
    if engine.dialect.name != "sqlite":
        return moment
    text = moment.isoformat(sep=" ")
    if "." in text:
        text = text.rstrip("0")
    return text.removesuffix(":00").removesuffix(" 00:00")


class Extract:
    """One reading of a mapping query: iterate for Arrow tables; counts and the newest `updated_at` follow.

    Every table has the columns that the contract asks a source for, in order, then `_source_row` (1 = first
    row of the extract). `fault` keeps what stopped the reading, since dlt wraps exceptions of its sources.
    """

    def __init__(self, engine: sa.Engine, query: MappingQuery, cursor: datetime, zone: tzinfo = UTC) -> None:
        self._engine = engine
        self._query = query
        self._cursor = cursor
        self._zone = zone
        self.rows = 0
        self.newest: datetime | None = None
        self.fault: SourceError | Unreachable | None = None

    def __iter__(self) -> Iterator[pa.Table]:
        try:
            with translated(self._query):
                yield from self._tables()
        except (SourceError, Unreachable) as fault:
            self.fault = fault
            raise

    def _tables(self) -> Iterator[pa.Table]:
        with self._engine.connect() as connection:
            result = _run(connection, self._query.text, self._query, self._cursor)
            positions = _positions(self._query, list(result.keys()))
            for chunk in _chunks(result, self._query):
                yield self._table(positions, list(zip(*chunk, strict=True)), len(chunk))

    def _table(self, positions: dict[str, int], values: list[tuple[Any, ...]], size: int) -> pa.Table:
        query, entity = self._query, self._query.entity
        arrays = []
        for column in entity.asked_columns:
            at = positions.get(column.name)
            try:
                arrays.append(
                    pa.nulls(size, arrow_type(column.type))
                    if at is None
                    else _array(query, column, values[at], first_row=self.rows + 1, zone=self._zone)
                )
            except SourceError as fault:
                raise self._with_key(fault, positions, values) from fault.__cause__
        stamps = arrays[-1] if entity.asked_columns[-1].name == "updated_at" else None
        if query.uses_cursor and (stamps is None or stamps.null_count):
            raise SourceError(
                "null_cursor",
                "updated_at is NULL in a query that uses :cursor",
                "give an instant for every row, for example coalesce(updated_at, created_at)",
                Place(file=query.file, column="updated_at"),
            )
        if stamps is not None and stamps.null_count < size:
            newest = pc.max(stamps).as_py()
            self.newest = newest if self.newest is None else max(self.newest, newest)
        rows = pa.array(range(self.rows + 1, self.rows + size + 1), pa.int64())
        self.rows += size
        return pa.table([*arrays, rows], names=[*(c.name for c in entity.asked_columns), "_source_row"])

    def _with_key(
        self, fault: SourceError, positions: dict[str, int], values: list[tuple[Any, ...]]
    ) -> SourceError:
        """The fault with the key of its row: the number of a row says nothing to the ERP."""
        if fault.place.row is None:
            return fault
        at = fault.place.row - self.rows - 1
        key = ", ".join(f"{name} {values[positions[name]][at]}" for name in self._query.entity.key)
        return SourceError(fault.code, fault.problem, fault.remedy, replace(fault.place, key=key))


def read_keys(engine: sa.Engine, query: MappingQuery, zone: tzinfo = UTC) -> pa.Table:
    """All keys that the ERP has, whatever their age: the mapping query cut to its key columns."""
    return _keys(engine, query, query.text, zone)


def read_unreached_keys(engine: sa.Engine, query: MappingQuery, zone: tzinfo = UTC) -> pa.Table | None:
    """Keys whose instant is NULL, some of which another instant of the condition may reach; None if the query
    does not show them.
    """
    text = query.never_reached
    return None if text is None else _keys(engine, query, text, zone)


def _keys(engine: sa.Engine, query: MappingQuery, rows: str, zone: tzinfo) -> pa.Table:
    entity = query.entity
    columns = [column for column in entity.columns if column.name in entity.key]
    text = f"select {', '.join(column.name for column in columns)} from ({rows}) mapped"
    schema = pa.schema([(column.name, arrow_type(column.type)) for column in columns])
    tables = []
    with translated(query), engine.connect() as connection:
        for chunk in _chunks(_run(connection, text, query, BEGINNING), query):
            arrays = [
                _array(query, column, values, first_row=None, zone=zone)
                for column, values in zip(columns, zip(*chunk, strict=True), strict=True)
            ]
            tables.append(pa.table(arrays, schema=schema))
    return pa.concat_tables(tables) if tables else schema.empty_table()


def check_shape(engine: sa.Engine, query: MappingQuery) -> None:
    """Ask for the query's columns and no row; SourceError for a query that a pull would refuse."""
    with translated(query), engine.connect() as connection:
        result = _run(connection, f"select * from ({query.text}) mapped where 1 = 0", query, BEGINNING)
        _positions(query, list(result.keys()))


def _run(connection: sa.Connection, text: str, query: MappingQuery, cursor: datetime) -> sa.CursorResult[Any]:
    statement = sa.text(text)
    if binds_cursor(text):
        statement = statement.bindparams(cursor=cursor_parameter(connection.engine, cursor))
    with _known_to_the_driver(query):
        # The first row is fetched here already.
        return connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS).execute(statement)


def _chunks(result: sa.CursorResult[Any], query: MappingQuery) -> Iterator[Sequence[sa.Row[Any]]]:
    with _known_to_the_driver(query):
        yield from result.partitions(CHUNK_ROWS)


@contextmanager
def _known_to_the_driver(query: MappingQuery) -> Iterator[None]:
    """SourceError where the driver has no Python value for one of the ERP's."""
    try:
        yield
    except (ValueError, OverflowError) as error:
        dates = [c.name for c in query.entity.asked_columns if c.type in ("DATE", "TIMESTAMP")]
        raise SourceError(
            "query_value",
            f"a value cannot be read from the ERP's database ({error}); it is most likely a mistyped date",
            "correct the row in the ERP, or let the query give a date of the years 1 to 9999",
            Place(file=query.file, column=", ".join(dates)),
        ) from error


@contextmanager
def translated(query: MappingQuery | None = None) -> Iterator[None]:
    """Faults of the database become `SourceError` (its shape) or `Unreachable` (worth another attempt)."""
    place = Place(file=query.file) if query is not None else Place()
    try:
        yield
    except exc.DBAPIError as error:
        message = " ".join(str(error.orig).split())
        lasting = isinstance(
            error, exc.ProgrammingError | exc.DataError | exc.NotSupportedError | exc.IntegrityError
        )
        if not error.connection_invalidated and (lasting or _SHAPE_WORDS.search(message)):
            remedy = (
                "a table or column of the ERP was renamed or removed, or may not be read: adapt the query"
            )
            if isinstance(error, exc.DataError):
                remedy = "a row holds what the query cannot convert or divide by: correct it, or leave it out"
            raise SourceError(
                "query_refused", f"the ERP's database refuses the mapping query: {message}", remedy, place
            ) from error
        raise Unreachable(message) from error
    except OSError as error:
        raise Unreachable(str(error)) from error


def _positions(query: MappingQuery, names: Sequence[str]) -> dict[str, int]:
    """Where each contract column stands in the result; SourceError for missing, double or unknown ones."""
    entity = query.entity
    known = {column.name for column in entity.asked_columns}
    found: dict[str, int] = {}
    for position, name in enumerate(name.lower() for name in names):
        if name in found:
            raise _shape_fault(query, name, "stands twice in the mapping query", "keep one of them")
        if name not in known:
            raise _shape_fault(
                query,
                name,
                "is no column of the contract",
                f"leave it out or name it one of: {', '.join(sorted(known))}",
            )
        found[name] = position
    for name in entity.required:
        if name not in found:
            raise _shape_fault(query, name, "is missing in the mapping query", _meaning(entity, name))
    return found


def _shape_fault(query: MappingQuery, column: str, problem: str, remedy: str) -> SourceError:
    return SourceError(
        "query_columns", f"the column {problem}", remedy, Place(file=query.file, column=column)
    )


def _meaning(entity: Entity, name: str) -> str:
    column = next(column for column in entity.columns if column.name == name)
    return f"give it as {column.type}: {column.description}"


def _array(
    query: MappingQuery, column: Column, values: Sequence[Any], first_row: int | None, zone: tzinfo = UTC
) -> pa.Array:
    """The values of a column in the contract's type; SourceError names the first that cannot be."""
    type_ = arrow_type(column.type)
    convert = _converter(column.type, zone)
    try:
        array = _array_as_is(column, values, type_)
        if array is None:
            array = pa.array([None if value is None else convert(value) for value in values], type_)
    except _UNUSABLE:
        row, value = _first_unusable(values, convert, type_)
        raise SourceError(
            "query_value",
            f"the value cannot be read as {_EXPECTED.get(column.type, column.type)}",
            f"give {column.name} as {column.type}: {column.description}",
            Place(file=query.file, row=first_row and first_row + row, column=column.name, value=str(value)),
        ) from None
    if column.required and array.null_count:
        row = next(i for i, value in enumerate(values) if value is None)
        raise SourceError(
            "query_null",
            "a required column is NULL",
            f"expected {column.type}, never NULL: {column.description}",
            Place(file=query.file, row=first_row and first_row + row, column=column.name),
        )
    if query.entity.key == (column.name,) and column.name in ("partner_code", "product_code"):
        _refuse_codes(query, column, values, first_row)
    return array


def _refuse_codes(query: MappingQuery, column: Column, values: Sequence[Any], first_row: int | None) -> None:
    """A column of type CHAR pads its codes: no document and no profile would find `C100    `. An empty code
    is nobody's.

    Refused before it lands: without the blanks it would be another partner or product, and the first one
    deleted.
    """
    for row, value in enumerate(values):
        if not isinstance(value, str) or (value and value == value.strip()):
            continue
        problem = "the code begins or ends with blanks (a column of type CHAR pads with them)"
        remedy = f"write trim(...) as {column.name}, in all queries that give it"
        if not value.strip():
            problem = "the code is empty"
            remedy = f"give it a code in the ERP, or leave such rows out (where {column.name} <> '')"
        raise SourceError(
            "query_value",
            problem,
            remedy,
            Place(file=query.file, row=first_row and first_row + row, column=column.name, value=value),
        )


def _array_as_is(column: Column, values: Sequence[Any], type_: pa.DataType) -> pa.Array | None:
    """The values without a conversion in Python, which costs most of a pull; None if they need one."""
    safe = _AS_IS.get(column.type.partition("(")[0], frozenset())
    if not set(map(type, values)) <= safe:
        return None
    try:
        return pa.array(values, type_)
    except pa.ArrowInvalid:  # a decimal with more digits than the contract has
        return None


def _first_unusable(
    values: Sequence[Any], convert: Callable[[Any], Any], type_: pa.DataType
) -> tuple[int, Any]:
    for row, value in enumerate(values):
        try:
            pa.array([None if value is None else convert(value)], type_)
        except _UNUSABLE:
            return row, value
    return 0, values[0]


def _converter(type_: str, zone: tzinfo) -> Callable[[Any], Any]:
    decimal = _DECIMAL.fullmatch(type_)
    if decimal:
        step = Decimal(1).scaleb(-int(decimal.group(2)))

        def to_decimal(value: Any) -> Decimal:
            exact = value if isinstance(value, Decimal) else Decimal(_number_text(value))
            return exact.quantize(step, context=_CONTEXT)

        return to_decimal
    converters: dict[str, Callable[[Any], Any]] = {
        "VARCHAR": _to_text,
        "DATE": partial(_to_date, zone=zone),
        "TIMESTAMP": _to_instant,
        "BOOLEAN": _to_boolean,
        "INTEGER": _to_integer,
        "BIGINT": _to_integer,
    }
    return converters[type_]


def _number_text(value: Any) -> str:
    if isinstance(value, bytes):  # Tryton on SQLite keeps NUMERIC as bytes of its decimal writing.
        return value.decode("ascii").strip()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(value)
    return str(value).strip()


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    # A number that stands for a code, of a column NUMERIC(10,2), is 100 and not 100.00.
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, int | float | Decimal | time | UUID):
        return str(value)
    # What Python writes of a dictionary, a list or a piece of memory is no text of the ERP.
    raise TypeError(value)


def _to_date(value: Any, zone: tzinfo) -> date:
    if isinstance(value, str):
        text = value.strip()
        value = date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
    if isinstance(value, datetime):
        try:
            return (value.astimezone(zone) if value.tzinfo else value).date()
        except OverflowError:
            # "For ever": PostgreSQL's infinity, or the last hours of the year 9999.
            return value.date()
    if isinstance(value, date):
        return value
    raise TypeError(value)


def _to_instant(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - UTC without offset
    if not isinstance(value, datetime):
        raise TypeError(value)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _to_boolean(value: Any) -> bool:
    text = _to_text(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(value)


def _to_integer(value: Any) -> int:
    number = value if isinstance(value, Decimal) else Decimal(_number_text(value))
    if number != number.to_integral_value():
        raise ValueError(value)
    return int(number)
