"""Runs that are killed, and what a run tells while it works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from connectors.feeds.intake.reading import workplace
from connectors.feeds.intake.run import repair, take_in
from connectors.feeds.profile import Profile
from connectors.ledger import Ledger

MakeProfile = Callable[..., Profile]
HEADER = "Ref;Qty;Amount\n"
W05 = "D07/r_2026-W05.csv"


def states(summary: Any) -> dict[str, str]:
    return {outcome.file_name: outcome.state for outcome in summary.files}


def test_a_run_killed_between_renaming_and_the_ledger_leaves_nothing_behind(
    desk: Any, profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put(W05, HEADER + "A;1;\nB;x;\n")
    monkeypatch.setattr(Ledger, "record_all", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
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


def test_a_report_whose_landed_file_is_gone_is_read_again_from_the_inbox(
    desk: Any, profile: MakeProfile
) -> None:
    desk.put(W05, HEADER + "A;1;\n")
    desk.put("D07/r_2026-W06.csv", HEADER + "B;2;\n")
    desk.put("D07/copy_2026-W05.csv", HEADER + "A;1;\n", age=900)
    desk.take(sales=profile())
    (lost,) = (
        path
        for path in desk.paths.landing.rglob("sell_out/D07/**/*.parquet")
        if desk.rows("1", where=f"_batch_id = '{path.stem}' and partner_product_code = 'A'")
    )
    lost.unlink()
    again = states(desk.take(sales=profile()))
    assert again == {W05: "landed", "D07/copy_2026-W05.csv": "duplicate", "D07/r_2026-W06.csv": "unchanged"}
    assert desk.rows("partner_product_code, sold_quantity") == [("B", 2), ("A", 1)]
    assert set(states(desk.take(sales=profile())).values()) == {"unchanged"}
    assert len(desk.ledger.slices_of(desk.ledger.known_batches("feeds"))) == 2


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


def test_partners_are_taken_in_side_by_side_each_with_its_own_lines(
    desk: Any, profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the other within its first file: one after the other, they would wait in vain."""
    both, met = Barrier(2), set()
    record = Ledger.record_all

    def wait(ledger: Ledger, *arguments: Any) -> Any:
        partner = arguments[0][0][0].partner_code
        if partner not in met:
            met.add(partner)
            both.wait(timeout=30)
        return record(ledger, *arguments)

    monkeypatch.setattr(Ledger, "record_all", wait)
    for partner, quantity in (("D07", 1), ("D08", 2)):
        for week in ("05", "06"):
            desk.put(f"{partner}/r_2026-W{week}.csv", HEADER + f"A;{quantity};\nB;{quantity};\n")
    summary = desk.take(one=profile(), two=profile(partner="D08", files={"glob": "D08/*"}))
    assert [outcome.file_name for outcome in summary.files] == [
        f"{partner}/r_2026-W{week}.csv" for partner in ("D07", "D08") for week in ("05", "06")
    ]
    assert set(states(summary).values()) == {"landed"}
    batches = desk.ledger.batches("feeds")
    assert len({batch.batch_id for batch in batches}) == 4
    assert Counter(desk.rows("partner_code, sold_quantity")) == {("D07", 1): 4, ("D08", 2): 4}


def test_what_breaks_with_one_partner_stops_the_run_and_loses_nothing(
    desk: Any, profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Ledger.record_all

    def fail(ledger: Ledger, *arguments: Any) -> Any:
        if arguments[0][0][0].partner_code == "D08":
            raise MemoryError
        return record(ledger, *arguments)

    monkeypatch.setattr(Ledger, "record_all", fail)
    feeds = {"one": profile(), "two": profile(partner="D08", files={"glob": "D08/*"})}
    for partner in ("D07", "D08"):
        desk.put(f"{partner}/r_2026-W05.csv", HEADER + "A;1;\n")
    with pytest.raises(MemoryError):
        desk.take(**feeds)
    monkeypatch.undo()
    assert set(states(desk.take(**feeds)).values()) <= {"landed", "unchanged"}
    assert sorted(desk.rows("partner_code")) == [("D07",), ("D08",)]


def test_places_share_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVAL_MEMORY_LIMIT", "3GB")
    found = []
    for places in (1, 2):
        with workplace(tmp_path / str(places), places) as connection:
            found.append(connection.execute("select current_setting('memory_limit')").fetchone())
    assert found == [("2.7 GiB",), ("1.3 GiB",)]
