"""Originals are kept byte for byte, or not at all; with a key only whoever has it reads them."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from connectors.archive import Archive, new_key
from connectors.company import Archive as ArchiveSettings
from connectors.company import Secret
from connectors.errors import ConfigError, SourceError

NOW = datetime(2026, 7, 6, 6, 0, tzinfo=UTC)
REPORT = "Réf;Qté;Client\nA;1;Zoé Martin\n".encode() * 5000


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "ventes été.csv"
    path.write_bytes(REPORT)
    return path


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("ARCHIVE_KEY", new_key())
    return Secret(env="ARCHIVE_KEY")


def keep(archive: Archive, path: Path, now: datetime = NOW, *, is_personal: bool = False) -> bool:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return archive.keep(path, "D07", digest, now, is_personal=is_personal)


def test_an_original_is_kept_once_by_partner_and_date_and_comes_back_the_same(
    tmp_path: Path, report: Path
) -> None:
    for now in (NOW, NOW + timedelta(days=1)):
        archive = Archive(tmp_path / "archive", ArchiveSettings())
        assert keep(archive, report, now)
        assert keep(archive, report, now)
    (item,) = archive.originals()
    assert (item.partner_code, item.kept_on, item.name) == ("D07", date(2026, 7, 6), "ventes été.csv")
    assert item.path.read_bytes() == REPORT
    archive.restore(item, tmp_path / "back" / "ventes.csv")
    assert (tmp_path / "back" / "ventes.csv").read_bytes() == REPORT
    with pytest.raises(SourceError, match="exists already"):
        archive.restore(item, tmp_path / "back" / "ventes.csv")


def test_an_encrypted_original_shows_nothing_and_opens_with_its_key_alone(
    tmp_path: Path, report: Path, key: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path / "archive", ArchiveSettings(key=key))
    assert keep(archive, report, is_personal=True)
    (item,) = archive.originals("D07")
    assert "Zoé".encode() not in item.path.read_bytes()
    with archive.opened(item) as clear:
        assert clear.read_bytes() == REPORT
    assert not clear.exists()
    monkeypatch.setenv("NEW_KEY", new_key())
    renewed = Secret(env="NEW_KEY")
    with pytest.raises(SourceError, match="no key opens"):
        Archive(tmp_path / "archive", ArchiveSettings(key=renewed)).restore(item, tmp_path / "back")
    Archive(tmp_path / "archive", ArchiveSettings(key=renewed, former_keys=(key,))).restore(
        item, tmp_path / "back"
    )
    assert (tmp_path / "back").read_bytes() == REPORT


def test_a_report_that_names_people_is_not_kept_in_clear(tmp_path: Path, report: Path) -> None:
    archive = Archive(tmp_path / "archive", ArchiveSettings())
    assert keep(archive, report, is_personal=True)
    assert archive.originals() == []


def test_a_file_that_is_no_longer_what_was_hashed_is_not_kept(tmp_path: Path, report: Path) -> None:
    archive = Archive(tmp_path / "archive", ArchiveSettings())
    assert not archive.keep(report, "D07", "0" * 64, NOW, is_personal=False)
    assert [path for path in (tmp_path / "archive").rglob("*") if path.is_file()] == []


def test_a_damaged_original_is_not_handed_out(tmp_path: Path, report: Path) -> None:
    archive = Archive(tmp_path / "archive", ArchiveSettings())
    keep(archive, report)
    (item,) = archive.originals()
    item.path.write_bytes(REPORT[:-1])
    with pytest.raises(SourceError, match="its hash differs"):
        archive.restore(item, tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("length", [0, 50, 220])
def test_a_damaged_encrypted_original_is_told_as_damaged(
    tmp_path: Path, report: Path, key: Secret, length: int
) -> None:
    archive = Archive(tmp_path / "archive", ArchiveSettings(key=key))
    keep(archive, report)
    (item,) = archive.originals()
    item.path.write_bytes(item.path.read_bytes()[:length])
    with pytest.raises(SourceError, match=r"not what was archived.*from a backup"):
        archive.restore(item, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_what_is_kept_long_enough_goes_and_the_archive_can_be_off(tmp_path: Path, report: Path) -> None:
    archive = Archive(tmp_path / "archive", ArchiveSettings(keep_days=30))
    keep(archive, report)
    assert archive.tidy(NOW + timedelta(days=30)) == []
    assert len(archive.tidy(NOW + timedelta(days=31))) == 1
    assert list((tmp_path / "archive" / "D07").iterdir()) == []
    off = Archive(tmp_path / "off", ArchiveSettings(enabled=False))
    assert keep(off, report)
    assert not (tmp_path / "off").exists()


def test_a_key_that_is_none_is_told_as_a_setting(
    tmp_path: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHIVE_KEY", "hunter2")
    archive = Archive(tmp_path / "archive", ArchiveSettings(key=Secret(env="ARCHIVE_KEY")))
    with pytest.raises(ConfigError, match="aval archive key") as caught:
        keep(archive, report)
    assert "hunter2" not in str(caught.value)
