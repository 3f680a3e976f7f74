"""Same seed, same company; a longer history begins with the shorter one; changes do what they say."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.sample import changes, erp
from connectors.sample.__main__ import main
from connectors.sample.generator import Sample, generate

SHORT = date(2024, 9, 17)


def fingerprints(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def dump(sample: Sample) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(sample.erp) as connection:
        return {
            table.name: sorted(connection.execute(f"select * from {table.name}"), key=repr)
            for table in erp.METADATA.sorted_tables
        }


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return generate(tmp_path_factory.mktemp("short") / "source", as_of=SHORT)


@pytest.fixture
def own(short: Sample, tmp_path: Path) -> Sample:
    """A copy that a test may change."""
    target = tmp_path / "source"
    shutil.copytree(short.target, target)
    return replace(short, target=target, erp_url=erp.sqlite_url(target / "erp.sqlite"))


def test_two_runs_give_the_same_bytes_and_the_same_database(short: Sample, tmp_path: Path) -> None:
    again = generate(tmp_path / "again", as_of=SHORT)
    assert fingerprints(again.inbox) == fingerprints(short.inbox)
    assert dump(again) == dump(short)
    assert again.answer_key.read_bytes() == short.answer_key.read_bytes()


def test_another_seed_gives_another_company(short: Sample, tmp_path: Path) -> None:
    other = generate(tmp_path / "other", seed=1, as_of=SHORT)
    assert fingerprints(other.inbox) != fingerprints(short.inbox)


def test_files_arrive_when_their_period_is_over_and_not_after_the_last_day(short: Sample) -> None:
    for path in short.inbox.rglob("*.*"):
        if path.is_file():
            assert datetime.fromtimestamp(path.stat().st_mtime, UTC).date() <= SHORT
    assert (short.inbox / "D01" / "ventes_2024-S36.csv").is_file()
    assert not (short.inbox / "D01" / "ventes_2024-S38.csv").exists()


def test_a_week_later_the_same_files_and_documents_are_there_and_some_more(
    own: Sample, tmp_path: Path
) -> None:
    before = fingerprints(own.inbox)
    later = changes.next_week(own)
    fresh = generate(tmp_path / "fresh", as_of=date(2024, 9, 24))
    assert later.as_of == date(2024, 9, 24)
    assert before.items() < fingerprints(later.inbox).items()
    assert fingerprints(later.inbox) == fingerprints(fresh.inbox)
    assert dump(later) == dump(fresh)
    assert later.answer_key.read_bytes() == fresh.answer_key.read_bytes()


def test_a_history_needs_a_fortnight(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 2024-07-15 or later"):
        generate(tmp_path, as_of=date(2024, 7, 3))


def test_lost_invoices_are_gone_with_their_lines(own: Sample) -> None:
    before = dump(own)
    numbers = changes.drop_invoices(own, date(2024, 9, 10))
    after = dump(own)
    assert numbers
    assert len(before["factures"]) - len(after["factures"]) == len(numbers)
    assert not {row[0] for row in after["factures_lignes"]} & set(numbers)


def test_a_deleted_order_had_shipped_nothing(own: Sample) -> None:
    number = changes.delete_open_order(own)
    after = dump(own)
    assert number.startswith("CDE-2024-")
    assert all(row[0] != number for row in (*after["cdes"], *after["cdes_lignes"]))
    assert all(row[2] != number for row in after["expeditions_lignes"])


def test_a_changed_row_bears_the_moment_of_its_change(own: Sample) -> None:
    at = datetime.fromisoformat("2024-09-17T19:00:00")
    changes.change_row(own, erp.TIERS, {"code_tiers": "D01"}, {"ville": "Bron"}, at)
    with sqlite3.connect(own.erp) as connection:
        row = connection.execute("select ville, maj from tiers where code_tiers = 'D01'").fetchone()
    assert row == ("Bron", "2024-09-17 19:00:00.000000")
    with pytest.raises(LookupError, match="0 rows"):
        changes.change_row(own, erp.TIERS, {"code_tiers": "nobody"}, {"ville": "Bron"}, at)


def test_a_correction_differs_in_one_figure(own: Sample) -> None:
    corrected = changes.send_correction(own, "ventes_2024-S36.csv", extra=10)
    first = (own.inbox / "D01" / "ventes_2024-S36.csv").read_text("cp1252").splitlines()
    second = corrected.read_text("cp1252").splitlines()
    (changed,) = [(a.split(";"), b.split(";")) for a, b in zip(first, second, strict=True) if a != b]
    assert int(changed[1][2]) - int(changed[0][2]) == 10


def test_damage_and_doubling_leave_the_file_recognisable(own: Sample) -> None:
    path = own.inbox / "D01" / "ventes_2024-S36.csv"
    copy = changes.send_twice(own, path)
    assert copy.read_bytes() == path.read_bytes()
    size = path.stat().st_size
    changes.damage(path)
    assert 0 < path.stat().st_size < size


def test_the_command_writes_a_company(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--target", str(tmp_path), "--as-of", "2024-07-20"]) == 0
    assert (tmp_path / "erp.sqlite").is_file()
    assert "reports in" in capsys.readouterr().out
    assert json.loads((tmp_path / "answer_key.json").read_text())["company"]["as_of_date"] == "2024-07-20"
