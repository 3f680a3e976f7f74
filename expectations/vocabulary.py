"""The words that expectations are written in.

Each function builds one expectation. All take `severity` at the call (`critical` closes the gate,
`warning` is reported only), `message`, which says what it means that the promise is broken, and
`remedy`, which says what a person does then. `found` describes one finding, with the columns of the
finding in braces. What does not belong here: knowledge of a particular table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.expectations.core.expect_column_values_to_be_between import (
    ExpectColumnValuesToBeBetween,
)
from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet
from great_expectations.expectations.core.expect_table_row_count_to_be_between import (
    ExpectTableRowCountToBeBetween,
)
from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.terms import Severity

SAMPLE_ROWS: Final = 5
COUNT_COLUMN: Final = "unexpected_count"


class NoFinding(UnexpectedRowsExpectation):
    """A query that describes findings, one a row, and must give none.

    It stands on `UnexpectedRowsExpectation` because its column map expectations know no DuckDB regular
    expression, and runs its query once: the count comes with the first rows, and no more than
    `SAMPLE_ROWS` of them leave the database.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)
    _configuration: ExpectationConfiguration | None = PrivateAttr(default=None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        """As of every expectation, but made once: GX asks for it forty times to judge one expectation."""
        if self._configuration is None:
            self._configuration = super().configuration
        return self._configuration

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name != "_configuration":
            self._configuration = None

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        rows: list[dict[str, Any]] = metrics["unexpected_rows_query.table"]
        count = int(rows[0][COUNT_COLUMN]) if rows else 0
        sample = [{k: v for k, v in row.items() if k != COUNT_COLUMN} for row in rows]
        return {
            "success": count == 0,
            "result": {
                "observed_value": count,
                "details": {"unexpected_rows": sample},
            },
        }


@dataclass(frozen=True)
class Suite:
    """The expectations on one table of the hub, `schema.table`."""

    table: str
    expectations: tuple[Expectation, ...]


def no_finding(
    query: str,
    *,
    name: str,
    severity: Severity,
    message: str,
    remedy: str,
    found: str = "",
    column: str | None = None,
) -> Expectation:
    """No row comes out of `query`, in which `{batch}` is the table of the suite."""
    # SQLAlchemy reads a single colon before a word as a parameter.
    text = re.sub(r"(?<!:):(?=\w)", r"\\:", query.strip())
    if "{batch}" not in text:
        # GX prints a line for every query without it.
        text = f"/* {{batch}} */ {text}"
    return NoFinding(
        unexpected_rows_query=(
            f"select cast(count(*) over () as bigint) as {COUNT_COLUMN}, "
            f"cast(columns(finding.*) as varchar) from ({text}) as finding limit {SAMPLE_ROWS}"
        ),
        severity=FailureSeverity(severity),
        description=message,
        meta=_meta(name, message, remedy, found, column),
    )


def not_empty(*, severity: Severity, message: str, remedy: str) -> Expectation:
    """The table holds at least one row."""
    return ExpectTableRowCountToBeBetween(
        min_value=1,
        severity=FailureSeverity(severity),
        description=message,
        meta=_meta("not_empty", message, remedy),
    )


def filled(*columns: str, severity: Severity, remedy: str) -> Expectation:
    """The columns hold a value in every row. One expectation, so that they take one pass together."""
    counts = ", ".join(f"count(*) filter (where {column} is null) as {column}" for column in columns)
    return no_finding(
        f"""
        select column_name, missing
        from (unpivot (select {counts} from {{batch}}) on {", ".join(columns)}
            into name column_name value missing)
        where missing > 0
        """,
        name="required_columns_are_filled",
        severity=severity,
        message="A value is missing that every row must have.",
        remedy=remedy,
        found="{column_name} in {missing} rows",
        column=", ".join(columns),
    )


def one_of(
    column: str, values: Sequence[str], *, severity: Severity, message: str = "", remedy: str
) -> Expectation:
    """The column holds one of the values, or NULL."""
    text = message or f"{column} holds a value other than {', '.join(values)}."
    return ExpectColumnValuesToBeInSet(
        column=column,
        value_set=list(values),
        severity=FailureSeverity(severity),
        description=text,
        meta=_meta(f"{column}_is_known", text, remedy, column=column),
    )


def between(
    column: str,
    low: float | None,
    high: float | None,
    *,
    severity: Severity,
    message: str = "",
    remedy: str,
) -> Expectation:
    """The column lies between two values, both included, or is NULL."""
    text = message or f"{column} lies outside {low} .. {high}."
    return ExpectColumnValuesToBeBetween(
        column=column,
        min_value=low,
        max_value=high,
        severity=FailureSeverity(severity),
        description=text,
        meta=_meta(f"{column}_in_range", text, remedy, column=column),
    )


def one_row_per(
    *keys: str,
    severity: Severity,
    message: str,
    remedy: str,
    show: Sequence[str] = (),
    month: str | None = None,
) -> Expectation:
    """No two rows share the key. Columns of `show` are named in the finding; `month` names the date
    column whose month the remedy is for.

    The key is grouped by its hash and only colliding rows by the key itself: on 20 M rows a group by
    a long text key takes several times as long and as much memory.
    """
    key = ", ".join(keys)
    shown = "".join(f", min({column}) as {column}" for column in show)
    shown += f", strftime(min({month}), '%Y-%m') as month" if month else ""
    named = ", ".join(f"{column} {{{column}}}" for column in (*keys, *show))
    return no_finding(
        f"""
        select {key}, count(*) as copies{shown}
        from {{batch}}
        where hash({key}) in (select hash({key}) from {{batch}} group by 1 having count(*) > 1)
        group by {key}
        having count(*) > 1
        """,
        name=f"one_row_per_{'_'.join(keys)}",
        severity=severity,
        message=message,
        remedy=remedy,
        found=f"{{copies}} rows for {named}",
        column=key,
    )


def refers_to(
    column: str,
    table: str,
    key: str,
    *,
    severity: Severity,
    message: str = "",
    remedy: str,
) -> Expectation:
    """Every value of the column, where there is one, stands in the other table."""
    text = message or f"{column} names something that {table} does not know."
    return no_finding(
        f"""
        select {column}, count(*) as row_count
        from {{batch}}
        where {column} is not null and {column} not in (select {key} from {table} where {key} is not null)
        group by {column}
        """,
        name=f"{column}_is_known",
        severity=severity,
        message=text,
        remedy=remedy,
        found=f"{column} {{{column}}} in {{row_count}} rows",
        column=column,
    )


def no_row_where(
    condition: str,
    *,
    name: str,
    show: Sequence[str],
    severity: Severity,
    message: str,
    remedy: str,
    column: str | None = None,
) -> Expectation:
    """No row meets the condition. Columns of `show` name the row in the finding."""
    return no_finding(
        f"select {', '.join(show)} from {{batch}} where {condition}",
        name=name,
        severity=severity,
        message=message,
        remedy=remedy,
        found=", ".join(f"{item} {{{item}}}" for item in (c.rpartition(" ")[2] for c in show)),
        column=column,
    )


def _meta(name: str, message: str, remedy: str, found: str = "", column: str | None = None) -> dict[str, Any]:
    return {"name": name, "message": message, "remedy": remedy, "found": found, "column": column}
