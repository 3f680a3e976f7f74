"""Runs that are killed, and what a run tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.feeds.intake.run import repair, take_in
from connectors.feeds.profile import Profile

MakeProfile = Callable[..., Profile]
HEADER = "Ref;Qty;Amount\n"
W05 = "D07/r_2026-W05.csv"


def states(summary: Any) -> dict[str, str]:
    return {outcome.file_name: outcome.state for outcome in summary.files}


def test_a_run_killed_between_renaming_and_the_ledger_leaves_nothing_behind(
    desk: Any, profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put(W05, HEADER + "A;1;\nB;x;\n")
    monkeypatch.setattr(desk.ledger, "record_all", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        desk.take(sales=profile())
    monkeypatch.undo()
    half = desk.paths.landing / "feeds" / "sell_out" / "D07" / "sales" / ".x.parquet.ab.part"
    half.write_bytes(b"half")
    summary = desk.take(sales=profile())
    assert len(summary.repaired) == 3
    assert states(summary) == {W05: "landed"}
    assert len(desk.rows("1")) == 1
    assert len(desk.faults()) == 1


def test_repair_leaves_known_files_and_schemas_alone(desk: Any) -> None:
    desk.take_one(W05, HEADER + "A;1;\n")
    schema = desk.paths.landing / "feeds" / "sell_out" / "_schema.parquet"
    schema.write_bytes(b"schema")
    assert repair(desk.paths, desk.ledger) == []
    assert schema.exists()
    schema.unlink()
    assert len(desk.rows("1")) == 1


def test_progress_names_each_file_and_ends_complete(desk: Any, profile: MakeProfile) -> None:
    desk.put(W05, HEADER + "A;1;\n")
    calls: list[tuple[int, int, str]] = []
    take_in(
        desk.paths,
        desk.company,
        {"sales": profile()},
        desk.ledger,
        now=desk.now,
        progress=lambda *call: calls.append(call),
    )
    assert calls == [(0, 1, W05), (1, 1, "")]
