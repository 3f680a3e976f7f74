"""Segments and scorecards of the sample company, worked out once more: segments from the answer key, scores
in Python from the marts that they are made of.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any

import duckdb
import pytest

Figures = dict[str, Decimal]

WEIGHTS = {
    "volume": 15,
    "growth": 15,
    "sell_out": 15,
    "stock_health": 10,
    "margin": 15,
    "payment": 10,
    "forecast_reliability": 5,
    "reporting": 5,
    "satisfaction": 5,
    "training": 5,
}
"""Those of `examples/demo/rules/scorecard.yml`, as are the scales."""
SCALES = {
    "volume": ("0", "2"),
    "growth": ("-0.20", "0.30"),
    "sell_out": ("0", "5"),
    "stock_health": ("0.50", "1"),
    "margin": ("0.20", "0.45"),
    "payment": ("0.50", "0"),
    "forecast_reliability": ("0", "1"),
    "reporting": ("0.50", "1"),
    "satisfaction": ("0", "0.5"),
    "training": ("0", "1"),
}


def rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def earlier(month: date, months: int) -> date:
    number = 12 * month.year + month.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def by_month(
    published: duckdb.DuckDBPyConnection, columns: str, source: str, partner: str
) -> dict[date, tuple[Any, ...]]:
    rows = published.execute(
        f"select {columns} from {source} partner_code = ? group by 1", [partner]
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def figures_of(published: duckdb.DuckDBPyConnection, partner: str, month: date) -> Figures:
    """The partner's figures of the month, of all themes that have one."""
    window = [earlier(month, back) for back in range(3)]
    found: Figures = {}

    def ratio(theme: str, parts: list[tuple[Any, Any]], less: int = 0, times: int = 1) -> None:
        above, below = (sum((Decimal(part[side]) for part in parts), Decimal(0)) for side in (0, 1))
        if below > 0:
            found[theme] = rounded(times * above / below) - less

    year = [earlier(month, back) for back in range(12)]
    bought: dict[str, Decimal] = defaultdict(Decimal)
    for code, amount in published.execute(
        "select partner_code, sum(net_amount) from marts.mart_sell_in_monthly "
        "where month_start_date between ? and ? group by 1 having sum(invoice_count) > 0",
        [year[-1], month],
    ).fetchall():
        bought[code] = amount
    ratio("volume", [(bought[partner], rounded(Decimal(median(bought.values()))))])

    sold = by_month(
        published,
        "month_start_date, sum(net_quantity), min(coverage_rate)",
        "marts.mart_sell_out_monthly where is_reported and product_code <> 'UNMATCHED' and",
        partner,
    )
    whole = {key: quantity for key, (quantity, coverage) in sold.items() if coverage == 100}
    both = [key for key in window if key in whole and earlier(key, 12) in whole]
    ratio("growth", [(whole[key], whole[earlier(key, 12)]) for key in both], less=1)

    stock = by_month(
        published,
        "month_start_date, sum(sell_out_quantity), sum(average_stock_quantity)",
        "marts.mart_channel_balance_monthly where coverage_rate = 100 and sell_out_quantity is not null "
        "and average_stock_quantity is not null and",
        partner,
    )
    ratio("sell_out", [stock[key] for key in window if key in stock], times=3)

    weeks = by_month(
        published,
        "date_trunc('month', week_start_date + 3)::date, "
        "count(*) filter (stock_status_code = 'normal'), "
        "count(*) filter (not (stock_status_code = 'no_movement' and on_hand_quantity = 0))",
        "marts.mart_channel_inventory_weekly where stock_status_code <> 'not_reported' and",
        partner,
    )
    ratio("stock_health", [weeks[key] for key in window if key in weeks])

    earned = by_month(
        published,
        "month_start_date, sum(pocket_margin_amount), sum(invoice_sales_amount)",
        "marts.mart_partner_profitability_monthly where",
        partner,
    )
    ratio("margin", [earned[key] for key in window if key in earned])

    owed = by_month(
        published,
        "month_start_date, sum(overdue_amount), sum(closing_amount)",
        "marts.mart_receivables_monthly where",
        partner,
    )
    if month in owed:
        overdue, closing = owed[month]
        found["payment"] = rounded(max(overdue, Decimal(0)) / closing) if closing > 0 else Decimal(0)

    announced = by_month(
        published,
        "month_start_date, sum(bought_amount), sum(absolute_error_amount)",
        "marts.mart_partner_forecast_reliability_monthly where compared_count > 0 and",
        partner,
    )
    ratio(
        "forecast_reliability",
        [(bought - wrong, bought) for bought, wrong in (announced[key] for key in year if key in announced)],
    )

    reports = by_month(
        published,
        "date_trunc('month', week_start_date + 3)::date, sum(on_time_count), sum(due_count)",
        "marts.mart_reporting_compliance_weekly where",
        partner,
    )
    ratio("reporting", [reports[key] for key in window if key in reports])

    answers = by_month(
        published,
        "month_start_date, sum(partner_promoter_count - partner_detractor_count), sum(partner_answer_count)",
        "marts.mart_partner_satisfaction_monthly where partner_answer_count is not null and",
        partner,
    )
    ratio("satisfaction", [answers[key] for key in window if key in answers and month in answers])

    attended = by_month(
        published,
        "month_start_date, bool_or(is_certified), sum(attendance_count)",
        "marts.mart_partner_training_monthly where reason_code is null and",
        partner,
    )
    if month in attended:
        trained = sum(count for key, (_, count) in attended.items() if year[-1] <= key <= month)
        found["training"] = Decimal(1 if attended[month][0] else "0.5" if trained else 0)
    return found


def score(theme: str, figure: Decimal) -> Decimal:
    zero, full = (Decimal(value) for value in SCALES[theme])
    return min(max(rounded(100 * (figure - zero) / (full - zero)), Decimal(0)), Decimal(100))


@pytest.mark.parametrize("month", [date(2026, 5, 1), date(2025, 9, 1)])
def test_scores_follow_from_the_marts_they_are_made_of(
    published: duckdb.DuckDBPyConnection, month: date
) -> None:
    partners = [
        code
        for (code,) in published.execute(
            "select distinct partner_code from marts.mart_partner_scorecard_monthly "
            "where month_start_date = ? order by 1",
            [month],
        ).fetchall()
    ]
    expected: dict[str, tuple[dict[str, Decimal], Decimal | None, Decimal]] = {}
    for partner in partners:
        scores = {
            theme: score(theme, value) for theme, value in figures_of(published, partner, month).items()
        }
        covered = sum(WEIGHTS[theme] for theme in scores)
        total = (
            rounded(sum(WEIGHTS[theme] * value for theme, value in scores.items()) / Decimal(covered))
            if covered >= 50
            else None
        )
        expected[partner] = (scores, total, Decimal(covered))
    found = {}
    for partner in partners:
        rows = published.execute(
            "select theme_code, score_value, total_score, covered_weight_rate "
            "from marts.mart_partner_scorecard_monthly where month_start_date = ? and partner_code = ?",
            [month, partner],
        ).fetchall()
        assert {row[0] for row in rows} == set(WEIGHTS)
        found[partner] = (
            {theme: value for theme, value, _, _ in rows if value is not None},
            rows[0][2],
            rows[0][3],
        )
    assert len(partners) > 25
    assert found == expected


def test_segments_of_the_first_month_are_those_of_the_answer_key(
    key: dict[str, Any], published: duckdb.DuckDBPyConnection
) -> None:
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for row in key["sell_in_monthly"]:
        if row["month"] == "2024-07":
            revenue[row["partner_code"]] += Decimal(row["net_amount"])
    total, before, expected = sum(revenue.values()), Decimal(0), {}
    for partner, amount in sorted(revenue.items(), key=lambda item: (-item[1], item[0])):
        share = rounded(before / total)
        expected[partner] = (
            "Gold" if share < Decimal("0.5") else "Silver" if share < Decimal("0.8") else "Bronze"
        )
        before += amount
    found = dict(
        published.execute(
            "select partner_code, segment_code from core.fct_partner_segments "
            "where scheme_code = 'value' and valid_from_date = date '2024-08-01'"
        ).fetchall()
    )
    assert len(expected) > 20
    assert found == expected
