"""Great Expectations on DuckDB: a data source that computes inside the database.

Importing this module registers `add_duckdb` on the data sources of a GX context. What does not belong
here: expectations (`vocabulary`, suites) and which tables there are to look at (`hub`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedPrimaryKeyConstraint
from sqlalchemy.engine.reflection import Inspector

_EngineType: TypeAlias = type[SqlAlchemyExecutionEngine]
"""Named here because the data source has a field `type`, which hides the builtin within the class."""


class DuckDBInspector(Inspector):
    """Says which columns a table has, which is all that expectations ask.

    SQLAlchemy asks DuckDB's imitation of PostgreSQL's catalogue, and that took a third of a gate.
    """

    def get_columns(self, table_name: str, schema: str | None = None, **_: Any) -> list[ReflectedColumn]:
        statement = sa.text(
            "select column_name, is_nullable from duckdb_columns() where table_name = :table "
            "and schema_name = :schema and database_name = current_database() order by column_index"
        )
        with self.engine.connect() as connection:
            rows = connection.execute(statement, {"table": table_name, "schema": schema}).all()
        return [
            {"name": name, "type": sa.types.NullType(), "nullable": nullable, "default": None}
            for name, nullable in rows
        ]

    def get_pk_constraint(
        self, table_name: str, schema: str | None = None, **_: Any
    ) -> ReflectedPrimaryKeyConstraint:
        """The tables of a hub have none."""
        return {"constrained_columns": [], "name": None}


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """An execution engine that keeps one connection.

    GX closes a connection between executing a query and fetching its rows; DuckDB then returns none.
    """

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection

    def execute_query(self, query: Any) -> Any:
        """Run a query; one that fails must not take the following ones with it.

        DuckDB refuses everything in a transaction after an error, and GX goes on with the connection.
        """
        try:
            return super().execute_query(query)
        except sa.exc.DBAPIError:
            if self._connection is not None:
                self._connection.rollback()
            raise

    def get_inspector(self) -> Inspector:
        return DuckDBInspector(self.engine)

    def close(self) -> None:
        """Let go of the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """One schema of a DuckDB database reached by `duckdb:///<path>`; the data source bears its name."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]  # as every data source of GX narrows it

    @property
    def schema_(self) -> str:
        return self.name

    @property
    def execution_engine_type(self) -> _EngineType:
        return DuckDBExecutionEngine
