"""Drafts for every feed of the sample company, against the profiles that were written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.company import read_model
from connectors.feeds.customers import KEY as PSEUDONYM_KEY
from connectors.feeds.draft import render
from connectors.feeds.intake.check import CheckReport, check_file
from connectors.feeds.intake.matcher import FeedMatcher
from connectors.feeds.known import load_known
from connectors.feeds.profile import Profile, load_profiles
from connectors.feeds.propose import Proposal, propose
from orchestration.settings import SAMPLE_COMPANY

SURE = 0.8


@dataclass(frozen=True)
class Compared:
    """One sample read by the profile written by hand, and by its draft."""

    feed_code: str
    proposal: Proposal
    by_hand: CheckReport
    by_draft: CheckReport

    @property
    def is_equal(self) -> bool:
        def told(report: CheckReport) -> tuple[object, ...]:
            rows = [{k: v for k, v in row.items() if k != "_landed_at"} for row in report.preview]
            counts = (report.rows_read, report.rows_accepted, report.rows_quarantined, report.rows_skipped)
            return (report.columns, counts, report.totals, rows, str(report.problem))

        return told(self.by_hand) == told(self.by_draft)


def samples(inbox: Path, profiles: dict[str, Profile]) -> Iterator[tuple[str, Path]]:
    """Two files of each feed: the fifth, and the one in the middle."""
    matcher = FeedMatcher(profiles)
    files: dict[str, list[Path]] = {}
    for path in sorted(path for path in inbox.rglob("*") if path.is_file()):
        code = matcher.find(path.relative_to(inbox).as_posix())
        if code is not None:
            files.setdefault(code, []).append(path)
    for code, paths in sorted(files.items()):
        for path in sorted({paths[4 % len(paths)], paths[len(paths) // 2]}):
            yield code, path


@pytest.fixture(scope="module")
def compared(built_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Compared]:
    profiles = load_profiles(SAMPLE_COMPANY / "feeds")
    known = load_known(built_demo / "landing", "Arvel Fluides SAS")
    folder = tmp_path_factory.mktemp("drafts")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PSEUDONYM_KEY, "a key for this test")
        for code, sample in samples(built_demo / "source" / "inbox", profiles):
            siblings = sorted(path.name for path in sample.parent.iterdir())
            proposal = propose(sample, folder=sample.parent.name, siblings=siblings, known=known)
            draft = folder / f"{code}.yml"
            draft.write_text(render(proposal), encoding="utf-8")
            by_hand = check_file(sample, profiles[code], code)
            by_draft = check_file(sample, read_model(draft, Profile), code)
            found.append(Compared(code, proposal, by_hand, by_draft))
    return found


def test_nine_drafts_in_ten_land_what_the_profile_written_by_hand_lands(compared: list[Compared]) -> None:
    assert {item.feed_code for item in compared} == set(load_profiles(SAMPLE_COMPANY / "feeds"))
    differing = [item.feed_code for item in compared if not item.is_equal]
    assert len(differing) <= len(compared) // 10, differing


def test_where_a_draft_differs_it_was_not_sure(compared: list[Compared]) -> None:
    """D10 nets its sales of returns without saying so: a minus sign may be a return as well."""
    differing = {item.feed_code: item.proposal for item in compared if not item.is_equal}
    assert set(differing) == {"D10_monthly"}
    doubts = {
        c.key for c in differing["D10_monthly"].choices if c.confidence < SURE and c.key != "expected_from"
    }
    assert "negative_sold_is_return" in doubts


def test_every_column_that_a_draft_is_sure_of_is_the_one_that_a_person_chose(
    compared: list[Compared],
) -> None:
    for item in compared:
        sure = {
            choice.key.removeprefix("columns."): choice.value
            for choice in item.proposal.choices
            if choice.key.startswith("columns.") and choice.confidence >= SURE
        }
        assert sure.items() <= item.by_hand.columns.items(), item.feed_code
