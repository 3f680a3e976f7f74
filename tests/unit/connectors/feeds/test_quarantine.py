"""Open rows and their way back: originals are read again in their order, and nothing counts twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from connectors.feeds.profile import Profile
from connectors.feeds.quarantine import Stakes, open_batches, open_faults, put_back, read_again

MakeProfile = Callable[..., Profile]
HEADER = "Ref;Qty;Amount\n"
W05, W06 = "D07/r_2026-W05.csv", "D07/r_2026-W06.csv"
UNITS = {"partner_product_code": "Ref", "sold_quantity": "Qty", "unit_code": "Unit"}
BY_COLUMN = {
    "frequency": "week",
    "source": "column",
    "header": "Week",
    "pattern": "(?P<year>\\d{4})-W(?P<week>\\d\\d)",
}


def live_total(desk: Any) -> tuple[int, int]:
    """Rows and pieces of all live slices."""
    desk.ledger.export(desk.paths.landing)
    file = desk.paths.landing / "ledger" / "slices.parquet"
    row = duckdb.sql(
        f"select sum(rows_landed)::int, sum(quantity_total)::int from '{file}' where is_live"
    ).fetchone()
    return row or (0, 0)


def replay(desk: Any, **profiles: Profile) -> dict[str, str]:
    done = put_back(desk.paths, desk.company, profiles, desk.ledger)
    return {item.batch.file_name or "": item.state for item in done}


def test_open_rows_are_listed_with_their_text_and_reason(desk: Any, profile: MakeProfile) -> None:
    desk.put(W05, HEADER + "A;1;10\nB;x;20\n;2;30\n")
    desk.take(sales=profile())
    batches = open_batches(desk.ledger)
    faults = open_faults(desk.paths.landing, batches)
    assert [(f.source_row, f.reason_code, f.raw_text) for f in faults] == [
        (3, "unparseable_number", "B;x;20"),
        (4, "missing_product", ";2;30"),
    ]
    assert "« Qty » ne contient pas de nombre" in faults[0].said("fr")
    assert [f.source_row for f in open_faults(desk.paths.landing, batches, reason="missing_product")] == [4]
    assert open_faults(desk.paths.landing, batches, since=datetime(2026, 12, 1, tzinfo=UTC)) == []
    # A later report of the week answers for it.
    desk.put("D07/again_2026-W05.csv", HEADER + "A;1;10\n", age=10)
    desk.take(sales=profile())
    assert open_batches(desk.ledger) == []


def test_a_file_rejected_for_its_faults_is_open_until_its_week_lands(desk: Any, profile: MakeProfile) -> None:
    strict = profile(max_quarantined_share=0.1)
    desk.put(W05, HEADER + "A;x;10\nB;2;20\n")
    desk.take(sales=strict)
    assert [batch.state for batch in open_batches(desk.ledger)] == ["rejected"]
    desk.put("D07/better_2026-W05.csv", HEADER + "A;1;10\nB;2;20\n", age=10)
    desk.take(sales=strict)
    assert open_batches(desk.ledger) == []


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows New York's time."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_away")
def test_a_replayed_file_lands_whole_and_once_and_the_ledger_tells(desk: Any, profile: MakeProfile) -> None:
    """The partner's unit 'BTE' was not agreed on; good and bad rows of the file land as one slice."""
    before = profile(columns=UNITS, units={"PCE": "PCE"})
    mended = profile(columns=UNITS, units={"PCE": "PCE", "BTE": "BOX"})
    path = desk.put(W05, "Ref;Qty;Unit\nA;1;PCE\nB;2;BTE\nC;4;BTE\nD;y;PCE\n")
    desk.take(sales=before)
    received = path.stat().st_mtime
    assert live_total(desk) == (1, 1)
    assert replay(desk, sales=before) == {W05: "profile_unchanged"}
    path.unlink()
    assert replay(desk, sales=mended) == {W05: "restored"}
    assert path.stat().st_mtime == received
    assert replay(desk, sales=mended) == {W05: "in_inbox"}
    desk.take(sales=mended)
    assert live_total(desk) == (3, 7)
    first, second = desk.ledger.batches("feeds")
    assert (first.state, second.state) == ("superseded", "landed")
    assert second.received_at.timestamp() == received
    (again,) = read_again(desk.ledger)
    assert (again.before.rows_quarantined, again.after.rows_quarantined) == (3, 1)
    assert [f.source_row for f in open_faults(desk.paths.landing, open_batches(desk.ledger))] == [5]
    desk.take(sales=mended)
    assert live_total(desk) == (3, 7)


def test_a_lost_original_and_a_taken_name_are_said_and_nothing_is_overwritten(
    desk: Any, profile: MakeProfile
) -> None:
    desk.put(W05, HEADER + "A;x;10\n", age=500)
    desk.put(W06, HEADER + "A;x;10\nB;1;1\n", age=400)
    desk.take(sales=profile())
    (desk.inbox / W05).unlink()
    (desk.inbox / W06).write_text("something else")
    for kept in (desk.paths.archive / "D07").rglob("*_*"):
        kept.unlink()
    mended = profile(skip_rows=[{"header": "Ref", "pattern": "^Total"}])
    assert replay(desk, sales=mended) == {W05: "no_original", W06: "name_taken"}
    assert (desk.inbox / W06).read_text() == "something else"
    assert not (desk.inbox / W05).exists()


def test_files_of_a_feed_whose_profile_is_gone_are_named(desk: Any, profile: MakeProfile) -> None:
    desk.put(W05, HEADER + "A;x;10\n", age=500)
    desk.take(sales=profile())
    (desk.inbox / W05).unlink()
    assert replay(desk, other=profile()) == {W05: "no_profile"}
    assert not (desk.inbox / W05).exists()


def test_a_damaged_original_keeps_back_no_other(desk: Any, profile: MakeProfile) -> None:
    for name, age in ((W05, 500), (W06, 400)):
        desk.put(name, HEADER + f"A;x;10\nB;1;{age}\n", age=age)
    desk.take(sales=profile())
    for name in (W05, W06):
        (desk.inbox / name).unlink()
    (kept,) = (desk.paths.archive / "D07").rglob(f"*_{W05.rpartition('/')[2]}")
    kept.write_bytes(b"x")
    mended = profile(skip_rows=[{"header": "Ref", "pattern": "^Total"}])
    assert replay(desk, sales=mended) == {W05: "damaged_original", W06: "restored"}


def test_a_file_of_several_weeks_is_read_again_with_all_that_came_after_it_or_not_at_all(
    desk: Any, profile: MakeProfile
) -> None:
    """The first file says 5 for week 6, the second corrects it to 9: the correction must still count."""
    columns = {"partner_product_code": "Ref", "sold_quantity": "Qty"}
    before = profile(columns=columns, period=BY_COLUMN)
    mended = profile(columns=columns, period=BY_COLUMN, thousands_mark=" ")
    one, two = "D07/one.csv", "D07/two.csv"
    desk.put(one, "Week;Ref;Qty\n2026-W04;A;1\n2026-W05;A;1 000\n2026-W06;A;5\n", age=500)
    desk.put(two, "Week;Ref;Qty\n2026-W06;A;9\n2026-W07;A;2\n", age=400)
    desk.take(sales=before)
    assert live_total(desk) == (3, 12)
    for name in (one, two):
        (desk.inbox / name).unlink()
    (kept,) = (desk.paths.archive / "D07").rglob("*_two.csv")
    aside = kept.rename(desk.paths.data / "aside")
    assert replay(desk, sales=mended) == {one: "not_in_order", two: "no_original"}
    kept.write_bytes(aside.read_bytes()[:-1])
    assert replay(desk, sales=mended) == {one: "not_in_order", two: "damaged_original"}
    assert not (desk.inbox / one).exists()
    kept.unlink()
    assert list((desk.inbox / "D07").iterdir()) == []
    aside.rename(kept)
    assert replay(desk, sales=mended) == {one: "restored", two: "restored"}
    desk.take(sales=mended)
    assert live_total(desk) == (4, 1 + 1000 + 9 + 2)


def test_what_is_at_stake_is_read_from_the_row_or_estimated_by_the_feeds_mean(
    desk: Any, profile: MakeProfile
) -> None:
    """Landed: 2 and 4 pieces, 10 and 30 EUR: a mean of 3 and 20. Row 4 says units, row 5 an amount, row 6
    has a cell too few, row 7 says both and has two faults.
    """
    amounts = profile(
        columns={
            "partner_product_code": "Ref",
            "sold_quantity": "Qty",
            "net_amount": "Amount",
            "gtin": "EAN",
        },
        max_quarantined_share=1.0,
    )
    rows = "A;2;10;\nB;4;30;\nC;7;n.c.;\nD;x;44;\nE;1\n;9;90;abc\n"
    desk.put(W05, "Ref;Qty;Amount;EAN\n" + rows)
    desk.take(sales=amounts)
    faults = open_faults(desk.paths.landing, open_batches(desk.ledger))
    stakes = Stakes(desk.ledger, {"sales": amounts}, "EUR")
    found = {
        fault.source_row: (stake.units, stake.amount, stake.units_are_estimated, stake.amount_is_estimated)
        for fault, stake in ((fault, stakes.of(fault)) for fault in faults)
    }
    assert found == {
        4: (7, 20, False, True),
        5: (3, 44, True, False),
        6: (3, 20, True, True),
        7: (9, 90, False, False),
    }
    (total,) = stakes.total(faults)
    assert (total.units, total.amount) == (22, Decimal(174))
    assert total.said() == "~22 units, ~174.00 EUR"
    # A feed without amounts has units only; nothing is made up for it.
    (units_only,) = Stakes(desk.ledger, {"sales": profile(columns=UNITS)}, "EUR").total(faults[:1])
    assert (units_only.units, units_only.amount) == (7, None)
    # A feed whose profile was taken out since: what its rows say, in the company's currency.
    (orphaned,) = Stakes(desk.ledger, {}, "USD").total(faults)
    assert orphaned.said() == "16 units, 134.00 USD"


def test_what_was_returned_is_not_at_stake_alone_where_the_sold_quantity_cannot_be_read(
    desk: Any, profile: MakeProfile
) -> None:
    """Landed: 6 sold. Row 3 sold some number and took 2 back, row 4 only took back."""
    sales = profile(
        columns={"partner_product_code": "Ref", "sold_quantity": "Qty", "returned_quantity": "Back"},
        max_quarantined_share=1.0,
    )
    desk.put(W05, "Ref;Qty;Back\nA;6;0\nB;n.c.;2\n;;3\n")
    desk.take(sales=sales)
    stakes = Stakes(desk.ledger, {"sales": sales}, "EUR")
    faults = open_faults(desk.paths.landing, open_batches(desk.ledger))
    assert {fault.source_row: stakes.of(fault).said() for fault in faults} == {3: "~6 units", 4: "-3 units"}


def test_quarantine_written_before_values_were_kept_is_read_as_unknown(
    desk: Any, profile: MakeProfile
) -> None:
    desk.put(W05, HEADER + "A;1;10\nB;x;20\n")
    desk.take(sales=profile(max_quarantined_share=1.0))
    (file,) = (desk.paths.landing / "feeds" / "quarantine").rglob("*.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"create table old as select * exclude (quantity, amount) from '{file}'")
        connection.execute(f"copy old to '{file}' (format parquet)")
    (fault,) = open_faults(desk.paths.landing, open_batches(desk.ledger))
    assert (fault.source_row, fault.quantity, fault.amount) == (3, None, None)


# --- reports that name another partner ---


OTHER, OWN = "3799900001015", "3799900001008"
SIGNED = {"partner_product_code": "Ref", "sold_quantity": "Qty", "partner_gln": "GLN"}


def test_rows_that_name_another_partner_are_held_back_until_the_erp_says_otherwise(
    desk: Any, profile: MakeProfile
) -> None:
    """The ERP first gives D07's number to D08; corrected there, the file is read again by itself."""
    signed = profile(columns=SIGNED)
    desk.land_partners(D07=OWN, D08=OTHER)
    desk.put(W05, f"Ref;Qty;GLN\nA;1;{OWN}\nB;2;379 990 000 1015\nC;4;3799900009999\nD;8;\n")
    (outcome,) = desk.take(sales=signed).files
    assert (outcome.rows_accepted, dict(outcome.reasons)) == (3, {"other_partner": 1})
    (fault,) = open_faults(desk.paths.landing, open_batches(desk.ledger))
    assert (fault.source_row, fault.column_name, fault.quantity) == (3, "GLN", 2)
    assert "another partner than D07" in fault.reason
    # Nothing is read again while nothing has changed, and the verdict of other files stands.
    desk.put(W06, f"Ref;Qty;GLN\nA;1;{OWN}\n")
    assert [item.state for item in desk.take(sales=signed).files] == ["unchanged", "landed"]
    desk.land_partners(D07=OTHER, D08=OWN)
    assert [item.state for item in desk.take(sales=signed).files] == ["landed", "unchanged"]
    found = open_batches(desk.ledger)
    assert [fault.source_row for fault in open_faults(desk.paths.landing, found)] == [2]
    desk.land_partners(D07=OTHER, D08="3799900007777")
    assert [item.state for item in desk.take(sales=signed).files] == ["landed", "unchanged"]
    assert open_batches(desk.ledger) == []
    assert [item.is_of_partners for item in read_again(desk.ledger)] == [True, True]
    assert live_total(desk) == (5, 16)


def test_a_file_that_has_left_the_inbox_returns_once_the_numbers_have_changed(
    desk: Any, profile: MakeProfile
) -> None:
    signed = profile(columns=SIGNED, max_quarantined_share=0.2)
    desk.land_partners(D08=OTHER)
    path = desk.put(W05, f"Ref;Qty;GLN\nA;1;{OTHER}\n")
    assert [item.state for item in desk.take(sales=signed).files] == ["rejected"]
    path.unlink()
    assert replay(desk, sales=signed) == {W05: "profile_unchanged"}
    desk.land_partners(D07=OTHER, D08=OWN)
    assert replay(desk, sales=signed) == {W05: "restored"}
    assert [item.state for item in desk.take(sales=signed).files] == ["landed"]


def test_a_partner_may_sign_with_a_number_that_is_anothers(desk: Any, profile: MakeProfile) -> None:
    desk.land_partners(D08=OTHER)
    desk.put(W05, f"Ref;Qty;GLN\nA;1;{OTHER}\n")
    (outcome,) = desk.take(sales=profile(columns=SIGNED, signs_as=[OTHER])).files
    assert outcome.rows_accepted == 1
