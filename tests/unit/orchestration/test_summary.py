"""What the summary of a run says of reports that were replaced."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from connectors.ledger import Batch, Figures
from orchestration.summary import FileNote, replacements


def _batch(number: int, name: str, content: str, feed: str = "D07_sales") -> Batch:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    return Batch(
        f"b{number}", "feeds", feed, "landed", at, at, feed_code=feed, file_name=name, content_hash=content
    )


def _as_before(_: str) -> tuple[Figures, Figures]:
    figures = Figures(60, Decimal("5629.000"), Decimal("66374.3000"))
    return figures, figures


def test_files_that_were_only_read_again_are_one_note_and_no_later_report() -> None:
    former = [_batch(i, f"D07/v_{i}.csv", f"c{i}") for i in range(5)]
    landed = [_batch(i + 10, f"D07/v_{i}.csv", f"c{i}") for i in range(4)] + [
        _batch(20, "D07/v_4.csv", "corrected under the same name")
    ]

    by_correction, again = replacements(former, landed, _as_before)

    assert by_correction == FileNote(
        "D07/v_4.csv", "D07_sales", "superseded", "replaced by a later report of the period"
    )
    assert again.what == "read again"
    assert again.file_name == "D07/v_0.csv, D07/v_1.csv, D07/v_2.csv and 1 more"


def test_files_of_several_feeds_that_were_read_again_are_a_note_each() -> None:
    former = [_batch(1, "a.csv", "c1", "D07_sales"), _batch(2, "b.csv", "c2", "D08_sales")]
    landed = [_batch(3, "a.csv", "c1", "D07_sales"), _batch(4, "b.csv", "c2", "D08_sales")]

    assert [(note.feed_code, note.file_name) for note in replacements(former, landed, _as_before)] == [
        ("D07_sales", "a.csv"),
        ("D08_sales", "b.csv"),
    ]


def test_a_report_that_landed_and_was_replaced_in_the_same_run_was_not_read_again() -> None:
    first, correction = _batch(1, "v.csv", "c1"), _batch(2, "v_corr.csv", "c2")

    (note,) = replacements([first], [first, correction], _as_before)

    assert note.what == "superseded"


def test_a_report_that_brings_the_corrected_rows_alone_is_told_with_what_it_takes_away() -> None:
    def fewer(_: str) -> tuple[Figures, Figures]:
        return _as_before("")[0], Figures(5, Decimal("541.000"), Decimal("3181.7000"))

    (note,) = replacements([_batch(1, "v.csv", "c1")], [_batch(2, "v.csv", "c2")], fewer)

    assert note.why == (
        "replaced by a later report of the period: rows 60 -> 5, quantity 5,629 -> 541, "
        "amount 66,374.3 -> 3,181.7"
    )
