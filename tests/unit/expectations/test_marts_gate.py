"""The marts gate opens on marts that tie to the facts, and closes on each fault."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import duckdb
import pytest

from tests.unit.expectations import judging
from tests.unit.expectations.conftest import World
from tests.unit.expectations.judging import each_fault_closes, failed, together
from tests.unit.expectations.warehouse import build, change

judge = partial(judging.judge, "marts")
judge_table = partial(judging.judge_table, "marts")


def test_marts_that_tie_to_the_facts_open_the_gate(world: World) -> None:
    verdict = judge(build(world))
    assert {name: outcome.message for name, outcome in failed(verdict).items()} == {}
    assert verdict.passed


SELL_IN = "mart_sell_in_monthly"
SELL_OUT = "mart_sell_out_monthly"
BALANCE = "mart_channel_balance_monthly"
STOCK = "mart_channel_inventory_weekly"
SISO = "mart_siso_weekly"
COMPLIANCE = "mart_reporting_compliance_weekly"
DIFFERENCES = "mart_feed_differences_monthly"
MONTHLY_KEY = "one_row_per_month_start_date_partner_code_product_code"

RECEIVABLES = "mart_receivables_monthly"
COMMISSIONS = "mart_commissions_monthly"
REBATES = "mart_rebate_accruals_monthly"
ROI = "mart_channel_roi_monthly"
CHALLENGES = "mart_challenges_monthly"
UPLIFT = "mart_promotion_uplift"
SATISFACTION = "mart_partner_satisfaction_monthly"
TRAINING = "mart_partner_training_monthly"
CONVERSION = "mart_conversion_monthly"
SERVICE = "mart_order_service_monthly"
RETURNS = "mart_returns_monthly"
CUSTOMERS = "mart_sell_out_customers_monthly"
LEADS = "mart_lead_conversion_monthly"
RECONCILIATION = "mart_margin_reconciliation_monthly"

RELIABILITY = "mart_partner_forecast_reliability_monthly"
SUPPLY = "mart_pipeline_supply_weekly"
CONFLICTS = "mart_territory_conflicts"
ADJUSTMENTS = "mart_closing_adjustments_monthly"
ALERTS = "fct_alerts"
PROPOSALS = "mart_partner_proposals_weekly"
SCORECARD = "mart_partner_scorecard_monthly"

FAULTS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "proposals": (
        (
            f"insert into marts.{PROPOSALS} select * from marts.{PROPOSALS}",
            f"insert into marts.{PROPOSALS} values ('x', 'gift', 'D77', 'P77', null, null)",
            f"update marts.{PROPOSALS} set proposed_quantity = 25",
        ),
        {
            f"{PROPOSALS}.one_row_per_partner_proposal_id",
            f"{PROPOSALS}.proposal_kind_code_is_known",
            f"{PROPOSALS}.product_code_is_known",
            f"{PROPOSALS}.partner_code_is_known",
            f"{PROPOSALS}.reorders_are_whole_packs",
        },
    ),
    "points that do not add up": (
        (
            f"update marts.{SCORECARD} set change_points = 4 where theme_code = 'volume'",
            f"update marts.{SCORECARD} set score_value = 101 where theme_code = 'margin'",
        ),
        {f"{SCORECARD}.points_add_up", f"{SCORECARD}.score_value_in_range"},
    ),
    "a theme scored twice": (
        (f"insert into marts.{SCORECARD} select * from marts.{SCORECARD} where theme_code = 'volume'",),
        {
            f"{SCORECARD}.points_add_up",
            f"{SCORECARD}.one_row_per_month_start_date_partner_code_theme_code",
        },
    ),
    "an alert that is told twice": (
        (f"insert into marts.{ALERTS} select * from marts.{ALERTS}",),
        {f"{ALERTS}.one_row_per_alert_id", f"{ALERTS}.one_alert_for_each_cause"},
    ),
    "an alert without action or state": (
        (
            f"insert into marts.{ALERTS} select * replace ('x' as alert_id, 'no_order' as rule_code, "
            f"null as action_fr, 'forgotten' as status_code) from marts.{ALERTS}",
        ),
        {f"{ALERTS}.required_columns_are_filled", f"{ALERTS}.status_code_is_known"},
    ),
    "an alert that ended before it began": (
        (f"update marts.{ALERTS} set resolved_date = date '2026-02-28'",),
        {f"{ALERTS}.days_follow_one_another"},
    ),
    "an adjustment that is lost": (
        (f"update marts.{ADJUSTMENTS} set adjustment_amount = -9.99",),
        {f"{ADJUSTMENTS}.as_closed_and_adjustments_give_as_is"},
    ),
    "a doubled adjustment": (
        (f"insert into marts.{ADJUSTMENTS} select * from marts.{ADJUSTMENTS}",),
        {
            f"{ADJUSTMENTS}.one_row_per_closing_adjustment_id",
            f"{ADJUSTMENTS}.as_closed_and_adjustments_give_as_is",
        },
    ),
    "a side of the reconciliation": (
        (f"update marts.{RECONCILIATION} set warehouse_amount = 199, ledger_amount = 199",),
        {
            f"{RECONCILIATION}.warehouse_amount_of_revenue_ties",
            f"{RECONCILIATION}.ledger_amount_of_revenue_ties",
            f"{RECONCILIATION}.ledger_amount_of_receivable_ties",
        },
    ),
    "margin": (
        (
            "update marts.mart_margin_waterfall_monthly set pocket_margin_amount = 23, mdf_amount = 5, "
            "pocket_sales_net_rate = 68",
            "update marts.mart_margin_variance_monthly set mix_effect_amount = 2, variance_amount = 11 "
            "where scope_code = 'product'",
        ),
        {
            "mart_margin_waterfall_monthly.levels_follow_from_their_steps",
            "mart_margin_waterfall_monthly.ties_to_the_fact",
            "mart_margin_waterfall_monthly.pocket_sales_net_rate_follows_its_parts",
            "mart_margin_waterfall_monthly.pocket_margin_gross_rate_follows_its_parts",
            "mart_margin_waterfall_monthly.pocket_margin_net_rate_follows_its_parts",
            "mart_margin_variance_monthly.effects_give_the_variance",
            "mart_margin_variance_monthly.scopes_show_the_same_money",
        },
    ),
    "margin doubled": (
        (
            "insert into marts.mart_margin_waterfall_monthly "
            "select * replace (null as partner_code) from marts.mart_margin_waterfall_monthly",
            "insert into marts.mart_margin_waterfall_monthly from marts.mart_margin_waterfall_monthly",
            "insert into marts.mart_margin_variance_monthly from marts.mart_margin_variance_monthly",
            "insert into marts.mart_margin_variance_monthly "
            "select * replace ('team' as scope_code, 'wish' as comparison_code) "
            "from marts.mart_margin_variance_monthly",
        ),
        {
            "mart_margin_waterfall_monthly.one_row_per_month_start_date_partner_code_channel_code_product_code",
            "mart_margin_waterfall_monthly.required_columns_are_filled",
            "mart_margin_waterfall_monthly.ties_to_the_fact",
            "mart_margin_variance_monthly.scope_code_is_known",
            "mart_margin_variance_monthly.comparison_code_is_known",
            "mart_margin_variance_monthly.one_row_per_comparison_code_scope_code_month_start_date_partner_code"
            "_family_code_product_code",
        },
    ),
    "accruals of rebates": (
        (
            f"insert into marts.{REBATES} select * from marts.{REBATES}",
            f"update marts.{REBATES} set rate_adjustment_amount = 0.01",
        ),
        {
            f"{REBATES}.one_row_per_mart_rebate_accrual_id",
            f"{REBATES}.parts_give_the_accrual",
            f"{REBATES}.ties_to_the_fact",
        },
    ),
    "accruals that the ledger has": (
        (
            "update core.fct_gl_entries set is_rebate_accrual = true, account_class_code = 'price_reduction' "
            "where account_code = '445710'",
        ),
        {f"{RECONCILIATION}.ledger_amount_of_rebate_accrual_ties"},
    ),
    "what partners owe": (
        (
            f"update marts.{RECEIVABLES} set closing_amount = 100",
            f"insert into marts.{RECEIVABLES} select * from marts.{RECEIVABLES}",
        ),
        {
            f"{RECEIVABLES}.one_row_per_month_start_date_partner_code",
            f"{RECEIVABLES}.balance_rolls_forward",
            f"{RECEIVABLES}.ties_to_the_facts",
        },
    ),
    "forecasts of partners": (
        (
            f"update marts.{RELIABILITY} set due_count = 2, conversion_rate = 90, wape_rate = 24",
            f"insert into marts.{RELIABILITY} select * from marts.{RELIABILITY}",
        ),
        {
            f"{RELIABILITY}.one_row_per_month_start_date_partner_code",
            f"{RELIABILITY}.conversion_rate_follows_its_parts",
            f"{RELIABILITY}.wape_rate_follows_its_parts",
            f"{RELIABILITY}.reliability_follows_or_says_why",
            f"{RELIABILITY}.opportunities_due_are_those_of_the_fact",
        },
    ),
    "our own stock": (
        (
            f"update marts.{SUPPLY} set demand_quantity = 66, supply_status_code = 'fine'",
            f"insert into marts.{SUPPLY} select * from marts.{SUPPLY}",
        ),
        {
            f"{SUPPLY}.one_row_per_product_code_week_start_date",
            f"{SUPPLY}.demand_and_stock_follow_their_parts_or_say_why",
            f"{SUPPLY}.projected_stock_rolls_forward",
            f"{SUPPLY}.supply_status_code_is_known",
        },
    ),
    "campaigns": (
        (
            f"update marts.{CHALLENGES} set reached_value = 19 where partner_code = 'D02'",
            f"update marts.{CHALLENGES} set reason_code = null where partner_code = 'D03'",
            f"insert into marts.{CHALLENGES} select * from marts.{CHALLENGES} where partner_code = 'D03'",
            f"update marts.{UPLIFT} set uplift_quantity = 25",
            f"insert into marts.{UPLIFT} select * from marts.{UPLIFT}",
        ),
        {
            f"{CHALLENGES}.positions_follow_the_score",
            f"{CHALLENGES}.who_has_no_position_is_told_why",
            f"{CHALLENGES}.one_row_per_challenge_code_month_start_date_partner_code",
            f"{UPLIFT}.uplift_is_sold_less_expected",
            f"{UPLIFT}.one_row_per_promotion_code_partner_code",
        },
    ),
    "sources": (
        (
            f"update marts.{SATISFACTION} set partner_net_promoter_score = 51, opened_ticket_count = 2, "
            "product_answer_count = 2, product_net_promoter_score = -50, support_reason_code = null",
            f"insert into marts.{TRAINING} select * from marts.{TRAINING}",
            f"update marts.{TRAINING} set certification_status_code = 'maybe', attendance_count = 2, "
            "passed_rate = 99",
            f"update marts.{CONVERSION} set purchase_count = 4",
        ),
        {
            f"{SATISFACTION}.partner_net_promoter_score_follows_its_parts",
            f"{SATISFACTION}.answers_are_those_of_the_fact",
            f"{SATISFACTION}.tickets_are_those_of_the_fact",
            f"{SATISFACTION}.what_is_unknown_says_why",
            f"{TRAINING}.one_row_per_month_start_date_partner_code",
            f"{TRAINING}.certification_status_code_is_known",
            f"{TRAINING}.attendances_are_those_of_the_fact",
            f"{TRAINING}.passed_rate_follows_its_parts",
            f"{CONVERSION}.purchases_are_those_of_the_fact",
            f"{CONVERSION}.conversion_rate_follows_its_parts",
        },
    ),
    "how orders are served": (
        (
            f"update marts.{SERVICE} set complete_order_count = 2, filled_quantity = 19, "
            "claimed_order_count = 1, on_time_order_count = 1, available_line_count = 1, "
            "availability_rate = 100",
            f"insert into marts.{SERVICE} select * from marts.{SERVICE}",
        ),
        {
            f"{SERVICE}.one_row_per_partner_code_month_start_date",
            f"{SERVICE}.ties_to_the_fact",
            f"{SERVICE}.order_fill_rate_follows_its_parts",
            f"{SERVICE}.otif_rate_follows_its_parts",
            f"{SERVICE}.unit_fill_rate_follows_its_parts",
            f"{SERVICE}.order_error_rate_follows_its_parts",
            f"{SERVICE}.availability_rate_follows_its_parts",
            f"{SERVICE}.parts_are_no_larger_than_the_whole",
        },
    ),
    "returns and leads": (
        (
            f"update marts.{RETURNS} set returned_quantity = 3, cohort_returned_quantity = 2",
            f"insert into marts.{RETURNS} select * from marts.{RETURNS}",
            f"update marts.{LEADS} set won_lead_count = 2",
            f"update marts.{CUSTOMERS} set customer_count = 4, lost_customer_count = 2",
            f"insert into marts.{CUSTOMERS} select * from marts.{CUSTOMERS}",
            f"insert into marts.{LEADS} select * from marts.{LEADS}",
        ),
        {
            f"{RETURNS}.one_row_per_partner_code_month_start_date_product_code",
            f"{RETURNS}.ties_to_the_fact",
            f"{RETURNS}.return_rate_follows_its_parts",
            f"{RETURNS}.cohort_return_rate_follows_its_parts",
            f"{CUSTOMERS}.one_row_per_partner_code_month_start_date",
            f"{CUSTOMERS}.repeat_purchase_rate_follows_its_parts",
            f"{CUSTOMERS}.churn_rate_follows_its_parts",
            f"{LEADS}.one_row_per_partner_code_month_start_date_lead_source_code",
            f"{LEADS}.conversion_rate_follows_its_parts",
            f"{LEADS}.every_lead_is_won_lost_or_open",
        },
    ),
    "channel ROI": (
        (
            f"update marts.{ROI} set programme_cost_amount = 25, cost_to_serve_rate = 2 "
            "where level_code = 'channel'",
            f"insert into marts.{ROI} select * from marts.{ROI} where level_code = 'partner'",
        ),
        {
            f"{ROI}.one_row_per_level_code_channel_code_partner_code_month_start_date",
            f"{ROI}.roi_rate_follows_its_parts",
            f"{ROI}.cost_to_serve_rate_follows_its_parts",
            f"{ROI}.levels_tie_to_the_margin",
        },
    ),
    "commissions": (
        (
            f"update marts.{COMMISSIONS} set accrued_amount = 6.01",
            f"insert into marts.{COMMISSIONS} select * from marts.{COMMISSIONS}",
        ),
        {
            f"{COMMISSIONS}.one_row_per_agent_code_partner_code_month_start_date",
            f"{COMMISSIONS}.commission_rate_follows_its_parts",
            f"{COMMISSIONS}.ties_to_the_fact",
        },
    ),
    "conflicts": (
        (
            f"insert into marts.{CONFLICTS} values ('C1', 'quarrel', 'D01', 'D01', date '2026-03-09', "
            "date '2026-03-09', null, null, 'open')",
            f"insert into marts.{CONFLICTS} values ('C1', 'overlapping_grants', 'D01', 'D01', "
            "date '2026-03-09', date '2026-03-09', null, null, 'forgotten')",
            f"insert into marts.{CONFLICTS} (conflict_code, partner_code) values ('C2', 'D99')",
        ),
        {
            f"{CONFLICTS}.one_row_per_conflict_code",
            f"{CONFLICTS}.required_columns_are_filled",
            f"{CONFLICTS}.kind_code_is_known",
            f"{CONFLICTS}.status_code_is_known",
            f"{CONFLICTS}.partner_code_is_known",
            f"{CONFLICTS}.a_conflict_is_between_two_and_says_what_is_at_stake",
            f"{CONFLICTS}.conflicts_are_settled",
        },
    ),
    "how things stand": (
        (
            "update marts.mart_partner_360 set partner_code = 'D02', rolling_sell_out_sell_in_rate = 54, "
            "roi_12_months_rate = 249, compliance_rate = 51",
            "insert into marts.mart_partner_360 select * from marts.mart_partner_360",
            "update marts.mart_network_map set partner_code = 'D99', inconsistencies_fr = null",
            "insert into marts.mart_network_map select * from marts.mart_network_map",
            "insert into marts.mart_network_map (network_map_id) values ('x')",
        ),
        {
            "mart_partner_360.one_row_per_partner_code",
            "mart_partner_360.every_partner_is_there",
            "mart_partner_360.rolling_sell_out_sell_in_rate_follows_its_parts",
            "mart_partner_360.roi_12_months_rate_follows_its_parts",
            "mart_partner_360.compliance_rate_follows_its_parts",
            "mart_network_map.one_row_per_network_map_id",
            "mart_network_map.required_columns_are_filled",
            "mart_network_map.partner_code_is_known",
            "mart_network_map.inconsistencies_are_said_in_words",
        },
    ),
    "causes of the reconciliation": (
        (
            f"update marts.{RECONCILIATION} set unexplained_amount = 1.01, status_code = 'guessed' "
            "where measure_code = 'cost_of_goods'",
            f"insert into marts.{RECONCILIATION} select * from marts.{RECONCILIATION} "
            "where measure_code = 'cost_of_goods'",
        ),
        {
            f"{RECONCILIATION}.one_row_per_measure_code_month_start_date_partner_code",
            f"{RECONCILIATION}.causes_give_the_difference",
            f"{RECONCILIATION}.differences_are_explained",
            f"{RECONCILIATION}.status_code_is_known",
        },
    ),
    "doubled rows": (
        tuple(
            f"insert into marts.{mart} select * from marts.{mart}"
            for mart in (SELL_IN, SELL_OUT, BALANCE, STOCK)
        ),
        {
            f"{SELL_IN}.{MONTHLY_KEY}",
            f"{SELL_IN}.ties_to_the_fact",
            f"{SELL_IN}.ordered_ties_to_the_fact",
            f"{SELL_IN}.shipped_ties_to_the_fact",
            f"{SELL_OUT}.{MONTHLY_KEY}",
            f"{SELL_OUT}.ties_to_the_fact",
            f"{BALANCE}.{MONTHLY_KEY}",
            f"{BALANCE}.sell_in_ties_to_the_fact",
            f"{BALANCE}.sell_out_ties_to_the_fact",
            f"{STOCK}.ties_to_the_fact",
            f"{STOCK}.one_row_per_week_start_date_partner_code_product_code",
        },
    ),
    "reconciliation": (
        (
            f"update marts.{SISO} set gap_quantity = -2, likely_cause_name_fr = null "
            "where gap_quantity is not null",
            f"update marts.{SISO} set likely_cause_code = 'magic', reason_code = null "
            "where gap_quantity is null",
            f"update marts.{COMPLIANCE} set late_count = 0, compliance_rate = 40, quarantined_rate = 101",
            f"update marts.{DIFFERENCES} set feed_code = 'D01_sales', difference_quantity = 2",
        ),
        {
            f"{SISO}.ties_to_the_fact",
            f"{SISO}.gap_rate_follows_its_parts",
            f"{SISO}.a_gap_has_a_likely_cause",
            f"{SISO}.likely_cause_code_is_known",
            f"{SISO}.reason_code_says_why",
            f"{COMPLIANCE}.every_expected_report_has_one_state",
            f"{COMPLIANCE}.compliance_rate_follows_its_parts",
            f"{COMPLIANCE}.quarantined_rate_in_range",
            f"{DIFFERENCES}.only_feeds_that_do_not_count",
            f"{DIFFERENCES}.difference_is_the_feed_less_what_counts",
        },
    ),
    "reconciliation doubled": (
        tuple(
            f"insert into marts.{mart} select * from marts.{mart}" for mart in (SISO, COMPLIANCE, DIFFERENCES)
        ),
        {
            f"{SISO}.one_row_per_week_start_date_partner_code_product_code",
            f"{SISO}.ties_to_the_fact",
            f"{COMPLIANCE}.one_row_per_week_start_date_partner_code_feed_code",
            f"{DIFFERENCES}.one_row_per_month_start_date_feed_code_product_code",
        },
    ),
    "keys": (
        (
            f"update marts.{SELL_IN} set partner_code = 'D99', product_code = 'P9'",
            f"update marts.{SELL_OUT} set product_code = null",
        ),
        {
            f"{SELL_IN}.partner_code_is_known",
            f"{SELL_IN}.product_code_is_known",
            f"{SELL_OUT}.required_columns_are_filled",
        },
    ),
    "a cent and a unit": (
        (
            f"update marts.{SELL_IN} set net_amount = 200.01, shipped_quantity = 21",
            f"update marts.{SELL_OUT} set sold_quantity = 13",
        ),
        {
            f"{SELL_IN}.ties_to_the_fact",
            f"{SELL_IN}.shipped_ties_to_the_fact",
            f"{SELL_OUT}.ties_to_the_fact",
        },
    ),
    "the future": (
        (
            f"update marts.{SELL_IN} set month_start_date = date '2026-04-01'",
            f"update marts.{STOCK} set week_start_date = date '2026-04-06' where on_hand_quantity = 44",
        ),
        {
            f"{SELL_IN}.nothing_after_the_as_of_day",
            f"{SELL_IN}.ties_to_the_fact",
            f"{SELL_IN}.shipped_ties_to_the_fact",
            f"{SELL_IN}.ordered_ties_to_the_fact",
            f"{STOCK}.nothing_after_the_as_of_day",
            f"{STOCK}.ties_to_the_fact",
        },
    ),
    "coverage": (
        (
            f"update marts.{SELL_OUT} set reported_period_count = 5, reported_day_count = 35, "
            "coverage_rate = 125",
        ),
        {
            f"{SELL_OUT}.coverage_rate_in_range",
            f"{SELL_OUT}.no_more_reported_than_expected",
            f"{SELL_OUT}.estimates_are_flagged_and_fill_gaps_only",
        },
    ),
    "an estimate where everything was reported": (
        (
            f"update marts.{SELL_OUT} set reported_period_count = 4, reported_day_count = 28, "
            "coverage_rate = 100, estimation_method_code = null",
        ),
        {f"{SELL_OUT}.estimates_are_flagged_and_fill_gaps_only"},
    ),
    "coverage without a denominator": (
        (
            f"update marts.{SELL_OUT} set expected_period_count = 0, reported_period_count = 0, "
            "expected_day_count = 0, reported_day_count = 0",
        ),
        {
            f"{SELL_OUT}.coverage_rate_follows_its_parts",
            f"{SELL_OUT}.estimates_are_flagged_and_fill_gaps_only",
        },
    ),
    "rates": (
        (
            f"update marts.{BALANCE} set sell_out_sell_in_rate = 56, sell_through_a_rate = null, "
            "sell_through_b_rate = 10, balance_status_code = 'fine', rotation_status_code = 'fine', "
            "coverage_rate = -1",
            f"update marts.{STOCK} set days_of_inventory = 0, stock_status_code = 'full' "
            "where on_hand_quantity = 44",
        ),
        {
            f"{BALANCE}.sell_out_sell_in_rate_follows_its_parts",
            f"{BALANCE}.sell_through_a_rate_follows_its_parts",
            f"{BALANCE}.sell_through_b_rate_follows_its_parts",
            f"{BALANCE}.balance_status_code_is_known",
            f"{BALANCE}.rotation_status_code_is_known",
            f"{BALANCE}.coverage_rate_in_range",
            f"{STOCK}.days_of_inventory_needs_movement",
            f"{STOCK}.stock_status_code_is_known",
        },
    ),
}


@pytest.mark.parametrize("groups", together(FAULTS), ids=lambda groups: f"{groups[0]} and others")
def test_each_fault_closes_the_gate(world: World, groups: tuple[str, ...]) -> None:
    each_fault_closes(judge, world, FAULTS, groups)


def test_a_missing_cent_is_named_with_its_month(world: World) -> None:
    change(build(world), f"update marts.{SELL_IN} set net_amount = 199.99")
    message = judge_table(f"marts.{SELL_IN}", world)[f"{SELL_IN}.ties_to_the_fact"].message
    assert "2026-03 is too high by" in message
    assert "net_amount -0.0100" in message


def test_a_difference_with_the_ledger_names_the_products_without_a_cost(world: World) -> None:
    change(
        build(world),
        "update core.fct_sell_in set cost_amount = null",
        f"update marts.{RECONCILIATION} set unexplained_amount = 110.5 where measure_code = 'cost_of_goods'",
    )
    outcome = judge_table(f"marts.{RECONCILIATION}", world)[f"{RECONCILIATION}.differences_are_explained"]
    assert "cost_of_goods of 2026-03-01: 110.5000, lines without a cost of P1" in outcome.message


def test_a_week_that_has_begun_may_count_in_the_month_to_come(world: World) -> None:
    change(
        build(world),
        *(
            f"insert into {table} select * replace (date '2026-04-01' as month_start_date) from {table}"
            for table in ("core.fct_sell_out_weekly", f"marts.{SELL_OUT}")
        ),
    )
    assert failed(judge(world)) == {}


def test_a_report_of_a_month_to_come_is_no_fault_of_the_mart(world: World) -> None:
    build(world)
    change(
        world,
        "insert into core.fct_sell_out_weekly select * replace (date '2026-04-01' as month_start_date, "
        "date '2026-04-06' as week_start_date) from core.fct_sell_out_weekly",
    )
    assert failed(judge(world)) == {}
    change(
        world,
        f"insert into marts.{SELL_OUT} select * replace (date '2026-04-01' as month_start_date) "
        f"from marts.{SELL_OUT}",
    )
    assert set(failed(judge(world))) == {f"{SELL_OUT}.nothing_after_the_as_of_day"}
    change(world, f"update marts.{SELL_OUT} set net_amount = 1 where month_start_date = date '2026-04-01'")
    assert f"{SELL_OUT}.ties_to_the_fact" in judge_table(f"marts.{SELL_OUT}", world)


DATED: dict[tuple[str, str], str] = {
    ("fct_survey_answers", "answer_date"): f"{SATISFACTION}.answers_are_those_of_the_fact",
    ("fct_support_tickets", "opened_date"): f"{SATISFACTION}.tickets_are_those_of_the_fact",
    ("fct_trainings", "training_date"): f"{TRAINING}.attendances_are_those_of_the_fact",
    ("fct_shop_visits", "visit_date"): f"{CONVERSION}.purchases_are_those_of_the_fact",
    ("fct_sell_in", "invoice_date"): f"{SELL_IN}.ties_to_the_fact",
    ("fct_orders", "order_date"): f"{SELL_IN}.ordered_ties_to_the_fact",
    ("fct_shipments", "shipment_date"): f"{SELL_IN}.shipped_ties_to_the_fact",
}


def test_what_is_dated_after_today_does_not_count_yet(world: World) -> None:
    """Each promise reads its own fact, so that one judgement tells of all."""
    tomorrow = date(2026, 3, 21)
    change(
        build(world),
        *(
            f"insert into core.{fact} select * replace (date '{tomorrow}' as {day}) from core.{fact}"
            for fact, day in DATED
        ),
    )
    promises = set(DATED.values())
    assert promises & failed(judge(world, as_of=tomorrow - timedelta(days=1))).keys() == set()
    assert promises - failed(judge(world, as_of=tomorrow)).keys() == set()


def test_a_balance_is_unknown_only_where_something_has_no_rate(world: World) -> None:
    promise = f"{RECEIVABLES}.ties_to_the_facts"
    change(
        build(world),
        f"update marts.{RECEIVABLES} set invoiced_amount = null, closing_amount = null",
        f"insert into marts.{RECEIVABLES} select * replace (date '2026-02-01' as month_start_date, "
        f"70 as closing_amount) from marts.{RECEIVABLES}",
    )
    assert promise in judge_table(f"marts.{RECEIVABLES}", world)
    change(world, "update core.fct_receivables set total_amount = null, amount_reason_code = 'rate_missing'")
    assert promise not in judge_table(f"marts.{RECEIVABLES}", world)


def test_a_balance_is_unknown_where_the_erp_delivers_no_payments(world: World) -> None:
    promise = f"{RECEIVABLES}.ties_to_the_facts"
    change(build(world), f"update marts.{RECEIVABLES} set paid_amount = null, closing_amount = null")
    assert promise in judge_table(f"marts.{RECEIVABLES}", world)
    change(world, "delete from core.fct_payments")
    assert promise not in judge_table(f"marts.{RECEIVABLES}", world)


def test_a_missing_rate_without_a_reason_is_reported_only(world: World) -> None:
    change(
        build(world),
        f"update marts.{BALANCE} set stock_reason_code = null",
        f"update marts.{STOCK} set reason_code = null",
    )
    verdict = judge(world)
    assert set(failed(verdict)) == {f"{BALANCE}.stock_reason_code_says_why", f"{STOCK}.reason_code_says_why"}
    assert verdict.passed


def test_a_mart_that_collapses_closes_the_gate_unless_everything_was_rebuilt(world: World) -> None:
    build(world)
    published = world.data / "published" / "v1.duckdb"
    published.parent.mkdir()
    with duckdb.connect(str(published)) as connection:
        connection.execute("create schema marts")
        connection.execute(f"create table marts.{STOCK} as select * from range(3)")
    # The run after a closed gate looks at everything: it must not open by itself.
    for scope in ("touched", "all"):
        closed = judge(world, published=published, scope=scope)
        assert not closed.passed
        assert "2 rows now, 3 before" in failed(closed)[f"{STOCK}.does_not_collapse"].message
    assert judge(world, published=published, scope="all", is_rebuilt=True).passed


def test_a_daily_run_ties_the_months_that_it_replaced_to_the_facts_of_these_months(world: World) -> None:
    build(world)
    change(
        world,
        "create table intermediate.int_weeks_touched as "
        "select date '2026-03-09' as first_week_date, date '2026-03-01' as first_month_date",
        "insert into core.fct_sell_out_weekly select * replace (date '2026-02-01' as month_start_date) "
        "from core.fct_sell_out_weekly limit 1",
    )
    assert failed(judge(world, scope="touched")) == {}
    assert f"{SELL_OUT}.ties_to_the_fact" in judge_table(f"marts.{SELL_OUT}", world, scope="all")
    change(world, "update core.fct_sell_out_weekly set month_start_date = date '2026-03-01'")
    assert f"{SELL_OUT}.ties_to_the_fact" in judge_table(f"marts.{SELL_OUT}", world, scope="touched")


def test_a_closed_month_before_what_a_run_replaced_ties_to_the_whole_mart(world: World) -> None:
    build(world)
    change(
        world,
        "create table intermediate.int_weeks_touched as "
        "select date '2026-04-06' as first_week_date, date '2026-04-01' as first_month_date",
        "insert into core.fct_closed_figures select * replace ('closed sell-out' as closed_figure_id, "
        "'mart_sell_out_monthly' as mart_name, 132 as figure_amount) from core.fct_closed_figures "
        "where row_key = '*'",
    )
    tie = f"{ADJUSTMENTS}.as_closed_and_adjustments_give_as_is"
    assert tie not in judge_table(f"marts.{ADJUSTMENTS}", world, scope="touched")
    change(world, "update marts.mart_sell_out_monthly set net_amount = 131")
    assert tie in judge_table(f"marts.{ADJUSTMENTS}", world, scope="touched")


def test_a_forecast_has_no_rate_where_nobody_knows_what_most_won_deals_became(world: World) -> None:
    change(
        build(world),
        f"update marts.{RELIABILITY} set wape_rate = null, reliability_rate = null, "
        "reason_code = 'order_or_amount_unknown'",
    )
    assert failed(judge(world)) == {}
    change(world, f"update marts.{RELIABILITY} set reason_code = 'nothing_bought'")
    assert f"{RELIABILITY}.wape_rate_follows_its_parts" in judge_table(f"marts.{RELIABILITY}", world)
