"""Reading ledger exports as they are: encodings, separators, signs, padding, torn lines."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.accounting import fec
from connectors.errors import RejectedFile
from tests.samples import FIXTURES, sample

TITLES = [
    *("JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum"),
    *("CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet"),
    *("ValidDate", "Montantdevise", "Idevise"),
]
SALE = [
    *(
        "VE",
        "Ventes",
        "12",
        "20260131",
        "411000",
        "Clients",
        "D01",
        "Dupont & Fils",
        "FA-1",
        "20260131",
        "Facture é",
    ),
    *("120,00", "0,00", "", "", "20260201", "", ""),
]
REVENUE = [
    *("VE", "Ventes", "12", "20260131", "701101", "Ventes", "", "", "FA-1", "20260131", "Facture é"),
    *("0,00", "120,00", "", "", "20260201", "", ""),
]


def read(
    folder: Path,
    lines: list[list[str]] | list[str],
    *,
    encoding: str = "utf-8",
    separator: str = "\t",
    end: str = "\r\n",
) -> tuple[fec.FecFile, list[dict[str, Any]], list[dict[str, Any]]]:
    """Write lines as a file, read it, and give its description, good lines and faults."""
    path = folder / "123456789FEC20261231.txt"
    texts = [line if isinstance(line, str) else separator.join(line) for line in lines]
    path.write_bytes("".join(text + end for text in texts).encode(encoding))
    file = fec.inspect(path)
    with duckdb.connect() as connection:
        fec.read(connection, [file])
        return file, rows(connection, "gl_lines"), rows(connection, "gl_faults")


def rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"select * from {table} order by source_row")
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def sale(**cells: str) -> list[str]:
    """The sale's line with some cells written otherwise, by title."""
    return [cells.get(title, cell) for title, cell in zip(TITLES, SALE, strict=True)]


def test_a_plain_export_gives_its_lines_with_types_and_places(tmp_path: Path) -> None:
    _, lines, faults = read(tmp_path, [TITLES, SALE, REVENUE])
    assert not faults
    first = lines[0]
    assert (first["source_file"], first["source_row"]) == ("123456789FEC20261231.txt", 2)
    assert (first["journal_code"], first["entry_number"], first["entry_date"]) == (
        "VE",
        "12",
        date(2026, 1, 31),
    )
    assert (first["account_code"], first["auxiliary_code"], first["entry_label"]) == (
        "411000",
        "D01",
        "Facture é",
    )
    assert [(line["debit_amount"], line["credit_amount"]) for line in lines] == [
        (Decimal("120.0000"), Decimal(0)),
        (Decimal(0), Decimal("120.0000")),
    ]
    assert first["lettering_date"] is None
    assert first["validation_date"] == date(2026, 2, 1)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (["10/02/2025", "10/27/2025"], [date(2025, 10, 2), date(2025, 10, 27)]),  # 27 is no month
        (["10/02/2025", "27/10/2025"], [date(2025, 2, 10), date(2025, 10, 27)]),
        (
            ["10/02/2025", "11/02/2025"],
            [date(2025, 2, 10), date(2025, 2, 11)],
        ),  # nothing proves more
        (["10/02/2025", "20251027"], [date(2025, 2, 10), date(2025, 10, 27)]),
    ],
)
def test_dates_with_strokes_are_month_first_where_the_file_proves_it(
    tmp_path: Path, written: list[str], read_as: list[date]
) -> None:
    _, lines, faults = read(tmp_path, [TITLES, *(sale(EcritureDate=day, PieceDate=day) for day in written)])
    assert not faults
    assert [line["entry_date"] for line in lines] == [line["piece_date"] for line in lines] == read_as


def test_a_file_of_both_orders_of_dates_is_read_day_first_and_says_what_is_none(tmp_path: Path) -> None:
    _, lines, faults = read(
        tmp_path, [TITLES, sale(EcritureDate="10/27/2025"), sale(EcritureDate="27/10/2025")]
    )
    assert [line["entry_date"] for line in lines] == [date(2025, 10, 27)]
    assert [fault["value"] for fault in faults] == ["10/27/2025"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso8859-15", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\r"])
@pytest.mark.parametrize("separator", ["\t", "|"])
def test_every_encoding_end_of_line_and_separator_gives_the_same_lines(
    tmp_path: Path, encoding: str, end: str, separator: str
) -> None:
    label = "Café à 5 € – payé" if encoding in ("cp1252", "utf-16") else "Café à 5 € payé"
    file, lines, faults = read(
        tmp_path, [TITLES, sale(EcritureLib=label), REVENUE], encoding=encoding, separator=separator, end=end
    )
    assert not faults
    assert [line["entry_label"] for line in lines] == [label, "Facture é"]
    assert sum(line["debit_amount"] - line["credit_amount"] for line in lines) == 0
    assert file.encoding == ("utf-8" if encoding == "utf-8" else encoding)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1234,56", "1234.56"),
        ("1234.56", "1234.56"),
        ("  1234,56 ", "1234.56"),
        ("0000001234,56", "1234.56"),
        ("-1234,56", "-1234.56"),
        ("1234,56-", "-1234.56"),
        ("- 1234,56", "-1234.56"),
        ("+1234,56", "1234.56"),
        ("1234,56+", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1\u00a0234\u202f567,8", "1234567.8"),
        (",50", "0.5"),
        ("12,", "12"),
        ("12", "12"),
        ("", "0"),
        ("99999999999999,9999", "99999999999999.9999"),
    ],
)
def test_amounts_are_read_however_they_are_padded_and_signed(
    tmp_path: Path, written: str, expected: str
) -> None:
    _, lines, faults = read(tmp_path, [TITLES, sale(Debit=written)])
    assert not faults
    assert lines[0]["debit_amount"] == Decimal(expected)


@pytest.mark.parametrize(
    "written", ["1,234.56", "1.234,56", "12a", "-12-", "1 23,4", ",", "-", "1e3", "#N/A"]
)
def test_what_is_no_amount_is_a_fault_with_its_place_and_not_a_zero(tmp_path: Path, written: str) -> None:
    _, lines, faults = read(tmp_path, [TITLES, REVENUE, sale(Debit=written)])
    assert [line["source_row"] for line in lines] == [2]
    assert [(fault["source_row"], fault["column_name"], fault["value"]) for fault in faults] == [
        (3, "Debit", written)
    ]
    assert faults[0]["reason_code"] == "unparseable_amount"
    assert written in faults[0]["raw_text"]


@pytest.mark.parametrize(
    ("direction", "debit", "credit"),
    [
        ("D", "120", "0"),
        ("C", "0", "120"),
        ("+1", "120", "0"),
        ("-1", "0", "120"),
        ("1", "120", "0"),
        ("d", "120", "0"),
    ],
)
def test_an_amount_with_a_direction_becomes_debit_or_credit(
    tmp_path: Path, direction: str, debit: str, credit: str
) -> None:
    titles = [{"Debit": "Montant", "Credit": "Sens"}.get(title, title) for title in TITLES]
    file, lines, faults = read(tmp_path, [titles, sale(Debit="120,00", Credit=direction)])
    assert not faults
    assert file.layout == "amount_direction"
    assert (lines[0]["debit_amount"], lines[0]["credit_amount"]) == (Decimal(debit), Decimal(credit))


def test_an_amount_without_direction_is_a_fault(tmp_path: Path) -> None:
    titles = [{"Debit": "Montant", "Credit": "Sens"}.get(title, title) for title in TITLES]
    _, lines, faults = read(tmp_path, [titles, sale(Debit="120,00", Credit="X")])
    assert not lines
    assert [(fault["reason_code"], fault["value"]) for fault in faults] == [("unknown_direction", "X")]


def test_titles_are_found_in_any_case_order_and_among_more_columns(tmp_path: Path) -> None:
    titles = [title.upper() for title in reversed(TITLES)]
    titles[titles.index("DEBIT")] = "Débit"
    file, lines, _ = read(tmp_path, [[*titles, "ModeRglt"], [*reversed(SALE), "CB"]])
    assert lines[0]["debit_amount"] == Decimal(120)
    assert lines[0]["account_code"] == "411000"
    assert file.further_titles == ("ModeRglt",)


def test_a_trailing_separator_and_missing_empty_cells_at_the_end_are_no_fault(tmp_path: Path) -> None:
    shortened = REVENUE[:13]
    _, lines, faults = read(tmp_path, [[*TITLES, ""], [*SALE, ""], shortened], separator="|")
    assert not faults
    assert [line["source_row"] for line in lines] == [2, 3]
    assert lines[1]["credit_amount"] == Decimal(120)


def test_a_line_torn_by_its_label_is_a_fault_and_the_others_stay(tmp_path: Path) -> None:
    torn = "\t".join(SALE[:10]) + "\tFacture"
    _, lines, faults = read(tmp_path, [TITLES, SALE, torn, "suite\t120,00\t0,00", REVENUE, [*SALE, "rest"]])
    assert [line["source_row"] for line in lines] == [2, 5]
    assert [(fault["source_row"], fault["reason_code"]) for fault in faults] == [
        (3, "malformed_row"),
        (4, "malformed_row"),
        (6, "malformed_row"),
    ]


def test_padding_by_blanks_zero_bytes_and_zero_dates_is_no_content(tmp_path: Path) -> None:
    padded = sale(
        CompteNum="411000   ",
        CompAuxNum="   ",
        DateLet="00000000",
        PieceDate="        ",
        EcritureLib="Facture\0\0\0",
    )
    _, lines, faults = read(tmp_path, [TITLES, padded, "", "   "])
    assert not faults
    assert len(lines) == 1
    line = lines[0]
    assert (line["account_code"], line["auxiliary_code"], line["entry_label"]) == ("411000", None, "Facture")
    assert (line["lettering_date"], line["piece_date"], line["remark_count"]) == (None, None, 0)


def test_an_unreadable_optional_date_is_remarked_and_keeps_the_line(tmp_path: Path) -> None:
    _, lines, faults = read(tmp_path, [TITLES, sale(DateLet="20261399")])
    assert not faults
    assert (lines[0]["lettering_date"], lines[0]["remark_count"]) == (None, 1)


@pytest.mark.parametrize("written", ["20260231", "2026", "", "soon"])
def test_an_unreadable_entry_date_is_a_fault(tmp_path: Path, written: str) -> None:
    _, lines, faults = read(tmp_path, [TITLES, sale(EcritureDate=written)])
    assert not lines
    assert [(fault["reason_code"], fault["value"]) for fault in faults] == [
        ("unparseable_date", written or None)
    ]


def test_a_file_without_the_columns_of_the_law_is_rejected_by_name(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile, match="lacks ecriturenum") as caught:
        read(tmp_path, [[title for title in TITLES if title != "EcritureNum"], SALE])
    assert caught.value.place.file == "123456789FEC20261231.txt"


def test_an_empty_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile, match="empty"):
        read(tmp_path, [])


def test_a_title_that_stands_twice_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile, match="twice"):
        read(tmp_path, [[*TITLES, "debit"], [*SALE, "1"]])


def test_quoted_cells_are_read_where_the_header_is_quoted(tmp_path: Path) -> None:
    _, lines, faults = read(tmp_path, [[f'"{title}"' for title in TITLES], [f'"{cell}"' for cell in SALE]])
    assert not faults
    assert lines[0]["debit_amount"] == Decimal(120)


def test_a_block_boundary_tears_no_line_and_no_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fec, "_BLOCK", 7)
    _, lines, faults = read(tmp_path, [TITLES, sale(EcritureLib="é€漢字"), REVENUE], end="\r\n")
    assert not faults
    assert [line["entry_label"] for line in lines] == ["é€漢字", "Facture é"]


@pytest.mark.parametrize(
    ("name", "line_count", "total"),
    [
        ("fec/masked_22_columns_FEC20231231.txt", 2_102, "1265350.82"),
        ("fec/ekylibre_quadra_123456789FEC20190731.txt", 12_605, "13738285.95"),
        ("fec/ekylibre_sage_coala_2020.txt", 47, "28094.49"),
        ("tryton/FEC_demo.txt", 21, "4026.30"),
    ],
)
def test_real_exports_are_read_whole(name: str, line_count: int, total: str) -> None:
    copy = FIXTURES / name
    file = fec.inspect(copy if copy.is_file() else sample(name))
    with duckdb.connect() as connection:
        fec.read(connection, [file])
        found = connection.execute(
            "select count(*), sum(debit_amount), sum(credit_amount) from gl_lines"
        ).fetchone()
        assert not rows(connection, "gl_faults")
    assert found == (line_count, Decimal(total), Decimal(total))
