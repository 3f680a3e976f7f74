"""The core gate opens on facts that hold what landed, and closes on each fault."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from tests.unit.expectations import judging
from tests.unit.expectations.conftest import World
from tests.unit.expectations.judging import each_fault_closes, failed, together
from tests.unit.expectations.warehouse import AS_OF, WEEK_10, build, change

judge = partial(judging.judge, "core")
judge_table = partial(judging.judge_table, "core")


def test_facts_that_hold_what_landed_open_the_gate(world: World) -> None:
    verdict = judge(build(world))
    assert {name: outcome.message for name, outcome in failed(verdict).items()} == {}
    assert verdict.passed


# Each group breaks several promises at once, each by its own fault, so that the tests stay quick: what
# must fail is listed in full.
FAULTS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "closed months": (
        (
            "update core.fct_closed_figures set figure_amount = 209.99 "
            "where row_key = 'D01' and column_name = 'net_amount' and sequence_number = 0",
            "insert into core.fct_closed_figures select * from core.fct_closed_figures "
            "where column_name = 'invoice_count'",
            "insert into core.fct_closings values ('2026-03#2', date '2026-03-01', true, 0)",
        ),
        {
            "fct_closings.a_month_is_closed_once",
            "fct_closings.all_figures_are_held",
            "fct_closed_figures.one_row_per_closed_figure_id",
            "fct_closed_figures.ties_to_its_control_totals",
        },
    ),
    "dimensions": (
        (
            "delete from core.dim_channels",
            "insert into core.dim_territories values (null)",
            "insert into core.dim_products values ('P1')",
            "delete from core.dim_products where product_code = 'UNMATCHED'",
            "delete from core.dim_dates where date_day = date '2026-02-02'",
            "update core.dim_partners set valid_to_date = date '2026-03-04', is_current = true "
            "where not is_current",
            "insert into core.dim_stores values ('D01|S1|1900-01-01', 'D01|S1', null, 'M1', 'D02', true)",
        ),
        {
            "dim_stores.one_row_per_store_version_id",
            "dim_stores.required_columns_are_filled",
            "dim_stores.stores_bear_no_other_partners_number",
            "dim_channels.not_empty",
            "dim_territories.required_columns_are_filled",
            "dim_products.one_row_per_product_code",
            "dim_products.every_landed_product_is_there",
            "dim_dates.every_day_is_there",
            "dim_partners.ranges_have_no_hole_and_no_overlap",
            "dim_partners.one_version_is_current",
            "fct_sell_out_lines_in_scope.channel_code_is_known",
        },
    ),
    "members that facts need": (
        (
            "delete from core.dim_partners",
            "delete from core.dim_products where product_code = 'P1'",
            "delete from core.dim_territories",
            "delete from core.dim_stores",
        ),
        {
            "fct_lead_routings.routed_partner_code_is_known",
            "fct_sell_out_lines_in_scope.store_key_is_known",
            "dim_partners.not_empty",
            "dim_partners.every_landed_partner_is_there",
            "dim_products.every_landed_product_is_there",
            "dim_territories.not_empty",
            *(
                f"{fact}.{column}_code_is_known"
                for fact in ("fct_orders", "fct_shipments", "fct_sell_in", "fct_inventory")
                for column in ("partner", "product")
            ),
            "fct_partner_segments.partner_code_is_known",
            "fct_payments.partner_code_is_known",
            "fct_rebate_accruals.partner_code_is_known",
            "fct_receivables.partner_code_is_known",
            "fct_sell_in.terms_are_those_of_the_day",
            "fct_shop_visits.partners_are_known",
            "fct_support_tickets.partners_are_known",
            "fct_survey_answers.partners_are_known",
            "fct_trainings.partners_are_known",
            "fct_sell_out_lines_in_scope.product_code_is_known",
            "fct_sell_out_lines_in_scope.territory_code_is_known",
            "fct_sell_out_lines_in_scope.terms_are_those_of_the_day",
        },
    ),
    "documents": (
        (
            "insert into core.fct_orders select * from core.fct_orders",
            "delete from core.fct_shipments",
            "update core.fct_sell_in set document_net_amount = 200.01, invoiced_quantity = 19, "
            "partner_version_id = 'D01|1900-01-01', currency_code = 'USD'",
        ),
        {
            "fct_orders.one_row_per_order_line_id",
            "fct_orders.holds_what_landed",
            "fct_shipments.holds_what_landed",
            "fct_inventory.receipts_are_the_arrived_shipments",
            "fct_sell_in.holds_what_landed",
            "fct_sell_in.invoiced_is_sold_less_credited",
            "fct_sell_in.terms_are_those_of_the_day",
            "fct_sell_in.currency_is_the_companys",
            "fct_receivables.agrees_with_its_lines",
        },
    ),
    "discounts": (
        (
            "update core.fct_sell_in set exception_discount_amount = 5.01",
            "insert into core.fct_discount_exceptions select * from core.fct_discount_exceptions",
            "update core.fct_discount_exceptions set status_code = 'forgiven', unapproved_amount = 5",
        ),
        {
            "fct_sell_in.reductions_are_attributed_whole",
            "fct_margin_lines.ties_to_its_sources",
            "fct_discount_exceptions.one_row_per_invoice_line_id",
            "fct_discount_exceptions.status_code_is_known",
            "fct_discount_exceptions.ties_to_the_invoice_lines",
            "fct_discount_exceptions.exceptions_are_approved",
        },
    ),
    "margin": (
        (
            "update core.fct_margin_lines set pocket_margin_amount = 22.01, rebate_amount = 9",
            "insert into core.fct_margin_lines select * from core.fct_margin_lines",
        ),
        {
            "fct_margin_lines.one_row_per_margin_line_id",
            "fct_margin_lines.levels_follow_from_their_steps",
            "fct_margin_lines.ties_to_its_sources",
        },
    ),
    "territories": (
        (
            "insert into core.fct_deal_registrations select * from core.fct_deal_registrations",
            "update core.fct_deal_registrations set protection_code = 'forgotten', "
            "document_expected_amount = 5, first_registered_at = registered_at + interval 1 day",
            "insert into core.fct_lead_routings select * from core.fct_lead_routings",
            "update core.fct_lead_routings set routed_partner_code = 'D99', reason_code = 'no_rule'",
        ),
        {
            "fct_deal_registrations.one_row_per_registration_number",
            "fct_deal_registrations.protection_code_is_known",
            "fct_deal_registrations.the_first_came_before_and_was_protected",
            "fct_deal_registrations.holds_what_landed",
            "fct_lead_routings.one_row_per_lead_number",
            "fct_lead_routings.routed_partner_code_is_known",
            "fct_lead_routings.what_is_not_judged_says_why",
        },
    ),
    "currencies": (
        (
            "update core.fct_sell_in set net_amount = null, document_currency_code = 'USD', "
            "amount_reason_code = 'rate_missing'",
            "update core.fct_sell_out_weekly set unconverted_line_count = 1, document_currency_code = 'USD' "
            "where week_start_date = date '2026-03-09'",
            "update core.fct_orders set net_amount = 199",
        ),
        {
            "fct_sell_in.amounts_have_a_rate",
            "fct_margin_lines.ties_to_its_sources",
            "fct_sell_out_weekly.amounts_have_a_rate",
            "fct_orders.company_amounts_are_as_reported",
        },
    ),
    "programme costs": (
        (
            "update core.fct_programme_costs set amount = 4.01 where amount = 4 and cost_step_code = 'mdf'",
            "insert into core.fct_programme_costs values ('cost|K2', 'rent', date '2026-03-31', null)",
            "update core.fct_commissions set commission_reason_code = 'plan_without_rate'",
            "update core.fct_programme_claims set is_over_budget = true",
        ),
        {
            "fct_programme_costs.costs_tie_to_their_sources",
            "fct_programme_costs.cost_step_code_is_known",
            "fct_programme_costs.amounts_have_a_rate",
            "fct_commissions.plans_have_a_rate",
            "fct_programme_claims.open_claims_are_in_order",
            "fct_margin_lines.ties_to_its_sources",
        },
    ),
    "lines of sell-out": (
        (
            "update core.fct_sell_out_lines set net_quantity = 2, resolution_code = 'guessed' "
            "where source_row = 1 and sold_quantity = 3",
            "update core.fct_sell_out_lines set partner_valid_from_date = date '1900-01-01', "
            "source_row = null, product_code = 'UNMATCHED' where sold_quantity = 5",
        ),
        {
            "fct_sell_out_lines_in_scope.net_is_sold_less_returned",
            "fct_sell_out_lines_in_scope.resolution_code_is_known",
            "fct_sell_out_lines_in_scope.unresolved_lines_have_no_base_units",
            "fct_sell_out_lines_in_scope.terms_are_those_of_the_day",
            "fct_sell_out_lines_in_scope.required_columns_are_filled",
            "fct_sell_out_lines_in_scope.most_lines_are_resolved",
        },
    ),
    "a superseded report": (
        ("update core.dim_sell_out_reports set source_batch_id = 'former' where report_number = 11",),
        {"fct_sell_out_lines.holds_live_reports_only"},
    ),
    "lines of no live report": (
        ("update core.fct_sell_out_lines set report_number = 99 where sold_quantity = 5",),
        {
            "fct_sell_out_lines.holds_what_the_ledger_says",
            "fct_sell_out_lines.holds_live_reports_only",
            "fct_sell_out_weekly.weeks_hold_what_the_lines_say",
        },
    ),
    "reports of sell-out": (
        (
            "update core.dim_sell_out_reports set source_file = null where report_number = 10",
            "insert into core.dim_sell_out_reports from core.dim_sell_out_reports where report_number = 11",
        ),
        {
            "dim_sell_out_reports.one_row_per_report_number",
            "dim_sell_out_reports.required_columns_are_filled",
            "fct_sell_out_lines.holds_what_the_ledger_says",
            "fct_sell_out_weekly.weeks_hold_what_the_lines_say",
        },
    ),
    "weekly sums": (
        ("update core.fct_sell_out_weekly set sold_quantity = 6 where sold_quantity = 5",),
        {
            "fct_sell_out_weekly.weeks_hold_what_the_lines_say",
            "fct_inventory.sales_are_the_reported_ones",
        },
    ),
    "the roll-forward": (
        ("update core.fct_inventory set calculated_quantity = 46 where not is_anchor",),
        {"fct_inventory.roll_forward_closes", "fct_inventory.gap_is_reported_less_calculated"},
    ),
    "the chain of stocks": (
        (
            "update core.fct_inventory set opening_quantity = 31, calculated_quantity = 46, "
            "gap_quantity = -2, is_negative_calculated = true where not is_anchor",
        ),
        {"fct_inventory.opening_is_the_former_closing", "fct_inventory.negative_stock_is_flagged"},
    ),
    "the anchor": (
        ("update core.fct_inventory set reported_quantity = 29 where is_anchor",),
        {"fct_inventory.anchors_are_reported_stocks"},
    ),
    "the general ledger": (
        (
            "insert into core.fct_gl_entries select * from core.fct_gl_entries where account_code = '411000'",
            "update core.fct_gl_entries set is_entry_balanced = false, entry_date = null",
        ),
        {
            "fct_gl_entries.one_row_per_gl_line_id",
            "fct_gl_entries.required_columns_are_filled",
            "fct_gl_entries.holds_what_the_ledger_says",
            "fct_gl_entries.entries_balance",
        },
    ),
    "sources": (
        (
            "insert into core.fct_survey_answers select * from core.fct_survey_answers",
            "delete from core.fct_support_tickets",
            "update core.fct_trainings set partner_code = 'D99'",
            "update core.fct_shop_visits set purchase_count = 4",
        ),
        {
            "fct_survey_answers.one_row_per_answer_number",
            "fct_survey_answers.holds_what_the_ledger_says",
            "fct_support_tickets.holds_what_the_ledger_says",
            "fct_trainings.partners_are_known",
            "fct_shop_visits.holds_what_the_ledger_says",
        },
    ),
    "receivables": (
        (
            "insert into core.fct_receivables select * from core.fct_receivables",
            "update core.fct_receivables set document_tax_amount = 39",
            "update core.fct_payments set document_paid_amount = 101, partner_code = 'D99', "
            "invoice_number = 'F0'",
        ),
        {
            "fct_receivables.one_row_per_invoice_number",
            "fct_receivables.holds_what_the_ledger_says",
            "fct_receivables.agrees_with_its_lines",
            "fct_payments.holds_what_the_ledger_says",
            "fct_payments.partner_code_is_known",
            "fct_payments.invoices_paid_are_known",
        },
    ),
    "rebates": (
        (
            "insert into core.fct_rebate_accruals select * from core.fct_rebate_accruals "
            "where programme_code = 'Q'",
            "update core.fct_rebate_accruals set expected_amount = 9.99 where programme_code = 'P' "
            "and month_start_date = '2026-03-01'",
            "insert into core.fct_rebate_lines select * from core.fct_rebate_lines",
            "update core.fct_rebate_payments set partner_code = 'D02'",
        ),
        {
            "fct_rebate_accruals.one_row_per_rebate_accrual_id",
            "fct_rebate_accruals.accruals_add_up",
            "fct_rebate_lines.one_row_per_rebate_line_id",
            "fct_rebate_lines.lines_give_the_rebate",
            "fct_rebate_lines.exclusive_programmes_share_no_line",
            "fct_rebate_payments.payments_find_their_rebate",
            "fct_margin_lines.ties_to_its_sources",
        },
    ),
    "partners of rebates": (
        (
            "update core.fct_rebate_accruals set partner_code = 'D99'",
            "update core.fct_rebate_lines set partner_code = 'D99'",
            "update core.fct_rebate_payments set partner_code = 'D99'",
        ),
        {"fct_rebate_accruals.partner_code_is_known"},
    ),
    "segments of partners": (
        (
            "update core.fct_partner_segments set valid_to_date = '2026-04-01', partner_code = 'D99' "
            "where valid_to_date = '2026-03-01'",
            "update core.fct_partner_segments set partner_segment_id = 'value|D01'",
        ),
        {
            "fct_partner_segments.one_row_per_partner_segment_id",
            "fct_partner_segments.partner_code_is_known",
            "fct_partner_segments.one_segment_a_day",
        },
    ),
    "rows of the inventory": (
        (
            "insert into core.fct_inventory select * from core.fct_inventory where is_anchor",
            "update intermediate.int_inventory_reported set on_hand_quantity_in_unit = 300",
            "update core.fct_inventory set inventory_id = null where not is_anchor",
        ),
        {
            "fct_inventory.one_row_per_partner_code_product_code_week_start_date",
            "fct_inventory.required_columns_are_filled",
            "int_inventory_reported.holds_what_the_ledger_says",
        },
    ),
}


@pytest.mark.parametrize("groups", together(FAULTS), ids=lambda groups: f"{groups[0]} and others")
def test_each_fault_closes_the_gate(world: World, groups: tuple[str, ...]) -> None:
    each_fault_closes(judge, world, FAULTS, groups)


def test_a_rebate_that_all_have_lost_is_carried_by_no_line(world: World) -> None:
    """In March a condition is unmet, and there is no other rebate: what was expected in February is gone."""
    change(
        build(world),
        "update core.fct_rebate_accruals set reached_amount = 0, expected_amount = 0, accrual_amount = -4 "
        "where programme_code = 'P' and month_start_date = '2026-03-01'",
        "delete from core.fct_rebate_lines",
    )
    assert "fct_rebate_lines.lines_give_the_rebate" not in judge_table("core.fct_rebate_lines", world)


def test_sales_inside_a_longer_period_are_told_with_its_last_week(world: World) -> None:
    """3 and 4 sold in a week that alone is not known, 5 in the next one: 12 in all."""
    change(
        build(world),
        "update intermediate.int_sell_out_weeks_covered set week_state_code = 'running' "
        "where week_start_date = '2026-03-02'",
        "update core.fct_inventory set sold_quantity = null where week_start_date = '2026-03-02'",
        "update core.fct_inventory set sold_quantity = 12 where week_start_date = '2026-03-09'",
    )
    assert "fct_inventory.sales_are_the_reported_ones" not in judge_table("core.fct_inventory", world)


def test_an_entry_out_of_balance_is_a_warning_that_names_its_lines(world: World) -> None:
    change(build(world), "update core.fct_gl_entries set is_entry_balanced = false where source_row = 3")
    verdict = judge(world)
    assert verdict.passed
    outcome = failed(verdict)["fct_gl_entries.entries_balance"]
    assert outcome.severity == "warning"
    assert "journal_code VE, entry_number 1" in outcome.message
    assert "source_row 3" in outcome.message


def test_an_entry_of_two_ledger_exports_is_a_warning_that_names_both_files(world: World) -> None:
    change(
        build(world),
        "insert into core.fct_gl_entries select * replace ('L2|' || source_row as gl_line_id, "
        "'ledger|2027-12' as slice_key, 'FEC_2.txt' as source_file) from core.fct_gl_entries",
    )
    outcome = failed(judge(world))["fct_gl_entries.entries_stand_in_one_export"]
    assert outcome.severity == "warning"
    assert "journal VE of 2026-03-10: FEC.txt, FEC_2.txt, 1 entry" in outcome.message


def test_amounts_without_a_rate_are_told_from_the_first_of_them_on(world: World) -> None:
    change(
        build(world),
        "insert into core.fct_sell_in select * replace (null as net_amount, 'F2|1' as invoice_line_id, "
        "date '2026-03-20' as invoice_date, 'rate_missing' as amount_reason_code) from core.fct_sell_in",
    )
    message = judge_table("core.fct_sell_in", world)["fct_sell_in.amounts_have_a_rate"].message
    assert "partner D01: 1 lines in EUR from 2026-03-20 on" in message


def test_a_claim_under_a_budget_that_is_not_for_it_is_told(world: World) -> None:
    change(build(world), "update core.fct_programme_claims set is_outside_budget = true")
    outcomes = judge_table("core.fct_programme_claims", world)
    message = outcomes["fct_programme_claims.open_claims_are_in_order"].message
    assert "claim_number M1" in message
    assert "why budget B1 is not for it" in message


def test_products_without_a_cost_are_told_where_any_has_one(world: World) -> None:
    change(build(world), "update core.fct_sell_in set cost_amount = null")
    assert "fct_sell_in.lines_have_a_cost" not in judge_table("core.fct_sell_in", world)
    change(
        world,
        "insert into core.fct_sell_in select * replace ('F2|1' as invoice_line_id, 'P2' as product_code, "
        "110 as cost_amount) from core.fct_sell_in",
    )
    outcome = judge_table("core.fct_sell_in", world)["fct_sell_in.lines_have_a_cost"]
    assert outcome.severity == "warning"
    assert "product P1: 1 lines from 2026-03-10 on" in outcome.message


def test_a_doubled_line_is_named_with_its_slice_and_the_month_to_rebuild(world: World) -> None:
    change(
        build(world),
        "insert into core.fct_sell_out_lines select * from core.fct_sell_out_lines where sold_quantity = 4",
    )
    faults = failed(judge(world))
    assert set(faults) == {
        "fct_sell_out_lines.holds_what_the_ledger_says",
        "fct_sell_out_weekly.weeks_hold_what_the_lines_say",
        "fct_sell_out_lines_in_scope.one_row_per_report_number_source_row_source_column",
    }
    ledgered = faults["fct_sell_out_lines.holds_what_the_ledger_says"]
    assert (
        "slice D01|D01_sales|2026-W10: 1 rows, 4.0000 units and 36.0000 in amount too many"
        in ledgered.message
    )
    assert ledgered.remedy == "`aval run --rebuild 2026-03..2026-03`, or `aval run --full-refresh`."
    doubled = faults["fct_sell_out_lines_in_scope.one_row_per_report_number_source_row_source_column"]
    assert doubled.sample[0]["copies"] == "2"
    assert "report_number 10, source_row 2" in doubled.message


def test_a_lost_line_and_a_changed_quantity_are_seen_in_slices_that_were_not_touched(world: World) -> None:
    build(world)
    with world.ledger() as ledger:
        ledger.clear_pending(ledger.pending_sequence())
    world.export()
    change(
        world,
        "delete from core.fct_sell_out_lines where sold_quantity = 3",
        "update core.fct_sell_out_lines set sold_quantity_in_unit = 50 where sold_quantity = 5",
    )
    faults = judge_table("core.fct_sell_out_lines", world)
    outcome = faults["fct_sell_out_lines.holds_what_the_ledger_says"]
    assert outcome.unexpected_count == 2
    assert "D01|D01_sales|2026-W10: -1 rows" in outcome.message
    assert "D01|D01_sales|2026-W11: 0 rows, 45.0000 units" in outcome.message


def test_single_lines_are_looked_at_in_touched_slices_only_unless_all_is_asked(world: World) -> None:
    build(world)
    with world.ledger() as ledger:
        ledger.clear_pending(ledger.pending_sequence())
        ledger.mark_pending([("feeds", "sell_out", f"D01|D01_sales|{WEEK_10[0]}")], "asked for")
    world.export()
    change(world, "update core.fct_sell_out_lines set net_quantity = 9 where sold_quantity = 5")
    touched = judge(world)
    assert touched.passed
    assert {r.checked_rows for r in touched.results if r.table == "core.fct_sell_out_lines_in_scope"} == {2}
    whole = failed(judge(world, scope="all"))
    assert set(whole) == {"fct_sell_out_lines_in_scope.net_is_sold_less_returned"}
    message = whole["fct_sell_out_lines_in_scope.net_is_sold_less_returned"].message
    assert "source_file sales.csv, source_row 1, sold_quantity 5.000" in message


def test_slices_that_master_data_touched_are_looked_at_too(world: World) -> None:
    build(world)
    with world.ledger() as ledger:
        ledger.clear_pending(ledger.pending_sequence())
    world.export()
    change(
        world,
        "create schema staging",
        "create table staging.stg_ledger__touched_slices as "
        "select 'sell_out' as entity_code, 'D01|D01_sales|2026-W11' as slice_key",
        "update core.fct_sell_out_lines set net_quantity = 9 where sold_quantity = 5",
    )
    assert set(failed(judge(world))) == {"fct_sell_out_lines_in_scope.net_is_sold_less_returned"}


def test_a_table_that_was_not_built_closes_the_gate(world: World) -> None:
    change(build(world), "drop table core.dim_channels", "drop table core.fct_inventory")
    verdict = judge(world)
    assert failed(verdict)["fct_inventory.is_there"].severity == "critical"
    assert "core.fct_inventory does not exist" in verdict.explain()


def test_a_promise_that_cannot_be_checked_closes_the_gate(world: World) -> None:
    change(build(world), "alter table core.fct_sell_out_lines drop column net_quantity")
    outcome = judge_table("core.fct_sell_out_lines_in_scope", world)[
        "fct_sell_out_lines_in_scope.net_is_sold_less_returned"
    ]
    assert outcome.severity == "critical"
    assert "could not be checked" in outcome.message


def test_a_daily_run_looks_at_the_weeks_of_stock_that_it_replaced(world: World) -> None:
    build(world)
    change(
        world,
        "create table intermediate.int_weeks_touched as "
        "select date '2026-03-16' as first_week_date, date '2026-03-01' as first_month_date",
        "update core.fct_inventory set reported_quantity = 29 where is_anchor",
    )
    promise = "fct_inventory.anchors_are_reported_stocks"
    assert promise not in judge_table("core.fct_inventory", world, scope="touched")
    assert promise in judge_table("core.fct_inventory", world, scope="all")
    change(world, "update intermediate.int_weeks_touched set first_week_date = date '2026-03-09'")
    found = judge_table("core.fct_inventory", world, scope="touched")
    assert found[promise].severity == "critical"


@pytest.mark.parametrize(
    ("fact", "day", "promise"),
    [
        ("fct_commissions", "event_date", "fct_programme_costs.costs_tie_to_their_sources"),
        ("fct_sell_in", "invoice_date", "fct_margin_lines.ties_to_its_sources"),
    ],
)
def test_what_is_dated_after_today_costs_and_earns_nothing_yet(
    world: World, fact: str, day: str, promise: str
) -> None:
    copied = f"insert into core.{fact} select * replace (date '%s' as {day}) from core.{fact} limit 1"
    change(build(world), copied % (AS_OF + timedelta(days=1)))
    assert promise not in judge_table(f"core.{promise.partition('.')[0]}", world)
    change(world, copied % AS_OF)
    assert promise in judge_table(f"core.{promise.partition('.')[0]}", world)


@pytest.mark.parametrize(
    ("source", "amount", "cost"),
    [
        ("fct_programme_claims", "cost_amount", "claim|M1"),
        ("fct_cash_discounts", "cost_amount", "cash_discount|F1"),
        ("fct_commissions", "commission_amount", "commission|F1|1|A"),
    ],
)
def test_a_cost_without_an_exchange_rate_warns_and_closes_nothing(
    world: World, source: str, amount: str, cost: str
) -> None:
    change(
        build(world),
        f"update core.{source} set {amount} = null",
        "update core.fct_commissions set commission_reason_code = 'rate_missing' "
        "where commission_amount is null",
        f"delete from core.fct_programme_costs where programme_cost_id = '{cost}'",
    )
    assert "fct_programme_costs.costs_tie_to_their_sources" in judge_table("core.fct_programme_costs", world)
    change(
        world,
        f"insert into core.fct_programme_costs values ('{cost}', 'mdf', date '2026-03-31', null)",
    )
    outcomes = judge_table("core.fct_programme_costs", world)
    assert "fct_programme_costs.costs_tie_to_their_sources" not in outcomes
    assert outcomes["fct_programme_costs.amounts_have_a_rate"].severity == "warning"


def test_commissions_of_which_no_plan_has_a_rate_warn_and_close_nothing(world: World) -> None:
    change(
        build(world),
        "update core.fct_commissions "
        "set commission_amount = null, commission_reason_code = 'plan_without_rate'",
        "delete from core.fct_programme_costs where cost_step_code = 'commission'",
    )
    costs = judge_table("core.fct_programme_costs", world)
    assert "fct_programme_costs.costs_tie_to_their_sources" not in costs
    commissions = judge_table("core.fct_commissions", world)
    assert commissions["fct_commissions.plans_have_a_rate"].severity == "warning"


def test_payments_of_invoices_that_nobody_delivers_are_told_by_partner(world: World) -> None:
    change(
        build(world),
        "insert into core.fct_payments select * replace ('R2' as payment_number, null as invoice_number, "
        "0 as document_paid_amount) from core.fct_payments",
    )
    told = "fct_payments.invoices_paid_are_known"
    assert told not in judge_table("core.fct_payments", world), "a payment on account names none"
    change(
        world,
        "update core.fct_payments set invoice_number = 'F0', payment_date = date '2026-03-02' "
        "where invoice_number is null",
    )
    outcome = judge_table("core.fct_payments", world)[told]
    assert outcome.severity == "warning"
    assert "D01: 100.0000 by 1, 2026-03-02 to 2026-03-02" in outcome.message
