"""One customer of one partner goes from everywhere; nobody else does, and no figure changes."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from connectors.archive import Archive, new_key
from connectors.company import Archive as ArchiveSettings
from connectors.company import Secret
from connectors.errors import AvalError, ConfigError, SourceError
from connectors.feeds import customers
from connectors.privacy import Wanted, erase, names_customer, wanted
from tests.unit.connectors.feeds.conftest import Desk, make_profile

NOW = datetime(2026, 3, 2, tzinfo=UTC)
COLUMNS = {"product_code": "Ref", "sold_quantity": "Qty", "customer": "Client", "product_label": "Nom"}
HEAD = "Ref;Qty;Client;Nom;Mail\n"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(customers.KEY, "a key")
    monkeypatch.setenv("ARCHIVE_KEY", new_key())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    settings = ArchiveSettings(key=Secret(env="ARCHIVE_KEY"))
    desk.company = desk.company.model_copy(update={"archive": settings})
    with desk.ledger:
        yield desk


PROFILES = {
    "sales": make_profile(columns=COLUMNS),
    "other": make_profile(columns=COLUMNS, partner="D08", files={"glob": "D08/*"}),
}


def totals(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.rows("partner_code, product_code, sold_quantity")


def hashes(desk: Desk) -> set[str]:
    return {key for (key,) in desk.rows("customer_key") if key}


def forget(desk: Desk, *texts: str) -> tuple[Any, tuple[str, ...]]:
    who = wanted("D07", texts)
    return erase(desk.paths, desk.company, PROFILES, desk.ledger, who, now=NOW)


def everything(desk: Desk) -> bytes:
    """Every file of data and inbox; Parquet and the archive in clear."""
    found = []
    archive = Archive(desk.paths.archive, desk.company.archive)
    for item in archive.originals():
        with archive.opened(item) as clear:
            found.append(clear.read_bytes())
    for path in (*desk.paths.data.rglob("*"), *desk.inbox.rglob("*")):
        if path.is_file():
            found.append(path.read_bytes())
            if path.suffix == ".parquet":
                found.append(repr(duckdb.sql(f"from read_parquet('{path}')").fetchall()).encode())
    return b"\n".join(found)


def test_a_customer_is_erased_everywhere_and_sums_stay(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("D07/r_2026-W05.csv", HEAD + "A;1;Zoé Martin;x;zoe@a.example\nB;2;Ali;x;\nC;3;;x;\n")
    desk.put("D07/r_2026-W06.csv", HEAD + "A;4;ZOÉ  MARTIN;x;\n;5;Ali;Zoé Martin gift;\n", 900)
    desk.put("D07/r_2026-W07.csv", HEAD + "A;6;Ali;x;\n", 800)
    desk.put("D08/r_2026-W05.csv", HEAD + "A;7;Zoé Martin;x;\n", 700)
    desk.take(**PROFILES)
    monkeypatch.setenv(customers.KEY, "a new key")
    monkeypatch.setenv(customers.KEY_ID, "2")
    monkeypatch.setenv(customers.FORMER_KEYS, "1")
    monkeypatch.setenv(customers.KEY + "_1", "a key")
    before, known = totals(desk), hashes(desk)
    who = wanted("D07", ["zoé martin"])
    assert len(known) == 3
    assert len(known & set(who.hashes)) == 1
    desk.ledger.clear_pending(desk.ledger.pending_sequence())

    entry, left = forget(desk, "zoé martin")

    assert (entry.rows, entry.faults, entry.originals, entry.files, left) == (2, 1, 2, 2, ())
    assert totals(desk) == before
    assert hashes(desk) == known - set(who.hashes)
    assert [path.name for path in sorted(desk.inbox.rglob("*.csv"))] == ["r_2026-W07.csv", "r_2026-W05.csv"]
    left_over = everything(desk).replace((HEAD + "A;7;Zoé Martin;x;\n").encode(), b"")
    assert not any(item.encode() in left_over for item in who.hashes)
    assert "martin" not in left_over.decode(errors="replace").lower()
    assert desk.ledger.erasures() == [entry]
    assert desk.ledger.pending_sequence() > 0
    again, _ = forget(desk, "zoé martin")
    assert (again.rows, again.faults, again.originals, again.files) == (0, 0, 0, 0)


def test_files_that_a_backup_brings_back_do_not_bring_the_customer_back(desk: Desk) -> None:
    held = HEAD + "A;1;Zoé Martin;x;\nB;2;Ali;x;\n"
    faulty = HEAD + "A;4;Ali;x;\n;5;Ali;Zoé Martin gift;\n"
    desk.put("D07/r_2026-W05.csv", held)
    desk.put("D07/r_2026-W06.csv", faulty, 900)
    desk.take(**PROFILES)
    before, who = totals(desk), wanted("D07", ["zoé martin"])
    forget(desk, "zoé martin")
    desk.put("D07/r_2026-W05.csv", held)
    desk.put("D07/other name_2026-W06.csv", faulty, 900)

    for columns in (COLUMNS, {**COLUMNS, "unit_code": "Mail"}):
        summary = desk.take(**PROFILES | {"sales": make_profile(columns=columns)})
        assert {item.reason_code for item in summary.files if item.file_name.startswith("D07/")} == {
            "erased_original"
        }
        assert totals(desk) == before
        assert not hashes(desk) & set(who.hashes)

    desk.put("D07/r_2026-W05.csv", held + "C;3;;x;\n", 100)
    assert desk.take(**PROFILES).files[-1].state == "landed"


def test_an_original_is_found_by_its_text_even_if_none_of_its_rows_landed(desk: Desk) -> None:
    desk.put("D07/r_2026-W05.csv", HEAD + "A;x;1;Tel 06 12 34 56 78;\n", encoding="utf-16")
    desk.put("D07/r_2026-W06.csv", HEAD + "A;1;Ali;x;\n", 900)
    desk.take(**PROFILES)
    assert [batch.state for batch in desk.ledger.batches("feeds")] == ["rejected", "landed"]
    entry, _ = forget(desk, "+33 6 12 34 56 78")
    assert (entry.originals, entry.files) == (1, 1)


def test_a_file_that_is_not_taken_in_yet_is_told_and_left(desk: Desk) -> None:
    path = desk.put("D07/r_2026-W05.csv", HEAD + "A;1;Zoé Martin;x;\n")
    entry, left = forget(desk, "Zoé Martin")
    assert entry.files == 0
    assert "D07/r_2026-W05.csv" in left[0]
    assert "Zoé" not in left[0]
    assert path.exists()


def test_an_original_that_no_key_opens_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("D07/r_2026-W05.csv", HEAD + "A;1;Ali;x;\n")
    desk.take(**PROFILES)
    monkeypatch.setenv("ARCHIVE_KEY", new_key())
    _, left = forget(desk, "Zoé Martin")
    assert len(left) == 1
    assert "no key opens" in left[0]


def test_a_damaged_original_is_told_and_keeps_back_no_erasure(desk: Desk) -> None:
    path = desk.put("D07/r_2026-W05.csv", HEAD + "A;1;Zoé Martin;x;\n")
    desk.put("D07/r_2026-W06.csv", HEAD + "A;1;Ali;x;\n")
    desk.take(**PROFILES)
    other = path.with_name("r_2026-W06.csv").read_bytes()
    (damaged,) = [
        item
        for item in Archive(desk.paths.archive, desk.company.archive).originals()
        if item.content_hash == hashlib.sha256(other).hexdigest()
    ]
    damaged.path.write_bytes(damaged.path.read_bytes()[:-1])
    entry, left = forget(desk, "Zoé Martin")
    assert (entry.rows, entry.originals, entry.files) == (1, 1, 1)
    assert len(left) == 1
    assert "not what was archived" in left[0]


def test_a_name_is_found_in_a_packed_workbook_and_in_a_feeds_own_encoding(desk: Desk, tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.worksheets[0].append(["A", 1, "Zoé Martin"])
    plain = io.BytesIO()
    workbook.save(plain)
    packed = tmp_path / "ventes.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ventes.xlsx", plain.getvalue())
    zipped = tmp_path / "ventes.csv.gz"
    zipped.write_bytes(gzip.compress("A;1;Zoé Martin\n".encode()))
    for path in (packed, zipped):
        assert names_customer(path, person("Zoé Martin"))
        assert not names_customer(path, person("Zoé Martine"))
    zipped.write_bytes(zipped.read_bytes()[:-9])
    with pytest.raises(SourceError, match="cannot be read"):
        names_customer(zipped, person("Zoé Martin"))

    # The name stands in a column that never lands, so that only the text of the original tells.
    dos = make_profile(
        columns=COLUMNS, personal=["Mail"], container={"kind": "delimited", "encoding": "cp850"}
    )
    desk.put("D07/r_2026-W05.csv", HEAD + "A;1;c1;x;Zoé Martin\n", encoding="cp850")
    desk.take(sales=dos)
    who = person("Zoé Martin")
    entry, _ = erase(desk.paths, desk.company, {"sales": dos}, desk.ledger, who, now=NOW)
    assert (entry.originals, entry.files) == (1, 1)


def person(*texts: str) -> Wanted:
    return wanted("D07", texts)


@pytest.mark.parametrize(
    ("text", "written", "is_found"),
    [
        ("Zoé Martin", "x;zoé   MARTIN;y".encode(), True),
        ("Zoé Martin", "x;zoé martin;y".encode("cp1252"), True),
        ("Zoé Martin", "; Zoé Martin;".encode("utf-16"), True),
        ("Zoé Martin", "Zoé Martinez".encode(), False),
        ("zoe@example.org", b"<zoe@example.org>", True),
        ("zoe@example.org", b"zoe@example.organic", False),
        ("0612345678", b"+33 (0)6 12.34.56.78", True),
        ("+33612345678", b"06-12-34-56-78", True),
        ("4711", b"14711", False),
        ("4711", b"a;4711;b", True),
    ],
)
def test_a_text_is_found_however_it_is_written(
    tmp_path: Path, text: str, written: bytes, is_found: bool
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"x" * 5000 + b"; " + written + b"; " + b"x" * 5000)
    assert names_customer(path, person(text)) is is_found


def test_a_text_is_found_in_a_workbook_and_between_two_chunks(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["A", 1, "Zoé & Martin"])
    stream = io.BytesIO()
    book.save(stream)
    (tmp_path / "book.xlsx").write_bytes(stream.getvalue())
    assert names_customer(tmp_path / "book.xlsx", person("zoé & martin"))
    assert not names_customer(tmp_path / "book.xlsx", person("ali"))
    (tmp_path / "long.csv").write_bytes(b"x" * ((1 << 20) - 6) + b";Zoe Martin;" + b"x" * 100)
    assert names_customer(tmp_path / "long.csv", person("zoe martin"))


@pytest.mark.parametrize("texts", [[], ["", "  "], ["ab"]])
def test_a_text_that_would_name_everybody_is_refused(texts: list[str]) -> None:
    with pytest.raises(AvalError, match="at least 3 characters"):
        wanted("D07", texts)


LINES = "A;1;Ana;Robinet;ana@x.fr\n"


def rotate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a new key, and keep the former one for erasure, as docs/privacy.md says."""
    monkeypatch.setenv(customers.KEY, "another key")
    monkeypatch.setenv(customers.KEY_ID, "2")
    monkeypatch.setenv(customers.FORMER_KEYS, "1")
    monkeypatch.setenv(f"{customers.KEY}_1", "a key")


def live_keys(desk: Desk) -> list[str]:
    """Ids of the keys of those hashes that count."""
    desk.ledger.export(desk.paths.landing)
    slices = desk.paths.landing / "ledger" / "slices.parquet"
    live = f"_batch_id in (select batch_id from '{slices}' where is_live)"
    return [key for (key,) in desk.rows("split_part(customer_key, '-', 1)", where=live)]


def test_after_a_rotation_files_in_the_inbox_bear_the_new_key_and_others_the_former(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = desk.put("D07/r_2026-W05.csv", HEAD + LINES, age=3000)
    gone = desk.put("D07/r_2026-W06.csv", HEAD + LINES, age=2000)
    desk.take(**PROFILES)
    assert live_keys(desk) == ["1", "1"]
    gone.unlink()

    rotate(monkeypatch)
    states = {outcome.file_name: outcome.state for outcome in desk.take(**PROFILES).files}
    assert states == {kept.relative_to(desk.inbox).as_posix(): "landed"}
    assert sorted(live_keys(desk)) == ["1", "2"]
    assert {outcome.state for outcome in desk.take(**PROFILES).files} == {"unchanged"}


def test_an_erasure_names_the_key_that_rows_bear_and_that_it_was_not_given(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put("D07/r_2026-W05.csv", HEAD + LINES, age=3000)
    desk.take(**PROFILES)
    rotate(monkeypatch)
    monkeypatch.delenv(customers.FORMER_KEYS)

    assert forget(desk, "ana")[1] == (
        "rows that bear the key 1, which is not set: they may still name the customer; set it as "
        "docs/privacy.md says and erase again",
    )
    monkeypatch.setenv(customers.FORMER_KEYS, "1")
    entry, left = forget(desk, "ana")
    assert (entry.rows, left) == (1, ())


@pytest.mark.parametrize("back", [False, True])
def test_another_key_under_the_same_id_reads_nothing_and_erases_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    """Typed anew after a move: each customer would count twice, and an erasure would find nobody."""
    desk.put("D07/r_2026-W05.csv", HEAD + LINES, age=3000)
    desk.take(**PROFILES)
    desk.put("D07/r_2026-W06.csv", HEAD + LINES, age=2000)
    monkeypatch.setenv(customers.KEY, "a key" if back else "a  key")

    read = {outcome.file_name: outcome.reason_code for outcome in desk.take(**PROFILES).files}

    assert read["D07/r_2026-W06.csv"] == (None if back else "another_key")
    if back:
        assert forget(desk, "ana")[0].rows == 2
    else:
        with pytest.raises(ConfigError, match="AVAL_PSEUDONYM_KEY with the id 1 is another key than before"):
            forget(desk, "ana")
        assert desk.ledger.erasures() == []


def test_a_customer_is_erased_under_the_new_and_the_former_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put("D07/r_2026-W05.csv", HEAD + LINES, age=3000)
    gone = desk.put("D07/r_2026-W06.csv", HEAD + LINES, age=2000)
    desk.take(**PROFILES)
    gone.unlink()
    rotate(monkeypatch)
    desk.take(**PROFILES)
    bearing = hashes(desk)
    assert {key[0] for key in bearing} == {"1", "2"}

    entry, left = forget(desk, "Ana")
    # Week 5 under both keys, week 6 under the former one.
    assert (entry.rows, left) == (3, ())
    remains = everything(desk)
    assert not any(key.encode() in remains for key in bearing)
    assert b"Ana" not in remains
