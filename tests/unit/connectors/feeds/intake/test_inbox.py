"""Which files of the inbox are looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import SourceError
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


@pytest.mark.parametrize("glob", ["/etc/*", "../*.csv", "a/../../b"])
def test_a_glob_that_leaves_the_inbox_is_no_valid_profile(profile: MakeProfile, glob: str) -> None:
    with pytest.raises(ValueError, match="below the inbox"):
        profile(files={"glob": glob})


def test_a_missing_inbox_is_one_clear_error(desk: Any, profile: MakeProfile) -> None:
    desk.inbox.rmdir()
    with pytest.raises(SourceError, match=r"inbox\.path"):
        desk.take(sales=profile())
