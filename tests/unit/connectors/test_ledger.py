"""The intake ledger: one transaction a batch, supersede by slice, pending until published."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from connectors.ledger import Batch, Ledger, Slice

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def _batch(batch_id: str, **changes: object) -> Batch:
    batch = Batch(
        batch_id=batch_id,
        system="feeds",
        source="D01_sales",
        state="landed",
        received_at=NOW,
        landed_at=NOW,
        partner_code="D01",
        feed_code="D01_sales",
        content_hash=f"hash-{batch_id}",
        profile_hash="p1",
        file_name=f"{batch_id}.csv",
        rows_read=3,
        rows_accepted=2,
        rows_quarantined=1,
    )
    return replace(batch, **changes)


def _week(key: str, first: date, last: date, rows: int = 2) -> Slice:
    return Slice(
        "feeds", "sell_out", key, first, last, rows, "12.000", "34.5000", "D01", "D01_sales", "x.parquet"
    )


WEEK_5 = _week("D01|D01_sales|2026-W05", date(2026, 1, 26), date(2026, 2, 1))
WEEK_6 = _week("D01|D01_sales|2026-W06", date(2026, 2, 2), date(2026, 2, 8))


def test_a_batch_comes_back_as_it_was_entered(tmp_path: Path) -> None:
    batch = _batch("b1", totals={"rows": "3"}, period_start_date=date(2026, 1, 26))
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(batch)

        assert ledger.batches() == [
            replace(batch, received_at=NOW.replace(tzinfo=None), landed_at=NOW.replace(tzinfo=None))
        ]


def test_a_later_report_of_the_same_slice_supersedes_the_former_one(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_5])
        ledger.record(_batch("b2"), [replace(WEEK_5, rows_landed=9)])

        assert {batch.batch_id: batch.state for batch in ledger.batches()} == {
            "b1": "superseded",
            "b2": "landed",
        }


def test_a_batch_of_two_weeks_stays_landed_until_both_are_replaced(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_5, WEEK_6])
        ledger.record(_batch("b2"), [WEEK_5])
        assert ledger.batches()[0].state == "landed"

        ledger.record(_batch("b3"), [WEEK_6])
        assert ledger.batches()[0].state == "superseded"


def test_a_failure_in_the_middle_enters_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_5])
        with pytest.raises(Exception, match="UNIQUE"):
            ledger.record(_batch("b2"), [WEEK_6, WEEK_6])

        assert [batch.batch_id for batch in ledger.batches()] == ["b1"]
        assert ledger.live_slices() == [("feeds", "sell_out", WEEK_5.slice_key)]


def test_pending_goes_only_up_to_what_was_published(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_5])
        seen = ledger.pending_sequence()
        ledger.record(_batch("b2"), [WEEK_6])
        ledger.clear_pending(seen)
        ledger.export(tmp_path)

    pending = duckdb.sql(
        f"select slice_key from '{tmp_path}/ledger/slices.parquet' where is_pending"
    ).fetchall()
    assert pending == [(WEEK_6.slice_key,)]


def test_live_slices_of_a_span_of_months_are_those_that_touch_it(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_5, WEEK_6])

        assert ledger.live_slices(date(2026, 2, 1), date(2026, 2, 1)) == [
            ("feeds", "sell_out", WEEK_5.slice_key)
        ]


def test_the_export_keeps_types_and_exact_totals(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1", reason="a 'quoted', reason"), [WEEK_5])
        ledger.export(tmp_path)

    assert duckdb.sql(
        "select period_start_date, rows_landed, quantity_total, amount_total, is_live, is_pending "
        f"from '{tmp_path}/ledger/slices.parquet'"
    ).fetchall() == [(date(2026, 1, 26), 2, 12, pytest.approx(34.5), True, True)]
    assert duckdb.sql(f"select reason from '{tmp_path}/ledger/batches.parquet'").fetchall() == [
        ("a 'quoted', reason",)
    ]


def test_a_second_opening_sees_what_the_first_entered(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1", cursor_value="2026-03-01"))
        ledger.remember("published", "v1")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.cursor("feeds", "D01_sales") == "2026-03-01"
        assert ledger.recall("published") == "v1"
        assert ledger.find_content("hash-b1", "p1") is not None
        assert ledger.find_content("hash-b1", "p2") is None


def test_a_ledger_of_before_documents_keeps_its_slices(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            create table slices (
                system text not null, entity text not null, slice_key text not null, batch_id text not null,
                partner_code text, feed_code text, period_start_date text not null,
                period_end_date text not null, file text, rows_landed integer not null,
                quantity_total text not null default '0', amount_total text not null default '0',
                is_live integer not null, primary key (system, entity, slice_key, batch_id)
            );
            create index slices_live on slices (system, entity, slice_key) where is_live = 1;
            insert into slices values ('feeds', 'sell_out', 'D07|f|2026-W05', 'b1', 'D07', 'f', '2026-01-26',
                '2026-02-01', 'x.parquet', 3, '7', '70', 1);
            """
        )
    for _ in range(2):
        with Ledger(path) as ledger:
            assert ledger.has_slice("f", "D07|f|2026-W05")
            assert not ledger.has_document("f", "")
