"""The pull: only what changed is landed, what vanished is marked, and nothing half read counts."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.erp import pull, reading
from connectors.erp.pull import repair
from connectors.errors import ConfigError, SourceError
from connectors.ledger import Ledger

from .conftest import SmallErp


def test_the_first_pull_lands_every_row_with_provenance_and_exact_decimals(erp: SmallErp) -> None:
    summary = erp.pull()

    assert summary["invoice_lines"].rows_landed == 3
    (batch,) = erp.batches()
    assert erp.landed(
        "invoice_number, invoice_line_number, net_amount, _batch_id, _source_file, _source_row, _is_deleted"
    ) == [
        ("F1", "1", Decimal("10.1000"), batch.batch_id, "sql:invoice_lines.sql", 1, False),
        ("F1", "2", Decimal("5.0500"), batch.batch_id, "sql:invoice_lines.sql", 2, False),
        ("F2", "1", Decimal("20.2000"), batch.batch_id, "sql:invoice_lines.sql", 3, False),
    ]
    assert (batch.rows_read, batch.rows_accepted, batch.rows_skipped) == (3, 3, 0)
    assert batch.cursor_value == "2026-02-03T09:30:00"
    assert (str(batch.period_start_date), str(batch.period_end_date)) == ("2026-01-10", "2026-02-03")


def test_slices_are_the_months_touched_with_the_totals_of_the_whole_month(erp: SmallErp) -> None:
    erp.pull()
    assert erp.slices() == {"erp|2026-01": (2, "3.0000", "15.1500"), "erp|2026-02": (1, "4.0000", "20.2000")}
    assert erp.slices("partners") == {"erp|all": (2, "0.0000", "0.0000")}

    erp.change("insert into line values ('F3', 1, 'P1', '2026-02-09', 'SAV', 1, 5, '2026-02-09 08:00:00')")
    erp.pull()

    # 20.20 of before and 5.00 of now; January is as it was.
    assert erp.slices() == {"erp|2026-01": (2, "3.0000", "15.1500"), "erp|2026-02": (2, "5.0000", "25.2000")}


def test_nothing_new_writes_nothing_but_that_it_was_looked_at(erp: SmallErp) -> None:
    erp.pull()
    files, batches = erp.files(), erp.batches()

    summary = erp.pull()

    assert not summary.has_news
    assert erp.files() == files
    assert erp.batches() == batches
    assert erp.recall("erp_checked_at:invoice_lines") == "2026-03-02T08:00:00+00:00"


def test_what_ends_within_one_chunk_lands_the_same_and_does_not_even_start_dlt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_dlt, in_memory = SmallErp(tmp_path / "dlt"), SmallErp(tmp_path / "memory")
    with monkeypatch.context() as patch:
        patch.setattr(reading, "CHUNK_ROWS", 1)
        assert by_dlt.pull().has_news

    def refuse(_: Any) -> None:
        raise AssertionError("dlt was started")

    monkeypatch.setattr(pull, "_new_pipeline", refuse)
    assert in_memory.pull().has_news
    assert in_memory.landed("* exclude (_batch_id)") == by_dlt.landed("* exclude (_batch_id)")


def test_only_rows_since_the_cursor_are_read_again(erp: SmallErp) -> None:
    erp.pull()
    erp.change("insert into line values ('F3', 1, 'P1', '2026-02-09', 'SAV', 1, 5, '2026-02-09 08:00:00')")

    summary = erp.pull()

    # F2 stands at the cursor and is read again, the two lines of January are not; only F3 is landed.
    assert (summary["invoice_lines"].rows_read, summary["invoice_lines"].rows_landed) == (2, 1)
    assert erp.landed("invoice_number")[-1] == ("F3",)


def test_a_row_written_later_with_the_stamp_of_the_cursor_is_not_lost(erp: SmallErp) -> None:
    erp.settings["sweep_hours"] = 1000
    erp.pull()
    erp.change("insert into line values ('F3', 1, 'P1', '2026-02-03', 'SAV', 1, 5, '2026-02-03 09:30:00')")

    assert erp.pull()["invoice_lines"].rows_landed == 1


def test_a_row_committed_late_with_an_older_stamp_is_found_within_the_overlap(erp: SmallErp) -> None:
    erp.settings["sweep_hours"] = 1000
    erp.pull()
    erp.change("update line set amount = 6, changed_at = '2026-02-03 09:10:00' where position = 2")

    pulled = erp.pull()["invoice_lines"]

    assert (pulled.rows_read, pulled.rows_landed) == (2, 1)


def test_another_database_is_read_whole(erp: SmallErp, tmp_path: Path) -> None:
    """Tried on a copy in which somebody had changed an invoice, then connected to the live one."""
    erp.settings["sweep_hours"] = 1000
    live = erp.database
    erp.database = tmp_path / "copy.sqlite"
    shutil.copyfile(live, erp.database)
    with closing(sqlite3.connect(erp.database)) as copy, copy:
        copy.execute("update line set amount = 999, changed_at = '2026-01-20' where invoice = 'F1'")
    erp.pull()

    erp.database = live
    pulled = erp.pull()["invoice_lines"]

    assert (pulled.rows_read, pulled.rows_landed) == (3, 2)
    assert erp.landed("invoice_number, net_amount::varchar")[-2:] == [("F1", "10.1000"), ("F1", "5.0500")]
    assert erp.pull()["invoice_lines"].rows_read == 1


def test_an_erp_restored_from_a_backup_is_read_whole(erp: SmallErp) -> None:
    """F1 was changed after the backup, and is as old as before: the cursor would pass it over."""
    erp.settings["sweep_hours"] = 1000
    erp.change("update line set amount = 999, changed_at = '2026-02-04 12:00' where invoice = 'F1'")
    erp.pull()
    erp.change("update line set amount = 7, changed_at = '2026-01-10 10:00:00' where invoice = 'F1'")

    pulled = erp.pull()["invoice_lines"]

    assert (pulled.rows_read, pulled.rows_landed, pulled.cursor) == (3, 2, "2026-02-03T09:30:00")
    assert erp.pull()["invoice_lines"].rows_read == 1


def test_a_stamp_in_the_future_does_not_hide_later_changes(erp: SmallErp) -> None:
    erp.settings["sweep_hours"] = 1000
    erp.change("update line set changed_at = '2099-01-01' where invoice = 'F2'")
    erp.pull()
    erp.change("update line set amount = 6, changed_at = '2026-03-02 07:30' where invoice = 'F1'")

    assert erp.pull()["invoice_lines"].rows_landed == 2


def test_a_changed_row_is_landed_as_a_further_version(erp: SmallErp) -> None:
    erp.pull()
    erp.change("update line set amount = 6, changed_at = '2026-02-04' where invoice = 'F1' and position = 2")

    summary = erp.pull()

    assert summary["invoice_lines"].rows_landed == 1
    assert [
        row for row in erp.landed("invoice_number, invoice_line_number, net_amount") if row[1] == "2"
    ] == [
        ("F1", "2", Decimal("5.0500")),
        ("F1", "2", Decimal("6.0000")),
    ]
    assert erp.slices()["erp|2026-01"] == (2, "3.0000", "16.1000")


def test_a_row_whose_stamp_alone_moved_is_not_landed_again_but_the_cursor_goes_on(erp: SmallErp) -> None:
    erp.pull()
    erp.change("update line set changed_at = '2026-02-20 07:00:00' where invoice = 'F2'")

    summary = erp.pull()

    assert summary["invoice_lines"].state == "unchanged"
    assert summary["invoice_lines"].cursor == "2026-02-20T07:00:00"
    assert erp.pull()["invoice_lines"].rows_read == 1


def test_a_document_that_moves_to_another_month_touches_both(erp: SmallErp) -> None:
    erp.pull()
    erp.change("update line set day = '2026-03-01', changed_at = '2026-03-01' where invoice = 'F2'")

    erp.pull()

    assert erp.slices() == {
        "erp|2026-01": (2, "3.0000", "15.1500"),
        "erp|2026-02": (0, "0.0000", "0.0000"),
        "erp|2026-03": (1, "4.0000", "20.2000"),
    }


def test_a_query_without_cursor_lands_only_what_differs(erp: SmallErp) -> None:
    erp.pull()
    erp.change("update partner set name = 'Sud-Est' where code = 'P2'")

    summary = erp.pull()

    assert (summary["partners"].rows_read, summary["partners"].rows_landed) == (2, 1)
    assert erp.landed("partner_name", "partners") == [("Nord",), ("Sud",), ("Sud-Est",)]


def test_deleted_documents_leave_a_tombstone_and_their_figures_in_the_batch(erp: SmallErp) -> None:
    erp.pull()
    erp.change("delete from line where invoice = 'F1'")

    summary = erp.pull()

    assert erp.landed("invoice_number, invoice_line_number, net_amount, _is_deleted")[-2:] == [
        ("F1", "1", Decimal("10.1000"), True),
        ("F1", "2", Decimal("5.0500"), True),
    ]
    pulled = summary["invoice_lines"]
    assert (pulled.deleted_rows, pulled.deleted_documents, pulled.deleted_amount) == (2, 1, "15.1500")
    totals = erp.batches()[-1].totals
    assert (totals["deleted_rows"], totals["deleted_documents"], totals["deleted_amount"]) == (
        "2",
        "1",
        "15.1500",
    )
    assert "deletions_accepted" not in totals
    assert erp.slices()["erp|2026-01"] == (0, "0.0000", "0.0000")
    assert not erp.pull().has_news, "a tombstone is written once"


def test_a_deleted_master_record_leaves_a_tombstone(erp: SmallErp) -> None:
    erp.pull()
    erp.change("delete from partner where code = 'P2'")

    assert erp.pull()["partners"].deleted_rows == 1
    assert erp.landed("partner_code, _is_deleted", "partners")[-1] == ("P2", True)


def test_restored_documents_are_landed_again_and_no_longer_count_as_deleted(erp: SmallErp) -> None:
    erp.pull()
    erp.change(
        "create table safe as select * from line where invoice = 'F1'",
        "delete from line where invoice = 'F1'",
    )
    erp.pull()
    erp.change("insert into line select * from safe")

    summary = erp.pull()

    assert summary["invoice_lines"].restored_rows == 2
    assert erp.landed("invoice_number, _is_deleted")[-2:] == [("F1", False), ("F1", False)]
    assert [batch.totals["deleted_rows"] for batch in erp.batches()] == ["0", "0", "0"]
    assert [batch.totals["tombstone_rows"] for batch in erp.batches()] == ["0", "2", "0"]
    assert erp.slices()["erp|2026-01"] == (2, "3.0000", "15.1500")


def test_accepting_deletions_marks_the_batches_that_hold_them_once(erp: SmallErp) -> None:
    erp.pull()
    erp.change("delete from line where invoice = 'F1'")
    erp.pull()

    assert erp.pull(accept_deleted=True).accepted_deletions == 1
    assert [batch.totals.get("deletions_accepted") for batch in erp.batches()] == [None, "yes"]
    assert erp.pull(accept_deleted=True).accepted_deletions == 0

    erp.change("delete from line where invoice = 'F2'")
    erp.pull()
    assert "deletions_accepted" not in erp.batches()[-1].totals, "consent is given once, not for good"


def test_the_sweep_waits_for_its_hours(erp: SmallErp) -> None:
    erp.settings["sweep_hours"] = 2
    erp.pull()
    erp.change("delete from line where invoice = 'F1'")

    first, second = erp.pull()["invoice_lines"], erp.pull()["invoice_lines"]

    assert (first.swept, first.deleted_rows) == (False, 0)
    assert (second.swept, second.deleted_rows) == (True, 2)


def test_a_document_that_came_with_an_old_stamp_is_found_by_the_sweep(erp: SmallErp) -> None:
    erp.pull()
    erp.change("insert into line values ('F0', 1, 'P1', '2025-12-30', 'SAV', 1, 5, '2025-12-30')")

    summary = erp.pull()

    assert summary["invoice_lines"].rows_landed == 1
    assert erp.landed("invoice_number")[-1] == ("F0",)


def test_a_row_whose_instant_is_null_is_named_and_not_passed_over(erp: SmallErp) -> None:
    erp.pull()
    erp.change("insert into line values ('F3', 1, 'P1', '2026-02-10', 'SAV', 3, 15.15, null)")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"value 'F3 \| 1': of 1 rows"):
            erp.pull()
    erp.change("update line set changed_at = '2026-02-10 08:00:00' where invoice = 'F3'")
    assert erp.pull()["invoice_lines"].rows_landed == 1
    # A stamp that is lost was taken for a document that is gone.
    erp.change("update line set changed_at = null where invoice = 'F2'")
    with pytest.raises(SourceError, match=r"value 'F2 \| 1'"):
        erp.pull()


def test_one_instant_of_several_that_is_null_is_no_fault_where_another_one_reaches_the_row(
    erp: SmallErp,
) -> None:
    erp.change("alter table line add column paid_at timestamp")
    erp.write_query(
        "invoice_lines",
        (erp.queries / "invoice_lines.sql")
        .read_text()
        .replace("where changed_at >= :cursor", "where (changed_at >= :cursor or paid_at > :cursor)"),
    )
    assert erp.pull()["invoice_lines"].rows_landed == 3


def test_a_changed_mapping_query_reads_everything_again(erp: SmallErp) -> None:
    erp.pull()
    query = (erp.queries / "invoice_lines.sql").read_text(encoding="utf-8")
    erp.write_query("invoice_lines", query.replace("'PCE' as unit_code", "'BOX' as unit_code"))

    assert erp.pull()["invoice_lines"].rows_landed == 3
    assert set(erp.landed("unit_code")) == {("PCE",), ("BOX",)}


def test_an_entity_without_a_query_is_not_connected_and_stays_empty(erp: SmallErp) -> None:
    summary = erp.pull()

    assert "payments" in summary.not_connected
    assert erp.files("payments") == []


@pytest.mark.parametrize("entity", ["partners", "products", "invoice_lines"])
def test_entities_without_which_no_figure_exists_must_have_a_query(erp: SmallErp, entity: str) -> None:
    (erp.queries / f"{entity}.sql").unlink()

    with pytest.raises(ConfigError, match=f"no mapping query for {entity}"):
        erp.pull()


def test_only_the_named_entities_are_pulled(erp: SmallErp) -> None:
    assert [pulled.entity for pulled in erp.pull(entities=["partners"]).entities] == ["partners"]


def test_a_column_that_vanished_from_the_erp_names_the_query_and_the_column(erp: SmallErp) -> None:
    erp.pull()
    landed = erp.landed("*")
    erp.change("alter table line drop column amount")

    with pytest.raises(SourceError, match=r"invoice_lines\.sql.*no such column: amount") as caught:
        erp.pull()

    assert caught.value.code == "query_refused"
    assert erp.landed("*") == landed
    assert len(erp.batches()) == 1


def test_two_rows_of_one_key_are_refused_before_anything_is_landed(erp: SmallErp) -> None:
    erp.change("insert into line select * from line where invoice = 'F2'")

    with pytest.raises(SourceError, match="2 rows of the extract have the same key") as caught:
        erp.pull()

    assert caught.value.place.value == "F2 | 1"
    assert Path(str(caught.value.place.file)).is_file(), "a file that a person can open"
    assert erp.batches() == []


def test_a_double_key_beyond_the_cursor_is_found_by_the_sweep(erp: SmallErp) -> None:
    erp.pull()
    erp.change("insert into line select * from line where invoice = 'F1' and position = 1")

    with pytest.raises(SourceError, match="same key"):
        erp.pull()


def test_an_erp_that_suddenly_has_no_partner_is_cut_off_not_cleaned_up(erp: SmallErp) -> None:
    erp.pull()
    erp.change("delete from partner")

    with pytest.raises(SourceError, match="gives no row of partners, and 2 were landed before"):
        erp.pull()
    assert erp.landed("_is_deleted", "partners") == [(False,), (False,)]


def test_an_entity_that_is_suddenly_empty_stops_the_pull_until_somebody_agrees(erp: SmallErp) -> None:
    lead = "select 'L1' as lead_number, 'won' as status_code, '2026-01-05' as created_date from partner"
    erp.write_query("leads", f"{lead} where code = 'P1'")
    erp.pull()
    erp.write_query("leads", f"{lead} where code = 'P9'")

    with pytest.raises(SourceError, match=r"no row of leads, and 1 were .*--accept-deleted-documents"):
        erp.pull()
    assert erp.landed("_is_deleted", "leads") == [(False,)]

    assert erp.pull(accept_deleted=True)["leads"].deleted_rows == 1
    assert erp.pull()["leads"].state == "unchanged"


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An ERP read row by row, whose connection dies at the third row as often as the list is long."""
    failures: list[int] = []
    whole = reading._run

    class Dying:
        def __init__(self, result: Any) -> None:
            self._result = result

        def keys(self) -> Any:
            return self._result.keys()

        def partitions(self, size: int) -> Iterator[Any]:
            for number, chunk in enumerate(self._result.partitions(size)):
                if number == 2 and failures:
                    failures.pop()
                    raise sa.exc.OperationalError("select", {}, Exception("server closed the connection"))
                yield chunk

    monkeypatch.setattr(reading, "CHUNK_ROWS", 1)
    monkeypatch.setattr(reading, "_run", lambda *arguments: Dying(whole(*arguments)))
    return failures


def test_an_erp_that_dies_in_the_middle_is_read_again_from_the_start(erp: SmallErp, flaky: list[int]) -> None:
    flaky.extend([1, 1])

    summary = erp.pull(entities=["invoice_lines"])

    assert flaky == []
    assert summary["invoice_lines"].rows_landed == 3
    assert erp.landed("_source_row") == [(1,), (2,), (3,)]


def test_an_erp_that_stays_dead_lands_nothing_of_what_was_half_read(erp: SmallErp, flaky: list[int]) -> None:
    flaky.extend([1] * 3)

    with pytest.raises(SourceError, match="did not answer in 3 attempts: server closed the connection"):
        erp.pull(entities=["invoice_lines"])

    assert erp.files() == []
    assert erp.batches() == []
    assert not list(erp.paths.state.rglob("*.parquet"))
    assert erp.pull()["invoice_lines"].rows_landed == 3


def test_what_was_complete_before_the_erp_died_stays_landed(erp: SmallErp, flaky: list[int]) -> None:
    real = erp.pull(entities=["partners"])
    flaky.extend([1] * 3)

    with pytest.raises(SourceError):
        erp.pull(entities=["partners", "invoice_lines"])

    assert real["partners"].rows_landed == 2
    assert len(erp.batches("partners")) == 1


def test_a_load_that_dlt_did_not_complete_is_not_counted(
    erp: SmallErp, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = pull._completed_files

    def without_entry(staging: Any, *rest: Any) -> Any:
        for entry in (staging / "extracts" / "_dlt_loads").glob("*.jsonl"):
            entry.unlink()
        return complete(staging, *rest)

    monkeypatch.setattr(reading, "CHUNK_ROWS", 1)
    monkeypatch.setattr(pull, "_completed_files", without_entry)

    with pytest.raises(SourceError, match="2 rows of partners were read and 0 were staged"):
        erp.pull()
    assert erp.files("partners") == []


def test_a_pull_killed_between_file_and_ledger_is_repaired_and_repeated(erp: SmallErp) -> None:
    erp.pull()
    folder = erp.paths.landing / "erp" / "invoice_lines"
    (batch,) = erp.batches()
    orphan = folder / "20990101T000000000000-deadbeef.parquet"
    orphan.write_bytes((folder / f"{batch.batch_id}.parquet").read_bytes())
    part = folder / ".x.parquet.00000000.part"
    part.write_bytes(b"half")
    staged = erp.paths.state / "erp_staging" / "extracts" / "x.parquet"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"half")

    with Ledger(erp.paths.ledger) as ledger:
        removed = repair(erp.paths, ledger)

    assert {orphan, part} <= set(removed)
    assert erp.files() == [f"{batch.batch_id}.parquet"]
    assert not staged.exists()
    assert not erp.pull().has_news


def test_batches_follow_each_other_even_if_the_clock_is_set_back(erp: SmallErp) -> None:
    erp.pull()
    erp.hours = -48
    erp.change("update line set amount = 6, changed_at = '2026-02-04' where invoice = 'F1' and position = 2")
    erp.pull()

    first, second = erp.batches()
    assert first.batch_id < second.batch_id


def test_nothing_is_written_to_the_erp_or_to_the_home_folder(
    erp: SmallErp, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    before = erp.database.read_bytes()

    erp.pull()

    assert erp.database.read_bytes() == before
    assert list(home.iterdir()) == []


def test_a_query_that_writes_is_refused(erp: SmallErp) -> None:
    erp.write_query("payments", "delete from line returning invoice as payment_number")

    with pytest.raises(SourceError, match="readonly database"):
        erp.pull(entities=["payments"])
