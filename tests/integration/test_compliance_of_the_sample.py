"""Compliance of the sample company, worked out again by pandas from when files came and from the profiles."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from orchestration.settings import SAMPLE_COMPANY

pytestmark = pytest.mark.slow

AS_OF = pd.Timestamp("2026-06-30")
FREQUENCIES = {"day": "D", "week": "W-SUN", "month": "M"}
COUNTS = ["expected", "on_time", "late", "missing", "not_due", "restated"]


def accepted_reports(data: Path) -> pd.DataFrame:
    """What the ledger took in, with the day on which it came in Paris."""
    with sqlite3.connect(data / "landing" / "ledger.sqlite") as connection:
        query = "select * from batches where system = 'feeds' and state in ('landed', 'superseded')"
        reports = pd.read_sql(query, connection)
    came = pd.to_datetime(reports["received_at"], format="ISO8601").dt.tz_localize("UTC")
    reports["day"] = came.dt.tz_convert("Europe/Paris").dt.tz_localize(None).dt.normalize()
    for name in ("period_start_date", "period_end_date"):
        reports[name] = pd.to_datetime(reports[name])
    return reports


def expected_states(reports: pd.DataFrame) -> pd.DataFrame:
    """One row per feed and expected period: when it ends, what became of it, whether it was restated."""
    rows = []
    for path in sorted((SAMPLE_COMPANY / "feeds").glob("*.yml")):
        profile = yaml.safe_load(path.read_text(encoding="utf-8"))
        begins = pd.Timestamp(profile["expected_from"])
        ends = pd.Timestamp(profile.get("expected_to") or "2100-01-01")
        mine = reports[reports["feed_code"] == path.stem]
        for period in pd.period_range(begins, AS_OF, freq=FREQUENCIES[profile["period"]["frequency"]]):
            first, last = period.start_time.normalize(), period.end_time.normalize()
            if first < begins or last > AS_OF or last >= ends:
                continue
            due = last + pd.Timedelta(days=profile.get("due_days", 3))
            told = mine[(mine["period_start_date"] <= first) & (mine["period_end_date"] >= last)]
            if told.empty:
                state = "missing" if due < AS_OF else "not_due"
            else:
                state = "on_time" if told["day"].min() <= due else "late"
            rows.append((path.stem, last, state, told["content_hash"].nunique() > 1))
    return pd.DataFrame(rows, columns=["feed_code", "last", "state", "is_restated"])


def test_each_feeds_week_counts_as_the_files_came(
    built_demo: Path, published: duckdb.DuckDBPyConnection
) -> None:
    states = expected_states(accepted_reports(built_demo))
    states["week"] = states["last"] - pd.to_timedelta(states["last"].dt.weekday, unit="D")
    wanted = pd.DataFrame(
        {
            "feed_code": states["feed_code"],
            "week": states["week"],
            "expected": 1,
            **{name: (states["state"] == name).astype(int) for name in COUNTS[1:5]},
            "restated": states["is_restated"].astype(int),
        }
    )
    summed = wanted.groupby(["feed_code", "week"])[COUNTS].sum()

    columns = ", ".join(f"{name}_count" for name in COUNTS)
    found = published.execute(
        f"select feed_code, week_start_date, {columns} from marts.mart_reporting_compliance_weekly"
    ).fetchall()
    told = {(row[0], pd.Timestamp(row[1])): tuple(row[2:]) for row in found}
    assert told == {key: tuple(values) for key, values in zip(summed.index, summed.to_numpy(), strict=True)}
    # Each state occurs in the sample company.
    assert (summed.sum() > 0).all()
