"""Which files of the inbox are looked at."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import SourceError
from connectors.feeds.intake.check import check_file
from connectors.feeds.profile import Profile

MakeProfile = Callable[..., Profile]
HEADER = "Ref;Qty;Amount\n"
W05 = "D07/r_2026-W05.csv"


def states(summary: Any) -> dict[str, str]:
    return {outcome.file_name: outcome.state for outcome in summary.files}


def test_unmatched_files_are_told_and_temporary_ones_ignored(desk: Any, profile: MakeProfile) -> None:
    names = [".hidden", "~$r_2026-W05.xlsx", "r.csv.part", "r.TMP", "r.crdownload", ".sub/r_2026-W05.csv"]
    for name in names:
        desk.put(f"D07/{name}", "x")
    desk.put("readme.txt", "x")
    (outcome,) = desk.take(sales=profile()).files
    assert (outcome.file_name, outcome.state) == ("readme.txt", "unmatched")


def test_a_name_that_is_no_utf8_is_refused_by_name_and_stops_nobody(desk: Any, profile: MakeProfile) -> None:
    desk.put(W05, HEADER + "A;1;\n")
    for name in (b"D07/\xe9t\xe9_2026-W06.csv", b"D0\xe9/r_2026-W06.csv"):
        path = desk.inbox / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEADER + "A;1;\n")
    found = {outcome.file_name: outcome.reason_code for outcome in desk.take(sales=profile()).files}
    assert found == {
        "D07/\\xe9t\\xe9_2026-W06.csv": "undecodable_name",
        "D0\\xe9/r_2026-W06.csv": "undecodable_name",
        W05: None,
    }
    with pytest.raises(SourceError, match="is no UTF-8 -> rename it"):
        check_file(desk.inbox / os.fsdecode(b"D07/\xe9t\xe9_2026-W06.csv"), profile(), "sales")


@pytest.mark.parametrize("kind", ["excel", "delimited"])
def test_an_empty_file_of_any_kind_is_told_as_empty(desk: Any, kind: str) -> None:
    assert desk.take_one(W05, b"", container={"kind": kind}).reason_code == "empty_file"


def test_a_link_out_of_the_inbox_is_refused(desk: Any, profile: MakeProfile, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(HEADER + "A;1;\n")
    (desk.inbox / "D07").mkdir()
    (desk.inbox / W05).symlink_to(tmp_path / "secret.csv")
    (desk.inbox / "D08").symlink_to(tmp_path)
    summary = desk.take(sales=profile(files={"glob": "**/*"}))
    assert {outcome.reason_code for outcome in summary.files} == {"outside_inbox"}
    assert len(summary.files) == 2


def test_a_link_within_the_inbox_is_a_file(desk: Any, profile: MakeProfile) -> None:
    desk.put("store/original.csv", HEADER + "A;1;\n")
    (desk.inbox / "D07").mkdir()
    (desk.inbox / W05).symlink_to(desk.inbox / "store" / "original.csv")
    assert states(desk.take(sales=profile()))[W05] == "landed"


def test_a_link_that_leads_to_no_file_is_told_and_stops_nobody(desk: Any, profile: MakeProfile) -> None:
    desk.put(W05, HEADER + "A;1;\n")
    (desk.inbox / "D07" / "gone.csv").symlink_to(desk.inbox / "D07" / "original.csv")
    (desk.inbox / "D07" / "round.csv").symlink_to(desk.inbox / "D07" / "round.csv")
    (desk.inbox / "D07" / "folder.csv").mkdir()
    found = {outcome.file_name: outcome.reason_code for outcome in desk.take(sales=profile()).files}
    assert found == {"D07/gone.csv": "dangling_link", "D07/round.csv": "dangling_link", W05: None}


@pytest.mark.parametrize("glob", ["/etc/*", "../*.csv", "a/../../b"])
def test_a_glob_that_leaves_the_inbox_is_no_valid_profile(profile: MakeProfile, glob: str) -> None:
    with pytest.raises(ValueError, match="below the inbox"):
        profile(files={"glob": glob})


def test_a_missing_inbox_is_one_clear_error(desk: Any, profile: MakeProfile) -> None:
    desk.inbox.rmdir()
    with pytest.raises(SourceError, match=r"inbox\.path"):
        desk.take(sales=profile())


def test_a_folder_whose_files_may_not_be_looked_at_stops_no_other_partner(
    desk: Any, profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `chmod -R 644` leaves it: names can be listed, and nothing else."""
    desk.put(W05, HEADER + "A;1;2\n")
    closed, lstat = desk.put("D08/r_2026-W05.csv", "x"), Path.lstat

    def refusing(path: Path) -> os.stat_result:
        if path == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", refusing)
    files = {outcome.file_name: outcome for outcome in desk.take(sales=profile()).files}
    assert files[W05].state == "landed"
    other = files["D08/r_2026-W05.csv"]
    assert (other.state, other.reason_code) == ("refused", "unreadable_file")
    assert other.reason == (
        "the file cannot be looked at (Permission denied); give the account that runs Aval the right to read "
        "the folder and to enter it"
    )
