"""Programme costs of the sample company: sums and plants equal the answer key. What each line carries of them
is held against a second calculation in `test_margin_of_the_sample`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

pytestmark = pytest.mark.slow

Key = dict[str, Any]


def test_costs_of_each_step_and_month_are_exact(key: Key, published: duckdb.DuckDBPyConnection) -> None:
    expected = {
        (row["cost_step_code"], row["month"]): Decimal(row["amount"])
        for row in key["programme_costs_monthly"]
    }
    found = published.sql(
        "select cost_step_code, strftime(cost_date, '%Y-%m'), sum(amount) "
        "from core.fct_programme_costs group by all"
    ).fetchall()
    assert len(expected) > 150
    assert {step for step, _ in expected} == {
        "price_protection",
        "ship_and_debit",
        "mdf",
        "freight",
        "cash_discount",
        "commission",
        "spiff",
        "training",
        "channel_staff",
        "tools",
    }
    assert {(step, month): amount for step, month, amount in found if amount} == expected


def test_account_of_each_agent_partner_and_month_is_exact(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    names = ("basis_amount", "commission_amount", "clawback_amount", "due_amount", "paid_amount")
    expected = {
        (row["agent_code"], row["partner_code"], row["month"]): tuple(Decimal(row[name]) for name in names)
        for row in key["commissions_monthly"]
    }
    found = published.sql(
        f"select agent_code, partner_code, strftime(month_start_date, '%Y-%m'), {', '.join(names)} "
        "from marts.mart_commissions_monthly"
    ).fetchall()
    assert len(expected) > 100
    assert {row[:3]: row[3:] for row in found} == expected


def test_freight_stands_on_the_lines_of_its_document(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.sql(
        "select count(*), count(*) filter (where allocation_key_code <> 'direct'), "
        "count(*) filter (where invoice_line_id is null) from core.fct_programme_costs "
        "where cost_step_code = 'freight' and cost_date < '2026-06-25'"
    ).fetchone()
    assert rows is not None
    assert rows[0] > 1000
    assert rows[1:] == (0, 0)


def test_planted_claims_are_flagged_and_hardly_any_other(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    planted = key["planted"]
    double, above = planted["claim_sent_twice"], planted["claim_over_budget"]
    inflated = planted["ship_and_debit_above_sell_out"]
    assert published.sql(
        "select claim_number, duplicate_of_claim_number, claimed_amount, duplicate_reason_code "
        "from core.fct_programme_claims where is_near_duplicate"
    ).fetchall() == [
        (
            double["claim_number"],
            double["duplicate_of_claim_number"],
            Decimal(double["claimed_amount"]),
            "same_proof",
        )
    ]
    assert published.sql(
        "select claim_number, budget_code, over_budget_amount from core.fct_programme_claims "
        "where is_over_budget"
    ).fetchall() == [(above["claim_number"], above["budget_code"], Decimal(above["over_budget_amount"]))]
    assert published.sql(
        "select claim_number, claimed_quantity, reported_quantity, claimed_amount, computed_amount "
        "from core.fct_programme_claims where is_over_computed"
    ).fetchall() == [
        (
            inflated["claim_number"],
            inflated["claimed_quantity"],
            inflated["reported_quantity"],
            Decimal(inflated["claimed_amount"]),
            Decimal(inflated["computed_amount"]),
        )
    ]
    without = published.sql(
        "select distinct partner_code from core.fct_programme_claims where is_without_proof"
    ).fetchall()
    assert without == [("T02",)]


def test_commission_of_an_agent_who_left_is_open_to_be_given_back(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    fact = key["planted"]["commission_to_claw_back"]
    row = published.execute(
        "select sum(open_amount) from marts.mart_commissions_monthly "
        "where agent_code = ? and partner_code = ?",
        [fact["agent_code"], fact["partner_code"]],
    ).fetchone()
    late = published.execute(
        "select sum(commission_amount) from core.fct_commissions "
        "where event_code = 'clawed_back' and agent_code = ? and event_date >= ?",
        [fact["agent_code"], fact["from"]],
    ).fetchone()
    assert late == (Decimal(fact["clawed_back_after_leaving_amount"]),)
    assert row == (Decimal(fact["due_amount"]) - Decimal(fact["paid_amount"]),)
    assert row == late


def test_discount_taken_without_right_is_told_from_what_was_earned(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    fact = key["planted"]["cash_discount_without_right"]
    found = published.sql(
        "select partner_code, count(*), sum(taken_without_right_amount) from core.fct_cash_discounts "
        "where taken_without_right_amount > 0 group by all"
    ).fetchall()
    assert found == [
        (fact["partner_code"], fact["invoice_count"], Decimal(fact["taken_without_right_amount"]))
    ]
    earned = published.sql(
        "select count(*) from core.fct_cash_discounts "
        "where earned_amount > 0 and taken_amount <> earned_amount"
    ).fetchone()
    assert earned == (0,)


def test_the_dear_direct_channel_returns_less_than_it_costs_and_no_other(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    fact = key["planted"]["channel_without_return"]
    rows = published.execute(
        "select channel_code, sum(channel_contribution_amount), sum(programme_cost_amount), "
        "sum(cost_to_serve_amount) from marts.mart_channel_roi_monthly "
        "where level_code = 'channel' and month_start_date >= ? group by all",
        [fact["from"]],
    ).fetchall()
    assert {channel for channel, contribution, *_ in rows if contribution < 0} == {fact["channel_code"]}
    ((_, _, spent, served),) = [row for row in rows if row[0] == fact["channel_code"]]
    # What names the channel, and its part of what all channels share.
    assert Decimal(fact["own_cost_amount"]) < served <= spent
    marginal = published.sql(
        "select marginal_return_rate, reallocation_rank from marts.mart_channel_roi_monthly "
        "where level_code = 'channel' and channel_code = 'direct' and month_start_date = '2025-12-01'"
    ).fetchone()
    assert marginal is not None
    assert marginal[0] < 100


def test_return_of_a_partner_is_that_of_an_independent_calculation(
    key: Key, published: duckdb.DuckDBPyConnection
) -> None:
    """D17 in March 2026: sales and standard cost of the answer key, costs by line of the published fact."""
    (month,) = [
        row for row in key["sell_in_monthly"] if row["partner_code"] == "D17" and row["month"] == "2026-03"
    ]
    row = published.sql(
        "select invoice_sales_amount, gross_margin_amount, transaction_cost_amount, programme_cost_amount, "
        "channel_contribution_amount, roi_rate from marts.mart_channel_roi_monthly "
        "where level_code = 'partner' and partner_code = 'D17' and month_start_date = '2026-03-01'"
    ).fetchone()
    landed, rebates = published.sql(
        "select (select sum(landed_cost_amount) from core.fct_sell_in "
        "where partner_code = 'D17' and strftime(invoice_date, '%Y-%m') = '2026-03'), "
        "(select coalesce(sum(expected_amount), 0) from core.fct_rebate_lines "
        "where partner_code = 'D17' and strftime(invoice_date, '%Y-%m') = '2026-03')"
    ).fetchone()  # type: ignore[misc]  # one row
    # Costs of the month's documents, whatever day the cost itself is of.
    by_step = dict(
        published.sql(
            "select cost_step_code, sum(costs.amount) from core.fct_programme_costs as costs "
            "join core.fct_sell_in as lines using (invoice_line_id) where lines.partner_code = 'D17' "
            "and strftime(lines.invoice_date, '%Y-%m') = '2026-03' group by all"
        ).fetchall()
    )
    commissions = {
        row["month"]: Decimal(row["commission_amount"]) + Decimal(row["clawback_amount"])
        for row in key["commissions_monthly"]
        if row["partner_code"] == "D17"
    }
    assert by_step["commission"] == commissions["2026-03"]
    transaction = sum(
        by_step.pop(step, Decimal(0))
        for step in ("price_protection", "ship_and_debit", "freight", "cash_discount")
    )
    programme = sum(by_step.values()) + rebates
    margin = Decimal(month["net_amount"]) - Decimal(month["cost_amount"]) - landed
    contribution = margin - transaction - programme
    assert row is not None
    assert row[:5] == (Decimal(month["net_amount"]), margin, transaction, programme, contribution)
    assert abs(row[5] - 100 * contribution / programme) <= Decimal("0.00005")
