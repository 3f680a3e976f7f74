"""The feed of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConfigError
from connectors.feeds.intake.matcher import FeedMatcher, find_feed
from connectors.feeds.profile import Profile

MakeProfile = Callable[..., Profile]
HEADER = "Ref;Qty;Amount\n"
W05 = "D07/r_2026-W05.csv"


def states(summary: Any) -> dict[str, str]:
    return {outcome.file_name: outcome.state for outcome in summary.files}


def test_a_file_that_two_profiles_match_is_refused_and_read_once_they_do_not(
    desk: Any, profile: MakeProfile
) -> None:
    desk.put(W05, HEADER + "A;1;\n")
    (outcome,) = desk.take(a=profile(), b=profile(files={"glob": "**/*.csv"})).files
    assert (outcome.state, outcome.reason_code) == ("refused", "ambiguous_feed")
    assert "a, b" in outcome.reason
    assert states(desk.take(a=profile())) == {W05: "landed"}


def test_globs_stay_within_folders_and_ignore_case_and_unicode_form(profile: MakeProfile) -> None:
    matcher = FeedMatcher(
        {"a": profile(files={"glob": "D07/été_*.csv"}), "b": profile(files={"glob": "D08/**/r?[0-9].csv"})}
    )
    assert matcher.find("D07/ÉTÉ_1.CSV") == "a"
    assert matcher.find("D07/e\u0301te\u0301_1.csv") == "a"
    assert matcher.find("D07/sub/été_1.csv") is None
    assert matcher.find("D08/r_1.csv") == "b"
    assert matcher.find("D08/x/y/r_1.csv") == "b"
    assert matcher.find("D08/r_x.csv") is None


def test_the_feed_of_a_file_is_found_by_place_or_else_by_name(
    desk: Any, profile: MakeProfile, tmp_path: Path
) -> None:
    profiles = {"a": profile(files={"glob": "D07/x_*.csv"}), "b": profile(files={"glob": "D08/y_*.csv"})}
    assert find_feed(desk.put("D08/y_1.csv", ""), desk.inbox, profiles) == "b"
    assert find_feed(tmp_path / "x_1.csv", desk.inbox, profiles) == "a"
    with pytest.raises(ConfigError, match=r"of no profile .* known feeds: a, b"):
        find_feed(tmp_path / "z_1.csv", desk.inbox, profiles)
    with pytest.raises(ConfigError, match=r"several profiles .* these feeds: a, c"):
        find_feed(tmp_path / "x_1.csv", desk.inbox, profiles | {"c": profile(files={"glob": "D09/*_1.csv"})})
