"""Facts replaced slice by slice are the facts of a full rebuild, and only what changed is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from connectors.landing import atomic_file

from .conftest import Company

pytestmark = pytest.mark.slow


FEEDS = [
    {"feed_code": "d01_w", "partner_code": "D01"},
    {"feed_code": "d02_w", "partner_code": "D02", "reports_inventory": False},
    {
        "feed_code": "d03_m",
        "partner_code": "D03",
        "frequency_code": "month",
        "expected_from_date": "2026-01-01",
    },
    {"feed_code": "d04_s", "partner_code": "D04", "reports_sell_out": False},
    # Not expected before the as-of day.
    {
        "feed_code": "d04_w",
        "partner_code": "D04",
        "reports_inventory": False,
        "expected_from_date": "2026-04-06",
    },
]


# Estimates look back over months that a run does not replace.
ESTIMATING = {"threshold_code": "estimation_months", "threshold_value": "1"}


ELBOW = {"product_code": "P5", "product_name": "Coude", "gtin": "3001234567915"}


def stock_the_company(company: Company) -> None:
    """Two partners by week, one by month, one that tells its stock only; master data in its first state."""
    company.erp(
        "partners",
        [
            {"partner_code": "D01", "partner_name": "Un", "postal_code": "69001"},
            {"partner_code": "D02", "partner_name": "Deux", "postal_code": "20137"},
            {"partner_code": "D03", "partner_name": "Trois"},
            {"partner_code": "D04", "partner_name": "Quatre"},
        ],
    )
    company.erp(
        "partner_terms",
        [{"partner_code": "D01", "valid_from_date": "2025-01-01", "transit_days": 2, "discount_rate": "0.2"}],
    )
    company.erp(
        "products",
        [
            {"product_code": "P1", "product_name": "Pompe", "gtin": "3001234567892"},
            {"product_code": "P2", "product_name": "Vanne"},
            ELBOW,
        ],
    )
    company.erp("product_units", [{"product_code": "P1", "unit_code": "BOX", "base_quantity": 6}])
    company.erp(
        "product_costs", [{"product_code": "P1", "valid_from_date": "2026-01-01", "unit_cost_amount": "4.5"}]
    )
    company.erp(
        "order_lines",
        [
            {
                "order_number": "O1",
                "partner_code": "D01",
                "order_date": "2026-01-02",
                "product_code": "P1",
                "ordered_quantity": 60,
            }
        ],
    )
    company.erp(
        "shipment_lines",
        [
            {
                "shipment_number": "S1",
                "order_number": "O1",
                "order_line_number": "1",
                "partner_code": "D01",
                "shipment_date": "2026-01-06",
                "product_code": "P1",
                "shipped_quantity": 10,
                "unit_code": "BOX",
            }
        ],
    )
    company.erp("invoice_lines", [an_invoice("I1", "2026-01-06", 60, 600)])
    company.rules("feeds", FEEDS)
    company.rules("product_crosswalk", [])
    company.rules("thresholds", [ESTIMATING])
    for period, stock in (("2026-W02", 60), ("2026-W03", 48), ("2026-W04", 36), ("2026-W06", 20)):
        company.report(
            "D01",
            "d01_w",
            period,
            sell_out=[
                {
                    "product_code": "P1",
                    "sold_quantity": 12,
                    "net_amount": 180,
                    "postal_code": "69003",
                    "store_code": "S1",
                    "transaction_id": "T1",
                    "customer_key": "K1",
                },
                {"partner_product_code": "X9", "sold_quantity": 3, "net_amount": "30.05"},
                {"gtin": "03001234567908", "sold_quantity": 1, "net_amount": 7},
                {"product_code": "P1", "sold_quantity": 1, "unit_code": "PAL", "net_amount": 500},
                {"product_code": "P5", "sold_quantity": 2, "net_amount": 18},
            ],
            inventory=[
                {"product_code": "P1", "on_hand_quantity": stock, "store_name": "Lyon"},
                {"partner_product_code": "X9", "on_hand_quantity": 5},
            ],
        )
    for period in ("2026-W02", "2026-W03"):
        lines = [{"product_code": "P2", "sold_quantity": 4, "net_amount": 40, "currency_code": "CHF"}]
        if period == "2026-W02":
            lines.append({"partner_product_code": "X7", "sold_quantity": 2, "net_amount": 8})
        company.report("D02", "d02_w", period, sell_out=lines)
    for first, last, label in (
        (date(2026, 1, 1), date(2026, 1, 31), "2026-01"),
        (date(2026, 2, 1), date(2026, 2, 28), "2026-02"),
    ):
        company.report(
            "D03",
            "d03_m",
            label,
            span=(first, last),
            sell_out=[{"product_code": "P1", "sold_quantity": 80, "net_amount": 900}],
            inventory=[{"product_code": "P1", "on_hand_quantity": 20}],
        )
    company.report("D04", "d04_s", "2026-W05", inventory=[{"product_code": "P1", "on_hand_quantity": 9}])


def an_invoice(number: str, day: str, quantity: int, amount: int) -> dict[str, object]:
    return {
        "invoice_number": number,
        "partner_code": "D01",
        "invoice_date": day,
        "product_code": "P1",
        "invoiced_quantity": quantity,
        "gross_amount": amount,
        "net_amount": amount,
    }


def withdraw(company: Company, slice_key: str) -> None:
    """Take a report back: its slices have no live batch any more."""
    with sqlite3.connect(company.ledger.path) as connection:
        connection.execute("update slices set is_live = 0 where slice_key = ?", (slice_key,))
    with company.ledger as ledger:
        ledger.mark_pending([("feeds", name, slice_key) for name in ("sell_out", "inventory")], "withdrawn")
        ledger.export(company.landing)


def restate_a_week(company: Company) -> None:
    """Naming no more at which store and to whom it sold."""
    company.report(
        "D01",
        "d01_w",
        "2026-W03",
        sell_out=[{"product_code": "P1", "sold_quantity": 10, "returned_quantity": 1, "net_amount": 150}],
        inventory=[{"product_code": "P1", "on_hand_quantity": 50}],
    )


def report_a_zero(company: Company) -> None:
    company.report("D02", "d02_w", "2026-W03", sell_out=[])


def withdraw_a_week(company: Company) -> None:
    withdraw(company, "D01|d01_w|2026-W04")


CROSSWALK = [
    {"partner_code": "D01", "partner_product_code": "X9", "product_code": "P2"},
    {"partner_code": "D02", "partner_product_code": "X7", "product_code": "P4"},
]


def add_a_crosswalk_row(company: Company) -> None:
    company.rules("product_crosswalk", CROSSWALK)


A_MATCH = {
    "partner_code": "D01",
    "reported_code": "03001234567908",
    "product_code": "P1",
    "unit_code": "BOX",
    "valid_to_date": "2026-01-12",
}


def accept_a_match(company: Company) -> None:
    """What D01 calls by a GTIN that nobody has is P1 until week 2; the same GTIN of D02 is another matter."""
    company.rules(
        "product_matches",
        [A_MATCH, {**A_MATCH, "partner_code": "D02", "product_code": "P2"}],
    )


def take_the_match_back(company: Company) -> None:
    resolved = "select product_code, sold_quantity from core.fct_sell_out where reported_gtin is not null"
    assert company.query(f"{resolved} order by sale_date") == [("P1", 6), ("UNMATCHED", None)]
    company.rules("product_matches", [A_MATCH, {**A_MATCH, "decision_code": "rejected"}])


MATCHED_STORES = "select own_store_code, match_code from core.dim_stores where store_key = 'D01|S1'"


def list_a_store_and_accept_it(company: Company) -> None:
    """A match changes the dimension; no line is built again."""
    company.rules("stores", [{"store_code": "M1", "store_name": "Lyon", "partner_code": "D01"}])
    company.rules("store_matches", [{"partner_code": "D01", "reported_code": "S1", "store_code": "M1"}])


def take_the_store_back(company: Company) -> None:
    assert company.query(MATCHED_STORES) == [("M1", "accepted")]
    match = {"partner_code": "D01", "reported_code": "S1", "store_code": "M1"}
    company.rules("store_matches", [match, {**match, "decision_code": "rejected"}])


def call_a_store_by_its_code(company: Company) -> None:
    assert company.query(MATCHED_STORES) == [("UNMATCHED", "unmatched")]
    company.rules(
        "stores",
        [
            {
                "store_code": "M1",
                "store_name": "Lyon",
                "partner_code": "D01",
                "partner_store_code": "S1",
            }
        ],
    )


def add_products_that_reports_already_name(company: Company) -> None:
    """One by its GTIN, one by a crosswalk row that came before it."""
    company.erp(
        "products",
        [
            {"product_code": "P3", "product_name": "Raccord", "gtin": "3001234567908"},
            {"product_code": "P4", "product_name": "Joint"},
        ],
    )


def add_a_unit(company: Company) -> None:
    company.erp("product_units", [{"product_code": "P1", "unit_code": "PAL", "base_quantity": 48}])


def change_a_partners_pallet_from_february(company: Company) -> None:
    """It holds 40 of P1 for D01 from 1 February on; for others still 48."""
    rule = {"partner_code": "D01", "product_code": "P1", "unit_code": "PAL", "numerator": 40}
    company.rules("units", [{**rule, "denominator": 1, "valid_from_date": "2026-02-01"}])


def add_an_exchange_rate(company: Company) -> None:
    """Of the day before the week's Thursday, on which D02's lines count."""
    company.rules(
        "exchange_rates",
        [{"currency_code": "CHF", "rate_date": "2026-01-07", "currency_per_euro": Decimal("0.8")}],
    )


def add_terms_from_2_february(company: Company) -> None:
    """Entered in January, ahead of their day, on which the partner goes over to another channel."""
    for first, channel in (("2025-01-01", None), ("2026-02-02", "direct")):
        row = {"partner_code": "D03", "valid_from_date": first, "updated_at": "2026-01-15 09:00:00"}
        company.erp("partner_terms", [{**row, "channel_code": channel}])


CHANNELS_OF_D03 = (
    "select distinct cast(date_trunc('month', sale_date) as date), channel_code from core.fct_sell_out "
    "where partner_code = 'D03' order by 1"
)


UNITS_OF_W05 = (
    "select sum(sold_quantity), sum(net_amount) from core.fct_sell_out where slice_key = 'D02|d02_w|2026-W05'"
)


def report_by_edi_in_two_documents(company: Company) -> None:
    """An original of 4 units, and an addition of 9 that stands beside it."""
    for document, units in (("A", 4), ("B", 9)):
        lines = [{"product_code": "P2", "sold_quantity": units, "net_amount": 10 * units}]
        company.report("D02", "d02_w", "2026-W05", sell_out=lines, document=document, supersedes=units == 4)


def take_a_document_back(company: Company) -> None:
    """A cancellation of the original, which leaves the addition."""
    company.report("D02", "d02_w", "2026-W05", retired="A")


def ship_more_in_an_old_week(company: Company) -> None:
    """Under way when week 3 ends; there in week 4."""
    company.erp(
        "shipment_lines",
        [
            {
                "shipment_number": "S0",
                "partner_code": "D01",
                "shipment_date": "2026-01-17",
                "product_code": "P2",
                "shipped_quantity": 5,
            }
        ],
    )


def invoice_a_partner_that_never_bought(company: Company) -> None:
    company.erp("invoice_lines", [{**an_invoice("I2", "2026-02-11", 8, 80), "partner_code": "D02"}])


def restate_a_month(company: Company) -> None:
    """Its weeks are running until the month's last day."""
    company.report(
        "D03",
        "d03_m",
        "2026-01",
        span=(date(2026, 1, 1), date(2026, 1, 31)),
        sell_out=[{"product_code": "P1", "sold_quantity": 75, "net_amount": 850}],
        inventory=[{"product_code": "P1", "on_hand_quantity": 90}],
    )


ADJUSTMENT = {
    "partner_code": "D01",
    "product_code": "P1",
    "adjustment_date": "2026-02-04",
    "adjusted_quantity": -2,
    "reason": "Broken",
}


def adjust_stocks(company: Company) -> None:
    """One between two counts, one of a product that D01 never had."""
    company.rules("stock_adjustments", [ADJUSTMENT, {**ADJUSTMENT, "product_code": "P3"}])


def take_an_adjustment_back(company: Company) -> None:
    assert company.query(
        "select product_code, adjusted_quantity from core.fct_inventory where adjusted_quantity <> 0 "
        "order by product_code"
    ) == [("P1", -2), ("P3", -2)]
    company.rules("stock_adjustments", [{**ADJUSTMENT, "adjusted_quantity": -3}])


def begin_to_report_sales(company: Company) -> None:
    """It never bought, and has told its stock since January."""
    company.report("D04", "d04_w", "2026-W13", sell_out=[{"product_code": "P1", "sold_quantity": 1}])


def report_by_a_second_feed(company: Company) -> None:
    company.rules("feeds", [*FEEDS, {"feed_code": "d01_x", "partner_code": "D01"}])
    for period, units in (("2026-W03", 11), ("2026-W06", 7)):
        company.report(
            "D01",
            "d01_x",
            period,
            sell_out=[{"product_code": "P1", "sold_quantity": units, "net_amount": 10 * units}],
            inventory=[{"product_code": "P1", "on_hand_quantity": units}],
        )


SOLD_BY_D01 = (
    "select net_quantity from marts.mart_sell_out_monthly "
    "where partner_code = 'D01' and product_code = 'P1' and month_start_date = date '2026-01-01'"
)


def name_the_feeds_of_record(company: Company) -> None:
    """Sales of one feed and stocks of the other count; both have been there all the time."""
    company.rules(
        "partners",
        [{"partner_code": "D01", "sell_out_feed_code": "d01_x", "inventory_feed_code": "d01_w"}],
    )


def exchange_the_feeds_of_record(company: Company) -> None:
    assert company.query(SOLD_BY_D01) == [(11,)]
    company.rules(
        "partners",
        [{"partner_code": "D01", "sell_out_feed_code": "d01_w", "inventory_feed_code": "d01_x"}],
    )


def raise_a_threshold(company: Company) -> None:
    coverage = {"threshold_code": "coverage_min_rate", "threshold_value": "0.9"}
    company.rules("thresholds", [ESTIMATING, coverage])


def date_a_launch(company: Company) -> None:
    company.erp(
        "products",
        [{"product_code": "P2", "product_name": "Vanne", "launch_date": "2026-01-15"}],
    )


CAUSE_OF_WEEK_7 = (
    "select likely_cause_code from marts.mart_siso_weekly "
    "where partner_code = 'D01' and product_code = 'P1' and week_start_date = date '2026-02-09'"
)


def sell(company: Company, period: str, units: int) -> None:
    lines = [{"product_code": "P1", "sold_quantity": units, "net_amount": 10 * units}]
    company.report("D01", "d01_w", period, sell_out=lines)


def count_more_than_can_be_there(company: Company) -> None:
    """7 at the end of week 6, less 1, and 40 are counted. The report came late, as all of this company."""
    sell(company, "2026-W07", 1)
    company.report("D01", "d01_x", "2026-W07", inventory=[{"product_code": "P1", "on_hand_quantity": 40}])


def sell_more_than_was_there(company: Company) -> None:
    """The stock turns negative in week 8, and explains the week before."""
    assert company.query(CAUSE_OF_WEEK_7) == [("late_report",)]
    sell(company, "2026-W08", 30)


def sell_on_below_zero(company: Company) -> None:
    """Negative before the touched week already: what lies before it stands as it was explained."""
    assert company.query(CAUSE_OF_WEEK_7) == [("missing_sell_in",)]
    sell(company, "2026-W09", 3)


def correct_what_was_sold(company: Company) -> None:
    assert company.query(CAUSE_OF_WEEK_7) == [("missing_sell_in",)]
    sell(company, "2026-W08", 2)


PRODUCTS_OF_THE_GTIN = (
    "select product_code, count(*) from core.fct_sell_out where reported_gtin = '03001234567908' group by all"
)


def sell_the_article_under_another_code(company: Company) -> None:
    """Nobody can say which of the two a line means."""
    assert company.query(PRODUCTS_OF_THE_GTIN) == [("P3", 2)]
    company.erp("products", [{"product_code": "P3N", "product_name": "Raccord", "gtin": "3001234567908"}])


def end_its_former_code(company: Company) -> None:
    assert company.query(PRODUCTS_OF_THE_GTIN) == [("UNMATCHED", 2)]
    company.erp(
        "products",
        [{"product_code": "P3", "product_name": "Raccord", "gtin": "3001234567908", "is_active": False}],
    )


PRODUCTS_OF_THE_CODE = (
    "select distinct product_code, resolution_code from core.fct_sell_out where reported_product_code = 'P5'"
)


def take_a_code_out_of_the_erp(company: Company) -> None:
    company.erp("products", [ELBOW], deleted=True)


def bring_its_article_back_under_another(company: Company) -> None:
    """The partner's reports go on by the former code, for all that they have told of it."""
    assert company.query(PRODUCTS_OF_THE_CODE) == [("P5", "resolved")]
    company.erp("products", [{**ELBOW, "product_code": "P5N"}])


def translate_the_code_by_the_crosswalk(company: Company) -> None:
    """It says nothing as long as the GTIN names the article."""
    assert company.query(PRODUCTS_OF_THE_CODE) == [("P5N", "resolved")]
    company.erp("products", [{**ELBOW, "product_code": "P5N", "gtin": None}])
    crosswalk = {"partner_code": "D01", "partner_product_code": "P5", "product_code": "P2"}
    company.rules("product_crosswalk", [crosswalk, *CROSSWALK])


@dataclass(frozen=True)
class Change:
    """What happens, the slices that it touches, and what of `rolled_inputs` it changes beside them.

    The latter by kind, partner and the day from which weeks are to be rolled anew.
    """

    happens: Callable[[Company], None]
    slices: set[tuple[str, str]] = field(default_factory=set)
    inputs: set[tuple[str, str, date]] = field(default_factory=set)


EVER = date(1900, 1, 1)


def weeks_of(feed: str, *weeks: int, entities: Sequence[str] = ("sell_out",)) -> set[tuple[str, str]]:
    return {(name, f"{feed}|2026-W{week:02}") for name in entities for week in weeks}


BOTH = ("sell_out", "inventory")
D01, D02 = "D01|d01_w", "D02|d02_w"

STEPS: list[list[Change]] = [
    [
        Change(restate_a_week, weeks_of(D01, 3, entities=BOTH)),
        Change(report_a_zero, weeks_of(D02, 3)),
        Change(add_an_exchange_rate, weeks_of(D02, 2)),
        Change(report_by_edi_in_two_documents, weeks_of(D02, 5)),
        Change(list_a_store_and_accept_it),
        Change(ship_more_in_an_old_week, inputs={("arrival", "D01", date(2026, 1, 12))}),
    ],
    [
        Change(withdraw_a_week, weeks_of(D01, 4, entities=BOTH)),
        Change(take_a_document_back, weeks_of(D02, 5)),
        Change(take_the_store_back),
        Change(invoice_a_partner_that_never_bought, inputs={("document", "D02", date(2026, 2, 1))}),
    ],
    [
        # The restated week 3 holds no such identifier any more.
        Change(add_a_crosswalk_row, weeks_of(D01, 2, 6, entities=BOTH)),
        Change(restate_a_month, {(name, "D03|d03_m|2026-01") for name in BOTH}),
        Change(call_a_store_by_its_code),
    ],
    [
        Change(accept_a_match, weeks_of(D01, 2, 6)),
        Change(raise_a_threshold, inputs={("threshold", "", EVER)}),
    ],
    [
        Change(take_the_match_back, weeks_of(D01, 2, 6)),
        Change(begin_to_report_sales, weeks_of("D04|d04_w", 13), {("reporting", "D04", EVER)}),
    ],
    [Change(add_products_that_reports_already_name, weeks_of(D01, 2, 6) | weeks_of(D02, 2))],
    [
        Change(add_a_unit, weeks_of(D01, 2, 6)),
        Change(date_a_launch, inputs={("product", "", EVER)}),
    ],
    [
        Change(
            add_terms_from_2_february,
            {(name, "D03|d03_m|2026-02") for name in BOTH},
            {("channel", "D03", date(2026, 2, 2))},
        ),
        Change(
            report_by_a_second_feed,
            weeks_of("D01|d01_x", 3, 6, entities=BOTH),
            {("feed", "D01", EVER)},
        ),
    ],
    [
        Change(name_the_feeds_of_record, inputs={("feed", "D01", EVER)}),
        Change(sell_the_article_under_another_code, weeks_of(D01, 2, 6)),
    ],
    [
        Change(exchange_the_feeds_of_record, inputs={("feed", "D01", EVER)}),
        Change(end_its_former_code, weeks_of(D01, 2, 6)),
    ],
    [Change(take_a_code_out_of_the_erp, weeks_of(D01, 2, 6))],
    [Change(bring_its_article_back_under_another, weeks_of(D01, 2, 6))],
    [Change(translate_the_code_by_the_crosswalk, weeks_of(D01, 2, 6))],
    # From here on no change reaches back to January, so that earlier weeks stand as they were built.
    [
        Change(change_a_partners_pallet_from_february, weeks_of(D01, 6)),
        Change(adjust_stocks, inputs={("adjustment", "D01", date(2026, 2, 2))}),
    ],
    [
        Change(take_an_adjustment_back, inputs={("adjustment", "D01", date(2026, 2, 2))}),
        Change(
            count_more_than_can_be_there,
            weeks_of(D01, 7) | weeks_of("D01|d01_x", 7, entities=("inventory",)),
        ),
    ],
    [Change(sell_more_than_was_there, weeks_of(D01, 8))],
    [Change(sell_on_below_zero, weeks_of(D01, 9))],
    [Change(correct_what_was_sold, weeks_of(D01, 8))],
]
"""One run each. Changes share a run where each shows by itself: they touch different slices, or change
different inputs of what is rolled forward."""


# Where those that follow touch what lies before, and would mend what one of these has missed.
COMPARED = {
    withdraw_a_week,
    restate_a_month,
    begin_to_report_sales,
    report_by_a_second_feed,
    exchange_the_feeds_of_record,
    translate_the_code_by_the_crosswalk,
    adjust_stocks,
    take_an_adjustment_back,
    sell_more_than_was_there,
    sell_on_below_zero,
}


# What a run adds to, and what it remembers of the run before, with all that they read. Every other table is
# made of these anew, so that after each change these say it all.
REMEMBERING = "+config.materialized:incremental +fct_sell_out +int_*_used +dim_stores"


def differences(company: Company, models: str = REMEMBERING) -> list[str]:
    """Tables of which the incremental warehouse and a full rebuild from landing hold other rows."""
    # The parsed project names its database after the file.
    rebuilt = company.data / "rebuilt" / company.warehouse.name
    company.build(models, scope="all", warehouse=rebuilt)
    found = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{company.warehouse}' as run (read_only)")
        connection.execute(f"attach '{rebuilt}' as rebuilt (read_only)")
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'rebuilt' "
            "and schema_name in ('intermediate', 'core', 'marts')"
        ).fetchall()
        assert len(tables) > 20
        for (table,) in tables:
            if table == "intermediate.int_weeks_touched":  # speaks of the run, not of the company
                continue
            row = connection.execute(
                f"select count(*) from ((select * from run.{table} except all select * from rebuilt.{table}) "
                f"union all (select * from rebuilt.{table} except all select * from run.{table}))"
            ).fetchone()
            if row is None or row[0]:
                found.append(table)
    return found


def touched(company: Company) -> set[tuple[str, str]]:
    return set(company.query("select entity_code, slice_key from staging.stg_ledger__touched_slices"))


def rolled_inputs(company: Company) -> set[tuple[Any, ...]]:
    """What the last run read beside reports: kind, partner, day from which it counts, item and value."""
    columns = "input_kind, partner_code, from_date, item_code, input_value"
    return set(company.query(f"select {columns} from intermediate.int_rolled_inputs_used"))


def leave_an_orphan(company: Company) -> None:
    """A file that the ledger does not know, as a killed run leaves it."""
    known = next((company.landing / "feeds" / "sell_out" / "D02").rglob("*.parquet"))
    (known.parent / "20990101T000000000000-ffffffff.parquet").write_bytes(known.read_bytes())


def land_as_before_the_contract_had(company: Company, *columns: str) -> None:
    """Give one report of D02 the columns of an older contract."""
    (report, *_) = sorted((company.landing / "feeds" / "sell_out" / "D02").rglob("*.parquet"))
    with duckdb.connect() as connection, atomic_file(report) as part:
        older = f"select * exclude ({', '.join(columns)}) from '{report}'"
        connection.execute(f"copy ({older}) to '{part}' (format parquet)")


def test_changes_touch_their_slices_and_end_as_a_full_rebuild(company: Company) -> None:
    stock_the_company(company)
    leave_an_orphan(company)
    company.build(REMEMBERING, as_of=date(2026, 2, 20))
    assert company.query("select count(*) from core.fct_sell_out where partner_code = 'D02'") == [(3,)]
    for changes in STEPS:
        happening = {change.happens for change in changes}
        names = ", ".join(change.happens.__name__ for change in changes)
        company.published()
        inputs = rolled_inputs(company)
        for change in changes:
            change.happens(company)
        if add_a_crosswalk_row in happening:
            # A run that dies after the facts, before the copy of what they were built with.
            company.build("+fct_sell_out")
        company.build(REMEMBERING)
        assert touched(company) == set().union(*(change.slices for change in changes)), names
        changed = {row[:3] for row in inputs ^ rolled_inputs(company)}
        for change in changes:
            assert change.inputs <= changed, change.happens.__name__
        if report_by_edi_in_two_documents in happening:
            assert company.query(UNITS_OF_W05) == [(13, 130)]
        if happening & COMPARED:
            assert differences(company) == [], names
    assert company.query(UNITS_OF_W05) == [(9, 90)]
    assert company.query(
        "select source_row, sold_quantity from core.fct_sell_out "
        "where slice_key = 'D01|d01_w|2026-W06' and unit_code = 'PAL'"
    ) == [(4, Decimal(40))]
    assert company.query(
        "select net_amount, currency_code, document_net_amount, document_currency_code "
        "from core.fct_sell_out where slice_key = 'D02|d02_w|2026-W02' and product_code = 'P2'"
    ) == [(Decimal(50), "EUR", Decimal(40), "CHF")]
    # Something is estimated, so that the comparison says something of it.
    (estimates,) = company.query("select count(estimated_sold_quantity) from marts.mart_sell_out_monthly")
    assert estimates[0] > 0
    assert company.query(CAUSE_OF_WEEK_7) == [("late_report",)]
    assert company.query(PRODUCTS_OF_THE_GTIN) == [("P3N", 2)]
    assert company.query(PRODUCTS_OF_THE_CODE) == [("P2", "resolved")]
    assert company.query(CHANNELS_OF_D03) == [
        (date(2026, 1, 1), "regional_distributor"),
        (date(2026, 2, 1), "direct"),
    ]
    company.build()
    assert differences(company, "*") == []


def test_a_lost_warehouse_is_rebuilt_and_nothing_pending_reads_no_report(company: Company) -> None:
    stock_the_company(company)
    company.build(REMEMBERING)
    company.published()
    before = company.query("select * from core.fct_sell_out order by sell_out_line_id")
    assert len(before) == 25
    company.warehouse.unlink()
    land_as_before_the_contract_had(company, "transaction_id", "store_city")
    company.build(REMEMBERING)
    assert company.query("select * from core.fct_sell_out order by sell_out_line_id") == before
    for file in (company.landing / "feeds").rglob("*.parquet"):
        if file.name != "_schema.parquet":
            file.unlink()
    company.build()
    assert touched(company) == set()
    assert company.query("select * from core.fct_sell_out order by sell_out_line_id") == before
