"""Ledger exports from a folder to landing: what makes an export, which year it covers, what replaces what."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.accounting import exports
from connectors.company import Accounting, Company, CompanyIdentity, Erp, Inbox, Paths
from connectors.errors import SourceError
from connectors.ledger import Ledger
from tests.samples import FIXTURES
from tests.unit.connectors.accounting.test_fec import TITLES

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)


class Books:
    """A company's folder of ledger exports and what has been landed of it."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.folder = root / "ledger"
        self.folder.mkdir(parents=True)
        self.paths = Paths(root / "company", root / "data")
        self.settings = settings

    def write(self, name: str, *lines: tuple[str, str, str, str, str]) -> None:
        """Write an export of lines (journal, entry, date, debit, credit)."""
        texts = ["\t".join(TITLES)]
        for journal, entry, day, debit, credit in lines:
            cells = dict.fromkeys(TITLES, "")
            cells |= {
                "JournalCode": journal,
                "EcritureNum": entry,
                "EcritureDate": day,
                "CompteNum": "411000",
            }
            cells |= {"Debit": debit, "Credit": credit}
            texts.append("\t".join(cells.values()))
        (self.folder / name).write_text("\n".join(texts) + "\n", encoding="utf-8")

    def take_in(self) -> list[exports.ExportOutcome]:
        company = Company(
            company=CompanyIdentity(code="acme", name="Acme"),
            erp=Erp(kind="tryton", url="sqlite:///erp.sqlite"),
            inbox=Inbox(path=self.folder),
            accounting=Accounting(path=self.folder, **self.settings),
        )
        with Ledger(self.paths.ledger) as ledger:
            return exports.take_in(self.paths, company, ledger, now=NOW)

    def live_lines(self) -> list[tuple[Any, ...]]:
        """Slice, day, debit, credit of the lines that count now."""
        with Ledger(self.paths.ledger) as ledger:
            ledger.export(self.paths.landing)
        with duckdb.connect() as connection:
            return connection.execute(
                "select slice_key, entry_date, is_opening, debit_amount, credit_amount from read_parquet(?) "
                "where _batch_id in "
                "(select batch_id from read_parquet(?) where is_live and system = 'accounting') order by all",
                [
                    str(self.paths.landing / "accounting/gl_entries/*.parquet"),
                    str(self.paths.landing / "ledger/slices.parquet"),
                ],
            ).fetchall()


BALANCED = (("VE", "1", "20260105", "120,00", "0"), ("VE", "1", "20260105", "0", "120,00"))


def test_an_export_lands_once(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.write("123456789FEC20261231.txt", *BALANCED)
    (outcome,) = books.take_in()
    assert (outcome.state, outcome.rows_read, outcome.rows_accepted, outcome.rows_quarantined) == (
        "landed",
        2,
        2,
        0,
    )
    assert outcome.totals["debit"] == outcome.totals["credit"] == "120.0000"
    assert (outcome.totals["entries"], outcome.totals["unbalanced_entries"]) == ("1", "0")
    assert books.take_in() == []


def test_lines_in_quarantine_are_told_with_the_first_of_them(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.write("123456789FEC20261231.txt", *BALANCED, ("VE", "2", "20260106", "1,234.50", "0"))
    (outcome,) = books.take_in()
    assert outcome.rows_quarantined == 1
    assert outcome.first_fault == (
        "123456789FEC20261231.txt, row 4, column 'Debit': '1,234.50': expected an amount such as 1234,56 "
        "with its sign before or after; correct the export"
    )


def test_a_later_export_of_the_same_fiscal_year_replaces_the_former(tmp_path: Path) -> None:
    books = Books(tmp_path, fiscal_year_start_month=7)
    books.write("123456789FEC20260331.txt", *BALANCED)
    books.take_in()
    books.write("123456789FEC20260630.txt", ("VE", "1", "20260105", "130,00", "130,00"))
    books.take_in()
    assert books.live_lines() == [("ledger|2026-06", date(2026, 1, 5), False, Decimal(130), Decimal(130))]


def test_a_former_export_put_back_under_its_name_counts_again(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.write("123456789FEC20261231.txt", *BALANCED)
    books.take_in()
    right = books.live_lines()
    books.write("123456789FEC20261231.txt", BALANCED[0])
    books.take_in()
    books.write("123456789FEC20261231.txt", *BALANCED)
    assert [outcome.state for outcome in books.take_in()] == ["landed"]
    assert books.live_lines() == right
    assert books.take_in() == []


def test_another_fiscal_year_stands_beside_it(tmp_path: Path) -> None:
    books = Books(tmp_path, fiscal_year_start_month=7)
    books.write("123456789FEC20260630.txt", ("VE", "1", "20260630", "1", "1"))
    books.write("123456789FEC20270630.txt", ("AN", "1", "20260701", "2", "2"))
    books.take_in()
    assert [(line[0], line[2]) for line in books.live_lines()] == [
        ("ledger|2026-06", False),
        ("ledger|2027-06", True),
    ]


def test_entries_count_once_after_another_beginning_of_the_fiscal_year_is_set(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.write("123456789FEC20250630.txt", ("VE", "1", "20250105", "10", "10"))
    books.write("123456789FEC20260630.txt", ("VE", "1", "20260105", "20", "20"))
    books.take_in()
    books.settings = {"fiscal_year_start_month": 7}
    books.take_in()
    assert [line[:2] for line in books.live_lines()] == [
        ("ledger|2025-06", date(2025, 1, 5)),
        ("ledger|2026-06", date(2026, 1, 5)),
    ]


def test_a_mistyped_year_that_is_corrected_in_its_file_leaves_nothing_behind(tmp_path: Path) -> None:
    """Without a closing date in the name the newest entry says which fiscal year it is: here that of 2062."""
    books = Books(tmp_path)
    books.write("exportFEC.txt", *BALANCED)
    books.take_in()
    right = books.live_lines()
    books.write("exportFEC.txt", *BALANCED, ("VE", "9", "20620106", "1", "1"))
    books.take_in()
    assert {line[0] for line in books.live_lines()} == {"ledger|2062-12"}
    books.write("exportFEC.txt", *BALANCED)
    books.take_in()
    assert books.live_lines() == right


def test_a_file_that_is_overwritten_each_year_leaves_the_former_year_standing(tmp_path: Path) -> None:
    """The opening entries bear the number of the former year's, and are no entries of it."""
    books = Books(tmp_path)
    books.write("FEC.txt", ("AN", "1", "20250101", "5", "5"), ("VE", "1", "20250105", "10", "10"))
    books.take_in()
    books.write("FEC.txt", ("AN", "1", "20260101", "15", "15"), ("VE", "1", "20260105", "20", "20"))
    books.take_in()
    assert [line[1] for line in books.live_lines() if not line[2]] == [date(2025, 1, 5), date(2026, 1, 5)]


def test_a_corrected_interim_export_does_not_take_the_place_of_a_newer_one(tmp_path: Path) -> None:
    """Both stand in the folder; the one that closes later holds what the other one does, and more."""
    books = Books(tmp_path)
    books.write("123456789FEC20260331.txt", ("VE", "1", "20260105", "10", "10"))
    books.write("123456789FEC20260630.txt", ("VE", "1", "20260105", "10", "10"), BALANCED[0])
    books.take_in()
    right = books.live_lines()
    books.write("123456789FEC20260331.txt", ("VE", "1", "20260105", "11", "11"))
    assert [outcome.name[-8:] for outcome in books.take_in()] == ["20260331", "20260630"]
    assert books.live_lines() == right
    assert books.take_in() == []


def test_parts_of_one_export_are_one_batch_and_a_part_that_comes_later_completes_it(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.write("123456789FEC20261231_1.txt", BALANCED[0])
    (first,) = books.take_in()
    assert first.totals["unbalanced_entries"] == "1"
    books.write("123456789FEC20261231_2.txt", BALANCED[1])
    (second,) = books.take_in()
    assert (second.rows_accepted, second.totals["unbalanced_entries"]) == (2, "0")
    assert len(books.live_lines()) == 2


@pytest.mark.parametrize(
    ("added", "reason", "said"),
    [
        ("123456789FEC20261231.txt", "same_part_twice", "FEC20261231.txt, 123456789FEC20261231_1.txt"),
        ("123456789FEC20261231_1.csv", "same_part_twice", "leave the whole export in the folder"),
        ("123456789FEC20261231_3.txt", "missing_part", "part 2 is missing"),
    ],
)
def test_a_whole_beside_its_parts_and_a_part_left_out_are_refused(
    tmp_path: Path, added: str, reason: str, said: str
) -> None:
    books = Books(tmp_path, files="*FEC*")
    books.write("123456789FEC20261231_1.txt", *BALANCED)
    books.take_in()
    right = books.live_lines()
    books.write(added, *BALANCED)
    (outcome,) = books.take_in()
    assert (outcome.state, books.live_lines()) == ("rejected", right)
    assert outcome.reason is not None
    assert said in outcome.reason
    with Ledger(books.paths.ledger) as ledger:
        assert ledger.batches("accounting")[-1].reason_code == reason
    (books.folder / added).unlink()
    assert books.take_in() == []


def test_an_unbalanced_entry_is_counted(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.write("123456789FEC20261231.txt", *BALANCED, ("OD", "7", "20260106", "10,00", "9,99"))
    (outcome,) = books.take_in()
    assert (outcome.totals["entries"], outcome.totals["unbalanced_entries"]) == ("2", "1")


def test_a_faulty_line_is_quarantined_with_its_place_and_the_others_land(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.write("123456789FEC20261231.txt", *BALANCED, ("OD", "7", "20261341", "10,00", "0"))
    (outcome,) = books.take_in()
    assert (outcome.rows_read, outcome.rows_accepted, outcome.rows_quarantined) == (3, 2, 1)
    (path,) = (books.paths.landing / "accounting/quarantine").glob("*.parquet")
    with duckdb.connect() as connection:
        found = connection.execute(
            "select file_name, source_row, value from read_parquet(?)", [str(path)]
        ).fetchall()
    assert found == [("123456789FEC20261231.txt", 4, "20261341")]


def test_another_companys_export_is_rejected_and_the_rest_lands(tmp_path: Path) -> None:
    books = Books(tmp_path, siren="123456789")
    books.write("987654321FEC20261231.txt", *BALANCED)
    books.write("123456789FEC20261231.txt", *BALANCED)
    states = {outcome.name: (outcome.state, outcome.reason) for outcome in books.take_in()}
    assert states["123456789FEC20261231"] == ("landed", None)
    assert states["987654321FEC20261231"][0] == "rejected"
    assert "987654321" in (states["987654321FEC20261231"][1] or "")


def test_a_missing_folder_is_one_clear_error(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.folder.rmdir()
    with pytest.raises(SourceError, match=r"accounting\.path"):
        books.take_in()


def test_openings_of_a_real_export_are_known_by_the_journals_name(tmp_path: Path) -> None:
    books = Books(tmp_path)
    shutil.copy(FIXTURES / "fec/masked_22_columns_FEC20231231.txt", books.folder)
    (outcome,) = books.take_in()
    assert outcome.totals["opening_journals"] == "AD"
    assert outcome.totals["further_columns"] == "DateRglt, ModeRglt, NatOp, IdClient"
    opening = [line for line in books.live_lines() if line[2]]
    assert len(opening) == 456
