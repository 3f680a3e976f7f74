"""Who a file is from: partners' identifiers and what a file says of its sender."""

from __future__ import annotations

from pathlib import Path

from connectors.feeds.senders import Partner, look, owners

NORD = Partner("D01", "Nord SA", gln="3799900001008", siret="73282932000074", vat_number="FR44732829320")
SUD = Partner("D02", "Sud SA", gln="3799900001015", siret="73282932000074")


def test_an_identifier_that_two_partners_claim_names_neither() -> None:
    assert owners([NORD, SUD]) == {
        "3799900001008": "D01",
        "FR44732829320": "D01",
        "3799900001015": "D02",
    }


def test_a_table_says_its_sender_by_numbers_in_it_and_by_what_stands_above(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "Nord Distribution SA\nSIRET 732 829 320 00074 - TVA FR44 732829320\nRef;EAN;Qte\n"
        "A;4006381333931;3\nB;4006381333931;4\n",
        encoding="cp1252",
    )
    found = look(path)
    assert {"73282932000074", "FR44732829320"} <= found.identifiers
    assert "Nord Distribution SA" in found.names


def test_edi_says_its_sender_by_parties(tmp_path: Path) -> None:
    path = tmp_path / "x.edi"
    path.write_text(
        "UNB+UNOC:3+3799900001008:14+3799900000018:14+260201:0800+1'UNH+1+SLSRPT:D:96A:UN'BGM+73E+1+9'"
        "NAD+SU+3799900000018::9'NAD+SE+3799900001008::9++Nord Distribution+1 rue X+Lille'UNT+4+1'UNZ+1+1'"
    )
    found = look(path)
    assert "3799900001008" in found.identifiers
    assert found.names == ("Nord Distribution",)


def test_what_is_no_table_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\x00\x01\x02" * 50)
    assert look(path).names == ()
