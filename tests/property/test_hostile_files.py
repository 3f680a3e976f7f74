"""Whatever a file holds, a reader answers in words: never a crash, a hang, or a row that is lost."""

from __future__ import annotations

import gzip
import io
import tempfile
import time
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import AvalError
from connectors.feeds.intake.check import CheckReport, check_file
from connectors.feeds.profile import Profile
from connectors.feeds.propose import propose
from tests.unit.connectors.feeds.binary_workbooks import ROWS, xls, xlsb

BASE: dict[str, Any] = {
    "partner": "D07",
    "files": {"glob": "*"},
    "period": {"frequency": "week", "source": "file_name", "pattern": r"(?P<year>\d{4})-W(?P<week>\d{2})"},
    "columns": {"partner_product_code": "Ref", "sold_quantity": "Qty", "net_amount": "Amount"},
    "max_quarantined_share": 1.0,
    "expected_from": "2026-01-01",
}
TEXT = 'Ref;Qty;Amount\r\nA;1;2,5\r\nB;x;1\r\n"C;1";2;3\r\n;;\r\nÉ;4;5\r\n'.encode("cp1252")


def profile(container: dict[str, Any]) -> Profile:
    return Profile.model_validate(BASE | {"container": container})


@cache
def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in (["Ref", "Qty", "Amount"], ["A", 1, 2.5], ["B", "x", 1], [], ["=1+1", 3, "=NA()"]):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@cache
def zipped(member: bytes = TEXT, name: str = "r.csv") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, member)
    return stream.getvalue()


DELIMITED = {"kind": "delimited", "encoding": "cp1252"}
FIXED = {
    "kind": "fixed_width",
    "encoding": "cp1252",
    "fields": {"Ref": "1-4", "Qty": "5-8", "Amount": "9-14"},
    "skip_lines": 1,
}
FIXED_TEXT = (
    "Ref  Qty Amount\r\nA      1   2,5\r\nB      x     1\r\nC;1    2     3\r\n   \r\nÉ      4     5\r\n"
)
READERS: dict[str, tuple[dict[str, Any], bytes, str]] = {
    "delimited": (DELIMITED, TEXT, "r_2026-W05.csv"),
    "utf-8": ({"kind": "delimited"}, TEXT.decode("cp1252").encode(), "r_2026-W05.csv"),
    "long delimiter": (DELIMITED | {"delimiter": "||"}, TEXT.replace(b";", b"||"), "r_2026-W05.csv"),
    "fixed width": (FIXED, FIXED_TEXT.encode("cp1252"), "r_2026-W05.txt"),
    "utf-16": (DELIMITED | {"encoding": "utf-16"}, TEXT.decode("cp1252").encode("utf-16"), "r_2026-W05.csv"),
    "excel": ({"kind": "excel"}, workbook(), "r_2026-W05.xlsx"),
    "zip": (DELIMITED | {"compression": "zip"}, zipped(), "r_2026-W05.zip"),
    "gzip": (DELIMITED | {"compression": "gzip"}, gzip.compress(TEXT, mtime=0), "r_2026-W05.csv.gz"),
    "zipped excel": (
        {"kind": "excel", "compression": "zip"}, zipped(workbook(), "r.xlsx"), "r_2026-W05.zip",
    ),
    "xls": ({"kind": "excel", "sheet": "Ventes é"}, xls(), "r_2026-W05.xls"),
    "xlsb": ({"kind": "excel"}, xlsb(Ventes=ROWS), "r_2026-W05.xlsb"),
}  # fmt: skip
COUNTS = {
    # The formula was never computed, and so is the row's product.
    "excel": (4, 1, 2, 1),
    "zipped excel": (4, 1, 2, 1),
    "xls": (6, 1, 5, 0),
    "xlsb": (6, 1, 5, 0),
}
"""Rows read, accepted, quarantined and skipped; of the readers of text (5, 3, 1, 1)."""


def outcome(container: dict[str, Any], content: bytes, name: str) -> CheckReport | AvalError:
    """What a dry run says; any error but ours is a crash and goes through."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            return check_file(path, profile(container), "sales")
        except AvalError as error:
            return error


def assert_nothing_is_lost(answer: CheckReport | AvalError) -> None:
    if isinstance(answer, CheckReport) and answer.problem is None:
        assert answer.rows_read == answer.rows_accepted + answer.rows_quarantined + answer.rows_skipped
        assert sum(total.rows for total in answer.totals) == answer.rows_accepted


@pytest.mark.parametrize("reader", READERS)
def test_rows_in_are_rows_landed_quarantined_and_skipped_for_each_reader(reader: str) -> None:
    container, content, name = READERS[reader]
    answer = outcome(container, content, name)
    assert isinstance(answer, CheckReport)
    assert answer.problem is None
    counts = (answer.rows_read, answer.rows_accepted, answer.rows_quarantined, answer.rows_skipped)
    assert counts == COUNTS.get(reader, (5, 3, 1, 1))
    assert_nothing_is_lost(answer)


mutations = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.floats(0, 1), st.binary(min_size=1, max_size=4)),
        st.tuples(st.just("insert"), st.floats(0, 1), st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from([b"\x00", b'"', b"\r", b"\n", b";", b"\xff\xfe", b"\xc3\xa9", b"\xe9", b"=A0"]),
        )),
        st.tuples(st.just("cut"), st.floats(0, 1), st.binary(min_size=1, max_size=6)),
        st.tuples(st.just("repeat"), st.floats(0, 1), st.binary(min_size=1, max_size=3)),
    ),
    min_size=1,
    max_size=5,
)  # fmt: skip


def mutated(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for kind, place, data in changes:
        at = int(place * len(content))
        if kind == "flip":
            content = content[:at] + data + content[at + len(data) :]
        elif kind == "insert":
            content = content[:at] + data + content[at:]
        elif kind == "cut":
            content = content[:at] + content[at + 8 ** len(data) % 997 :]
        else:
            content = content[:at] + content[max(0, at - 50) : at] * len(data) + content[at:]
    return content


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=mutations)
def test_a_damaged_file_is_answered_in_words(reader: str, changes: list[tuple[str, float, bytes]]) -> None:
    container, content, name = READERS[reader]
    assert_nothing_is_lost(outcome(container, mutated(content, changes), name))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(reader=st.sampled_from(sorted(READERS)), changes=mutations)
def test_a_draft_of_a_damaged_file_is_made_or_refused_in_words(
    reader: str, changes: list[tuple[str, float, bytes]]
) -> None:
    _, content, name = READERS[reader]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(mutated(content, changes))
        with suppress(AvalError):
            propose(path, partner="D07")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=300), reader=st.sampled_from(sorted(READERS)))
def test_any_bytes_are_answered_in_words(content: bytes, reader: str) -> None:
    container, _, name = READERS[reader]
    assert_nothing_is_lost(outcome(container, content, name))


HOSTILE = {
    "nul bytes": (b"Ref;Qty;Amount\nA;1;\x002\n", "binary_content"),
    "a million columns": (b";".join(b"c%d" % n for n in range(1_000_000)) + b"\nA;1\n", "too_many_columns"),
    "a line of 100 MB": (b"Ref;Qty;Amount\nA;1;" + b"9" * 100_000_000 + b"\n", "unreadable_text"),
    "a header of 100 MB": (b"R" * 100_000_000 + b";Qty;Amount\n", "unreadable_text"),
    "a quote that is never closed": (b'Ref;Qty;Amount\n"A;1;2\n' + b"B;1;2\n" * 100_000, None),
    "nothing but quotes": (b"Ref;Qty;Amount\n" + b'"' * 200_000, None),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_would_exhaust_a_reader_is_refused_or_read_in_bounded_time(case: str) -> None:
    content, code = HOSTILE[case]
    began = time.process_time()
    answer = outcome({"kind": "delimited"}, content, "r_2026-W05.csv")
    assert time.process_time() - began < 60
    assert isinstance(answer, CheckReport)
    assert (answer.problem.code if answer.problem else None) == code
    assert_nothing_is_lost(answer)


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    answer = outcome({"kind": "delimited"}, HOSTILE["a quote that is never closed"][0], "r_2026-W05.csv")
    assert isinstance(answer, CheckReport)
    assert (answer.rows_read, answer.rows_accepted, answer.rows_quarantined) == (100_001, 100_000, 1)
