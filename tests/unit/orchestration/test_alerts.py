"""Counting alerts over publications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.alert_words import counted
from orchestration.alerts import Count, count_alerts
from orchestration.cli import app
from orchestration.publish import Coverage, GateOutcome, publish

OPEN = [GateOutcome("core", True, "all", 3, 0), GateOutcome("marts", True, "all", 2, 0)]


def release(folder: Path, alerts: Sequence[tuple[str, str]], keep: int) -> Path:
    """Publish a warehouse that holds these alerts, as (id, status)."""
    warehouse = folder / "w.duckdb"
    warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema core; create schema marts")
        connection.execute("create table marts.fct_alerts (alert_id varchar, status_code varchar)")
        connection.executemany("insert into marts.fct_alerts values (?, ?)", alerts)
    publish(
        warehouse,
        folder / "published",
        run_id="run",
        code_version="0.1.0",
        as_of=date(2026, 6, 30),
        gates=OPEN,
        coverage=Coverage(),
        keep=keep,
        parquet=False,
    )
    return folder / "published"


def test_new_is_what_the_publication_before_did_not_have_open(tmp_path: Path) -> None:
    release(tmp_path, [("A", "open"), ("B", "resolved")], keep=2)
    published = release(tmp_path, [("A", "open"), ("B", "open"), ("C", "open"), ("D", "muted")], keep=2)
    assert count_alerts(published) == Count(open=3, new=2)


def test_without_a_publication_before_none_is_called_new(tmp_path: Path) -> None:
    first = release(tmp_path, [("A", "open")], keep=1)
    assert count_alerts(first) == Count(open=1, new=None)
    # With one kept version the former one is gone.
    second = release(tmp_path, [("A", "open")], keep=1)
    assert count_alerts(second) == Count(open=1, new=None)


def test_alerts_are_counted_as_the_language_does() -> None:
    assert [counted(count, "fr") for count in (0, 1, 2, 1234)] == [
        "0 alerte",
        "1 alerte",
        "2 alertes",
        "1\u202f234 alertes",
    ]
    assert [counted(count, "en") for count in (0, 1, 1234)] == ["0 alerts", "1 alert", "1,234 alerts"]


def test_a_publication_of_an_older_version_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVAL_COMPANY", "")
    monkeypatch.setenv("AVAL_DATA", str(tmp_path))
    release(tmp_path, [("A", "open")], keep=1)
    shown = CliRunner().invoke(app, ["alerts"])
    assert shown.exit_code == 2
    assert "was built by another version of Aval" in shown.output
    assert "-> run: aval run" in shown.output
