"""Reminders: what is overdue, how late, and in which words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.feeds.profile import Profile
from connectors.ledger import Batch, Ledger, Slice
from orchestration.reminders import Reminder, reminders_due

TODAY = date(2026, 6, 30)


def weekly(partner: str, expected_from: date, **settings: object) -> Profile:
    return Profile.model_validate(
        {
            "partner": partner,
            "files": {"glob": f"{partner}/*.csv"},
            "container": {"kind": "delimited"},
            "period": {
                "frequency": "week",
                "source": "file_name",
                "pattern": r"(?P<year>\d{4})-W(?P<week>\d\d)",
            },
            "columns": {"gtin": "EAN", "sold_quantity": "Qty"},
            "expected_from": expected_from,
            **settings,
        }
    )


@pytest.fixture
def due(tmp_path: Path) -> list[Reminder]:
    """D01 owes weeks 24 and 25 (week 26 may still come), D02 week 23; D03 has sent everything."""
    profiles = {
        "D01_sales": weekly("D01", date(2026, 6, 8), contact="ventes@d01.example", description="Ventes"),
        "D02_sales": weekly("D02", date(2026, 6, 1), expected_to=date(2026, 6, 8)),
        "D03_sales": weekly("D03", date(2026, 6, 15), expected_to=date(2026, 6, 22)),
    }
    received = datetime(2026, 6, 23, 6, tzinfo=UTC)
    monday, sunday = date(2026, 6, 15), date(2026, 6, 21)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(
            Batch(
                batch_id="b1",
                system="feeds",
                source="D03/D03_sales",
                state="landed",
                received_at=received,
                landed_at=received,
                partner_code="D03",
                feed_code="D03_sales",
                period_start_date=monday,
                period_end_date=sunday,
            ),
            [Slice("feeds", "sell_out", "D03|D03_sales|2026-W25", monday, sunday, 1)],
        )
        return reminders_due(profiles, ledger, TODAY)


def test_overdue_periods_are_gathered_by_feed_and_the_longest_overdue_comes_first(
    due: list[Reminder],
) -> None:
    assert [(r.partner_code, r.contact, [p.label for p in r.periods]) for r in due] == [
        ("D02", None, ["2026-W23"]),
        ("D01", "ventes@d01.example", ["2026-W24", "2026-W25"]),
    ]


def test_days_are_counted_from_the_due_date(due: list[Reminder]) -> None:
    # Week 25 ends on Sunday 21 June and is due three days later.
    assert [due[1].days_late(period) for period in due[1].periods] == [13, 6]


def test_a_reminder_speaks_the_language_asked_for(due: list[Reminder]) -> None:
    french, english = due[1].text("fr", "Arvel"), due[1].text("en", "Arvel")

    assert "votre rapport « Ventes »" in french
    assert "- 2026-W25 (du 15/06/2026 au 21/06/2026) : attendu le 24/06/2026, 6 jours de retard" in french
    assert 'your report "Ventes"' in english
    assert "- 2026-W24 (2026-06-08 to 2026-06-14): due on 2026-06-17, 13 days late" in english
    assert french.endswith("Arvel")
    assert english.endswith("Arvel")
