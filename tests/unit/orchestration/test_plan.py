"""What a run decides to do, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import AvalError
from connectors.ledger import Ledger
from orchestration.plan import (
    LeftAside,
    Options,
    Published,
    Sent,
    Situation,
    decide,
    read_left_aside,
    read_outcomes,
    read_plan,
    read_published,
    read_sent,
    read_validated,
    save_left_aside,
    save_outcomes,
    save_plan,
    save_published,
    save_sent,
    save_validated,
    span_of_months,
)
from orchestration.publish import GateOutcome

SOURCES = {"landing/erp/partners": "[1]", "landing/erp/invoice_lines": "[7]"}
PUBLISHED = Published(
    "v1",
    warehouse="file-1",
    code="code-1",
    models="models-1",
    as_of="2026-06-30",
    landing="/data/landing",
    sources=SOURCES,
)
QUIET = Situation(
    pending_sequence=0,
    pending_reasons=frozenset(),
    warehouse="file-1",
    code="code-1",
    models="models-1",
    as_of="2026-06-30",
    is_published=True,
    is_sent=True,
    published=PUBLISHED,
    validated="file-1",
    landing="/data/landing",
    sources=SOURCES,
)


def plan(situation: Situation, **options: bool) -> tuple[bool, str, str, bool]:
    decided = decide("run-1", Options(**options), situation)  # type: ignore[arg-type]
    return decided.is_needed, decided.scope, decided.gate_scope, decided.full_refresh


def test_nothing_is_done_when_nothing_is_new() -> None:
    assert plan(QUIET) == (False, "touched", "touched", False)


def test_pending_slices_are_built_and_judged_alone() -> None:
    assert plan(replace(QUIET, pending_sequence=7, pending_reasons={"landed"})) == (
        True,
        "touched",
        "touched",
        False,
    )


def test_a_publication_that_has_not_reached_postgresql_is_sent_and_no_more() -> None:
    decided = decide("run-1", Options(), replace(QUIET, is_sent=False))
    assert decided.reasons == ("PostgreSQL does not hold the newest publication",)
    assert decided.only_sends
    assert not decide("run-1", Options(audit=True), replace(QUIET, is_sent=False)).only_sends
    assert (decided.scope, decided.gate_scope, decided.full_refresh) == ("touched", "touched", False)


def test_the_plan_keeps_the_pending_entry_that_its_publication_will_hold() -> None:
    assert (
        decide(
            "run-1", Options(), replace(QUIET, pending_sequence=7, pending_reasons={"landed"})
        ).pending_sequence
        == 7
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"warehouse": None}, "no warehouse yet"),
        ({"published": None, "validated": None}, "nothing has been published yet"),
        ({"models": "models-2", "code": "code-2"}, "the models have changed"),
    ],
)
def test_everything_is_built_when_the_facts_cannot_be_trusted_to_be_of_these_models(
    change: dict[str, str | None], reason: str
) -> None:
    decided = decide("run-1", Options(), replace(QUIET, **change))  # type: ignore[arg-type]
    assert decided.full_refresh
    assert (decided.scope, decided.gate_scope) == ("all", "all")
    assert reason in "; ".join(decided.reasons)


def test_a_warehouse_changed_by_hand_is_judged_as_a_whole_without_being_built_anew() -> None:
    assert plan(replace(QUIET, warehouse="file-2")) == (True, "touched", "all", False)


def test_a_warehouse_behind_a_closed_gate_is_judged_as_a_whole_next_time() -> None:
    # The closed run left file-2; the gates have passed file-1 only.
    assert plan(replace(QUIET, warehouse="file-2", pending_sequence=3, pending_reasons={"landed"})) == (
        True,
        "touched",
        "all",
        False,
    )


def test_a_warehouse_that_passed_but_was_not_published_is_trusted() -> None:
    assert plan(
        replace(QUIET, warehouse="file-2", validated="file-2", pending_sequence=3, pending_reasons={"landed"})
    ) == (
        True,
        "touched",
        "touched",
        False,
    )


def test_changed_gates_look_at_everything() -> None:
    assert plan(replace(QUIET, code="code-2")) == (True, "touched", "all", False)


def test_a_new_day_is_a_run_of_its_own() -> None:
    assert plan(replace(QUIET, as_of="2026-07-01")) == (True, "touched", "touched", False)


def test_a_lost_publication_is_made_again() -> None:
    assert plan(replace(QUIET, is_published=False))[0]


def test_an_audit_judges_everything_and_builds_nothing_again() -> None:
    assert plan(QUIET, audit=True) == (True, "touched", "all", False)


def test_a_rebuild_is_told_as_what_was_asked_for_and_not_as_new_data() -> None:
    asked = replace(QUIET, pending_sequence=7, pending_reasons={"rebuild"})
    both = replace(QUIET, pending_sequence=7, pending_reasons={"rebuild", "landed"})
    span = Options(rebuild="2026-01..2026-03")
    assert decide("run-1", span, asked).reasons == ("a rebuild of 2026-01..2026-03 was asked for",)
    # The run that was asked for it did not come to its end; the next one does it.
    assert decide("run-1", Options(), asked).reasons == ("a rebuild was asked for",)
    assert decide("run-1", span, both).reasons == (
        "new or changed data",
        "a rebuild of 2026-01..2026-03 was asked for",
    )


def test_a_full_refresh_rebuilds_everything() -> None:
    assert plan(QUIET, full_refresh=True) == (True, "all", "all", True)


def test_what_has_landed_anew_is_no_longer_as_it_was_published() -> None:
    landed = {**SOURCES, "landing/erp/invoice_lines": "[8]"}
    assert decide(
        "run-1", Options(), replace(QUIET, pending_sequence=7, pending_reasons={"landed"}, sources=landed)
    ).unchanged == (
        "landing/erp/partners",
        "day",
    )


def test_an_entity_that_was_not_there_before_counts_as_changed() -> None:
    landed = {**SOURCES, "landing/erp/leads": "[1]"}
    decided = decide(
        "run-1", Options(), replace(QUIET, pending_sequence=7, pending_reasons={"landed"}, sources=landed)
    )
    assert decided.unchanged == ("landing/erp/partners", "landing/erp/invoice_lines", "day")


def test_a_new_day_is_no_change_of_a_source() -> None:
    decided = decide("run-1", Options(), replace(QUIET, as_of="2026-07-01"))
    assert decided.unchanged == ("landing/erp/partners", "landing/erp/invoice_lines")


@pytest.mark.parametrize(
    "change",
    [
        {"warehouse": "file-2"},
        {"warehouse": "file-2", "validated": "file-2"},
        {"code": "code-2"},
        {"landing": "/moved/landing"},
    ],
)
def test_nothing_is_built_upon_but_the_warehouse_that_was_published(change: dict[str, str]) -> None:
    # One that passed and was not published may have been built from states that nobody has kept.
    situation = replace(QUIET, pending_sequence=3, pending_reasons={"landed"}, **change)  # type: ignore[arg-type]
    assert decide("run-1", Options(), situation).unchanged is None


def test_a_plan_and_a_publication_of_before_are_read_and_build_everything(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        former = {"run_id": "run-0", "reasons": [], "scope": "touched", "gate_scope": "touched"}
        former |= {"full_refresh": False, "audit": False, "pending_sequence": 3}
        ledger.remember("plan", json.dumps(former))
        values = {"version": "v1", "warehouse": "file-1", "code": "code-1", "models": "models-1"}
        ledger.remember("published", json.dumps({**values, "as_of": "2026-06-30"}))
        plan, published = read_plan(ledger), read_published(ledger)
    assert plan is not None
    assert plan.unchanged is None
    assert decide("run-1", Options(), replace(QUIET, published=published)).unchanged is None


def test_what_a_later_version_remembered_is_read_after_the_way_back_to_this_one(tmp_path: Path) -> None:
    outcome = GateOutcome("core", True, "all", 5, 0)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        save_plan(ledger, decide("run-1", Options(), QUIET))
        save_outcomes(ledger, "run-1", [outcome])
        save_validated(ledger, "file-1", [outcome])
        save_published(ledger, PUBLISHED)
        save_sent(ledger, Sent("v1", 10, 2))
        save_left_aside(ledger, [LeftAside("a.csv", "D01_sales", "waiting", "")])

        def read() -> tuple[Any, ...]:
            reads = (read_plan, read_outcomes, read_validated, read_published, read_sent, read_left_aside)
            return tuple(each(ledger) for each in reads)

        before = read()
        for name in ("plan", "gates", "validated", "published", "sent", "left_aside"):
            later = (ledger.recall(name) or "").replace("{", '{"of_later": 1, ')
            ledger.remember(name, later.replace('"sources": {"of_later": 1, ', '"sources": {'))
        assert "of_later" in (ledger.recall("left_aside") or "")
        assert read() == before


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-01..2026-03", date(2026, 1, 1), date(2026, 3, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-12..2026-01", date(2025, 12, 1), date(2026, 1, 31)),
    ],
)
def test_a_span_of_months_includes_both_ends(text: str, first: date, last: date) -> None:
    assert span_of_months(text) == (first, last)


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-03..2026-01", "2026-01-2026-03", "jan 2026"])
def test_a_span_that_is_none_says_how_to_write_it(text: str) -> None:
    with pytest.raises(AvalError, match=r"2026-01\.\.2026-03"):
        span_of_months(text)
