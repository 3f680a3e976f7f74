"""`aval archive restore`: every version that came, so that reading them again ends as it ended before."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.feeds.intake.run import take_in
from connectors.ledger import Ledger
from orchestration.cli import app
from orchestration.settings import load_settings

COMPANY = """
company: {code: acme, name: Acme}
as_of_date: 2026-03-01
erp: {kind: sql, url: "sqlite:///${AVAL_DATA}/erp.sqlite", queries: erp}
inbox: {path: "${AVAL_DATA}/inbox"}
"""
FEED = """
partner: P1
files: {glob: "P1/*.csv"}
container: {kind: delimited, delimiter: ";"}
period: {frequency: week, source: file_name, pattern: '(?P<year>\\d{4})-W(?P<week>\\d\\d)'}
columns: {partner_product_code: Ref, sold_quantity: Qty}
expected_from: 2026-01-05
"""
WEEK_5, WEEK_6 = "P1/v_2026-W05.csv", "P1/v_2026-W06.csv"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVAL_COMPANY", str(tmp_path / "company"))
    monkeypatch.setenv("AVAL_DATA", str(tmp_path / "data"))
    (tmp_path / "company" / "feeds").mkdir(parents=True)
    (tmp_path / "company" / "company.yml").write_text(COMPANY)
    (tmp_path / "company" / "feeds" / "P1_weekly.yml").write_text(FEED)
    (tmp_path / "data" / "inbox" / "P1").mkdir(parents=True)
    return tmp_path / "data"


def send(data: Path, name: str, rows: str, day: int) -> None:
    path = data / "inbox" / name
    path.write_text(f"Ref;Qty\n{rows}")
    moment = datetime(2026, 2, day, tzinfo=UTC).timestamp()
    os.utime(path, (moment, moment))
    take()


def take() -> None:
    settings = load_settings(None, None)
    with Ledger(settings.paths.ledger) as ledger:
        take_in(settings.paths, settings.company, settings.profiles, ledger, now=datetime.now(UTC))


def restore(target: Path) -> list[str]:
    result = CliRunner().invoke(app, ["archive", "restore", "--to", str(target)])
    assert result.exit_code == 0, result.output
    return sorted(Path(line).relative_to(target).as_posix() for line in result.stdout.splitlines())


def counting() -> dict[str, str]:
    """What counts: units of each live report."""
    settings = load_settings(None, None)
    with Ledger(settings.paths.ledger) as ledger:
        keys = [key for _, _, key in ledger.live_slices()]
        totals = ledger.live_totals("P1_weekly", "sell_out")
    return {"keys": ", ".join(sorted(keys)), "units": str(totals[1])}


@pytest.mark.parametrize(("first", "correction"), [(3, 8), (8, 3)])
def test_a_correction_under_the_same_name_still_counts_when_all_is_read_again(
    data: Path, first: int, correction: int
) -> None:
    # Both ways round: which of two contents comes first in the archive is a matter of their hashes.
    send(data, WEEK_5, f"A;{first}\n", 3)
    send(data, WEEK_5, f"A;{correction}\n", 9)
    before = counting()
    assert before == {"keys": "P1|P1_weekly|2026-W05", "units": f"{correction}.000"}
    (data / "inbox" / WEEK_5).unlink()
    assert restore(data / "inbox") == [WEEK_5, "P1/v_2026-W05~2.csv"]
    assert (data / "inbox" / WEEK_5).read_text() == f"Ref;Qty\nA;{correction}\n"
    with (data.parent / "company" / "feeds" / "P1_weekly.yml").open("a") as profile:
        profile.write("thousands_mark: ' '\n")
    take()
    assert counting() == before


def test_equal_bytes_of_two_periods_return_under_both_names(data: Path) -> None:
    send(data, WEEK_5, "", 3)
    send(data, WEEK_6, "", 10)
    assert restore(data.parent / "back") == [WEEK_5, WEEK_6]
    days = [
        datetime.fromtimestamp((data.parent / "back" / name).stat().st_mtime, UTC).day
        for name in (WEEK_5, WEEK_6)
    ]
    assert days == [3, 10]


def test_one_damaged_original_keeps_back_no_other(data: Path) -> None:
    for day, week in enumerate((WEEK_5, WEEK_6, "P1/v_2026-W07.csv"), start=20):
        send(data, week, f"A;{day}\n", day)
    (damaged,) = (data / "archive").rglob("*W06*")
    damaged.write_bytes(b"")
    target = data.parent / "back"
    result = CliRunner().invoke(app, ["archive", "restore", "--to", str(target)])
    assert result.exit_code == 1
    assert "v_2026-W06.csv: the original is not what was archived" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("1 of 3 originals could not be restored")
    assert sorted(path.name for path in target.rglob("*.csv")) == ["v_2026-W05.csv", "v_2026-W07.csv"]


def test_what_is_not_in_the_archive_is_told(data: Path) -> None:
    send(data, WEEK_5, "A;3\n", 3)
    result = CliRunner().invoke(app, ["archive", "restore", "--to", str(data), "--partner", "P2"])
    assert (result.exit_code, "no original" in result.stderr) == (1, True), result.stderr


def test_what_is_there_already_is_left_alone(data: Path) -> None:
    send(data, WEEK_5, "A;3\n", 3)
    assert restore(data / "inbox") == []
    (data / "inbox" / WEEK_5).write_text("mine")
    assert restore(data / "inbox") == []
    assert (data / "inbox" / WEEK_5).read_text() == "mine"
