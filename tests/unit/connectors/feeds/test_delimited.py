"""Bytes to cells: encodings, quotes, line ends, and the row number of every record."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from connectors.errors import RejectedFile
from connectors.feeds import delimited, lines
from connectors.feeds.profile import Delimited

Rows = list[tuple[object, ...]]


def read(
    tmp_path: Path, content: bytes, *, carefully: bool = False, **dialect: object
) -> tuple[tuple[str, ...], Rows]:
    """Titles, and (row, cells…) of well-formed and (row, None, raw text) of malformed records."""
    path = tmp_path / "report.csv"
    path.write_bytes(content)
    container = Delimited.model_validate({"kind": "delimited", **dialect})
    connection = duckdb.connect()
    text = delimited.look(path, container, tmp_path / "decoded.csv", "report.csv")
    if text.is_plain and not carefully:
        table = delimited.offer(connection, [text], container)
        try:
            rows = connection.execute("from raw").fetchall()
        except duckdb.InvalidInputException:
            rows = []
        if len(rows) == text.rows:
            first = table.header_row + 1
            return table.titles, [(first + i, *row[3:]) for i, row in enumerate(rows)]
    table = delimited.load_carefully(connection, text, container, tmp_path)
    rows = connection.execute("from raw order by _row").fetchall()
    return table.titles, [
        (row[0], None, row[1]) if row[1] is not None else (row[0], *row[2:]) for row in rows
    ]


@pytest.mark.parametrize("carefully", [False, True])
def test_a_plain_file_gives_its_cells_with_the_line_numbers_of_the_file(
    tmp_path: Path, carefully: bool
) -> None:
    titles, rows = read(tmp_path, b"a;b\n1;2\n3;4", carefully=carefully)
    assert titles == ("a", "b")
    assert rows == [(2, "1", "2"), (3, "3", "4")]


@pytest.mark.parametrize("carefully", [False, True])
def test_a_quoted_cell_keeps_delimiters_quotes_and_empties(tmp_path: Path, carefully: bool) -> None:
    _, rows = read(tmp_path, b'a;b\n"x;y";"say ""no"""\n;""\n', carefully=carefully)
    assert rows == [(2, "x;y", 'say "no"'), (3, "", "")]


@pytest.mark.parametrize("carefully", [False, True])
def test_a_quote_inside_an_unquoted_cell_is_a_letter_like_any_other(tmp_path: Path, carefully: bool) -> None:
    _, rows = read(tmp_path, b'a;b\nTube 1/2";3\nVis 3";4\n', carefully=carefully)
    assert rows == [(2, 'Tube 1/2"', "3"), (3, 'Vis 3"', "4")]


def test_blank_lines_count_as_lines(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"a;b\n\n1;2\n\n\n3;4\n\n")
    assert [row for row in rows if row[1] is not None] == [(3, "1", "2"), (6, "3", "4")]
    assert [row[0] for row in rows] == [2, 3, 4, 5, 6, 7]


def test_a_record_over_several_lines_has_the_number_of_its_first_line(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'a;b\n1;"two\nlines; and\n""more"""\n5;6\n"7\n";8\n')
    assert rows == [(2, "1", 'two\nlines; and\n"more"'), (5, "5", "6"), (6, "7\n", "8")]


def test_a_line_may_close_one_quoted_cell_and_open_the_next(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'a;b\n"1\n2";"3\n4"\n5;6\n')
    assert rows == [(2, "1\n2", "3\n4"), (5, "5", "6")]


def test_a_quote_that_is_never_closed_costs_its_own_line_only(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'a;b\n1;"open\n2;x\n3;"closed"\n4;y\n')
    assert rows == [(2, None, '1;"open'), (3, "2", "x"), (4, "3", "closed"), (5, "4", "y")]


def test_text_after_a_closing_quote_is_malformed(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'a;b\n1;"x"y\n2;z\n')
    assert rows == [(2, None, '1;"x"y'), (3, "2", "z")]


def test_a_row_with_too_few_or_too_many_cells_keeps_its_text(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"a;b\n1\n1;2;3\n1;2\n")
    assert rows == [(2, None, "1"), (3, None, "1;2;3"), (4, "1", "2")]


def test_surplus_cells_without_content_are_no_fault(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"a;b\n1;2;;\n3;4\n")
    assert rows == [(2, "1", "2"), (3, "3", "4")]


@pytest.mark.parametrize(
    "content",
    [b"a;b\r\n1;2\r\n3;4\r\n", b"a;b\n1;2\r\n3;4\n", b"a;b\r\r\n1;2\r\r\n3;4\r\r\n", b"a;b\r1;2\r3;4\r"],
    ids=["windows", "mixed", "doubled return", "old mac"],
)
def test_line_ends_of_every_kind_are_read(tmp_path: Path, content: bytes) -> None:
    titles, rows = read(tmp_path, content)
    assert titles == ("a", "b")
    assert rows == [(2, "1", "2"), (3, "3", "4")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "iso8859-15", "utf-16"])
def test_accents_and_the_euro_sign_survive_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    titles, rows = read(tmp_path, "Référence;Prix €\nÉté;5 €\n".encode(encoding), encoding=encoding)
    assert titles == ("Référence", "Prix €")
    assert rows == [(2, "Été", "5 €")]


def test_a_byte_order_mark_is_no_part_of_the_first_title(tmp_path: Path) -> None:
    titles, _ = read(tmp_path, b"\xef\xbb\xbfa;b\n1;2\n")
    assert titles == ("a", "b")


def test_title_lines_stand_above_the_header_row(tmp_path: Path) -> None:
    titles, rows = read(tmp_path, b'Report "weekly\n\na;b\n1;2\n', header_row=3)
    assert titles == ("a", "b")
    assert rows == [(4, "1", "2")]


@pytest.mark.parametrize("carefully", [False, True])
def test_titles_of_two_lines_are_joined_and_the_upper_ones_filled_right(
    tmp_path: Path, carefully: bool
) -> None:
    content = b";Ventes;;Retours\nRef;Qte;CA;Qte\nA;1;2;3\n"
    titles, rows = read(tmp_path, content, carefully=carefully, header_rows=2)
    assert titles == ("Ref", "Ventes / Qte", "Ventes / CA", "Retours / Qte")
    assert rows == [(3, "A", "1", "2", "3")]


def test_other_delimiters_and_no_quotes(tmp_path: Path) -> None:
    titles, rows = read(tmp_path, b'a\tb\n"x\ty"\n\n', delimiter="\t", quote=None)
    assert titles == ("a", "b")
    assert rows[0] == (2, '"x', 'y"')


def test_a_byte_that_is_not_in_the_encoding_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, "a;b\n1;é\n".encode("cp1252"))
    assert caught.value.code == "undecodable_bytes"
    assert "byte 7 (0xe9)" in caught.value.problem
    assert caught.value.place.line == 2


def test_a_byte_that_cp1252_does_not_know_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, b"a;b\n1;2\n3;\x81\n", encoding="cp1252")
    assert "byte 11 (0x81)" in caught.value.problem
    assert caught.value.place.line == 3


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty_file"), (b"a\x00b;c\n", "binary_content"), (b"\n\n", "missing_header")],
)
def test_a_file_that_is_no_table_is_rejected(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, content)
    assert caught.value.code == code


def test_an_unknown_encoding_is_rejected_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile, match="cp1252"):
        read(tmp_path, b"a;b\n", encoding="cp125")


def test_records_longer_than_one_chunk_are_numbered_like_short_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_CHUNK", 3)
    content = 'a;b\r\n1;"é\r\né"\r\n\r\n4;5\r\n'.encode()
    _, rows = read(tmp_path, content)
    assert [row for row in rows if row[1] is not None] == [(2, "1", "é\né"), (5, "4", "5")]


def test_a_file_that_ends_within_a_character_was_cut_off(tmp_path: Path) -> None:
    content = "Ref;Qty\nA;1\nB;2\n".encode("utf-16")
    with pytest.raises(RejectedFile, match="ask the partner for the whole file") as caught:
        read(tmp_path, content[:-1], encoding="utf-16")
    assert "ends at byte 33 within a character: it was cut off on its way" in caught.value.problem


def test_the_likely_encoding_is_named_where_another_is_stated(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, "Référence;Qté\nA;1\n".encode("cp1252"))
    assert "looks like cp1252" in caught.value.problem
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, "Référence;Qté\nA;1\n".encode("utf-16"))
    assert "utf-16" in str(caught.value)
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, "Référence;Qté\nA;1\nB’;2 €\n".encode(), encoding="cp1252")
    assert (caught.value.code, caught.value.place.line) == ("other_encoding", 1)


def test_mixed_encodings_are_refused_with_line_and_byte(tmp_path: Path) -> None:
    mixed = "a;b\nété;1\n".encode("cp1252") + "été;2\n".encode()
    for encoding, byte, line in (("cp1252", 11, 3), ("utf-8", 5, 2)):
        with pytest.raises(RejectedFile) as caught:
            read(tmp_path, mixed, encoding=encoding)
        assert (caught.value.code, caught.value.place.line) == ("mixed_encodings", line)
        assert f"byte {byte} " in caught.value.problem


def test_capitals_before_signs_are_no_utf8(tmp_path: Path) -> None:
    table = read(tmp_path, "a;b\nCAFÉ»;1\nN°;2\n".encode("cp1252"), encoding="cp1252")
    assert table[1][0][1] == "CAFÉ»"


def test_a_character_of_utf8_on_the_border_of_two_chunks_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_CHUNK", 5)
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, "a;b\né;€\n".encode(), encoding="cp1252")
    assert caught.value.code == "other_encoding"


@pytest.mark.parametrize("carefully", [False, True])
@pytest.mark.parametrize("delimiter", ["||", ";;", "~|~", "<->", "\t|\t", "::::"])
def test_a_delimiter_of_several_characters(tmp_path: Path, carefully: bool, delimiter: str) -> None:
    content = f'a{delimiter}b\nx{delimiter}1\n"y{delimiter}z"{delimiter}2\n'.encode()
    titles, rows = read(tmp_path, content, carefully=carefully, delimiter=delimiter)
    assert titles == ("a", "b")
    assert rows == [(2, "x", "1"), (3, f"y{delimiter}z", "2")]


def test_a_malformed_row_shows_its_own_delimiter(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"a||b\n1||2||3\n4||5\n", delimiter="||")
    assert rows == [(2, None, "1||2||3"), (3, "4", "5")]


def test_single_characters_of_a_long_delimiter_are_text(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"a||b\nx|y||1\nz|||2\n", delimiter="||")
    # From left to right: the third bar of the last line belongs to the cell.
    assert rows == [(2, "x|y", "1"), (3, "z", "|2")]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7])
def test_a_long_delimiter_on_the_border_of_two_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(delimited, "_CHUNK", chunk)
    _, rows = read(
        tmp_path, "a~|~b\r\né~~|~1\r\nz|~|~2\r\n".encode("cp1252"), delimiter="~|~", encoding="cp1252"
    )
    assert rows == [(2, "é~", "1"), (3, "z|", "2")]


def test_a_long_delimiter_beside_control_characters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile, match="control character"):
        read(tmp_path, b"a||b\n1\x1f||2\n", delimiter="||")


@pytest.mark.parametrize("delimiter", ["", "\n;", 'a"', "123456789"])
def test_a_delimiter_that_cannot_tell_cells_apart_is_refused(delimiter: str) -> None:
    with pytest.raises(ValueError, match="delimiter"):
        Delimited.model_validate({"kind": "delimited", "delimiter": delimiter})


def test_a_nul_byte_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        read(tmp_path, b"a;b\n1;2\n3;\x004\n")
    assert caught.value.code == "binary_content"
    assert caught.value.problem.startswith("byte 11 is NUL")
    assert caught.value.place.line == 3


def test_cells_under_no_title_may_be_missing(tmp_path: Path) -> None:
    titles, rows = read(tmp_path, b"a;b;;\n1;2;;\n3;4\n5\n6;7;8;9\n")
    assert titles == ("a", "b", "", "")
    assert rows == [(2, "1", "2", "", ""), (3, "3", "4", None, None), (4, None, "5"), (5, "6", "7", "8", "9")]
