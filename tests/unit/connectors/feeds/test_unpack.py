"""Reports that come packed: one file within bounds; tricks are refused in words."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
from typing import Any

import openpyxl
import pytest
from pydantic import ValidationError

from connectors.feeds import unpack
from tests.unit.connectors.feeds.conftest import make_profile

TEXT = b"Ref;Qty;Amount\nA;1;2\nB;2;4\n"
ZIP = {"kind": "delimited", "compression": "zip"}


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members:
            target.writestr(name, content)
    return stream.getvalue()


def test_a_zipped_and_a_gzipped_report_land_as_the_plain_one(desk: Any) -> None:
    outcome = desk.take_one("D07/r_2026-W05.zip", archive(("folder/r.csv", TEXT)), container=ZIP)
    assert (outcome.state, outcome.reason) == ("landed", None)
    gzipped = {"kind": "delimited", "compression": "gzip"}
    outcome = desk.take_one("D07/r_2026-W06.csv.gz", gzip.compress(TEXT), container=gzipped)
    assert (outcome.rows_read, outcome.rows_accepted) == (2, 2)
    assert [row[0] for row in desk.rows("sold_quantity")] == [1, 2, 1, 2]


def test_a_zipped_workbook_is_a_workbook_and_no_archive_in_an_archive(desk: Any) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Ref", "Qty", "Amount"])
    book.active.append(["A", 3, 4])
    stream = io.BytesIO()
    book.save(stream)
    packed = archive(("r.xlsx", stream.getvalue()))
    outcome = desk.take_one("D07/r_2026-W05.zip", packed, container={"kind": "excel", "compression": "zip"})
    assert (outcome.state, outcome.rows_accepted) == ("landed", 1)


def test_of_several_files_the_profile_names_one(desk: Any) -> None:
    packed = archive(("lisez-moi.txt", b"x"), ("Ventes_05.csv", TEXT), ("__MACOSX/._x", b"x"))
    outcome = desk.take_one("D07/a_2026-W05.zip", packed, container=ZIP)
    assert (outcome.state, outcome.reason_code) == ("rejected", "unclear_archive")
    assert "'lisez-moi.txt', 'Ventes_05.csv'" in (outcome.reason or "")
    named = ZIP | {"member": "ventes_*.csv"}
    assert desk.take_one("D07/a_2026-W05.zip", packed, container=named).state == "landed"


def link() -> zipfile.ZipInfo:
    item = zipfile.ZipInfo("r.csv")
    item.external_attr = (stat.S_IFLNK | 0o777) << 16
    return item


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (archive(("../../etc/passwd", TEXT)), "unsafe_archive"),
        (archive(("/etc/passwd", TEXT)), "unsafe_archive"),
        (archive(("C:\\r.csv", TEXT)), "unsafe_archive"),
        (archive((link(), b"/etc/passwd")), "unsafe_archive"),
        (archive(("r.zip", archive(("r.csv", TEXT)))), "nested_archive"),
        (archive(("r.csv", gzip.compress(TEXT))), "nested_archive"),
        (archive(), "unclear_archive"),
        (archive(("r.csv", TEXT))[:-30], "unreadable_archive"),
        (archive(("r.csv", TEXT)).replace(b"r.csv", b"\0.csv"), "unreadable_archive"),
        (TEXT, "unreadable_archive"),
    ],
)
def test_tricks_and_damage_are_refused_in_words(desk: Any, content: bytes, code: str) -> None:
    outcome = desk.take_one("D07/r_2026-W05.zip", content, container=ZIP)
    assert (outcome.state, outcome.reason_code) == ("rejected", code)


@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_a_bomb_stops_inflating_at_its_bound(desk: Any, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(unpack, "_SMALL", 1 << 20)
    bomb = b"0" * (64 << 20)
    content = archive(("r.csv", bomb)) if kind == "zip" else gzip.compress(bomb)
    container = {"kind": "delimited", "compression": kind}
    outcome = desk.take_one("D07/r_2026-W05.zip", content, container=container)
    assert (outcome.state, outcome.reason_code) == ("rejected", "oversized_archive")
    assert not list(desk.paths.state.rglob("unpacked*"))


def test_a_member_is_named_only_in_a_zip() -> None:
    with pytest.raises(ValidationError, match="compression: zip only"):
        make_profile(container={"kind": "delimited", "member": "x.csv"})
