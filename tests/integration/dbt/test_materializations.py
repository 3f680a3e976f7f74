"""Tables and views are replaced whole, or stay as they were (`macros/materializations.sql`).

One run of dbt over a small project with the real macros: what stood before it is made by plain SQL.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import pytest

from orchestration.settings import DBT_PROJECT
from tests.installation import only_once, shared_folder

# Of each model: its SQL, the columns of its contract, and what stood under its name.
TABLES = {
    "another_type": ("select 'ten' as quantity", {"quantity": "integer"}, "table"),
    "missing_column": ("select 1 as quantity", {"quantity": "integer", "amount": "decimal(18,4)"}, "table"),
    "extra_column": ("select 1 as quantity, 2 as bonus", {"quantity": "integer"}, "table"),
    "double_column": ("select 1 as quantity, 2 as quantity", {"quantity": "integer"}, "table"),
    "cast_fails": ("select cast(note as integer) as quantity {from_notes}", {"quantity": "integer"}, "table"),
    "cast_fails_over_view": (
        "select cast(note as integer) as quantity {from_notes}",
        {"quantity": "integer"},
        "view",
    ),
    "was_view": ("select 7 as quantity", {"quantity": "integer"}, "view"),
    "is_read": ("select 7 as quantity", {"quantity": "integer"}, "table"),
    "in_order": (
        "-- Grain: one row per partner's\n-- shop.\n--\n-- Replaced as a whole.\n"
        "select 'P1' as product_code, 2 as quantity, cast(3 as decimal(18, 4)) as amount",
        {"product_code": "string", "quantity": "integer", "amount": "decimal(18,4)"},
        "table",
    ),
    "out_of_order": (
        "select 2 as quantity, 'P1' as product_code",
        {"product_code": "string", "quantity": "integer"},
        "table",
    ),
}
VIEWS = {
    "was_table": ("select 7 as quantity", {}, "table"),
    "reads_table": ("select quantity from {{{{ ref('is_read') }}}}", {}, None),
    "view_of_another_type": ("select 'ten' as quantity", {"quantity": "integer"}, "view"),
}
FROM_NOTES = "from (values ('1'), ('ten')) as notes (note)"
DESCRIPTION = "Stock of a partner's shop; l'unité de base."


@dataclass(frozen=True)
class Outcome:
    """What one run said of each model that failed, and the warehouse that it left."""

    messages: dict[str, str]
    warehouse: Path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def kind(self, name: str) -> str:
        [(kind,)] = self.query(
            f"select table_type from information_schema.tables where table_name = '{name}'"
        )
        return str(kind)


@pytest.fixture(scope="session")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = shared_folder(tmp_path_factory) / "materializations"
    warehouse, messages = folder / "small.duckdb", folder / "messages.json"
    with only_once(folder) as is_first:
        if is_first:
            write_project(folder, warehouse)
            with duckdb.connect(str(warehouse)) as connection:
                connection.execute("create schema core")
                for name, (_, _, stood) in {**TABLES, **VIEWS}.items():
                    if stood:
                        connection.execute(f"create {stood} core.{name} as select 5 as former")
            messages.write_text(json.dumps(run(folder)))
    return Outcome(json.loads(messages.read_text()), warehouse)


def run(project: Path) -> dict[str, str]:
    """Run dbt on a project; what it says of each model that failed."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    folders = [part for option in ("project", "profiles") for part in (f"--{option}-dir", str(project))]
    silent = ["--quiet", "--log-level-file", "none", "--no-send-anonymous-usage-stats"]
    try:
        result = dbtRunner().invoke(["run", *folders, *silent])
    finally:
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    assert not result.exception, result.exception
    return {
        item.node.name: item.message
        for item in result.result.results  # type: ignore[union-attr]
        if item.status == "error"
    }


def write_project(folder: Path, warehouse: Path) -> None:
    """A dbt project that has the models and, of the real one, the macros that build them."""
    (folder / "macros").mkdir(parents=True)
    for name in ("materializations.sql", "comments.sql", "schema_names.sql"):
        shutil.copy(DBT_PROJECT / "macros" / name, folder / "macros")
    (folder / "dbt_project.yml").write_text(
        dedent("""\
            name: small
            profile: small
            models:
              small:
                +persist_docs: {relation: true, columns: true}
            """)
    )
    (folder / "profiles.yml").write_text(
        dedent(f"""\
            small:
              target: duckdb
              outputs:
                duckdb: {{type: duckdb, path: {warehouse}, schema: core, threads: 2}}
            """)
    )
    models = folder / "models"
    models.mkdir()
    described = ["models:"]
    for kind, group in (("table", TABLES), ("view", VIEWS)):
        for name, (sql, columns, _) in group.items():
            (models / f"{name}.sql").write_text(sql.format(from_notes=FROM_NOTES))
            enforced = str(bool(columns)).lower()
            described += [
                f"  - name: {name}",
                f'    description: "{DESCRIPTION}"',
                f"    config: {{materialized: {kind}, contract: {{enforced: {enforced}}}}}",
                *(["    columns:"] if columns else []),
                *(
                    f"      - {{name: {column}, data_type: '{data_type}', "
                    f'description: "The partner\'s {column}."}}'
                    for column, data_type in columns.items()
                ),
            ]
    (models / "models.yml").write_text("\n".join(described))


@pytest.mark.parametrize(
    ("model", "column"),
    [
        ("another_type", "quantity"),
        ("missing_column", "amount"),
        ("extra_column", "bonus"),
        ("double_column", "quantity"),
        ("view_of_another_type", "quantity"),
    ],
)
def test_sql_that_breaks_its_contract_is_refused_by_column_and_leaves_what_stood(
    outcome: Outcome, model: str, column: str
) -> None:
    message = outcome.messages[model]
    assert "enforced contract that failed" in message
    assert column in message
    assert outcome.query(f"select * from core.{model}") == [(5,)]


@pytest.mark.parametrize(("model", "kind"), [("cast_fails", "BASE TABLE"), ("cast_fails_over_view", "VIEW")])
def test_a_model_that_fails_while_it_runs_leaves_what_stood(outcome: Outcome, model: str, kind: str) -> None:
    assert "Could not convert string 'ten' to INT32" in outcome.messages[model]
    assert outcome.kind(model) == kind
    assert outcome.query(f"select former from core.{model}") == [(5,)]


@pytest.mark.parametrize(("model", "kind"), [("was_view", "BASE TABLE"), ("was_table", "VIEW")])
def test_a_view_becomes_a_table_and_a_table_a_view(outcome: Outcome, model: str, kind: str) -> None:
    assert outcome.kind(model) == kind
    assert outcome.query(f"select quantity from core.{model}") == [(7,)]


def test_a_table_that_a_view_reads_is_replaced(outcome: Outcome) -> None:
    assert outcome.query("select quantity from core.reads_table") == [(7,)]


def test_columns_in_another_order_than_the_contract_names_them_are_refused(outcome: Outcome) -> None:
    assert "out_of_order come in another order" in outcome.messages["out_of_order"]
    assert "product_code, quantity" in outcome.messages["out_of_order"]
    assert outcome.query("select * from core.out_of_order") == [(5,)]


def test_columns_come_as_the_contract_orders_them_with_their_comments(outcome: Outcome) -> None:
    assert outcome.query(
        "select column_name, comment from duckdb_columns() where table_name = 'in_order' "
        "order by column_index"
    ) == [
        ("product_code", "The partner's product_code."),
        ("quantity", "The partner's quantity."),
        ("amount", "The partner's amount."),
    ]
    assert outcome.query("select product_code, quantity, amount from core.in_order") == [("P1", 2, 3)]
    assert outcome.query("select comment from duckdb_tables() where table_name = 'in_order'") == [
        (f"{DESCRIPTION}\nGrain: one row per partner's shop.",)
    ]
    assert outcome.query("select comment from duckdb_tables() where table_name = 'was_view'") == [
        (DESCRIPTION,)
    ]


def test_only_the_models_made_to_fail_have_failed(outcome: Outcome) -> None:
    assert set(outcome.messages) == {
        "another_type",
        "missing_column",
        "extra_column",
        "double_column",
        "view_of_another_type",
        "out_of_order",
        "cast_fails",
        "cast_fails_over_view",
    }
