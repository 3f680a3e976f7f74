"""What `validate` gives and leaves behind: the verdict, its history, its pages; and what it must not need."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import duckdb
import pytest

from connectors.contract import entity
from expectations import validate as module
from expectations.hub import ERP_KEYS, REPORTS
from expectations.terms import Gate, Scope
from expectations.validate import Verdict, validate
from tests.unit.expectations.conftest import World
from tests.unit.expectations.warehouse import AS_OF, INVOICE, PARTNER, PRODUCT, build, change


def judge(
    world: World,
    gate: Gate = "landing",
    run_id: str = "run-1",
    pages: bool = False,
    scope: Scope = "touched",
) -> Verdict:
    return validate(
        gate,
        warehouse=world.warehouse,
        landing=world.landing,
        quality=world.quality,
        run_id=run_id,
        as_of=AS_OF,
        scope=scope,
        pages=pages,
    )


def history(world: World) -> list[tuple[object, ...]]:
    with duckdb.connect(str(world.warehouse), read_only=True) as connection:
        return connection.execute(
            "select run_id, gate, count(*), count(*) filter (where not success) "
            "from quality.gate_results group by all order by all"
        ).fetchall()


@pytest.fixture
def landed(world: World) -> World:
    world.erp("partners", [PARTNER])
    world.erp("products", [PRODUCT])
    world.erp("invoice_lines", [{**INVOICE, "invoice_date": AS_OF}])
    world.export()
    return world


def test_the_first_landing_gate_creates_the_warehouse_for_its_history(landed: World) -> None:
    assert not landed.warehouse.exists()
    verdict = judge(landed)
    assert verdict.history_error is None
    assert history(landed) == [("run-1", "landing", len(verdict.results), 0)]


def test_a_gate_that_is_run_again_replaces_its_results_and_other_runs_stay(landed: World) -> None:
    judge(landed)
    judge(landed)
    verdict = judge(landed, run_id="run-2")
    count = len(verdict.results)
    assert history(landed) == [("run-1", "landing", count, 0), ("run-2", "landing", count, 0)]


def test_a_finding_is_kept_with_table_severity_message_and_remedy(world: World) -> None:
    change(build(world), "insert into core.fct_orders select * from core.fct_orders")
    judge(world, "core")
    with duckdb.connect(str(world.warehouse), read_only=True) as connection:
        row = connection.execute(
            "select table_name, severity, success, unexpected_count, checked_rows, message, remedy "
            "from quality.gate_results "
            "where expectation = 'holds_what_landed' and table_name = 'core.fct_orders'"
        ).fetchone()
    assert row is not None
    assert row[:5] == ("core.fct_orders", "critical", False, 1, 2)
    assert "2026-03: 1 rows too many, document_net_amount too much by 200.0000" in row[5]
    assert "aval run --rebuild 2026-03..2026-03" in row[6]


def test_a_history_that_cannot_be_written_does_not_lose_the_verdict(world: World) -> None:
    change(
        build(world),
        "create schema quality",
        "create table quality.gate_results (run_id integer)",
        "insert into core.fct_orders select * from core.fct_orders",
    )
    verdict = judge(world, "core")
    assert verdict.history_error is not None
    assert not verdict.passed


def test_a_gate_leaves_the_warehouse_free_for_the_next_writer(world: World) -> None:
    build(world)
    judge(world, "core")
    judge(world, "marts")
    change(world, "create table core.written_after as select 1 as one")


def test_pages_are_written_with_the_messages_and_old_ones_are_removed(
    landed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_PAGES", 1)
    for run_id in ("run-1", "run-2", "run-3"):
        verdict = judge(landed, run_id=run_id, pages=True, scope="all")
    assert verdict.docs_page == landed.quality / "docs" / "index.html"
    assert verdict.docs_page.is_file()
    runs = {path.name for path in (landed.quality / "docs" / "validations").glob("*/*/*")}
    assert runs == {"run-2", "run-3"}
    page = next((landed.quality / "docs" / "validations").rglob("*invoice_lines.html"))
    assert "The ERP lost documents" in page.read_text()


def test_a_look_at_the_changes_alone_is_shown_on_a_page_only_if_it_found_something(world: World) -> None:
    build(world)
    assert judge(world, "marts", pages=True).docs_page is None
    change(world, "update marts.mart_sell_in_monthly set net_amount = 0")
    page = judge(world, "marts", pages=True).docs_page
    assert page is not None
    assert page.is_file()


def test_the_gate_is_explained_in_one_line_when_open_and_by_fault_when_closed(world: World) -> None:
    build(world)
    assert judge(world, "marts").explain().startswith("gate marts: open, ")
    change(world, "update marts.mart_sell_in_monthly set net_amount = 0")
    text = judge(world, "marts").explain()
    assert text.startswith("gate marts: CLOSED, 1 of ")
    assert "marts.mart_sell_in_monthly ties_to_the_fact" in text
    assert "aval run --full-refresh" in text


def test_importing_the_gates_does_not_import_great_expectations() -> None:
    code = "import sys, expectations.validate; assert 'great_expectations' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_keys_and_required_columns_are_those_of_the_contract() -> None:
    from expectations.landing import documents, master_data

    for name, key in ERP_KEYS.items():
        assert entity("erp", name).key == key
        assert {**master_data.REQUIRED, **documents.REQUIRED}[name] == entity("erp", name).required
    for name, report in REPORTS.items():
        required = set(entity("feeds", name).required) - {"slice_key", "_source_column"}
        assert set(report.required) == required


def test_every_promise_is_described_in_the_documentation(world: World) -> None:
    build(world)
    text = (Path(__file__).parents[3] / "docs" / "gates.md").read_text(encoding="utf-8")
    names = {r.name for gate in get_args(Gate) for r in judge(world, gate).results}
    general = re.compile(r"^one_row_per_|_is_known$|_rate_follows_its_parts$")
    assert {name for name in names if f"`{name}`" not in text and not general.search(name)} == set()
