"""Tables for people: as they leave Aval, and as office programs give them back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import python_calamine
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import ConfigError
from connectors.sheets import harmless, original, read_sheet, write_sheet

HEADER = ("key", "label", "amount", "day")
ROWS = [
    ["k1", '=HYPERLINK("http://evil","x")', Decimal("-12.5"), date(2026, 1, 31)],
    ["k2", "-5 °C; 'tis", None, None],
]


def test_csv_for_a_french_office_has_its_marks_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_sheet(path, HEADER, ROWS, "fr")
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("\ufeffkey;label;amount;day\r\n")
    assert "k1;\"'=HYPERLINK(" in text
    assert ";-12,5;2026-01-31\r\n" in text
    write_sheet(path, HEADER, ROWS, "en")
    assert ",-12.5,2026-01-31" in path.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_what_was_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_sheet(path, HEADER, ROWS, "fr")
    rows = read_sheet(path, ("key", "day"))
    assert [row.cells["label"] for row in rows] == [ROWS[0][1], ROWS[1][1]]
    assert rows[0].date("day") == date(2026, 1, 31)
    assert rows[1].date("day") is None
    assert [row.place.row for row in rows] == [2, 3]


def test_an_excel_file_holds_texts_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_sheet(path, HEADER, ROWS, "fr")
    sheet = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0)
    assert sheet.to_python()[1][:3] == ["k1", ROWS[0][1], -12.5]
    assert "<f>" not in str(path.read_bytes())


def test_a_text_longer_than_a_cell_of_excel_is_cut_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_sheet(path, ("key", "label"), [("k1", "x" * 32_767), ("k2", "y" * 32_768)], "fr")
    fits, cut = read_sheet(path, ("key",))
    assert fits.cells["label"] == "x" * 32_767
    assert cut.cells["label"] == "y" * 32_766 + "…"


def test_more_rows_than_a_sheet_of_excel_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.sheets.MAX_ROWS", 3)
    path = tmp_path / "t.xlsx"
    write_sheet(path, ("key",), [("k1",), ("k2",)], "fr")
    with pytest.raises(ConfigError, match=r"t\.xlsx: 3 rows do not fit"):
        write_sheet(path, ("key",), [("k1",), ("k2",), ("k3",)], "fr")
    assert [row.cells["key"] for row in read_sheet(path, ("key",))] == ["k1", "k2"]


def test_a_file_saved_by_excel_in_french_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("key;label;amount;day\r\nk1;été €;1,5;31/01/2026\r\n\r\nk2\r\n".encode("cp1252"))
    first, second = read_sheet(path, HEADER)
    assert (first.cells["label"], first.date("day")) == ("été €", date(2026, 1, 31))
    assert second.cells == {"key": "k2", "label": "", "amount": "", "day": ""}


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("label;day\nx;\n", "missing_header", "row 1"),
        ('key;label;amount;day\nk1;"x;1;\n', "invalid_csv", "t.csv"),
        ("key;label;amount;day; Day\nk1;x;1;;\n", "duplicate_header", "column 'day': .* stands twice"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path: Path, content: str, code: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(ConfigError, match=said) as caught:
        read_sheet(path, HEADER)
    assert caught.value.code == code


def test_a_date_that_is_none_names_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("key;day\nk1;demain\n")
    with pytest.raises(ConfigError, match=r"row 2, column 'day', value 'demain'"):
        read_sheet(path, ("key",))[0].date("day")


def test_other_endings_and_broken_workbooks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither \.csv nor \.xlsx"):
        write_sheet(tmp_path / "t.pdf", HEADER, ROWS, "fr")
    (tmp_path / "t.xlsx").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(ConfigError, match="not a readable Excel file"):
        read_sheet(tmp_path / "t.xlsx", HEADER)


@given(st.text(max_size=12))
def test_any_text_comes_back_and_is_never_a_formula(text: str) -> None:
    assert original(harmless(text)) == text
    assert not harmless(text).startswith(("=", "+", "-", "@"))
