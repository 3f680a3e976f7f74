"""The alerts of the sample company in ten weeks, looked at each Tuesday as `aval run` and `aval notices` do.

On the way two things happen that the sample does not have: an alert is muted for a while, and the deal that
did not come is given up.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.company import Company as CompanySettings
from connectors.company import Paths
from orchestration.delivering import tell
from orchestration.settings import Settings
from orchestration.told import Told
from tests.integration.dbt.conftest import SETTINGS, Company
from tests.integration.dbt.weekly_looks import Looks

FIRST = date(2026, 4, 28)
DAYS = tuple(FIRST + timedelta(weeks=number) for number in range(10))
PARTNERS = ("D06", "D07", "D08", "D09", "D13", "D14", "D15", "D17")
MUTED_FROM, MUTED_UNTIL = date(2026, 4, 20), date(2026, 6, 10)
GIVEN_UP = date(2026, 6, 12)
DEAL = "promised_volume|D17|AFF-2026-0007|2026-05-30"
RELATIVE = ("abnormal_orders", "delivery_drift")
"""Rules that hold a partner against all others: eight partners give another figure than all."""
LEFT_OUT = ("reconciliation_difference", "own_stock_shortage")
"""Rules whose inputs the looks leave out."""
NOTICES = """
recipients:
  us: {severity: notice, language: en, send_to: {kind: file, folder: "${AVAL_DATA}/out"}}
"""
STATES = "alert_id, status_code, first_seen_date, last_seen_date, resolved_date, at_stake_amount, figures"


@dataclass(frozen=True)
class Weeks:
    """What each look found, by alert: state, first and last day seen, day of its end, stake, figures."""

    found: dict[date, dict[str, tuple[Any, ...]]]
    told: list[str]
    messages: list[str]

    def seen_on(self, alert: str) -> list[date]:
        return [day for day in DAYS if alert in self.found[day]]

    def states(self, alert: str) -> list[str]:
        return [self.found[day][alert][0] for day in self.seen_on(alert)]


@pytest.fixture(scope="module")
def weeks(built_demo: Path, manifest_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Weeks:
    folder = tmp_path_factory.mktemp("weeks")
    looks = Looks(Company(folder, manifest_data), built_demo, PARTNERS)
    looks.connection.execute(
        "insert into landed.rules_alert_mutes (rule_code, subject_code, muted_until_date, mute_reason, "
        "muted_by, muted_date, _source_row, _batch_id) select 'overstock', 'D07', ?, 'sale agreed', 'ana', "
        "?, 1, batch_id from landed.ledger_slices where entity = 'alert_mutes' and is_live",
        [MUTED_UNTIL, MUTED_FROM],
    )
    looks.connection.execute(
        "update landed.erp_opportunities set closed_date = ?, stage_code = 'lost' "
        "where opportunity_number = 'AFF-2026-0007'",
        [GIVEN_UP],
    )
    (folder / "rules").mkdir()
    (folder / "rules" / "notices.yml").write_text(NOTICES)
    found = {}
    for day in DAYS:
        looks.look(day)
        rows = looks.connection.execute(f"select {STATES} from marts.fct_alerts").fetchall()
        found[day] = {alert: rest for alert, *rest in rows}
        assert len(found[day]) == len(rows)
        _publish(looks, folder / "published", day)
        company = CompanySettings.model_validate({**SETTINGS, "as_of_date": day})
        tell(Settings(Paths(folder, folder), company, {}), send=True)
    with Told(folder / "landing" / "notices.sqlite") as ledger:
        told = sorted(ledger.causes("us"))
        messages = [entry.message.text for entry in ledger.entries("sent")]
    return Weeks(found, told, messages)


def _publish(looks: Looks, folder: Path, day: date) -> None:
    """What notices read of a publication, as the look found it; proposals are another matter."""
    folder.mkdir(exist_ok=True)
    version = folder / f"{day}.duckdb"
    looks.connection.execute(f"attach '{version}' as published")
    core = ("dim_gap_causes", "dim_partners", "dim_products", "dim_rebate_programmes")
    for schema, tables in (("core", core), ("marts", ("fct_alerts", "mart_territory_conflicts"))):
        looks.connection.execute(f"create schema published.{schema}")
        for table in tables:
            looks.connection.execute(f"create table published.{schema}.{table} as from aval.{schema}.{table}")
    looks.connection.execute(
        "create table published.marts.mart_partner_proposals_weekly (proposal_kind_code varchar, "
        "partner_code varchar, product_code varchar, proposed_quantity decimal, pack_quantity decimal, "
        "proposed_amount decimal, currency_code varchar, on_hand_quantity decimal, "
        "weeks_of_supply decimal, cause_date date)"
    )
    looks.connection.execute(f"create table published.marts.publication as select date '{day}' as as_of_date")
    looks.connection.execute("detach published")
    (folder / "current.duckdb").unlink(missing_ok=True)
    (folder / "current.duckdb").symlink_to(version.name)


def test_the_tenth_look_says_what_one_run_on_the_whole_history_published(
    weeks: Weeks, published: duckdb.DuckDBPyConnection
) -> None:
    rows = published.execute(
        f"select {STATES} from marts.fct_alerts where partner_code in (select unnest(?)) "
        "and rule_code not in (select unnest(?))",
        [list(PARTNERS), [*RELATIVE, *LEFT_OUT]],
    ).fetchall()
    expected = {alert: rest for alert, *rest in rows if alert != DEAL}
    found = {
        alert: rest
        for alert, rest in weeks.found[DAYS[-1]].items()
        if not alert.startswith(RELATIVE) and alert != DEAL
    }
    assert len(expected) > 10
    assert found == expected


def test_an_alert_stays_the_same_until_it_ends_and_never_comes_back(weeks: Weeks) -> None:
    for former_day, day in itertools.pairwise(DAYS):
        before, now = weeks.found[former_day], weeks.found[day]
        assert before.keys() <= now.keys(), day
        assert all(first <= last <= day for _, first, last, *_ in now.values())
        for alert, (state, first_seen, *_) in before.items():
            assert now[alert][1] == first_seen
            if state in ("resolved", "lapsed"):
                assert now[alert] == before[alert]


def test_what_the_last_look_tells_of_each_week_is_what_was_seen_in_it(weeks: Weeks) -> None:
    """Reports come some days after their period: here each in time for the next Tuesday."""
    new: set[tuple[str, ...]] = set()
    for alert, (state, first_seen, _, resolved, *_) in weeks.found[DAYS[-1]].items():
        days = weeks.seen_on(alert)
        assert days[0] == min(day for day in DAYS if day >= first_seen), alert
        if days[0] > FIRST:
            new.add(tuple(alert.split("|")[:2]))
        ended = [day for day in days if weeks.found[day][alert][0] in ("resolved", "lapsed")]
        assert ended == [day for day in days if resolved is not None and day >= resolved], alert
        assert (state in ("resolved", "lapsed")) == bool(ended)
    assert new == {
        ("territory_conflict", "D15"),
        ("promised_volume", "D17"),
        ("shortage_foreseen", "D13"),
        ("no_order", "D13"),
        ("territory_conflict", "D08"),
        ("rebate_tier_within_reach", "D08"),
    }


def test_what_is_planted_in_these_weeks_comes_up_once_and_lives_as_planted(
    weeks: Weeks, key: dict[str, Any]
) -> None:
    def tuesday(first: date) -> int:
        return len([day for day in DAYS if day >= first])

    last_order = date.fromisoformat(key["planted"]["silent_partner"]["last_order_date"])
    # 61 days of silence make an alert.
    assert weeks.states("no_order|D13|2026-06-08") == ["open"] * tuesday(last_order + timedelta(days=61))
    # Expected on 31 March, told 60 days later, given up on 12 June.
    assert weeks.states(DEAL) == ["open"] * 2 + ["resolved"] * tuesday(GIVEN_UP)
    assert weeks.found[DAYS[-1]][DEAL][3] == GIVEN_UP
    # Entered in the ERP in April, and no conflict before it begins.
    overlapping = "territory_conflict|D15|overlapping_grants|D15|D06|67|VAN|2026-05-01|2026-05-01"
    assert weeks.states(overlapping) == ["open"] * tuesday(date(2026, 5, 1))
    for alert in (
        "phantom_stock|D09|RAC0303|2026-03-02",
        "stock_gap|D14|VAN0103|2026-02-09",
        "late_report|D08|D08_hebdo|2026-01-05",
    ):
        assert weeks.states(alert) == ["open"] * 10
    full = "overstock|D07|2026-01-01"
    assert weeks.states(full) == ["muted" if day < MUTED_UNTIL else "open" for day in DAYS]


def test_each_cause_is_told_once_and_a_muted_one_when_it_is_heard_again(weeks: Weeks) -> None:
    ever_open = {
        f"alert|{alert}" for day in DAYS for alert, (state, *_) in weeks.found[day].items() if state == "open"
    }
    assert weeks.told == sorted(ever_open)
    lines = [line for text in weeks.messages for line in text.splitlines() if line.startswith("- ")]
    assert len(lines) == len(ever_open)
    assert len(weeks.messages) < len(DAYS)
    (overstock,) = (number for number, text in enumerate(weeks.messages) if "Overstock, D07 " in text)
    silent = next(number for number, text in enumerate(weeks.messages) if "Orders have stopped, D13 " in text)
    # Both on 16 June: the one since it is no longer muted, the other since it is new.
    assert overstock == silent
