"""From each kind of source, on a real server, into the partner's folder of the inbox."""

from __future__ import annotations

import errno
import hashlib
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from connectors.company import AnyDelivery
from connectors.delivery import folders
from connectors.delivery.collect import last_looks, look
from connectors.delivery.source import RefusedItem, safe_name, safe_path
from connectors.errors import ConfigError
from connectors.ledger import Batch, Ledger
from tests.unit.connectors.delivery.conftest import House, Post, Sftp, Site, Store

OLD = datetime(2026, 7, 1, 6, 0, tzinfo=UTC).timestamp()


def delivery(**settings: Any) -> Any:
    return TypeAdapter(AnyDelivery).validate_python({"partner": "D07", "retries": 0, **settings})


def put(path: Path, text: str, moment: float = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def drop(tmp_path: Path, house: House) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    house.deliveries["share"] = delivery(kind="local", path=folder, files=["*.csv"])
    return folder


# --- what holds for every source, shown on a folder ---


def test_new_files_arrive_in_the_folder_of_the_partner_and_the_originals_stay(
    house: House, drop: Path
) -> None:
    original = put(drop / "ventes.csv", "a;b\n")
    put(drop / "readme.txt", "no report")
    (seen,) = house.collect()
    assert house.files() == {"D07/ventes.csv": b"a;b\n"}
    assert (seen.state, list(seen.fetched), seen.listed) == ("ok", ["D07/ventes.csv"], 1)
    assert original.read_text() == "a;b\n"
    assert (house.inbox / "D07/ventes.csv").stat().st_mtime == OLD


def test_what_is_unchanged_is_not_fetched_again_even_if_the_inbox_was_emptied(
    house: House, drop: Path
) -> None:
    put(drop / "ventes.csv", "a;b\n")
    house.collect()
    shutil.rmtree(house.inbox / "D07")
    (seen,) = house.collect()
    assert (list(seen.fetched), house.files()) == ([], {})


def test_a_rewritten_file_is_fetched_again_in_its_place(house: House, drop: Path) -> None:
    put(drop / "ventes.csv", "a;b\n")
    house.collect()
    put(drop / "ventes.csv", "a;b\n1;2\n", OLD + 1)
    house.collect()
    assert house.files() == {"D07/ventes.csv": b"a;b\n1;2\n"}


def test_a_fresh_file_waits_until_two_looks_find_it_the_same(house: House, drop: Path) -> None:
    now = datetime.now(UTC)
    put(drop / "ventes.csv", "a", now.timestamp())
    (first,) = house.collect(now)
    put(drop / "ventes.csv", "a;b", (now + timedelta(seconds=50)).timestamp())
    (second,) = house.collect(now + timedelta(seconds=61))
    (third,) = house.collect(now + timedelta(seconds=122))
    assert [list(seen.waiting) for seen in (first, second, third)] == [["ventes.csv"], ["ventes.csv"], []]
    assert house.files() == {"D07/ventes.csv": b"a;b"}


def test_a_source_whose_clock_is_ahead_still_delivers_at_the_second_look(house: House, drop: Path) -> None:
    now = datetime.now(UTC)
    put(drop / "ventes.csv", "a", (now + timedelta(days=1)).timestamp())
    house.collect(now)
    assert house.files() == {}
    house.collect(now + timedelta(seconds=61))
    assert house.files() == {"D07/ventes.csv": b"a"}


@pytest.mark.parametrize("name", ["ventes.csv.part", ".ventes.csv", "~$ventes.csv", "ventes.csv.filepart"])
def test_names_of_unfinished_files_are_left_alone(house: House, drop: Path, name: str) -> None:
    house.deliveries["share"] = delivery(kind="local", path=drop)
    put(drop / name, "half")
    (seen,) = house.collect()
    assert (house.files(), list(seen.waiting)) == ({}, [name])


def test_a_file_that_changes_while_it_is_fetched_is_left_for_the_next_look(
    house: House, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(drop / "ventes.csv", "a;b\n")
    contents = folders.FolderSource.contents

    def growing(self: folders.FolderSource, item: Any) -> Any:
        yield from contents(self, item)
        with path.open("a") as handle:
            handle.write("1;2\n")

    with monkeypatch.context() as patch:
        patch.setattr(folders.FolderSource, "contents", growing)
        (seen,) = house.collect()
    assert (house.files(), list(seen.waiting)) == ({}, ["ventes.csv"])
    os.utime(path, (OLD, OLD))
    house.collect()
    assert house.files() == {"D07/ventes.csv": b"a;b\n1;2\n"}


def test_a_source_that_is_down_is_told_and_the_others_deliver(
    house: House, drop: Path, tmp_path: Path
) -> None:
    house.deliveries["gone"] = delivery(kind="local", path=tmp_path / "absent", partner="D08")
    put(drop / "ventes.csv", "a;b\n")
    looks = {seen.delivery: seen for seen in house.collect()}
    assert looks["share"].state == "ok"
    assert looks["gone"].state == "failed"
    assert "there is no folder" in (looks["gone"].problem or "")
    assert "deliveries.gone" in (looks["gone"].problem or "")
    with Ledger(house.folder / "ledger.sqlite") as ledger:
        assert {seen.delivery: seen.state for seen in last_looks(ledger)} == {"share": "ok", "gone": "failed"}


def test_an_inbox_that_cannot_be_written_to_is_told_as_such_and_not_as_the_sources_fault(
    house: House, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(drop / "ventes.csv", "a;b\n")
    (house.inbox / "D07").write_text("a file where the folder should be")
    (seen,) = house.collect()
    assert (seen.state, list(seen.refused)) == ("failed", [])
    assert f"{house.inbox / 'D07'}: the inbox cannot be written to (File exists)" in (seen.problem or "")
    (house.inbox / "D07").unlink()
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        (seen,) = house.collect()
    assert "the inbox cannot be written to (No space left)" in (seen.problem or "")
    assert house.files() == {}
    assert list(house.collect()[0].fetched) == ["D07/ventes.csv"]


def test_what_a_killed_look_left_is_removed_by_a_single_look_at_the_folder(
    house: House, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (house.inbox / "D07").mkdir()
    (house.inbox / "D07" / ".incoming-0123.part").write_text("half a report")
    for number in range(5):
        put(drop / f"ventes_{number}.csv", "a;b\n")
    looked, glob = [], Path.glob

    def counting(path: Path, pattern: str) -> Iterator[Path]:
        looked.append(path)
        return glob(path, pattern)

    monkeypatch.setattr(Path, "glob", counting)
    house.collect()
    assert looked == [house.inbox / "D07"]
    assert list(house.files()) == [f"D07/ventes_{number}.csv" for number in range(5)]


def test_a_passing_fault_is_tried_again(house: House, drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house.deliveries["share"] = delivery(kind="local", path=drop, retries=2)
    put(drop / "ventes.csv", "a;b\n")
    items, calls = folders.FolderSource.items, []

    def flaky(self: folders.FolderSource) -> Any:
        calls.append(1)
        if len(calls) < 3:
            raise ConnectionResetError("connection reset")
        return items(self)

    monkeypatch.setattr(folders.FolderSource, "items", flaky)
    (seen,) = house.collect()
    assert (seen.state, len(calls)) == ("ok", 3)
    assert house.files() == {"D07/ventes.csv": b"a;b\n"}


def test_a_file_above_the_limit_is_refused_and_the_others_come(house: House, drop: Path) -> None:
    house.deliveries["share"] = delivery(kind="local", path=drop, max_bytes=10)
    put(drop / "large.csv", "x" * 11)
    put(drop / "small.csv", "x" * 10)
    (seen,) = house.collect()
    assert list(house.files()) == ["D07/small.csv"]
    assert "larger than 10 bytes" in dict(seen.refused)["large.csv"]


def test_a_link_at_the_source_is_not_followed(house: House, drop: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.csv", "of another partner")
    (drop / "ventes.csv").symlink_to(secret)
    (drop / "folder").symlink_to(tmp_path)
    house.deliveries["share"] = delivery(kind="local", path=drop, files=["**/*.csv"])
    (seen,) = house.collect()
    assert (house.files(), seen.listed) == ({}, 0)


def test_a_link_in_the_inbox_leads_nothing_out_of_it(house: House, drop: Path, tmp_path: Path) -> None:
    put(drop / "ventes.csv", "a")
    (tmp_path / "elsewhere").mkdir()
    (house.inbox / "D07").symlink_to(tmp_path / "elsewhere")
    (seen,) = house.collect()
    assert seen.state == "failed"
    assert seen.is_setting
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_files_are_moved_or_deleted_at_the_source_only_if_the_settings_say_so(
    house: House, tmp_path: Path
) -> None:
    for then, more in (("delete", {}), ("move", {"move_to": "done"})):
        folder = tmp_path / then
        put(folder / f"{then}.csv", then)
        house.deliveries[then] = delivery(kind="local", path=folder, then=then, **more)
    house.collect()
    house.collect()
    assert house.files() == {"D07/delete.csv": b"delete", "D07/move.csv": b"move"}
    assert list((tmp_path / "delete").iterdir()) == []
    assert [p.relative_to(tmp_path).as_posix() for p in (tmp_path / "move").rglob("*.csv")] == [
        "move/done/move.csv"
    ]


@pytest.mark.parametrize(("then", "more"), [("delete", {}), ("move", {"move_to": "done"})])
def test_a_file_that_was_taken_away_is_no_former_version_of_the_next_of_its_name(
    house: House, drop: Path, then: str, more: dict[str, str]
) -> None:
    house.deliveries["share"] = delivery(kind="local", path=drop, then=then, **more)
    for number, week in enumerate(("week 1", "week 2", "week 3")):
        put(drop / "ventes.csv", week, OLD + number)
        house.collect()
    arrived = {"ventes.csv": b"week 1", "ventes~2.csv": b"week 2", "ventes~3.csv": b"week 3"}
    assert house.files() == {f"D07/{name}": data for name, data in arrived.items()}
    left = {path.name: path.read_bytes() for path in drop.rglob("*.csv")}
    assert left == (arrived if then == "move" else {})


def test_a_file_that_intake_has_not_entered_is_not_overwritten_by_its_namesake(
    house: House, drop: Path, tmp_path: Path
) -> None:
    house.deliveries["other"] = delivery(kind="local", path=tmp_path / "other")
    put(drop / "ventes.csv", "first")
    put(tmp_path / "other" / "ventes.csv", "second")
    house.collect()
    assert house.files() == {"D07/ventes.csv": b"first", "D07/ventes~2.csv": b"second"}
    with Ledger(house.folder / "ledger.sqlite") as ledger:
        ledger.record(
            Batch(
                "20260701T000000000000-00000000",
                "feeds",
                "D07/D07_ventes",
                "landed",
                datetime(2026, 7, 1, tzinfo=UTC),
                datetime(2026, 7, 1, tzinfo=UTC),
                content_hash=hashlib.sha256(b"first").hexdigest(),
            )
        )
    put(tmp_path / "other" / "ventes.csv", "third", OLD + 5)
    house.collect()
    assert house.files() == {"D07/ventes.csv": b"third", "D07/ventes~2.csv": b"second"}


def test_a_look_alone_tells_what_is_new_and_fetches_nothing(house: House, drop: Path) -> None:
    put(drop / "ventes.csv", "a;b\n")
    with Ledger(house.folder / "ledger.sqlite") as ledger:
        (before,) = look(house.company, ledger, now=datetime.now(UTC))
    assert (len(before.new), house.files()) == (1, {})
    house.collect()
    with Ledger(house.folder / "ledger.sqlite") as ledger:
        (after,) = look(house.company, ledger, now=datetime.now(UTC))
    assert list(after.new) == []


@pytest.mark.parametrize(
    "name",
    [
        "../D08/ventes.csv",
        "/etc/passwd",
        "a/../../b.csv",
        "a//b.csv",
        ".hidden",
        "~/ventes.csv",
        "..\\..\\ventes.csv",
        "C:ventes.csv",
        "ventes.csv\n",
        "ven\u202etes.csv",
        "ventes.csv ",
        "ventes.csv.",
        "x" * 181,
        "a\0b.csv",
        "",
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(RefusedItem):
        safe_path(name)


def test_an_attachment_may_not_bring_its_own_folder() -> None:
    with pytest.raises(RefusedItem):
        safe_name("2026/ventes.csv")
    assert safe_name("Ventes été S26 (1).csv") == "Ventes été S26 (1).csv"


def test_a_password_in_the_settings_is_refused() -> None:
    with pytest.raises(ValidationError, match="password"):
        delivery(kind="sftp", host="h", user="u", known_hosts="k", password="clear")  # noqa: S106 - refused
    with pytest.raises(ValidationError, match="'password' or 'key'"):
        delivery(kind="sftp", host="h", user="u", known_hosts="k")


# --- SFTP ---


def sftp_settings(sftp: Sftp, **more: Any) -> Any:
    return delivery(
        kind="sftp",
        host="127.0.0.1",
        port=sftp.port,
        user="d07",
        **{"known_hosts": sftp.known_hosts, "password": {"env": "D07_PASSWORD"}, **more},
    )


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D07_PASSWORD", "open sesame")
    monkeypatch.setenv("D07_WRONG", "close sesame")


def test_sftp_delivers_by_password_and_by_key_and_moves_what_is_done(house: House, sftp: Sftp) -> None:
    put(sftp.root / "out" / "ventes.csv", "a;b\n")
    put(sftp.root / "out" / "2026" / "stock.csv", "c;d\n")
    shared = {"folder": "out", "files": ["**/*.csv"]}
    house.deliveries["password"] = sftp_settings(sftp, **shared)
    house.deliveries["key"] = sftp_settings(
        sftp, **shared, password=None, key={"file": sftp.key}, partner="D08", then="move", move_to="done"
    )
    looks = house.collect()
    assert [seen.problem for seen in looks] == [None, None]
    assert house.files() == {
        "D07/2026/stock.csv": b"c;d\n",
        "D07/ventes.csv": b"a;b\n",
        "D08/2026/stock.csv": b"c;d\n",
        "D08/ventes.csv": b"a;b\n",
    }
    left = sorted(p.relative_to(sftp.root).as_posix() for p in sftp.root.rglob("*.csv"))
    assert left == ["out/done/2026/stock.csv", "out/done/ventes.csv"]
    put(sftp.root / "out" / "ventes.csv", "e;f\n", OLD + 5)
    house.collect()
    assert (sftp.root / "out" / "done" / "ventes.csv").read_text() == "a;b\n"
    assert (sftp.root / "out" / "done" / "ventes~2.csv").read_text() == "e;f\n"


def test_sftp_a_name_that_is_no_utf_8_is_refused_and_the_others_come(house: House, sftp: Sftp) -> None:
    put(sftp.root / "latin" / "ventes.csv", "a;b\n")
    put(sftp.root / "latin" / os.fsdecode(b"f\xe9vrier.csv"), "c;d\n")
    house.deliveries["sftp"] = sftp_settings(sftp, folder="latin")
    (seen,) = house.collect()
    assert (seen.problem, house.files()) == (None, {"D07/ventes.csv": b"a;b\n"})
    ((name, reason),) = seen.refused
    assert name == "f\\xe9vrier.csv"
    assert reason.startswith("f\\xe9vrier.csv: the name is no UTF-8")


def test_sftp_without_the_right_host_key_is_refused(house: House, sftp: Sftp, tmp_path: Path) -> None:
    import asyncssh

    put(sftp.root / "ventes.csv", "a")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (tmp_path / "other_hosts").write_text(f"[127.0.0.1]:{sftp.port} {other}\n")
    (tmp_path / "no_hosts").write_text("")
    for name in ("other_hosts", "no_hosts"):
        house.deliveries[name] = sftp_settings(sftp, known_hosts=tmp_path / name, retries=3)
    looks = house.collect(pause=30)
    assert ["not trusted" in (seen.problem or "") for seen in looks] == [True, True]
    assert all("compare fingerprints" in (seen.problem or "") for seen in looks)
    assert house.files() == {}


def test_sftp_a_folder_that_is_not_there_is_named(house: House, sftp: Sftp) -> None:
    house.deliveries["sftp"] = sftp_settings(sftp, folder="outt")
    (seen,) = house.collect()
    assert "there is no folder outt" in (seen.problem or "")


def test_sftp_with_a_wrong_password_is_refused_without_showing_it(house: House, sftp: Sftp) -> None:
    house.deliveries["wrong"] = sftp_settings(sftp, password={"env": "D07_WRONG"}, retries=3)
    (seen,) = house.collect(pause=30)
    assert "Permission denied" in (seen.problem or "")
    assert "sesame" not in (seen.problem or "")


# --- S3 ---


def test_s3_delivers_what_is_new_below_its_prefix(
    house: House, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_KEY", "access")
    monkeypatch.setenv("S3_SECRET", "secret")
    house.deliveries["bucket"] = delivery(
        kind="s3",
        bucket="reports",
        prefix="d07/",
        endpoint_url=store.url,
        region="us-east-1",
        access_key={"env": "S3_KEY"},
        secret_key={"env": "S3_SECRET"},
        files=["*.csv", "2026/*.csv"],
        then="delete",
    )
    store.files.pipe("reports/d07/ventes.csv", b"a;b\n")
    store.files.pipe("reports/d07/2026/large.csv", b"0123456789abcdef" * 400_000)
    store.files.pipe("reports/d08/ventes.csv", b"of another partner")
    (seen,) = house.collect()
    assert seen.problem is None
    assert sorted(house.files()) == ["D07/2026/large.csv", "D07/ventes.csv"]
    assert house.files()["D07/2026/large.csv"] == b"0123456789abcdef" * 400_000
    assert store.files.find("reports") == ["reports/d08/ventes.csv"]
    assert house.collect()[0].listed == 0
    monkeypatch.setenv("S3_SECRET", "wrong one")
    (seen,) = house.collect()
    assert seen.state == "failed"
    assert "wrong one" not in (seen.problem or "")


def test_s3_a_prefix_that_was_emptied_is_no_fault(
    house: House, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_ACCESS", "access")
    monkeypatch.setenv("S3_SECRET", "secret")
    house.deliveries["s3"] = delivery(
        kind="s3",
        bucket="reports",
        prefix="emptied",
        endpoint_url=store.url,
        region="us-east-1",
        access_key={"env": "S3_ACCESS"},
        secret_key={"env": "S3_SECRET"},
        then="delete",
    )
    store.files.pipe("reports/emptied/ventes.csv", b"a;b\n")
    for fetched in (["D07/ventes.csv"], []):
        (seen,) = house.collect()
        assert (seen.problem, list(seen.fetched)) == (None, fetched)
    # Another store keeps no folder of what was deleted.
    house.deliveries["s3"] = house.deliveries["s3"].model_copy(update={"prefix": "never"})
    assert house.collect()[0].problem is None
    for changes in ({"bucket": "nowhere"}, {"bucket": "reports", "then": "keep"}):
        house.deliveries["s3"] = house.deliveries["s3"].model_copy(update=changes)
        assert "s3: there is no folder" in (house.collect()[0].problem or "")


def test_s3_an_answer_that_breaks_off_is_told_and_stops_no_other_source(
    house: House, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Contents>'
        "<Key>d07/ventes.csv</Key><LastModified>2026-01-05T06:00:00.000Z</LastModified>"
        "<ETag>&quot;1&quot;</ETag><Size>100</Size></Contents></ListBucketResult>"
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            is_listing = "list-type" in self.path
            body = listing.encode() if is_listing else b"0123456789"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) if is_listing else 100))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_GET = do_HEAD = answer  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    monkeypatch.setenv("S3_KEY", "access")
    house.deliveries["bucket"] = delivery(
        kind="s3",
        bucket="reports",
        prefix="d07/",
        endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
        region="us-east-1",
        access_key={"env": "S3_KEY"},
        secret_key={"env": "S3_KEY"},
        retries=0,
    )
    put(drop / "stock.csv", "a;b\n")
    whole, broken = house.collect()
    server.shutdown()
    server.server_close()
    assert (broken.state, list(broken.fetched)) == ("failed", [])
    assert "ventes.csv: s3: Response payload is not completed" in (broken.problem or "")
    assert list(whole.fetched) == ["D07/stock.csv"]
    assert list(house.files()) == ["D07/stock.csv"]


# --- HTTPS ---


def test_https_downloads_what_has_changed(house: House, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0ken")
    house.deliveries["web"] = delivery(
        kind="https",
        urls=[site.url("/export?id=7"), site.url("/plain/ventes%20S26.csv")],
        token={"env": "TOKEN"},
        ca_file=site.ca_file,
    )
    named = {"ETag": '"1"', "Content-Disposition": 'attachment; filename="ventes_S26.csv"'}
    site.pages["/export"] = (200, named, b"a;b\n")
    site.pages["/plain/ventes%20S26.csv"] = (200, {}, b"c;d\n")
    (seen,) = house.collect()
    assert seen.problem is None
    assert house.files() == {"D07/ventes S26.csv": b"c;d\n", "D07/ventes_S26.csv": b"a;b\n"}
    assert {header for _, _, header in site.asked} == {"Bearer t0ken"}
    site.asked.clear()
    house.collect()
    assert ("GET", "/export?id=7", "Bearer t0ken") not in site.asked
    site.pages["/export"] = (200, {**named, "ETag": '"2"'}, b"a;b\n1;2\n")
    house.collect()
    assert house.files()["D07/ventes_S26.csv"] == b"a;b\n1;2\n"


def test_https_trusts_no_unknown_certificate_and_follows_to_no_plain_http(house: House, site: Site) -> None:
    site.pages["/ventes.csv"] = (200, {}, b"a;b\n")
    site.pages["/away.csv"] = (302, {"Location": f"http://localhost:{site.port}/ventes.csv"}, b"")
    site.pages["/tricky"] = (
        200,
        {"Content-Disposition": 'attachment; filename="../../D08/ventes.csv"'},
        b"x",
    )
    house.deliveries["untrusted"] = delivery(kind="https", urls=[site.url("/ventes.csv")])
    house.deliveries["away"] = delivery(
        kind="https",
        urls=[site.url("/away.csv"), site.url("/tricky"), site.url("/absent.csv")],
        ca_file=site.ca_file,
    )
    untrusted, away = house.collect()
    assert house.files() == {}
    assert "CERTIFICATE_VERIFY_FAILED" in dict(untrusted.refused)[site.url("/ventes.csv")]
    assert "without TLS" in dict(away.refused)[site.url("/away.csv")]
    assert "leads out" in dict(away.refused)[site.url("/tricky")]
    assert "404" in dict(away.refused)[site.url("/absent.csv")]


def test_https_an_address_that_is_a_secret_is_shown_by_the_name_of_its_secret(
    house: House, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.pages["/s/t0ken/ventes.csv"] = (200, {"ETag": '"1"'}, b"a;b\n")
    gone = site.url("/s/t0ken/stock.csv?sig=t0ken").replace("//", "//d07:t0ken@")
    monkeypatch.setenv("D07_SALES_URL", site.url("/s/t0ken/ventes.csv"))
    (tmp_path / "stock_url").write_text(gone)
    monkeypatch.setenv("D07_DOWN_URL", "https://d07:t0ken@localhost:1/s/t0ken/retours.csv")
    house.deliveries["web"] = delivery(
        kind="https",
        urls=[{"env": "D07_SALES_URL"}, {"file": tmp_path / "stock_url"}, {"env": "D07_DOWN_URL"}],
        ca_file=site.ca_file,
    )
    (seen,) = house.collect()
    assert house.files() == {"D07/ventes.csv": b"a;b\n"}
    ((name, reason),) = seen.refused
    assert name == "https://localhost/… (stock_url)"
    assert "https://localhost/… (stock_url) answers 404" in reason
    assert "https://localhost/… (D07_DOWN_URL): https: " in (seen.problem or "")
    assert "t0ken" not in repr(seen)
    with Ledger(house.folder / "ledger.sqlite") as ledger:
        remembered = ledger.delivered("web")
    assert "t0ken" not in repr(remembered)
    assert "https://localhost/… (D07_SALES_URL)" in remembered


def test_https_alone_is_accepted(house: House, site: Site) -> None:
    house.deliveries["plain"] = delivery(kind="https", urls=["http://localhost/ventes.csv"])
    (seen,) = house.collect()
    assert seen.is_setting


# --- IMAP ---


def mail(sender: str, *attachments: tuple[str, bytes], **headers: str) -> bytes:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "reports@arvel.example"
    message["Subject"] = "Rapport"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Bonjour")
    for name, data in attachments:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def mailbox(post: Post, **more: Any) -> Any:
    return delivery(
        kind="imap",
        host="localhost",
        port=post.port,
        tls="starttls",
        user="reports",
        ca_file=post.ca_file,
        **{
            "password": {"env": "D07_PASSWORD"},
            "senders": ["ventes@d07.example", "@groupe.example"],
            "files": ["*.csv"],
            **more,
        },
    )


def test_imap_takes_attachments_of_known_senders_only_and_leaves_mails_as_they_are(
    house: House, post: Post
) -> None:
    post.put(mail("Ventes <Ventes@D07.example>", ("ventes_été.csv", b"a;b\n"), ("logo.png", b"png")))
    post.put(mail("stock@groupe.example", ("stock.csv", b"c;d\n")))
    post.put(mail("anyone@d08.example", ("forged.csv", b"x")))
    post.put(mail("ventes@d07.example, anyone@d08.example", ("two.csv", b"x")))
    house.deliveries["mail"] = mailbox(post)
    (seen,) = house.collect()
    assert seen.problem is None
    assert house.files() == {"D07/stock.csv": b"c;d\n", "D07/ventes_été.csv": b"a;b\n"}
    assert not any(b"Seen" in flags for flags in post.flags())
    assert list(house.collect()[0].fetched) == []


@pytest.mark.parametrize("quote", [b'"', b""], ids=["quoted", "bare"])
def test_imap_an_attachment_named_in_raw_latin_1_keeps_its_accents(
    house: House, post: Post, quote: bytes
) -> None:
    """It arrived as `ventes_f\ufffdvrier_2026.csv`: no glob with an accent, and no month, fitted it."""
    asked = b"filename=" + quote + b"ventes_f\xe9vrier_2026.csv" + quote
    plain = mail("ventes@d07.example", ("PLACE.csv", b"a;b\n"))
    raw = plain.replace(b'filename="PLACE.csv"', asked)
    assert raw != plain
    post.put(raw)
    house.deliveries["mail"] = mailbox(post, files=["ventes_février*.csv"])
    house.collect()
    assert house.files() == {"D07/ventes_février_2026.csv": b"a;b\n"}


def test_imap_a_mail_from_elsewhere_stays_and_is_told_with_its_sender_and_subject(
    house: House, post: Post
) -> None:
    post.put(mail("ventes@d07.example", ("ours.csv", b"a;b\n")))
    post.put(mail("Ventes D08 <ventes@d08.example>", ("theirs.csv", b"c;d\n")))
    post.put(mail("anyone@else.example", ("unknown.csv", b"x")))
    house.deliveries["d07"] = mailbox(post, senders=["ventes@d07.example"], then="mark")
    house.deliveries["d08"] = mailbox(post, senders=["ventes@d08.example"], then="mark", partner="D08")
    for _ in range(2):
        looks = house.collect()
        for seen in looks:
            # The other partner's mail is the other delivery's matter; nobody's is told by both.
            ((_, reason),) = seen.refused
            assert "anyone@else.example, subject 'Rapport'" in reason
            assert "add the address to 'senders'" in reason
            assert "Bonjour" not in reason
    assert house.files() == {"D07/ours.csv": b"a;b\n", "D08/theirs.csv": b"c;d\n"}
    assert sorted(b"Seen" in flags for flags in post.flags()) == [False, True, True]


def test_imap_a_partners_mail_of_which_nothing_is_fetched_stays_and_says_what_is_in_it(
    house: House, post: Post
) -> None:
    unnamed = EmailMessage()
    unnamed["From"] = "ventes@d07.example"
    unnamed.add_attachment("a;b\n", subtype="csv")
    rich = EmailMessage()
    rich["From"] = "ventes@d07.example"
    rich.add_attachment(b"x", maintype="application", subtype="ms-tnef", filename="winmail.dat")
    post.put(mail("ventes@d07.example", ("Rapport semaine 28.csv", b"a;b\n"), ("image001.png", b"png")))
    post.put(unnamed.as_bytes())
    post.put(rich.as_bytes())
    post.put(mail("ventes@d07.example"))
    post.put(mail("ventes@d07.example", ("ventes.csv", b"c;d\n"), ("image001.png", b"png")))
    house.deliveries["mail"] = mailbox(post, files=["ventes*.csv"], then="mark")
    for _ in range(2):
        (seen,) = house.collect()
        named, nameless, wrapped, bare = (reason for _, reason in seen.refused)
        assert "a mail from ventes@d07.example, subject 'Rapport', brings nothing" in named
        assert "only Rapport semaine 28.csv, image001.png; it is left in the mailbox" in named
        assert "or add a glob to 'files'" in named
        assert "only one without a name (text/csv)" in nameless
        assert "winmail.dat -> ask the partner to write the mail as HTML" in wrapped.replace(
            "; it is left in the mailbox", ""
        )
        assert "has no attachment" in bare
    assert house.files() == {"D07/ventes.csv": b"c;d\n"}
    assert sum(b"Seen" in flags for flags in post.flags()) == 1


def test_imap_two_deliveries_of_one_sender_leave_each_other_what_is_the_others(
    house: House, post: Post
) -> None:
    post.put(mail("ventes@d07.example", ("ventes.csv", b"a;b\n")))
    post.put(mail("ventes@d07.example", ("stock.csv", b"c;d\n")))
    post.put(mail("ventes@d07.example", ("divers.csv", b"e;f\n")))
    house.deliveries["sales"] = mailbox(post, files=["ventes*.csv"])
    house.deliveries["stock"] = mailbox(post, files=["stock*.csv"])
    for seen in house.collect():
        assert ["divers.csv" in reason for _, reason in seen.refused] == [True]
    assert house.files() == {"D07/stock.csv": b"c;d\n", "D07/ventes.csv": b"a;b\n"}


def test_imap_an_attachment_that_was_cut_off_does_not_arrive_as_base64(house: House, post: Post) -> None:
    whole = mail("ventes@d07.example", ("ventes.csv", b"a;b\n" * 20))
    head, _, body = whole.partition(b"YTti")  # "a;b" in base64
    post.put(head + b"YTti" + body[:5])
    house.deliveries["mail"] = mailbox(post)
    (seen,) = house.collect()
    ((_, reason),) = seen.refused
    assert reason.startswith("ventes.csv: the attachment of a mail from ventes@d07.example")
    assert reason.endswith("was cut off on its way -> ask the partner to send it again")
    assert house.files() == {}


def test_imap_a_mail_that_was_cut_off_after_a_whole_line_is_told_and_not_fetched(
    house: House, post: Post
) -> None:
    whole = mail("ventes@d07.example", ("stock.csv", b"c;d\n"), ("ventes.csv", b"a;b\n" * 200))
    lines = whole.splitlines(keepends=True)
    post.put(b"".join(lines[:-3]))
    house.deliveries["mail"] = mailbox(post)
    (seen,) = house.collect()
    assert house.files() == {"D07/stock.csv": b"c;d\n"}
    ((_, reason),) = seen.refused
    assert reason.startswith("ventes.csv: the attachment of a mail from ventes@d07.example")
    assert "was cut off on its way" in reason


def test_imap_one_attachment_that_is_refused_keeps_back_none_of_its_mail(house: House, post: Post) -> None:
    whole = mail(
        "ventes@d07.example",
        ("stock/stock.csv", b"c;d\n"),
        ("ventes.csv", b"a;b\n" * 20),
        ("retours.csv", b"e;f\n"),
    )
    head, _, tail = whole.partition(b"YTtiC")  # "a;b" in base64
    post.put(head + b"YTtiC\n--" + tail.partition(b"\n--")[2])
    house.deliveries["mail"] = mailbox(post, files=["**"], then="mark")
    first, again = house.collect()[0], house.collect()[0]
    assert house.files() == {"D07/retours.csv": b"e;f\n"}
    assert list(first.fetched) == ["D07/retours.csv"]
    for seen in (first, again):
        ((_, reason),) = seen.refused
        assert "stock/stock.csv: the name holds a path" in reason
        assert "ventes.csv: the attachment of a mail from ventes@d07.example" in reason
    assert list(again.fetched) == []
    assert not any(b"Seen" in flags for flags in post.flags())


def test_imap_the_same_attachment_twice_changes_nothing_and_another_of_its_name_is_kept(
    house: House, post: Post
) -> None:
    for data in (b"first", b"first", b"second"):
        post.put(mail("ventes@d07.example", ("ventes.csv", data)))
    house.deliveries["mail"] = mailbox(post, then="mark")
    (seen,) = house.collect()
    assert list(seen.fetched) == ["D07/ventes.csv", "D07/ventes~2.csv"]
    assert house.files() == {"D07/ventes.csv": b"first", "D07/ventes~2.csv": b"second"}
    assert all(b"Seen" in flags for flags in post.flags())


def test_imap_moves_what_is_done_and_refuses_tricks_and_unproven_senders(house: House, post: Post) -> None:
    imap = post.connect()
    imap.create("Done")
    imap.logout()
    proof = "mx.arvel.example; spf=pass; dmarc=pass header.from=d07.example"
    forged = "mx.arvel.example; dmarc=fail header.from=d07.example"
    post.put(mail("ventes@d07.example", ("good.csv", b"good"), Authentication_Results=proof))
    post.put(mail("ventes@d07.example", ("forged.csv", b"bad"), Authentication_Results=forged))
    post.put(mail("ventes@d07.example", ("../../D08/trick.csv", b"bad"), Authentication_Results=proof))
    house.deliveries["mail"] = mailbox(
        post, files=["**"], authenticated_by="mx.arvel.example", then="move", move_to="Done"
    )
    (seen,) = house.collect()
    assert seen.problem is None
    assert house.files() == {"D07/good.csv": b"good"}
    assert len(seen.refused) == 2
    assert (len(post.flags("Done")), len(post.flags("INBOX"))) == (1, 2)


def test_imap_a_mail_that_cannot_be_moved_keeps_back_no_other(house: House, post: Post) -> None:
    for name in ("ventes.csv", "stock.csv"):
        post.put(mail("ventes@d07.example", (name, name.encode())))
    house.deliveries["mail"] = mailbox(post, then="move", move_to="Absent")
    for fetched in (["D07/ventes.csv", "D07/stock.csv"], []):
        (seen,) = house.collect()
        assert list(seen.fetched) == fetched
        assert "the mail server refuses MOVE" in (seen.problem or "")
    assert sorted(house.files()) == ["D07/stock.csv", "D07/ventes.csv"]


def test_imap_limits_the_size_and_tells_a_wrong_password(house: House, post: Post) -> None:
    post.put(mail("ventes@d07.example", ("ventes.csv", b"x" * 5000)))
    house.deliveries["small"] = mailbox(post, max_bytes=1000)
    house.deliveries["wrong"] = mailbox(post, password={"env": "D07_WRONG"}, retries=3)
    small, wrong = house.collect(pause=30)
    assert (house.files(), len(small.refused)) == ({}, 1)
    assert wrong.is_setting
    assert "sesame" not in (wrong.problem or "")


def test_a_missing_library_names_the_command_that_installs_it() -> None:
    error = folders.missing_extra("sftp")
    assert isinstance(error, ConfigError)
    assert "in the checkout: make install, or pip install -e '.[sftp]'" in str(error)
