"""The way of a file through the house: identity, superseding, rejection, order, groups."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.errors import ConfigError
from connectors.feeds.held import accept
from connectors.feeds.intake import files
from connectors.feeds.profile import Profile

MakeProfile = Callable[..., Profile]
HEADER = "Ref;Qty;Amount\n"
W05 = "D07/r_2026-W05.csv"
W06 = "D07/r_2026-W06.csv"


def states(summary: Any) -> dict[str, str]:
    return {outcome.file_name: outcome.state for outcome in summary.files}


def live(desk: Any) -> list[tuple[str, str, int, str]]:
    """Live slices of the ledger: entity, key, rows and quantity."""
    desk.ledger.export(desk.paths.landing)
    file = desk.paths.landing / "ledger" / "slices.parquet"
    return duckdb.sql(
        f"select entity, slice_key, rows_landed, cast(quantity_total as varchar) from '{file}' where "
        "is_live order by all"
    ).fetchall()


def test_a_report_lands_with_its_provenance_and_control_totals(desk: Any) -> None:
    outcome = desk.take_one(W05, HEADER + "A;1,5;10\nB;2;0,25\n")
    assert (outcome.state, outcome.feed_code, outcome.partner_code) == ("landed", "sales", "D07")
    assert desk.rows("_source_file, _source_row, _batch_id = '" + outcome.batch_id + "'") == [
        (W05, 2, True),
        (W05, 3, True),
    ]
    (batch,) = desk.ledger.batches("feeds")
    assert (batch.rows_read, batch.rows_accepted, batch.rows_quarantined, batch.rows_skipped) == (2, 2, 0, 0)
    assert batch.received_at.timestamp() == (desk.inbox / W05).stat().st_mtime
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 2, "3.5000")]


def test_the_same_file_again_changes_nothing_and_is_not_read(
    desk: Any, profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take_one(W05, HEADER + "A;1;\n")
    monkeypatch.setattr(files, "hash_of", lambda _: pytest.fail("an unchanged file was read"))
    summary = desk.take(sales=profile())
    assert states(summary) == {W05: "unchanged"}
    assert not summary.has_news
    assert len(desk.ledger.batches("feeds")) == 1


def test_a_file_that_was_only_touched_is_unchanged(desk: Any, profile: MakeProfile) -> None:
    desk.take_one(W05, HEADER + "A;1;\n")
    os.utime(desk.inbox / W05)
    assert states(desk.take(sales=profile())) == {W05: "unchanged"}


def test_the_same_bytes_under_another_name_are_a_duplicate_that_is_entered_once(
    desk: Any, profile: MakeProfile
) -> None:
    desk.take_one(W05, HEADER + "A;1;\n")
    copy = "D07/copy of r_2026-W05.csv"
    desk.put(copy, HEADER + "A;1;\n", age=10)
    first, second = desk.take(sales=profile()), desk.take(sales=profile())
    assert states(first) == {W05: "unchanged", copy: "duplicate"}
    assert W05 in first.files[1].reason
    assert states(second) == {W05: "unchanged", copy: "unchanged"}
    assert [batch.state for batch in desk.ledger.batches("feeds")] == ["landed", "duplicate"]
    assert len(desk.rows("1")) == 1


def test_the_same_bytes_for_another_period_are_another_report(desk: Any, profile: MakeProfile) -> None:
    desk.put(W05, HEADER)
    desk.put(W06, HEADER)
    assert set(states(desk.take(sales=profile())).values()) == {"landed"}
    assert [slice_key for _, slice_key, _, _ in live(desk)] == ["D07|sales|2026-W05", "D07|sales|2026-W06"]


def test_a_correction_supersedes_the_former_report_of_its_period(desk: Any) -> None:
    first = desk.take_one(W05, HEADER + "A;1;\n")
    second = desk.take_one("D07/fix_2026-W05.csv", HEADER + "A;3;\n")
    assert second.superseded == (first.batch_id,)
    assert [batch.state for batch in desk.ledger.batches("feeds")] == ["superseded", "landed"]
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "3.0000")]
    assert len(desk.rows("1")) == 2, "both versions are kept"


def test_a_correction_may_come_under_the_same_name(desk: Any) -> None:
    first = desk.take_one(W05, HEADER + "A;1;\n")
    assert desk.take_one(W05, HEADER + "A;3;\n").superseded == (first.batch_id,)


def test_a_former_report_put_back_under_its_name_counts_again(desk: Any, profile: MakeProfile) -> None:
    first = desk.take_one(W05, HEADER + "A;1;\n")
    mistaken = desk.take_one(W05, HEADER + "A;3;\n")
    back = desk.take_one(W05, HEADER + "A;1;\n")
    assert (back.state, back.superseded) == ("landed", (mistaken.batch_id,))
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "1.0000")]
    os.utime(desk.inbox / W05)
    assert states(desk.take(sales=profile())) == {W05: "unchanged"}
    assert [(batch.batch_id, batch.state) for batch in desk.ledger.batches("feeds")] == [
        (first.batch_id, "superseded"),
        (mistaken.batch_id, "superseded"),
        (back.batch_id, "landed"),
    ]


def test_a_report_put_back_comes_after_what_came_while_another_stood_in_its_place(
    desk: Any, profile: MakeProfile
) -> None:
    """Also when a changed profile has all files read again, in the order in which they came."""
    desk.put(W05, HEADER + "A;1;\n", age=4000)
    desk.take(sales=profile())
    desk.put(W05, HEADER + "A;3;\n", age=3000)
    desk.take(sales=profile())
    desk.put("D07/fix_2026-W05.csv", HEADER + "A;2;\n", age=2500)
    desk.put(W05, HEADER + "A;3;\nB;1;\n", age=2000)
    desk.take(sales=profile())
    desk.put(W05, HEADER + "A;1;\n", age=1000)
    desk.take(sales=profile())
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "1.0000")]
    desk.take(sales=profile(empty_is_zero=True))
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "1.0000")]


def test_a_profile_that_is_changed_back_gives_the_former_figures_again(
    desk: Any, profile: MakeProfile
) -> None:
    copy = "D07/copy_2026-W05.csv"
    desk.put(copy, HEADER + "A;1;9\n", age=10)
    desk.take_one(W05, HEADER + "A;1;9\n")
    desk.take(sales=profile(columns={"partner_product_code": "Ref", "sold_quantity": "Amount"}))
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "9.0000")]
    assert states(desk.take(sales=profile())) == {W05: "landed", copy: "duplicate"}
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "1.0000")]
    assert not desk.take(sales=profile()).has_news


@pytest.mark.parametrize("later_name", ["D07/sales.csv", "D07/sales (1).csv"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"date_format": "%d/%m/%Y"}, [("2026-W02", 1), ("2026-W06", 2)]),
        ({"date_format": "%d/%m/%Y", "frequency": "month"}, [("2026-01", 1), ("2026-02", 2)]),
    ],
)
def test_a_file_counts_in_the_periods_of_its_last_reading_alone(
    desk: Any, profile: MakeProfile, changes: dict[str, str], later_name: str, expected: list[tuple[str, int]]
) -> None:
    """5 January and 6 February, first read with day and month swapped; another file's week stays."""
    period = {"frequency": "week", "source": "column", "header": "Date", "date_format": "%m/%d/%Y"}
    columns = {"partner_product_code": "Ref", "sold_quantity": "Qty"}
    dated = "Date;Ref;Qty\n{};A;{}\n"
    desk.put("D07/sales.csv", dated.format("05/01/2026", 1) + "06/02/2026;A;2\n")
    desk.put("D07/other.csv", dated.format("12/12/2025", 4), age=2000)
    swapped = profile(columns=columns, period=period)
    first = desk.take(sales=swapped).files[1]
    assert first.slices == ("D07|sales|2026-W18", "D07|sales|2026-W23")
    (desk.inbox / "D07/other.csv").unlink()
    (desk.inbox / "D07/sales.csv").rename(desk.inbox / later_name)
    (again,) = desk.take(sales=profile(columns=columns, period=period | changes)).files
    assert again.superseded == (first.batch_id,)
    assert live(desk) == [
        ("sell_out", f"D07|sales|{key}", 1, f"{quantity}.0000")
        for key, quantity in [("2025-W50", 4), *expected]
    ]
    # What has no report any more is cleared from the facts.
    pending = desk.ledger._connection.execute("select slice_key from pending where reason = 'read again'")
    assert [row[0] for row in pending] == ["D07|sales|2026-W18", "D07|sales|2026-W23"]
    if later_name == "D07/sales.csv":
        assert states(desk.take(sales=swapped)) == {later_name: "landed"}
        assert [item[1] for item in live(desk)] == [
            "D07|sales|2025-W50",
            "D07|sales|2026-W18",
            "D07|sales|2026-W23",
        ]


def test_weeks_that_were_months_for_a_while_are_all_weeks_again(desk: Any, profile: MakeProfile) -> None:
    """As months, of which the last one counts, two of them had nothing live by which they are known."""
    period = {"source": "column", "header": "Date", "date_format": "%d/%m/%Y"}
    columns = {"partner_product_code": "Ref", "sold_quantity": "Qty"}
    weekly = profile(columns=columns, period=period | {"frequency": "week"})
    for number, day in enumerate(("05", "12", "19"), start=2):
        desk.put(f"D07/{number}.csv", f"Date;Ref;Qty\n{day}/01/2026;A;{number}\n", age=1000 - number)
    desk.take(sales=weekly)
    desk.take(sales=profile(columns=columns, period=period | {"frequency": "month"}))
    assert live(desk) == [("sell_out", "D07|sales|2026-01", 1, "4.0000")]
    assert desk.take(sales=weekly).counts == {"landed": 3}
    assert live(desk) == [("sell_out", f"D07|sales|2026-W0{n}", 1, f"{n}.0000") for n in (2, 3, 4)]
    assert not desk.take(sales=weekly).has_news


def test_a_file_whose_name_is_read_otherwise_counts_in_one_period(desk: Any, profile: MakeProfile) -> None:
    """The name ends with year, day and month; the same bytes for another month are another report."""
    pattern = r"(?P<year>\d{{4}})-{}.csv"
    named = {"frequency": "month", "source": "file_name"}
    before = profile(period=named | {"pattern": pattern.format(r"(?P<month>\d\d)-\d\d")})
    after = profile(period=named | {"pattern": pattern.format(r"\d\d-(?P<month>\d\d)")})
    desk.put("D07/2026-02-01.csv", HEADER + "A;1;\n")
    desk.put("D07/2025-12-12.csv", HEADER + "A;1;\n", age=2000)
    desk.take(sales=before)
    (desk.inbox / "D07/2025-12-12.csv").unlink()
    desk.take(sales=after)
    assert [item[1] for item in live(desk)] == ["D07|sales|2025-12", "D07|sales|2026-01"]


def test_a_held_reading_ends_the_former_one_once_it_is_accepted(desk: Any, profile: MakeProfile) -> None:
    """The mended date lies in an old week that another file of the feed has reported."""
    period = {"frequency": "week", "source": "column", "header": "Date", "date_format": "%m/%d/%Y"}
    columns = {"partner_product_code": "Ref", "sold_quantity": "Qty"}
    desk.put("D07/a.csv", "Date;Ref;Qty\n01/05/2026;A;1\n", age=900)
    desk.put("D07/b.csv", "Date;Ref;Qty\n05/01/2026;A;2\n", age=800)
    desk.take(sales=profile(columns=columns, period=period))
    (desk.inbox / "D07/a.csv").unlink()
    mended = profile(columns=columns, period=period | {"date_format": "%d/%m/%Y"}, max_restatement_days=20)
    (held,) = desk.take(sales=mended).files
    assert held.state == "held"
    assert [item[1] for item in live(desk)] == ["D07|sales|2026-W02", "D07|sales|2026-W18"]
    accept(desk.ledger, held.batch_id, "right")
    assert live(desk) == [("sell_out", "D07|sales|2026-W02", 1, "2.0000")]


@pytest.mark.parametrize("between", ["Ref;Qty\nno report", "Week;Ref;Qty;Amount\n2026-W06;A;5;\n"])
def test_bytes_that_come_back_where_nothing_of_them_was_replaced_are_a_duplicate(
    desk: Any, between: str
) -> None:
    """A broken file, or the next week's under one name for all weeks; the correction of week 5 stays."""
    pattern = r"(?P<year>\d{4})-W(?P<week>\d{2})"
    week = {"frequency": "week", "source": "column", "header": "Week", "pattern": pattern}
    rows = "Week;Ref;Qty;Amount\n2026-W05;A;{};\n"
    desk.take_one("D07/r.csv", rows.format(1), period=week)
    desk.take_one("D07/r.csv", between, period=week)
    desk.take_one("D07/fix.csv", rows.format(2), period=week)
    back = desk.take_one("D07/r.csv", rows.format(1), period=week)
    assert (back.state, back.superseded) == ("duplicate", ())
    assert live(desk)[0] == ("sell_out", "D07|sales|2026-W05", 1, "2.0000")


@pytest.mark.parametrize("looked_at_first", [False, True])
def test_a_report_that_is_read_again_from_a_copied_inbox_came_when_it_came_first(
    desk: Any, profile: MakeProfile, looked_at_first: bool
) -> None:
    """The copies bear their own times, the original's after the correction's; then the profile changes."""
    correction = "D07/fix_2026-W05.csv"
    desk.put(W05, HEADER + "A;1;\n", age=2000)
    desk.put(correction, HEADER + "A;3;\n", age=1000)
    desk.take(sales=profile())
    came = {batch.file_name: batch.received_at for batch in desk.ledger.batches("feeds")}
    desk.put(correction, HEADER + "A;3;\n", age=200)
    desk.put(W05, HEADER + "A;1;\n", age=100)
    if looked_at_first:
        assert not desk.take(sales=profile()).has_news
    desk.take(sales=profile(empty_is_zero=True))
    again = desk.ledger.batches("feeds")[2:]
    assert [(batch.file_name, batch.received_at) for batch in again] == list(came.items())
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "3.0000")]


def test_an_empty_report_of_a_named_period_is_a_reported_zero_and_clears_the_old_one(desk: Any) -> None:
    first = desk.take_one(W05, HEADER + "A;1;\n")
    zero = desk.take_one(W05, HEADER)
    assert zero.superseded == (first.batch_id,)
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 0, "0.0000")]


def test_a_file_without_any_stock_says_nothing_of_stock_and_one_without_sales_nothing_of_sales(
    desk: Any,
) -> None:
    columns = {"partner_product_code": "Ref", "sold_quantity": "Qty", "on_hand_quantity": "Amount"}
    desk.take_one(W05, HEADER + "A;1;7\nB;2;8\n", columns=columns)
    desk.take_one(W05, HEADER + "A;4;\nB;5;\n", columns=columns)
    desk.take_one(W06, HEADER + "A;;6\nB;;5\n", columns=columns)
    assert live(desk) == [
        ("inventory", "D07|sales|2026-W05", 2, "15.0000"),
        ("inventory", "D07|sales|2026-W06", 2, "11.0000"),
        ("sell_out", "D07|sales|2026-W05", 2, "9.0000"),
    ]
    desk.take_one(W06, HEADER, columns=columns)
    assert live(desk)[1:] == [
        ("inventory", "D07|sales|2026-W06", 0, "0.0000"),
        ("sell_out", "D07|sales|2026-W05", 2, "9.0000"),
        ("sell_out", "D07|sales|2026-W06", 0, "0.0000"),
    ]


def test_of_two_reports_of_one_period_the_one_that_came_last_counts(desk: Any, profile: MakeProfile) -> None:
    desk.put("D07/a_2026-W05.csv", HEADER + "A;2;\n", age=10)
    desk.put("D07/b_2026-W05.csv", HEADER + "A;1;\n", age=20)
    assert [outcome.file_name for outcome in desk.take(sales=profile()).files] == [
        "D07/b_2026-W05.csv",
        "D07/a_2026-W05.csv",
    ]
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "2.0000")]


def test_a_rejected_file_supersedes_nothing_and_keeps_its_faults(desk: Any) -> None:
    first = desk.take_one(W05, HEADER + "A;1;\n")
    bad = desk.take_one(W05, HEADER + "A;x;\nB;1;\n", max_quarantined_share=0.4)
    assert (bad.state, bad.reason_code, bad.superseded) == ("rejected", "too_many_faults", ())
    assert (bad.rows_read, bad.rows_accepted, bad.rows_quarantined) == (2, 1, 1)
    assert desk.faults() == [(2, "Qty", "unparseable_number")]
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "1.0000")]
    assert [batch.batch_id for batch in desk.ledger.batches("feeds") if batch.state == "landed"] == [
        first.batch_id
    ]


def test_a_share_of_faults_up_to_the_limit_is_accepted(desk: Any) -> None:
    assert desk.take_one(W05, HEADER + "A;x;\nB;1;\n", max_quarantined_share=0.5).state == "landed"


def test_a_rejected_file_is_not_read_again_until_it_or_its_profile_changes(
    desk: Any, profile: MakeProfile
) -> None:
    wrong = {"partner_product_code": "Ref", "sold_quantity": "Quantity"}
    assert desk.take_one(W05, HEADER + "A;1;\n", columns=wrong).state == "rejected"
    assert states(desk.take(sales=profile(columns=wrong))) == {W05: "unchanged"}
    assert states(desk.take(sales=profile())) == {W05: "landed"}


def test_one_bad_file_never_stops_the_others(desk: Any, profile: MakeProfile) -> None:
    desk.put("D07/a_2026-W01.csv", b"\xff\xfe\x00", age=40)
    desk.put("D07/b_2026-W02.csv", b"", age=30)
    desk.put("D07/c_2026-W03.csv", "Other\n1\n", age=20)
    desk.put("D07/d_2026-W04.csv", HEADER + "A;1;\n", age=10)
    summary = desk.take(sales=profile())
    assert summary.counts == {"rejected": 3, "landed": 1}
    assert all(outcome.reason for outcome in summary.in_state("rejected"))


def test_files_of_two_feeds_land_under_their_own_partners(desk: Any, profile: MakeProfile) -> None:
    desk.put("D07/r_2026-W05.csv", HEADER + "A;1;\n")
    desk.put("D08/r_2026-W05.csv", HEADER + "A;1;\n")
    desk.take(a=profile(), b=profile(partner="D08", files={"glob": "D08/*"}))
    assert desk.rows(
        "distinct slice_key, partner_code, feed_code, _source_file, _batch_id, _source_row, _source_column"
    )
    assert sorted(desk.rows("slice_key, _source_file")) == [
        ("D07|a|2026-W05", "D07/r_2026-W05.csv"),
        ("D08|b|2026-W05", "D08/r_2026-W05.csv"),
    ]


def test_a_file_still_being_written_waits(desk: Any, profile: MakeProfile) -> None:
    desk.company = desk.company.model_copy(
        update={"inbox": desk.company.inbox.model_copy(update={"settle_seconds": 60})}
    )
    desk.put(W05, HEADER + "A;1;\n", age=30)
    assert states(desk.take(sales=profile())) == {W05: "waiting"}
    assert states(desk.take(sales=profile(), now=desk.now + timedelta(seconds=31))) == {W05: "landed"}


def test_a_file_that_changes_while_it_is_read_is_taken_at_the_next_run(
    desk: Any, profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.put(W05, HEADER + "A;1;\n")
    read = files.read_and_judge

    def append_while_reading(*arguments: Any) -> Any:
        judged = read(*arguments)
        with path.open("a") as handle:
            handle.write("B;1;\n")
        return judged

    monkeypatch.setattr(files, "read_and_judge", append_while_reading)
    assert states(desk.take(sales=profile())) == {W05: "waiting"}
    monkeypatch.undo()
    assert desk.ledger.batches("feeds") == []
    assert desk.take(sales=profile()).files[0].rows_accepted == 2


def test_a_changed_profile_reads_its_files_again_and_leaves_the_last_report_live(
    desk: Any, profile: MakeProfile
) -> None:
    desk.put(W05, HEADER + "A;1;\n", age=30)
    desk.put("D07/fix_2026-W05.csv", HEADER + "A;2;\n", age=20)
    desk.take(sales=profile())
    summary = desk.take(sales=profile(unit="BOX"))
    assert summary.counts == {"landed": 2}
    assert live(desk) == [("sell_out", "D07|sales|2026-W05", 1, "2.0000")]


@pytest.mark.parametrize("setting", ["skip_rows", "return_rows"])
def test_a_profile_that_duckdb_cannot_run_refuses_the_files_of_its_feed_only(
    desk: Any, profile: MakeProfile, setting: str
) -> None:
    desk.put(W05, HEADER + "A;1;\n")
    desk.put("D08/r_2026-W05.csv", HEADER + "A;1;\n")
    summary = desk.take(
        a=profile(**{setting: [{"header": "Ref", "pattern": "(?=Total)"}]}),
        b=profile(partner="D08", files={"glob": "D08/*"}),
    )
    assert states(summary) == {W05: "refused", "D08/r_2026-W05.csv": "landed"}


MANY = {
    "D07/a_2026-W01.csv": HEADER + "A;1;\nB;2;\n",
    "D07/b_2026-W02.csv": HEADER + "A;x;\n\nB;4;\n",
    "D07/c_2026-W03.csv": HEADER + "A;8;\nB;x;\nC;16;\n",
    "D07/d_2026-W04.csv": "Ref;Quantity;Amount\nA;1;\n",
    "D07/e_2026-W05.csv": HEADER,
    "D07/f_2026-W01.csv": HEADER + "A;32;\n",
    "D07/g_2026-W06.csv": HEADER + "A;64;\nB;1;2;3;4\n",
    "D07/h_2026-W07.csv": "",
    "D07/i_2026-W08.csv": HEADER + 'A;128;\n"B\nC";256;\n',
    "D07/j_2026-W01.csv": HEADER + "A;32;\n",
    "D07/k_2026-W09.csv": HEADER + "A;;\n;;\nB;512;",
}
"""Reports of one feed, oldest first: good, faulty, empty, with other titles, a correction (f), a copy (j)."""


def put_all(desk: Any, reports: dict[str, str]) -> None:
    for age, (name, content) in enumerate(reversed(reports.items())):
        desk.put(name, content, age=1000 + age)


def test_reports_read_together_are_judged_each_for_itself(desk: Any, profile: MakeProfile) -> None:
    put_all(desk, MANY)
    summary = desk.take(sales=profile())
    assert [outcome.file_name for outcome in summary.files] == list(MANY)
    assert [
        (o.state, o.rows_read, o.rows_accepted, o.rows_quarantined, o.rows_skipped) for o in summary.files
    ] == [
        ("landed", 2, 2, 0, 0),
        ("landed", 3, 1, 1, 1),
        ("landed", 3, 2, 1, 0),
        ("rejected", 0, 0, 0, 0),
        ("landed", 0, 0, 0, 0),
        ("landed", 1, 1, 0, 0),
        ("landed", 2, 1, 1, 0),
        ("rejected", 0, 0, 0, 0),
        ("landed", 2, 2, 0, 0),
        ("duplicate", 0, 0, 0, 0),
        ("landed", 3, 1, 1, 1),
    ]
    assert [outcome.reason_code for outcome in summary.in_state("rejected")] == [
        "missing_header",
        "empty_file",
    ]
    assert [outcome.reasons for outcome in summary.files[1:3]] == [{"unparseable_number": 1}] * 2
    assert desk.rows("_source_file[5:5], _source_row, cast(sold_quantity as integer)") == [
        ("a", 2, 1),
        ("a", 3, 2),
        ("b", 4, 4),
        ("c", 2, 8),
        ("c", 4, 16),
        ("f", 2, 32),
        ("g", 2, 64),
        ("i", 2, 128),
        ("i", 3, 256),
        ("k", 4, 512),
    ]
    assert desk.faults("file_name[5:5], source_row, reason_code") == [
        ("b", 2, "unparseable_number"),
        ("c", 3, "unparseable_number"),
        ("g", 3, "malformed_row"),
        ("k", 2, "missing_quantity"),
    ]
    assert [(key, rows) for _, key, rows, _ in live(desk)] == [
        ("D07|sales|2026-W01", 1),
        ("D07|sales|2026-W02", 1),
        ("D07|sales|2026-W03", 2),
        ("D07|sales|2026-W05", 0),
        ("D07|sales|2026-W06", 1),
        ("D07|sales|2026-W08", 2),
        ("D07|sales|2026-W09", 1),
    ]
    assert summary.files[5].superseded == (summary.files[0].batch_id,)


NAMED = {"partner_product_code": "Ref", "sold_quantity": "Qty"}


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": {**NAMED, "net_amount": "Amount"}},
        {"columns": {**NAMED, "customer": "Amount"}},
        {
            "period": {"frequency": "week", "source": "column", "header": "Day", "pattern": "(?P<date>.+)"},
            "columns": NAMED,
        },
        {"columns": {**NAMED, "sale_date": "Day"}, "date_format": "%Y-%m-%d"},
        {"columns": {**NAMED, "on_hand_quantity": "Amount"}},
    ],
    ids=["plain", "customers", "periods in words", "dates", "two entities"],
)
def test_reading_together_lands_what_reading_one_by_one_lands(
    desk: Any,
    profile: MakeProfile,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    changes: dict[str, Any],
) -> None:
    monkeypatch.setenv("AVAL_PSEUDONYM_KEY", "a key for tests")
    days = ["2026-01-01", "2026-01-06", "2026-01-13", "2026-01-20", "x", ""]
    reports = {
        f"D07/r{file:02d}_2026-W{file % 5 + 1:02d}.csv": "Ref;Qty;Amount;Day\n"
        + "".join(
            f"P{i % 7 or ''};{'x' if i * file % 11 == 3 else file};{i},5;{days[(file + i) % 6]}\n"
            for i in range(file)
        )
        for file in range(40)
    }

    def landed(where: Any, bound: int) -> tuple[Any, ...]:
        monkeypatch.setattr(files, "_GROUP_FILES", bound)
        put_all(where, reports)
        summary = where.take(sales=profile(**changes))
        entities = ["sell_out", "inventory"] if "on_hand_quantity" in str(changes) else ["sell_out"]
        return (
            [replace(outcome, batch_id=None, superseded=()) for outcome in summary.files],
            [len(outcome.superseded) for outcome in summary.files],
            [where.rows("* exclude (_batch_id, _landed_at)", entity) for entity in entities],
            where.faults("* exclude (batch_id)"),
            live(where),
        )

    root = tmp_path / "one by one"
    root.mkdir()
    other = type(desk)(root)
    with other.ledger:
        one_by_one = landed(other, 1)
    together = landed(desk, 64)
    assert together == one_by_one
    assert len(together[2][0]) > 50
    assert len(together[3]) > 10


def test_a_report_that_changes_while_many_are_read_is_the_only_one_to_wait(
    desk: Any, profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"D07/r_2026-W0{week}.csv" for week in (1, 2, 3)]
    put_all(desk, {name: HEADER + f"A;{week};\n" for week, name in enumerate(names, 1)})
    read = files.read_and_judge

    def append_while_reading(*arguments: Any) -> Any:
        judged = read(*arguments)
        with (desk.inbox / names[1]).open("a") as handle:
            handle.write("B;1;\n")
        return judged

    monkeypatch.setattr(files, "read_and_judge", append_while_reading)
    first, second, third = names
    assert states(desk.take(sales=profile())) == {first: "landed", second: "waiting", third: "landed"}
    monkeypatch.undo()
    assert desk.rows("cast(sold_quantity as integer)") == [(1,), (3,)]
    assert states(desk.take(sales=profile())) == {first: "unchanged", second: "landed", third: "unchanged"}


def test_a_report_that_restates_an_old_period_is_held_until_it_is_accepted(
    desk: Any, profile: MakeProfile
) -> None:
    # Now is 1 March 2026 in Paris; week 4 ended on 25 January, 35 days before.
    strict = profile(max_restatement_days=34)
    desk.put("D07/r_2026-W04.csv", "Ref;Qty;Amount\nA;1;2\n", age=2000)
    desk.take(sales=strict)
    desk.put("D07/corrected_2026-W04.csv", "Ref;Qty;Amount\nA;5;10\n")

    held = desk.take(sales=strict).files[-1]
    assert (held.state, held.reason_code) == ("held", "old_restatement")
    assert desk.take(sales=strict).files[-1].state == "unchanged"
    live = {key for _, _, key in desk.ledger.live_slices()}
    assert live == {"D07|sales|2026-W04"}
    assert [batch.state for batch in desk.ledger.batches("feeds")] == ["landed", "held"]

    with pytest.raises(ConfigError, match="no report is held as batch 'x'"):
        accept(desk.ledger, "x", "right")
    assert accept(desk.ledger, held.batch_id, "right").file_name == "D07/corrected_2026-W04.csv"
    assert [batch.state for batch in desk.ledger.batches("feeds")] == ["superseded", "landed"]


def test_a_report_may_restate_up_to_the_last_day_of_its_look_back(desk: Any, profile: MakeProfile) -> None:
    generous = profile(max_restatement_days=35)
    desk.put("D07/r_2026-W04.csv", "Ref;Qty;Amount\nA;1;2\n", age=2000)
    desk.put("D07/corrected_2026-W04.csv", "Ref;Qty;Amount\nA;5;10\n")
    assert [outcome.state for outcome in desk.take(sales=generous).files] == ["landed", "landed"]


def test_a_held_report_is_not_accepted_over_a_later_one(desk: Any, profile: MakeProfile) -> None:
    strict = profile(max_restatement_days=34)
    desk.put("D07/r_2026-W04.csv", "Ref;Qty;Amount\nA;1;2\n", age=3000)
    desk.put("D07/corrected_2026-W04.csv", "Ref;Qty;Amount\nA;5;10\n", age=2000)
    held = desk.take(sales=strict).files[-1]
    desk.put("D07/again_2026-W04.csv", "Ref;Qty;Amount\nA;6;12\n")
    later = desk.take(sales=strict).files[-1]
    accept(desk.ledger, later.batch_id, "right")
    with pytest.raises(ConfigError, match="a report that came later has told 2026-W04 anew"):
        accept(desk.ledger, held.batch_id, "right")


def test_a_file_of_a_feed_whose_profile_was_renamed_is_refused_before_it_counts_twice(
    desk: Any, profile: MakeProfile
) -> None:
    desk.put("D07/r_2026-W05.csv", "Ref;Qty\nA;1\n")
    desk.put("D07/r_2026-W06.csv", "Ref;Qty\nA;2\n")
    weekly = profile(columns={"product_code": "Ref", "sold_quantity": "Qty"})
    desk.take(sales=weekly)
    desk.put("D07/r_2026-W05.csv", "Ref;Qty\nA;3\n", 500)
    desk.put("D07/r_2026-W07.csv", "Ref;Qty\nA;4\n", 400)
    outcomes = {outcome.file_name: outcome for outcome in desk.take(ventes=weekly).files}
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        "D07/r_2026-W05.csv": "refused",
        "D07/r_2026-W06.csv": "unchanged",
        "D07/r_2026-W07.csv": "landed",
    }
    refused = outcomes["D07/r_2026-W05.csv"]
    assert refused.reason_code == "former_feed"
    assert "counts under the feed sales, whose profile is gone" in (refused.reason or "")
    assert len(live(desk)) == 3
    # Under its former name it is a correction.
    desk.take(sales=weekly)
    assert live(desk) == [
        ("sell_out", "D07|sales|2026-W05", 1, "3.0000"),
        ("sell_out", "D07|sales|2026-W06", 1, "2.0000"),
        ("sell_out", "D07|ventes|2026-W07", 1, "4.0000"),
    ]
