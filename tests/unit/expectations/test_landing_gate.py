"""The landing gate opens on whole input and closes on each fault, in words that a person understands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from connectors.ledger import Batch, Slice, State
from expectations.terms import Thresholds
from expectations.validate import Verdict
from tests.unit.expectations import judging
from tests.unit.expectations.conftest import FIRST, NOW, Row, World
from tests.unit.expectations.judging import failed
from tests.unit.expectations.warehouse import INVOICE as LANDED_INVOICE
from tests.unit.expectations.warehouse import (
    ORDER,
    PARTNER,
    PRODUCT,
    SHIPMENT,
    WEEK_10,
    WEEK_11,
)

SECOND = "20260302T000000000000-00000001"
THIRD = "20260303T000000000000-00000001"
"""Later batches than the first."""


INVOICE: Row = {**LANDED_INVOICE, "invoice_date": date(2026, 3, 30)}


def invoice(number: str, day: date, **changes: object) -> Row:
    return {**INVOICE, "invoice_number": number, "invoice_date": day, **changes}


def numbered(
    count: int, prefix: str = "FA-2026-", last: date = date(2026, 3, 30), first: int = 1
) -> list[Row]:
    """`count` invoices, one a day up to `last`, numbered in order of their dates."""
    return [invoice(f"{prefix}{first + n:06d}", last - timedelta(days=count - 1 - n)) for n in range(count)]


def without(invoices: Sequence[Row], *numbers: str) -> list[Row]:
    return [row for row in invoices if row["invoice_number"] not in numbers]


def land(world: World, invoices: Sequence[Row] | None = None) -> None:
    world.erp("partners", [PARTNER])
    world.erp("products", [PRODUCT])
    world.erp("invoice_lines", numbered(30) if invoices is None else invoices)


def judge(world: World, **changes: object) -> Verdict:
    world.export()
    return judging.judge("landing", world, **{"warehouse": None, **changes})


def test_whole_input_opens_the_gate(world: World) -> None:
    land(world)
    world.erp("order_lines", [ORDER])
    world.erp("shipment_lines", [SHIPMENT])
    world.report("D01", "D01_sales", WEEK_10, [{"sold_quantity": 3, "net_amount": 30}, {"sold_quantity": 4}])
    world.stock("D01", "D01_stock", WEEK_10, [{"on_hand_quantity": 30}])
    verdict = judge(world)
    assert {name: outcome.message for name, outcome in failed(verdict).items()} == {}
    assert verdict.passed


# --- master data and documents: each group breaks several promises, each by its own fault -----------------


def _nothing_came(world: World) -> None:
    world.erp("invoice_lines", [{**INVOICE, "_is_deleted": True}])


def _master_data(world: World) -> None:
    world.erp("partners", [PARTNER, PARTNER])
    world.erp("products", [{**PRODUCT, "family_code": None}])
    world.erp(
        "product_units",
        [{"product_code": "P1", "unit_code": "BOX", "base_quantity": 0}],
    )
    world.erp(
        "product_costs",
        [
            {
                "product_code": "P1",
                "valid_from_date": date(2026, 2, 1),
                "valid_to_date": date(2026, 1, 1),
                "unit_cost_amount": 5,
                "currency_code": "USD",
            }
        ],
    )
    world.erp(
        "partner_terms",
        [
            {
                "partner_code": "D99",
                "valid_from_date": date(2026, 1, 1),
                "valid_to_date": date(9999, 12, 31),
            }
        ],
    )
    world.erp("invoice_lines", [INVOICE])


def _documents(world: World) -> None:
    land(
        world,
        [
            INVOICE,
            INVOICE,
            {**INVOICE, "invoice_number": "F2", "net_amount": 201, "due_date": None},
            {**INVOICE, "invoice_number": "F3", "partner_code": "D99", "product_code": "P9"},
            {**INVOICE, "invoice_number": "F4", "unit_code": "BOX"},
            {**INVOICE, "invoice_number": "F6", "invoice_type": "proforma"},
            {**INVOICE, "invoice_number": "F7", "invoice_date": date(2026, 4, 2)},
            {**INVOICE, "invoice_number": "F8", "unit_code": None},
        ],
    )


def _signs(world: World) -> None:
    amounts = {
        "gross_amount": -220,
        "standard_discount_amount": -15,
        "exceptional_discount_amount": -5,
        "net_amount": -200,
    }
    credit = {**INVOICE, "invoice_type": "credit_note"}
    land(
        world,
        [
            {**credit, "invoice_number": "A1", "credit_reason_code": "return"},
            {
                **credit,
                **amounts,
                "invoice_number": "A2",
                "credit_reason_code": "price",
                "invoiced_quantity": -1,
            },
            {**credit, **amounts, "invoice_number": "A3", "invoiced_quantity": -20},
            {**INVOICE, **amounts, "invoice_number": "A4", "invoiced_quantity": -20},
        ],
    )
    world.erp("order_lines", [{**ORDER, "net_amount": None}])
    world.erp("shipment_lines", [{**SHIPMENT, "shipment_type": "gift", "shipped_quantity": -20}])


FAULTS: dict[str, tuple[Callable[[World], None], set[str]]] = {
    "nothing came": (
        _nothing_came,
        {"partners.not_empty", "products.not_empty", "invoice_lines.not_empty"},
    ),
    "master data": (
        _master_data,
        {
            "partners.one_row_per_partner_code",
            "products.required_columns_are_filled",
            "product_units.base_quantity_is_positive",
            "product_costs.range_of_dates_is_not_empty",
            "product_costs.currency_is_the_companys",
            "partner_terms.partner_code_is_known",
        },
    ),
    "documents": (
        _documents,
        {
            "invoice_lines.one_row_per_invoice_number_invoice_line_number",
            "invoice_lines.net_is_gross_less_discounts",
            "invoice_lines.partner_code_is_known",
            "invoice_lines.product_code_is_known",
            "invoice_lines.units_are_known",
            "invoice_lines.invoice_type_is_known",
            "invoice_lines.no_document_from_the_future",
            "invoice_lines.required_columns_are_filled",
        },
    ),
    "signs": (
        _signs,
        {
            "invoice_lines.credit_notes_are_negative",
            "invoice_lines.price_credits_move_no_units",
            "invoice_lines.credit_notes_have_a_reason",
            "invoice_lines.invoices_are_positive",
            "order_lines.required_columns_are_filled",
            "shipment_lines.shipment_type_is_known",
            "shipment_lines.shipped_quantity_is_positive",
        },
    ),
}


@pytest.mark.parametrize("group", FAULTS)
def test_each_fault_of_the_erp_closes_the_gate(world: World, group: str) -> None:
    break_it, expected = FAULTS[group]
    break_it(world)
    verdict = judge(world)
    assert set(failed(verdict)) == expected
    assert not verdict.passed


def test_a_document_more_than_a_year_before_the_next_is_warned_of_with_both_days(world: World) -> None:
    land(world, [invoice("F0", date(1999, 3, 2)), invoice("F1", date(2026, 3, 30))])
    verdict = judge(world)
    assert verdict.passed
    outcome = failed(verdict)["invoice_lines.no_document_long_before_the_others"]
    assert "invoice F0 of 1999-03-02, the next one of 2026-03-30" in outcome.message


def test_documents_366_days_apart_are_no_fault(world: World) -> None:
    land(world, [invoice("F0", date(2025, 3, 29)), invoice("F1", date(2026, 3, 30))])
    assert failed(judge(world)) == {}


def test_a_newer_version_and_a_deleted_product_with_invoices_are_no_fault(world: World) -> None:
    land(world)
    world.erp("products", [{**PRODUCT, "product_code": "P2"}], SECOND)
    world.erp("products", [{**PRODUCT, "_is_deleted": True}], SECOND)
    world.erp("invoice_lines", [numbered(30)[0]], SECOND)
    assert failed(judge(world)) == {}


def test_a_partner_that_bears_another_code_now_is_named_with_the_invoices_left_behind(world: World) -> None:
    named = {**PARTNER, "postal_code": "69003"}
    world.erp("partners", [named])
    world.erp("products", [PRODUCT])
    world.erp("invoice_lines", numbered(30))
    world.erp("partners", [{**named, "_is_deleted": True}], SECOND)
    elsewhere = {**named, "partner_code": "D03", "postal_code": "75001"}
    world.erp("partners", [elsewhere], SECOND)
    assert failed(judge(world)) == {}
    world.erp("partners", [{**named, "partner_code": "D01N"}], THIRD)
    verdict = judge(world)
    assert verdict.passed
    outcome = failed(verdict)["invoice_lines.partners_keep_their_code"]
    assert "D01 is D01N now, 30 lines" in outcome.message


def test_an_erp_without_invoices_of_its_own_is_warned_about_only(world: World) -> None:
    world.erp("partners", [PARTNER])
    world.erp("products", [PRODUCT])
    verdict = judge(world)
    assert set(failed(verdict)) == {"invoice_lines.not_empty"}
    assert verdict.passed


def test_landed_documents_that_are_not_those_of_the_ledger_close_the_gate(world: World) -> None:
    world.erp("partners", [PARTNER])
    world.erp("products", [PRODUCT])
    march = Slice("erp", "invoice_lines", "erp|2026-03", date(2026, 3, 1), date(2026, 3, 31), 2, "40", "400")
    world.erp("invoice_lines", [INVOICE], slices=[march])
    outcome = failed(judge(world))["invoice_lines.documents_hold_what_the_ledger_says"]
    assert "erp|2026-03: 1 rows landed, 2 in the ledger, amount too much by -200.0000" in outcome.message


# --- numbers without a gap ------------------------------------------------------------------------------

NUMBERING = "invoice_lines.invoice_numbers_have_no_gap"


def test_a_lost_invoice_is_named_with_its_neighbours(world: World) -> None:
    land(world, without(numbered(30), "FA-2026-000011", "FA-2026-000012"))
    verdict = judge(world)
    assert not verdict.passed
    assert failed(verdict)[NUMBERING].message == (
        "The ERP lost documents: invoice numbers that should run without a gap do not. "
        "Found: 2 numbers (11 to 12) of series 'FA-2026-' are missing between "
        "FA-2026-000010 of 2026-03-10 and FA-2026-000013 of 2026-03-13."
    )


def test_a_lost_month_of_a_short_series_closes_the_gate(world: World) -> None:
    every = numbered(60)
    land(world, every[:20] + every[50:])
    assert "30 numbers" in failed(judge(world))[NUMBERING].message


@pytest.mark.parametrize(
    "invoices",
    [
        pytest.param(
            [*numbered(25, "FA-2025-", date(2025, 12, 31)), *numbered(25, "FA-2026-")],
            id="a new series each year",
        ),
        pytest.param(
            [*numbered(25, "FA2025", date(2025, 12, 31)), *numbered(25, "FA2026")],
            id="the year stands before the counter without a mark",
        ),
        pytest.param(
            [*numbered(25, "25", date(2025, 12, 31)), *numbered(25, "26")],
            id="the year has two digits and nothing else stands there",
        ),
        pytest.param(
            [
                invoice(f"FA2025{month:02d}{n:03d}", date(2025, month, n))
                for month in (1, 2, 3)
                for n in range(1, 26)
            ],
            id="year and month stand before the counter without a mark",
        ),
        pytest.param(
            [
                invoice(f"FA{year}{week:02d}", date.fromisocalendar(year, week, 4))
                for year in (2024, 2025)
                for week in range(1, 53)
            ],
            id="one document a week, numbered by year and week",
        ),
        pytest.param(
            [
                *numbered(25, "FA2025", date(2025, 12, 31)),
                invoice("FA2025000026", date(2026, 1, 2)),
                *numbered(25, "FA2026"),
            ],
            id="the last number of a year is dated in the next",
        ),
        pytest.param(
            [*numbered(25, "FA-"), *(invoice(f"AV-{n}", date(2026, 3, 1)) for n in range(700, 725))],
            id="credit notes have a series of their own that starts anywhere",
        ),
        pytest.param(
            [invoice(str(n * 7), date(2026, 3, 1)) for n in range(1, 40)],
            id="numbers with steps are no convention",
        ),
        pytest.param(without(numbered(10), "FA-2026-000005"), id="too few documents to tell"),
        pytest.param(
            [invoice(f"FA/{n:03d}/X", date(2026, 3, 1)) for n in range(1, 40, 3)],
            id="no counter at the end",
        ),
        pytest.param(
            [{**row, "invoice_line_number": str(n)} for row in numbered(30) for n in (1, 2)],
            id="several lines of one document",
        ),
    ],
)
def test_whole_series_and_other_conventions_pass(world: World, invoices: Sequence[Row]) -> None:
    land(world, invoices)
    assert NUMBERING not in failed(judge(world))


def test_a_gap_that_was_explained_can_be_accepted(world: World) -> None:
    land(world, without(numbered(30), "FA-2026-000011"))
    assert judge(world, thresholds=Thresholds(max_missing_invoice_numbers=1)).passed


def test_a_deleted_document_of_a_far_too_high_number_leaves_no_gap_behind(world: World) -> None:
    mistaken = invoice("FA-2026-900000", date(2026, 3, 1))
    land(world, [*numbered(30), mistaken])
    assert NUMBERING in failed(judge(world))
    world.erp("invoice_lines", [{**mistaken, "_is_deleted": True}], SECOND)
    assert NUMBERING not in failed(judge(world))


def test_a_gap_below_a_deleted_document_is_seen_once_a_living_one_follows(world: World) -> None:
    land(world, [*numbered(30), invoice("FA-2026-000033", date(2026, 3, 1))])
    world.erp("invoice_lines", [{**invoice("FA-2026-000033", date(2026, 3, 1)), "_is_deleted": True}], SECOND)
    assert NUMBERING not in failed(judge(world))
    world.erp("invoice_lines", [invoice("FA-2026-000034", date(2026, 3, 2))], THIRD)
    assert NUMBERING in failed(judge(world))


def test_the_companys_rules_say_what_is_accepted(world: World) -> None:
    land(world, without(numbered(30), "FA-2026-000011"))
    own = [
        {"threshold_code": "max_missing_invoice_numbers", "channel_code": "*", "threshold_value": 1},
        {"threshold_code": "launch_days", "channel_code": "*", "threshold_value": 60},
    ]
    folder = world.landing / "rules" / "thresholds"
    world.write(folder / f"{FIRST}.parquet", "rules", "thresholds", own, FIRST)
    assert judge(world).passed
    world.write(folder / f"{SECOND}.parquet", "rules", "thresholds", own[1:], SECOND)
    assert set(failed(judge(world))) == {NUMBERING}


# --- days without invoices ------------------------------------------------------------------------------

SILENT = "invoice_lines.shipping_days_have_invoices"


def _working_days(count: int) -> list[date]:
    days = (date(2026, 3, 27) - timedelta(days=n) for n in range(400))
    return sorted([day for day in days if day.weekday() < 5][:count])


def _land_working_days(world: World, days: Sequence[date], billed: Sequence[date]) -> None:
    # Numbers with steps: the numbering must not be what catches the fault.
    land(world, [invoice(str(n * 7), day) for n, day in enumerate(billed, start=1)])
    world.erp(
        "shipment_lines",
        [{**SHIPMENT, "shipment_number": f"L{n}", "shipment_date": day} for n, day in enumerate(days)],
    )


def test_a_shipping_day_without_invoices_closes_the_gate(world: World) -> None:
    days = _working_days(80)
    lost = days[50]
    _land_working_days(world, days, [day for day in days if day != lost])
    verdict = judge(world)
    assert set(failed(verdict)) == {SILENT}
    assert f"1 shipments but no invoice on {lost}" in failed(verdict)[SILENT].message
    assert not verdict.passed


def test_a_company_that_does_not_invoice_every_day_is_not_judged_by_days(world: World) -> None:
    days = _working_days(80)
    _land_working_days(world, days, days[::5])
    assert SILENT not in failed(judge(world))


def test_a_silent_day_that_was_explained_can_be_accepted(world: World) -> None:
    days = _working_days(80)
    _land_working_days(world, days, [*days[:50], *days[51:]])
    assert judge(world, thresholds=Thresholds(max_silent_days=1)).passed


# --- posted invoices that vanished ------------------------------------------------------------------------

VANISHED = "invoice_lines.vanished_invoices_are_accepted"


def _delete(world: World, **totals: str) -> None:
    land(world)
    gone = [{**row, "_is_deleted": True} for row in numbered(30)[4:6]]
    world.erp("invoice_lines", gone, SECOND, {"deleted_rows": "2", "deleted_documents": "2", **totals})


def test_vanished_invoices_close_the_gate_and_are_named(world: World) -> None:
    _delete(world)
    verdict = judge(world)
    assert set(failed(verdict)) == {VANISHED}
    outcome = failed(verdict)[VANISHED]
    assert "FA-2026-000005 of 2026-03-05, partner D01, 1 lines, net 200.00" in outcome.message
    assert "FA-2026-000006 of 2026-03-06" in outcome.message
    assert "aval run --accept-deleted-documents" in outcome.remedy


def test_vanished_invoices_that_were_accepted_pass(world: World) -> None:
    _delete(world, deletions_accepted="yes")
    assert failed(judge(world)) == {}


def test_a_document_that_came_back_is_not_counted_as_vanished(world: World) -> None:
    _delete(world)
    world.erp("invoice_lines", numbered(30)[4:6], "20260303T000000000000-00000001")
    assert failed(judge(world)) == {}


# --- reports ----------------------------------------------------------------------------------------------


def _rewrite(path: Path, query: str) -> None:
    """Change a landed file behind the ledger's back; `{file}` in the query is the file."""
    other = path.with_suffix(".new")
    with duckdb.connect() as connection:
        changed = query.replace("{file}", f"'{path}'")
        connection.execute(f"copy ({changed}) to '{other}' (format parquet)")
    other.replace(path)


@pytest.mark.parametrize("at_a_time", [1, 5_000])
def test_each_fault_of_a_report_closes_the_gate_however_many_are_read_at_a_time(
    world: World, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expectations.hub._FILES_AT_A_TIME", at_a_time)
    land(world)
    two = [{"sold_quantity": 3}, {"sold_quantity": 4}]
    doubled = world.report("D01", "doubled", WEEK_10, two)
    _rewrite(doubled, "select * from {file} union all select * from {file}")
    emptied = world.report("D01", "emptied", WEEK_10, two)
    _rewrite(emptied, "select * replace (null as unit_code) from {file}")
    gone = world.report("D01", "gone", WEEK_10, two)
    gone.unlink()
    world.report("D01", "outside", WEEK_10, [{"sold_quantity": 3, "sale_date": WEEK_11[1]}])
    world.report("D99", "stranger", WEEK_10, two)
    world.report("D01", "lossy", WEEK_10, two, rows_read=3)
    verdict = judge(world)
    faults = failed(verdict)
    assert set(faults) == {
        "batches.every_row_read_is_accounted_for",
        "slices.landed_files_are_there",
        "sell_out_in_scope.required_columns_are_filled",
        "sell_out_in_scope.files_hold_what_the_ledger_says",
        "sell_out_in_scope.lines_lie_in_their_period",
        "sell_out_in_scope.partner_code_is_known",
    }
    held = faults["sell_out_in_scope.files_hold_what_the_ledger_says"].message
    assert "D01|doubled|2026-W10: 4 rows and 14.000 units in the file, 2 and 7.0000 in the ledger" in held
    assert "D01|gone|2026-W10: 0 rows" in held
    assert not verdict.passed


def test_a_report_that_says_every_line_twice_is_warned_about(world: World) -> None:
    """Pasted twice below itself, of sales and of stock. Sales of one piece that are alike are none."""
    land(world)
    lines = [{"sold_quantity": units, "product_code": "P1"} for units in (1, 2, 3)]
    world.report("D01", "pasted", WEEK_10, [*lines, *lines])
    stocks = [{"on_hand_quantity": units, "product_code": "P1"} for units in (1, 2, 3)]
    world.stock("D01", "pasted", WEEK_10, [*stocks, *stocks])
    world.report("D01", "once_more", WEEK_10, [*lines, *lines, lines[0]])
    world.report("D01", "short", WEEK_10, [*lines[:2], *lines[:2]])
    world.report("D01", "single_pieces", WEEK_10, [lines[0]] * 6 + [{**lines[0], "product_code": "P2"}] * 4)
    dated = [{**line, "sale_date": WEEK_10[2]} for line in lines]
    world.report("D01", "other_days", WEEK_10, [*lines, *dated])
    verdict = judge(world)
    found = failed(verdict)
    assert set(found) == {
        f"{entity}_in_scope.no_report_says_every_line_twice" for entity in ("sell_out", "inventory")
    }
    for outcome in found.values():
        assert outcome.unexpected_count == 1
        assert "slice_key D01|pasted|2026-W10" in outcome.message
    assert verdict.passed


def test_reports_that_are_not_pending_are_read_only_if_all_is_asked(world: World) -> None:
    land(world)
    file = world.report("D01", "D01_sales", WEEK_10, [{"sold_quantity": 3}])
    with world.ledger() as ledger:
        ledger.clear_pending(ledger.pending_sequence())
    _rewrite(file, "select * replace (5 as sold_quantity) from {file}")
    assert failed(judge(world)) == {}
    assert set(failed(judge(world, scope="all"))) == {"sell_out_in_scope.files_hold_what_the_ledger_says"}


def test_a_superseded_report_is_not_judged(world: World) -> None:
    land(world)
    former = world.report("D01", "D01_sales", WEEK_10, [{"sold_quantity": 3}])
    world.report("D01", "D01_sales", WEEK_10, [{"sold_quantity": 2}], SECOND)
    former.unlink()
    assert failed(judge(world, scope="all")) == {}


def test_a_report_that_takes_most_of_a_period_away_is_warned_about(world: World) -> None:
    """Of a correction that holds what has changed alone, or of weeks that begin on Sunday."""
    land(world)
    whole = [{"sold_quantity": 3, "product_code": f"P{number}"} for number in range(6)]
    for feed, kept in (("changes", 2), ("corrected", 3), ("read_again", 2)):
        same = {"content_hash": "b1a"} if feed == "read_again" else {}
        world.report("D01", feed, WEEK_10, whole, **same)
        world.report("D01", feed, WEEK_10, whole[:kept], SECOND, file_name="correction.csv", **same)
    world.report("D01", "few", WEEK_10, whole[:5])
    world.report("D01", "few", WEEK_10, whole[:1], SECOND)
    verdict = judge(world)
    assert verdict.passed
    (outcome,) = failed(verdict).values()
    assert outcome.name == "no_report_takes_most_of_a_period_away"
    assert outcome.unexpected_count == 1
    assert "D01|changes|2026-W10: 2 lines of correction.csv in place of 6" in outcome.message
    with world.ledger() as ledger:
        ledger.clear_pending(ledger.pending_sequence())
    assert failed(judge(world)) == {}


def test_ledger_lines_in_quarantine_are_warned_about_until_an_export_replaces_theirs(world: World) -> None:
    land(world, numbered(30, last=date(2026, 3, 1)))
    year = (date(2026, 1, 1), date(2026, 12, 31))

    def export(batch: str, quarantined: int) -> None:
        with world.ledger() as ledger:
            ledger.record(
                Batch(
                    batch,
                    "accounting",
                    "gl_entries",
                    "landed",
                    NOW,
                    NOW,
                    file_name="FEC.txt",
                    rows_read=200,
                    rows_accepted=200 - quarantined,
                    rows_quarantined=quarantined,
                ),
                [Slice("accounting", "gl_entries", "ledger|2026-12", *year, 200 - quarantined)],
            )
        world.export()

    export("20260302", 176)
    verdict = judge(world)
    assert verdict.passed
    assert "176 of 200 lines of FEC.txt" in failed(verdict)["batches.ledger_lines_are_read"].message
    export("20260303", 0)
    assert "batches.ledger_lines_are_read" not in failed(judge(world))


def test_personal_data_in_clear_are_warned_about(world: World) -> None:
    land(world, numbered(30, last=date(2026, 3, 1)))
    world.report("D01", "D01_sales", WEEK_10, [{"sold_quantity": 3}])
    assert "batches.no_personal_data_land_in_clear" not in failed(judge(world))
    with world.ledger() as ledger:
        batch = ledger.batches("feeds")[-1].batch_id
        ledger.amend_totals(batch, {"personal_product_label": "2", "personal_transaction_id": "1"})
    world.export()
    verdict = judge(world)
    assert "batches.no_personal_data_land_in_clear" in failed(verdict)
    assert verdict.passed


def test_rejected_files_quarantined_rows_late_reports_and_a_silent_erp_are_warned_about(world: World) -> None:
    land(world, numbered(30, last=date(2026, 3, 1)))
    world.report("D01", "D01_sales", WEEK_10, [{"sold_quantity": 3}], rows_read=2, rows_quarantined=1)
    with world.ledger() as ledger:
        ledger.record(Batch("20260302", "feeds", "D01_sales", "rejected", NOW, NOW, feed_code="D01_sales"))
    feeds = [
        {
            "feed_code": feed,
            "partner_code": "D01",
            "frequency_code": "week",
            "reports_sell_out": True,
            "reports_inventory": False,
            "expected_from_date": date(2026, 1, 5),
            "expected_to_date": to,
            "due_days": 3,
        }
        for feed, to in (("D01_sales", None), ("D01_ended", date(2026, 1, 5)))
    ]
    world.write(world.landing / "rules" / "feeds" / f"{FIRST}.parquet", "rules", "feeds", feeds, FIRST)
    verdict = judge(world)
    assert set(failed(verdict)) == {
        "batches.few_files_are_rejected",
        "batches.few_rows_are_quarantined",
        "slices.reports_are_on_time",
        "slices.erp_brings_new_invoices",
    }
    assert verdict.passed
    late = failed(verdict)["slices.reports_are_on_time"]
    # Week 10 ends on 8 March; week 11 on the 15th, due three days later.
    assert "D01_sales of D01: reported to 2026-03-08, the next was due 2026-03-18" in late.message


def test_files_that_landed_once_the_profile_was_mended_are_no_rejected_ones(world: World) -> None:
    land(world, numbered(30, last=date(2026, 3, 1)))

    def enter(number: int, state: State, content: str) -> None:
        batch = Batch(
            f"2026030{number}", "feeds", "D01_sales", state, NOW, NOW,
            feed_code="D01_sales", file_name="D01/w.csv", content_hash=content,
        )  # fmt: skip
        with world.ledger() as ledger:
            ledger.record(batch)

    enter(2, "rejected", "a" * 64)
    enter(3, "rejected", "b" * 64)
    enter(4, "landed", "a" * 64)
    found = failed(judge(world))["batches.few_files_are_rejected"]
    assert "1 of 2 files of D01_sales" in found.message
    enter(5, "landed", "b" * 64)
    assert "batches.few_files_are_rejected" not in failed(judge(world))


def test_a_period_that_counts_under_a_former_feed_and_a_present_one_is_warned_about(world: World) -> None:
    land(world)
    feed = {
        "feed_code": "D01_ventes",
        "partner_code": "D01",
        "frequency_code": "week",
        "reports_sell_out": True,
        "reports_inventory": False,
        "expected_from_date": date(2026, 1, 5),
        "due_days": 60,
    }
    world.write(world.landing / "rules" / "feeds" / f"{FIRST}.parquet", "rules", "feeds", [feed], FIRST)
    # Renamed: what came before stays under the former name, and nothing counts twice.
    world.report("D01", "D01_sales", WEEK_10, [{"sold_quantity": 3}])
    assert "slices.no_period_counts_under_a_former_feed_too" not in failed(judge(world))
    world.report("D01", "D01_ventes", WEEK_10, [{"sold_quantity": 4}])
    verdict = judge(world)
    assert verdict.passed
    twice = failed(verdict)["slices.no_period_counts_under_a_former_feed_too"]
    assert "D01_sales and D01_ventes of D01: 1 periods of sell_out from 2026-03-02 on" in twice.message


def test_a_month_beside_weeks_that_it_holds_is_warned_about(world: World) -> None:
    """The feed told weeks before, and months now; the week from 23 February to 1 March lies in no month."""
    land(world)
    week_9 = ("2026-W09", date(2026, 2, 23), date(2026, 3, 1))
    february = ("2026-02", date(2026, 2, 1), date(2026, 2, 28))
    march = ("2026-03", date(2026, 3, 1), date(2026, 3, 31))
    for period in (week_9, WEEK_10, february):
        world.report("D01", "D01_sales", period, [{"sold_quantity": 3}])
    world.report("D01", "D01_shop", march, [{"sold_quantity": 3}])
    name = "slices.no_period_counts_within_a_longer_one"
    assert name not in failed(judge(world))
    world.report("D01", "D01_sales", march, [{"sold_quantity": 12}])
    verdict = judge(world)
    assert verdict.passed
    assert "D01_sales: 2026-03 of sell_out holds 2026-W10" in failed(verdict)[name].message
    # A report without rows takes the week back.
    world.report("D01", "D01_sales", WEEK_10, [])
    assert name not in failed(judge(world))


def land_rules(world: World, name: str, rows: Sequence[Row], file: str | None = None) -> None:
    path = world.landing / "rules" / name / f"{FIRST}.parquet"
    named = {} if file is None else {"_source_file": file}
    world.write(path, "rules", name, [{**row, **named} for row in rows], FIRST)


def test_a_partner_that_a_rule_misspells_is_named_with_file_line_and_the_nearest_code(world: World) -> None:
    land(world)
    land_peers(world, "revenue", ("Gold",))
    target = {"measure_code": "sell_in_amount", "target_value": 100}
    for name, file, rows in (
        (
            "targets",
            "rules/targets.csv",
            [
                {**target, "partner_code": "D01", "month_start_date": date(2026, 1, 1), "line_number": 2},
                {**target, "partner_code": "D0l", "month_start_date": date(2026, 1, 1), "line_number": 3},
                {**target, "partner_code": "D0l", "month_start_date": date(2026, 2, 1), "line_number": 3},
                {**target, "segment_code": "Gold", "month_start_date": date(2026, 1, 1), "line_number": 4},
            ],
        ),
        (
            "segment_members",
            "rules/segments.yml",
            [
                {"member_kind_code": "partner", "member_code": "D77", "line_number": 12},
                {"member_kind_code": "value", "member_code": "Bretagne", "line_number": 13},
            ],
        ),
    ):
        version = {"scheme_code": "value", "valid_from_date": date(2026, 1, 1), "segment_code": "Gold"}
        head = version if name == "segment_members" else {}
        land_rules(world, name, [{**head, **row} for row in rows], file)

    verdict = judge(world)

    assert verdict.passed
    (found,) = failed(verdict).values()
    assert found.name == "partners_are_known"
    assert found.unexpected_count == 2
    assert "rules/segments.yml, line 12: D77; expected a partner of the ERP, such as D01" in found.message
    assert "rules/targets.csv, line 3: D0l; expected a partner of the ERP, such as D01" in found.message


def test_a_partner_product_or_family_that_a_budget_or_scope_misspells_is_named(world: World) -> None:
    land(world)
    amounts = dict.fromkeys(("gross", "discount", "rebate", "programme", "cost"), 1)
    line = {
        "month_start_date": date(2026, 3, 1),
        "partner_code": "D01",
        "invoiced_quantity": 1,
        **{f"{name}_amount": amount for name, amount in amounts.items()},
    }
    budgets = (
        {**line, "product_code": "P1"},
        {**line, "product_code": "P1O"},
        {**line, "family_code": "F0"},
        {**line, "partner_code": "D0l", "family_code": "F0"},
    )
    scopes = (
        {"dimension_code": "product", "scope_code": "P9"},
        {"dimension_code": "channel", "scope_code": "direct"},
    )
    land_rules(world, "budgets", budgets, "rules/budget.csv")
    land_rules(
        world, "campaign_scopes", [{"campaign_code": "C", **row} for row in scopes], "rules/promotions.yml"
    )
    verdict = judge(world)
    assert verdict.passed
    found = {outcome.name: outcome.message for outcome in failed(verdict).values()}
    assert set(found) == {"partners_are_known", "products_are_known", "families_are_known"}
    assert "rules/budget.csv: D0l; expected a partner of the ERP, such as D01" in found["partners_are_known"]
    assert "rules/budget.csv: P1O; expected a product of the ERP, such as P1" in found["products_are_known"]
    assert "rules/promotions.yml: P9; expected a product of the ERP" in found["products_are_known"]
    assert "rules/budget.csv: F0; expected a family of the ERP" in found["families_are_known"]


def test_a_channel_that_a_rule_misspells_is_named(world: World) -> None:
    land(world)
    thresholds = [
        {"threshold_code": "launch_days", "channel_code": channel, "threshold_value": 60}
        for channel in ("*", "direct", "trade", "online_reseler")
    ]
    span = {"valid_from_date": date(2026, 1, 1), "valid_to_date": date(9999, 12, 31)}
    world.erp("partner_terms", [{**span, "partner_code": "D01", "channel_code": "trade"}])
    land_rules(world, "thresholds", thresholds, "rules/thresholds.yml")
    limit = {"rule_code": "overstock", "limit_code": "ratio_rate", "limit_value": 1}
    land_rules(world, "alert_limits", [{**limit, "channel_code": "Direct"}], "rules/alerts.yml")
    verdict = judge(world)
    assert verdict.passed
    (found,) = failed(verdict).values()
    assert (found.name, found.unexpected_count) == ("channels_are_known", 2)
    assert "rules/thresholds.yml: online_reseler; expected a channel of the ERP, such as " in found.message
    assert "rules/alerts.yml: Direct; expected a channel of the ERP, such as direct" in found.message


@pytest.mark.parametrize(
    ("rule", "row", "kinds", "code"),
    [
        ("partners", {"partner_code": "D0l"}, "partners", "D0l"),
        ("stores", {"store_code": "S1", "partner_code": "D0l"}, "partners", "D0l"),
        ("units", {"partner_code": "D0l", "product_code": "*"}, "partners", "D0l"),
        ("units", {"partner_code": "*", "product_code": "P-1"}, "products", "P-1"),
        ("product_crosswalk", {"partner_product_code": "X", "product_code": "P-1"}, "products", "P-1"),
        ("cash_discount_terms", {"partner_code": "D0l", "channel_code": "*"}, "partners", "D0l"),
        ("commission_rates", {"plan_code": "A", "family_code": "F0"}, "families", "F0"),
    ],
)
def test_a_name_that_a_rule_of_single_partners_products_or_families_misspells_is_told(
    rule: str, row: Row, kinds: str, code: str, world: World
) -> None:
    land(world)
    right = {"partner_code": "D01", "product_code": "P1", "family_code": "F1", "channel_code": "direct"}
    land_rules(world, rule, [row, {**row, **{name: right[name] for name in row if name in right}}], "rules/x")
    verdict = judge(world)
    assert verdict.passed
    (found,) = failed(verdict).values()
    assert (found.name, found.unexpected_count) == (f"{kinds}_are_known", 1)
    assert f"rules/x: {code}; expected" in found.message


def test_a_rule_that_was_taken_away_is_looked_at_no_more(world: World) -> None:
    land(world)
    target = {"measure_code": "sell_in_amount", "target_value": 100, "month_start_date": date(2026, 1, 1)}
    land_rules(world, "targets", [{**target, "partner_code": "D0l", "line_number": 2}], "rules/targets.csv")
    assert set(failed(judge(world))) == {"names_in_rules.partners_are_known"}
    world.write(world.landing / "rules" / "targets" / f"{SECOND}.parquet", "rules", "targets", [], SECOND)
    assert failed(judge(world)) == {}


def test_rules_that_landed_before_there_was_a_column_are_looked_at(world: World) -> None:
    land(world)
    target = {"measure_code": "sell_in_amount", "target_value": 100, "month_start_date": date(2026, 1, 1)}
    land_rules(world, "targets", [{**target, "partner_code": "D0l", "line_number": 2}], "rules/targets.csv")
    for file in (world.landing / "rules" / "targets").glob("[0-9]*.parquet"):
        with duckdb.connect() as connection:
            connection.execute(f"create table t as select * exclude (segment_code) from '{file}'")
            connection.execute(f"copy t to '{file}' (format parquet)")
    assert set(failed(judge(world))) == {"names_in_rules.partners_are_known"}


def test_a_stock_adjustment_of_nobodys_product_closes_the_gate_and_is_named(world: World) -> None:
    """It would stand in the stock of a product that no dimension has."""
    land(world)
    adjusted = {"adjustment_date": date(2026, 2, 3), "adjusted_quantity": -12}
    rows = [
        {**adjusted, "partner_code": "D01", "product_code": "P1"},
        {**adjusted, "partner_code": "D01", "product_code": "P-1"},
        {**adjusted, "partner_code": "D0l", "product_code": "P1"},
    ]
    land_rules(world, "stock_adjustments", rows, "rules/stock_adjustments.csv")
    verdict = judge(world)
    assert not verdict.passed
    (found,) = failed(verdict).values()
    assert (found.name, found.unexpected_count) == ("partners_and_products_are_known", 2)
    assert "rules/stock_adjustments.csv: partner D01, product P-1 of 2026-02-03" in found.message
    assert "rules/stock_adjustments.csv: partner D0l, product P1 of 2026-02-03" in found.message


def land_peers(world: World, measure: str, segments: Sequence[str]) -> None:
    """Scorecards go by the scheme `value`; another scheme has a segment of its own."""
    dated = {"valid_from_date": date(2026, 1, 1), "valid_to_date": date(9999, 12, 31)}
    schemes = [{"scheme_code": "value", "measure_code": measure}, {"scheme_code": "relation"}]
    land_rules(world, "segment_schemes", [{**dated, **scheme} for scheme in schemes])
    land_rules(
        world,
        "segments",
        [
            {"scheme_code": scheme, "valid_from_date": date(2026, 1, 1), "segment_code": segment}
            for scheme, segment in (("relation", "VIP"), *(("value", segment) for segment in segments))
        ],
    )
    land_rules(
        world,
        "scorecard_themes",
        [{"theme_code": theme, "peer_scheme_code": "value"} for theme in ("volume", "margin")],
    )


def land_targets(world: World, *segments: str) -> None:
    """A target for each segment, from line 2 on, each for two months."""
    land_rules(
        world,
        "targets",
        [
            {"segment_code": segment, "month_start_date": date(2026, month, 1), "line_number": line}
            for line, segment in enumerate(segments, start=2)
            for month in (1, 2)
        ],
        "rules/targets.csv",
    )


def test_a_segment_that_a_target_misspells_is_named_with_file_line_and_the_nearest_code(world: World) -> None:
    land(world)
    land_peers(world, "revenue", ("Gold", "Silver"))
    land_targets(world, "Gold", "Slver", "VIP")

    verdict = judge(world)

    assert verdict.passed
    (found,) = failed(verdict).values()
    assert (found.name, found.unexpected_count) == ("segments_are_known", 2)
    expected = "expected a segment of the scheme of peers, such as"
    assert f"rules/targets.csv, line 3: Slver; {expected} Silver" in found.message
    # A segment of another scheme: targets go by the scheme of peers alone.
    assert "rules/targets.csv, line 4: VIP; " in found.message


def test_targets_of_segments_without_a_scheme_of_peers_hold_for_nobody(world: World) -> None:
    land(world)
    land_targets(world, "Gold")
    (found,) = failed(judge(world)).values()
    assert (
        "line 2: Gold; expected a segment of the scheme of peers, but peers names no scheme" in found.message
    )


def test_where_the_erps_segments_are_the_peers_its_own_codes_are_known(world: World) -> None:
    land(world)
    world.erp("partners", [{**PARTNER, "segment_code": "A"}])
    land_peers(world, "erp_segment", ("Gold",))
    land_targets(world, "A", "Gold", "B")
    (found,) = failed(judge(world)).values()
    assert found.unexpected_count == 1
    assert "line 4: B;" in found.message


def test_segments_by_region_are_not_judged_before_the_warehouse_knows_them(world: World) -> None:
    land(world)
    land_peers(world, "region", ("North",))
    land_targets(world, "Bretagne")
    assert failed(judge(world)) == {}
