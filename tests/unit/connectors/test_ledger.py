"""The intake ledger: one transaction a batch, supersede by slice, pending until published."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from connectors.errors import AvalError
from connectors.ledger import Batch, Figures, Ledger, LookBack, Retired, Slice

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

        assert ledger.batches() == [batch]


def test_a_later_report_of_the_same_slice_supersedes_the_former_one(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_5])
        ledger.record(_batch("b2"), [replace(WEEK_5, rows_landed=9)])

        assert {batch.batch_id: batch.state for batch in ledger.batches()} == {
            "b1": "superseded",
            "b2": "landed",
        }


def test_what_a_report_brought_is_held_against_what_counts_of_its_periods_now(tmp_path: Path) -> None:
    """Of weeks 5 and 6 (12 units and 34.50 each) the first is restated with 5 rows and one unit."""
    stock = replace(WEEK_5, entity="inventory", quantity_total="800.000")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_5, WEEK_6, stock])
        ledger.record(_batch("b2"), [replace(WEEK_5, rows_landed=5, quantity_total="1.000")])

        before, now = ledger.restated("b1")

    assert before == Figures(4, Decimal(24), Decimal(69))
    assert now == Figures(7, Decimal(13), Decimal(69))


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


@pytest.mark.parametrize("left", [None, b""])
def test_a_ledger_that_is_gone_from_beside_what_it_had_entered_is_not_begun_anew(
    tmp_path: Path, left: bytes | None
) -> None:
    # Whatever has landed would be taken for what a killed run left, and removed.
    path = tmp_path / "landing" / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.export(path.parent)
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    with pytest.raises(AvalError, match="the intake ledger is gone") as told, Ledger(path):
        pass
    assert told.value.code == "lost_ledger"
    assert "restore it from the backup" in told.value.remedy


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


# 30 days before 2 March 2026 is 31 January: week 4 ended on 25 January, week 5 on 1 February.
THIRTY_DAYS = LookBack(date(2026, 1, 31), 30)
WEEK_4 = _week("D01|D01_sales|2026-W04", date(2026, 1, 19), date(2026, 1, 25))


def _restate(ledger: Ledger, batch_id: str, *slices: Slice, retired: tuple[Retired, ...] = ()) -> str:
    """Enter a report under a look-back of 30 days; its state."""
    (recorded,) = ledger.record_all(
        [(_batch(batch_id), slices)], {batch_id: retired}, {batch_id: THIRTY_DAYS}
    )
    return recorded.batch.state


def _live(ledger: Ledger) -> dict[str, set[str]]:
    """Live batches by slice, straight from the file."""
    found: dict[str, set[str]] = {}
    with sqlite3.connect(ledger.path) as connection:
        for key, batch_id in connection.execute("select slice_key, batch_id from slices where is_live = 1"):
            found.setdefault(key.rsplit("|", 1)[1], set()).add(batch_id)
    return found


def test_what_restates_a_period_too_long_after_it_is_held_whole(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_4, WEEK_5])
        ledger.clear_pending(ledger.pending_sequence())

        assert _restate(ledger, "b2", replace(WEEK_4, quantity_total="13.000"), WEEK_5) == "held"
        assert _live(ledger) == {"2026-W04": {"b1"}, "2026-W05": {"b1"}}
        assert ledger.pending_sequence() == 0
        (held,) = ledger.held()
        assert held.reason_code == "old_restatement"
        assert held.reason == "it would change 2026-W04, which ended more than 30 days before it came"


def test_a_period_that_is_recent_or_new_or_unchanged_may_be_told(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_5])
        # Week 4 was never reported; week 5 is recent enough.
        assert _restate(ledger, "b2", WEEK_4, replace(WEEK_5, quantity_total="1.000")) == "landed"
        # A rolling report repeats week 4 as it was.
        assert _restate(ledger, "b3", WEEK_4, WEEK_5) == "landed"
        assert _live(ledger) == {"2026-W04": {"b3"}, "2026-W05": {"b3"}}


def test_bytes_that_are_read_again_are_no_restatement(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1", content_hash="same"), [WEEK_4])
        again = _batch("b2", content_hash="same", profile_hash="p2")
        changed = replace(WEEK_4, quantity_total="13.000")
        (recorded,) = ledger.record_all([(again, [changed])], {}, {"b2": THIRTY_DAYS})
        assert recorded.batch.state == "landed"


def test_a_held_report_counts_once_it_is_accepted(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_4])
        ledger.clear_pending(ledger.pending_sequence())
        _restate(ledger, "b2", replace(WEEK_4, quantity_total="13.000"))

        assert ledger.newer_than_held("b2") == []
        assert ledger.accept("b2", "agreed with the partner") == ("b1",)

        assert _live(ledger) == {"2026-W04": {"b2"}}
        assert {batch.batch_id: batch.state for batch in ledger.batches()} == {
            "b1": "superseded",
            "b2": "landed",
        }
        assert ledger.batches()[1].reason == "agreed with the partner"
        assert ledger.pending_sequence() > 0
        assert ledger.held() == []


def test_a_later_report_of_a_held_period_is_told(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_4])
        _restate(ledger, "b2", replace(WEEK_4, quantity_total="13.000"))
        ledger.record(_batch("b3"), [WEEK_4])
        assert ledger.newer_than_held("b2") == ["2026-W04"]


def test_taking_back_or_adding_to_an_old_document_is_held_and_done_on_acceptance(tmp_path: Path) -> None:
    numbered = replace(WEEK_4, document="7")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [numbered])
        beside = replace(WEEK_4, document="8", supersedes=False)

        assert _restate(ledger, "b2", retired=(Retired("D01_sales", "7"),)) == "held"
        assert _restate(ledger, "b3", beside) == "held"
        assert _live(ledger) == {"2026-W04": {"b1"}}

        ledger.accept("b3", "added")
        assert _live(ledger) == {"2026-W04": {"b1", "b3"}}
        ledger.accept("b2", "cancelled")
        assert _live(ledger) == {"2026-W04": {"b3"}}


def test_a_held_file_that_is_read_again_is_held_once(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.record(_batch("b1"), [WEEK_4])
        changed = replace(WEEK_4, quantity_total="13.000")
        for batch_id, profile in (("b2", "p1"), ("b3", "p2")):
            batch = _batch(batch_id, content_hash="late", profile_hash=profile)
            ledger.record_all([(batch, [changed])], {}, {batch_id: THIRTY_DAYS})
        assert [batch.batch_id for batch in ledger.held()] == ["b3"]


def test_a_ledger_of_before_can_hold_reports(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.record(_batch("b1"), [WEEK_4])
    with sqlite3.connect(path) as connection:
        (created,) = connection.execute("select sql from sqlite_master where name = 'batches'").fetchone()
        former = created.replace("'held', ", "").replace("batches", "batches_before", 1)
        connection.executescript(
            f"alter table slices drop column is_held; {former}; "
            "insert into batches_before select * from batches; "
            "drop table batches; alter table batches_before rename to batches;"
        )
    with Ledger(path) as ledger:
        assert _restate(ledger, "b2", replace(WEEK_4, quantity_total="13.000")) == "held"
        assert [batch.batch_id for batch in ledger.batches()] == ["b1", "b2"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("pragma foreign_key_check").fetchall() == []
