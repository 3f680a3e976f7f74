"""The answer key: planted facts are there, and its totals agree with a count by another way."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import pytest

from connectors.sample.answer_key import build_key
from connectors.sample.generator import Simulation
from connectors.sample.ledger_export import build_exports
from connectors.sample.reports import Report


@pytest.fixture(scope="module")
def key(simulation: Simulation, reports: list[Report]) -> dict[str, Any]:
    exports, differences = build_exports(
        simulation.products,
        simulation.listings,
        simulation.documents,
        simulation.programmes,
        simulation.as_of,
    )
    return build_key(
        simulation.world,
        simulation.documents,
        simulation.programmes,
        reports,
        exports,
        differences,
        simulation.sources,
    )


def test_a_weekly_partners_month_is_the_sum_of_its_files_read_by_hand(
    key: dict[str, Any], reports: list[Report]
) -> None:
    sold: dict[str, int] = defaultdict(int)
    cents: dict[str, int] = defaultdict(int)
    for report in reports:
        if report.feed.code == "D07_sales":
            year, week = report.span.key.split("-W")
            month = f"{date.fromisocalendar(int(year), int(week), 4):%Y-%m}"
            for line in report.content.decode().splitlines()[1:]:
                code, _, units, returned, revenue, _ = line.split("\t")
                if code:
                    sold[month] += int(units) - int(returned)
                    cents[month] += round(float(revenue) * 100)
    expected = [row for row in key["sell_out_monthly"] if row["partner_code"] == "D07"]
    assert {row["month"]: row["net_quantity"] for row in expected} == dict(sold)
    assert {row["month"]: row["net_amount"] for row in expected} == {
        month: f"{value // 100}.{value % 100:02d}" for month, value in cents.items()
    }


def test_the_overstocked_partner_resells_less_than_80_percent_for_months(key: dict[str, Any]) -> None:
    fact = key["planted"]["overstocked_partner"]
    assert fact["partner_code"] == "D07"
    assert {"2026-02", "2026-03", "2026-04", "2026-05"} <= set(fact["months_below_80"])


def test_the_silent_partner_has_not_ordered_for_two_months(key: dict[str, Any]) -> None:
    assert key["planted"]["silent_partner"]["days_without_order"] >= 62


def test_the_margin_destroyer_earns_a_fraction_of_what_others_earn(key: dict[str, Any]) -> None:
    fact = key["planted"]["margin_destroyer"]
    assert fact["margin_rate"] < 12 < 30 < fact["other_distributors"]["margin_rate"]


def test_phantom_stock_is_a_constant_gap_from_its_first_week_on(key: dict[str, Any]) -> None:
    for weeks in key["planted"]["phantom_stock"]["weeks_by_product"].values():
        assert len(weeks) == 17
        assert {week["gap_quantity"] for week in weeks} == {150}


def test_goods_bought_elsewhere_make_the_calculated_stock_negative(key: dict[str, Any]) -> None:
    fact = key["planted"]["missing_sell_in"]
    assert len(fact["negative_weeks"]) >= 4
    assert {week["gap_quantity"] for week in fact["weeks"] if week["week"] >= "2026-W07"} == {240}
    assert {week["gap_quantity"] for week in fact["weeks"] if week["week"] == "2026-W06"} <= {0, 240}


def test_late_reports_come_nine_to_twenty_days_after_the_week(key: dict[str, Any]) -> None:
    days = [report["days_after_period"] for report in key["planted"]["late_reporter"]["reports"]]
    assert len(days) >= 20
    assert (min(days) >= 9, max(days) <= 20) == (True, True)


def test_the_poacher_sells_a_fifth_in_the_exclusive_territory(key: dict[str, Any]) -> None:
    fact = key["planted"]["territory_poacher"]
    share = sum(m["net_quantity"] for m in fact["months"]) / sum(
        m["partner_net_quantity"] for m in fact["months"]
    )
    assert fact["months"][0]["month"] == "2025-10"
    assert 0.20 < share < 0.24


def test_boxes_taken_for_pieces_would_lose_most_of_the_sales(key: dict[str, Any]) -> None:
    for partner in key["planted"]["packs"]["partners"]:
        assert partner["wrong_net_quantity_without_conversion"] < 0.5 * partner["net_quantity"]


def test_every_row_of_every_report_is_accounted_for(key: dict[str, Any]) -> None:
    for counts in key["files"]["by_feed"].values():
        assert (
            counts["rows_read"]
            == counts["rows_accepted"] + counts["rows_quarantined"] + counts["rows_skipped"]
        )
        assert counts["files"] == sum(
            counts[state] for state in ("landed", "superseded", "rejected", "duplicate")
        )


def test_sell_in_of_the_months_is_the_sell_in_of_the_erp(key: dict[str, Any]) -> None:
    cents = sum(int(row["net_amount"].replace(".", "")) for row in key["sell_in_monthly"])
    assert f"{cents // 100}.{cents % 100:02d}" == key["erp"]["net_amount"]
