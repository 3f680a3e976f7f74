"""A warehouse made by hand: one partner, one product, two weeks of sell-out, one month of each document.

The figures are small enough to be added up by eye; each gate's test breaks one of them. Tables hold the
columns that gates look at, no more.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import duckdb

from connectors.landing import write_schemas
from connectors.ledger import Slice
from tests.unit.expectations.conftest import World

WEEK_10 = ("2026-W10", date(2026, 3, 2), date(2026, 3, 8))
WEEK_11 = ("2026-W11", date(2026, 3, 9), date(2026, 3, 15))
AS_OF = date(2026, 3, 31)

PARTNER = {
    "partner_code": "D01",
    "partner_name": "Nord SA",
    "channel_code": "direct",
    "currency_code": "EUR",
    "is_active": True,
}
PRODUCT = {
    "product_code": "P1",
    "product_name": "Vanne",
    "family_code": "F1",
    "base_unit_code": "PCE",
    "is_active": True,
}
ORDER = {
    "order_number": "C1",
    "order_line_number": "1",
    "partner_code": "D01",
    "order_date": date(2026, 3, 2),
    "product_code": "P1",
    "ordered_quantity": 20,
    "unit_code": "PCE",
    "net_amount": 200,
    "currency_code": "EUR",
    "status_code": "closed",
}
SHIPMENT = {
    "shipment_number": "L1",
    "shipment_line_number": "1",
    "shipment_type": "delivery",
    "partner_code": "D01",
    "shipment_date": date(2026, 3, 9),
    "product_code": "P1",
    "shipped_quantity": 20,
    "unit_code": "PCE",
}
INVOICE = {
    "invoice_number": "F1",
    "invoice_line_number": "1",
    "invoice_type": "invoice",
    "partner_code": "D01",
    "invoice_date": date(2026, 3, 10),
    "product_code": "P1",
    "invoiced_quantity": 20,
    "unit_code": "PCE",
    "gross_amount": 220,
    "standard_discount_amount": 15,
    "exceptional_discount_amount": 5,
    "net_amount": 200,
    "currency_code": "EUR",
}

WHOLE_INVOICE = {
    "invoice_number": "F1",
    "partner_code": "D01",
    "invoice_date": date(2026, 3, 10),
    "due_date": date(2026, 4, 10),
    "tax_amount": 40,
    "total_amount": 240,
    "currency_code": "EUR",
}
PAYMENT = {
    "payment_number": "R1",
    "partner_code": "D01",
    "invoice_number": "F1",
    "payment_date": date(2026, 3, 20),
    "paid_amount": 100,
    "currency_code": "EUR",
}
MARCH = (date(2026, 3, 1), date(2026, 3, 31))
COST = {
    "cost_number": "K1",
    "cost_step_code": "freight",
    "cost_date": date(2026, 3, 31),
    "cost_amount": 30,
    "currency_code": "EUR",
}
DEAL = {
    "registration_number": "E2",
    "partner_code": "D01",
    "registered_at": datetime(2026, 3, 9, 8, tzinfo=UTC),
    "expected_amount": 500,
    "currency_code": "EUR",
    "status_code": "registered",
}

CORE = """
create schema core;
create schema intermediate;
create table core.dim_dates as
    select cast(d as date) as date_day from range(date '2026-01-01', date '2027-01-01', interval 1 day) t(d);
create table core.dim_channels as select 'direct' as channel_code;
create table core.dim_territories as select '59' as territory_code;
create table core.dim_products as select * from (values ('P1'), ('UNMATCHED')) t(product_code);
create table core.dim_partners as select * from (values
    ('D01|1900-01-01', 'D01', date '1900-01-01', date '2026-03-05', false),
    ('D01|2026-03-05', 'D01', date '2026-03-05', date '9999-12-31', true)
) t(partner_version_id, partner_code, valid_from_date, valid_to_date, is_current);
create table core.dim_stores as select
    'D01|S1|1900-01-01' as store_version_id, 'D01|S1' as store_key, 'D01' as partner_code,
    'UNMATCHED' as own_store_code, null::varchar as other_partner_code, true as is_current;
create table core.dim_feeds as select * from (values
    ('D01_sales', true, true, true, true), ('D01_other', true, false, true, false)
) t(feed_code, reports_sell_out, is_sell_out_of_record, reports_inventory, is_inventory_of_record);
create table core.fct_orders as select
    'C1|1' as order_line_id, 'C1' as order_number, 'D01' as partner_code, 'P1' as product_code,
    date '2026-03-02' as order_date, 'closed' as status_code,
    20::decimal(18,3) as ordered_quantity_in_unit, 20::decimal(18,3) as ordered_quantity,
    200::decimal(18,4) as net_amount, 'EUR' as currency_code, 200::decimal(18,4) as document_net_amount,
    'EUR' as document_currency_code, null::varchar as amount_reason_code;
create table core.fct_shipments as select
    'L1|1' as shipment_line_id, 'L1' as shipment_number, 'delivery' as shipment_type,
    'D01' as partner_code, 'P1' as product_code, date '2026-03-09' as shipment_date,
    date '2026-03-10' as arrival_date, 20::decimal(18,3) as shipped_quantity_in_unit,
    20::decimal(18,3) as shipped_quantity;
create table core.fct_sell_in as select
    'F1|1' as invoice_line_id, 'F1' as invoice_number, 'D01' as partner_code,
    'D01|2026-03-05' as partner_version_id, 'P1' as product_code, date '2026-03-10' as invoice_date,
    20::decimal(18,3) as invoiced_quantity_in_unit, 20::decimal(18,3) as invoiced_quantity,
    20::decimal(18,3) as sold_quantity, 0::decimal(18,3) as credited_quantity,
    220::decimal(18,4) as gross_amount, 15::decimal(18,4) as standard_discount_amount,
    5::decimal(18,4) as exceptional_discount_amount, 200::decimal(18,4) as net_amount,
    15::decimal(18,4) as contract_discount_amount, 0::decimal(18,4) as promotion_discount_amount,
    5::decimal(18,4) as exception_discount_amount, 110::decimal(18,4) as cost_amount,
    6::decimal(18,4) as landed_cost_amount,
    'EUR' as currency_code, 220::decimal(18,4) as document_gross_amount,
    15::decimal(18,4) as document_standard_discount_amount,
    5::decimal(18,4) as document_exceptional_discount_amount,
    200::decimal(18,4) as document_net_amount, 'EUR' as document_currency_code,
    null::varchar as amount_reason_code;
create table core.fct_discount_exceptions as select
    'F1|1' as invoice_line_id, 'D01' as partner_code, date '2026-03-10' as invoice_date,
    'approved' as status_code, 5::decimal(18,4) as exception_discount_amount,
    0::decimal(18,4) as unapproved_amount;
create table core.fct_margin_lines as select
    'F1|1' as margin_line_id, 'F1|1' as invoice_line_id, date '2026-03-01' as month_start_date,
    'D01' as partner_code, 'direct' as channel_code, 'P1' as product_code, {margin}
;
create table core.dim_sell_out_reports as select
    number as report_number, number as slice_number, 'D01|D01_sales|' || week as slice_key,
    'D01' as partner_code, 'D01_sales' as feed_code, period_start as period_start_date,
    batch as source_batch_id, 'sales.csv' as source_file
from (values
    (10, '2026-W10', date '2026-03-02', '{batch_10}'), (11, '2026-W11', date '2026-03-09', '{batch_11}')
) t(number, week, period_start, batch);
create table core.fct_sell_out_lines as select
    number as slice_number, number as report_number, terms as partner_valid_from_date,
    'direct' as channel_code, period_start as period_start_date,
    sale_date, date_trunc('week', sale_date)::date as week_start_date,
    date '2026-03-01' as month_start_date, '59' as territory_code,
    case when line = 1 then 'D01|S1' end as store_key, 'P1' as product_code,
    'resolved' as resolution_code, sold::decimal(18,3) as sold_quantity_in_unit,
    sold::decimal(18,3) as sold_quantity, returned::decimal(18,3) as returned_quantity,
    (sold - returned)::decimal(18,3) as net_quantity, amount::decimal(18,4) as net_amount,
    amount::decimal(18,4) as document_net_amount, 'EUR' as document_currency_code,
    line as source_row, null::varchar as source_column
from (values
    (10, 1, date '1900-01-01', date '2026-03-02', date '2026-03-02', 3, 0, 36),
    (10, 2, date '2026-03-05', date '2026-03-02', date '2026-03-06', 4, 1, 36),
    (11, 1, date '2026-03-05', date '2026-03-09', date '2026-03-12', 5, 0, 60)
) t(number, line, terms, period_start, sale_date, sold, returned, amount);
create view core.fct_sell_out as
    select line.*, report.* exclude (report_number, slice_number, period_start_date)
    from core.fct_sell_out_lines as line left join core.dim_sell_out_reports as report using (report_number);
create table core.fct_sell_out_weekly as select
    slice_key, partner_code, feed_code, product_code, week_start_date, month_start_date,
    document_currency_code, sum(sold_quantity)::decimal(18,3) as sold_quantity,
    sum(returned_quantity)::decimal(18,3) as returned_quantity,
    sum(net_quantity)::decimal(18,3) as net_quantity,
    sum(net_amount)::decimal(18,4) as net_amount, count(*) as line_count,
    0 as unconverted_line_count
from core.fct_sell_out group by all;
create table intermediate.int_inventory_reported as select
    'D01|D01_stock|2026-W10' as slice_key, 'D01' as partner_code, 'P1' as product_code,
    date '2026-03-08' as stock_date, 1 as line_count, 30::decimal(18,3) as on_hand_quantity_in_unit;
create table intermediate.int_sell_out_weeks_covered as select
    'D01' as partner_code, week as week_start_date, 'reported' as week_state_code
from (values (date '2026-03-02'), (date '2026-03-09')) t(week);
create table core.fct_inventory as select
    'D01|P1|' || week as inventory_id, 'D01' as partner_code, 'P1' as product_code,
    week as week_start_date, anchor as is_anchor, opening::decimal(18,3) as opening_quantity,
    received::decimal(18,3) as received_quantity, 0::decimal(18,3) as returned_to_us_quantity,
    sold::decimal(18,3) as sold_quantity, back::decimal(18,3) as consumer_returned_quantity,
    0::decimal(18,3) as adjusted_quantity,
    calculated::decimal(18,3) as calculated_quantity, reported::decimal(18,3) as reported_quantity,
    gap::decimal(18,3) as gap_quantity, calculated < 0 as is_negative_calculated
from (values
    (date '2026-03-02', true, null, 0, 7, 1, 30, 30, null),
    (date '2026-03-09', false, 30, 20, 5, 0, 45, 44, -1)
) t(week, anchor, opening, received, sold, back, calculated, reported, gap);
create table core.fct_gl_entries as select
    'L|' || line as gl_line_id, 'ledger|2026-12' as slice_key, 'VE' as journal_code,
    '1' as entry_number, date '2026-03-10' as entry_date, account as account_code,
    date '2026-03-01' as month_start_date, class as account_class_code, false as is_opening,
    debit::decimal(18,4) as debit_amount, (debit - credit)::decimal(18,4) as balance_amount,
    true as is_entry_balanced, false as is_rebate_accrual, 'FEC.txt' as source_file, line as source_row
from (values
    (2, '411000', 'receivable', 240, 0), (3, '701000', 'revenue', 0, 200), (4, '445710', null, 0, 40)
) t(line, account, class, debit, credit);
create table core.fct_receivables as select
    'F1' as invoice_number, 'D01' as partner_code, date '2026-03-10' as invoice_date,
    240::decimal(18,4) as total_amount, 40::decimal(18,4) as document_tax_amount,
    240::decimal(18,4) as document_total_amount, null::varchar as amount_reason_code,
    'erp|2026-03' as slice_key;
create table core.fct_payments as select
    'R1' as payment_number, 'D01' as partner_code, 'F1' as invoice_number,
    date '2026-03-20' as payment_date,
    98.8::decimal(18,4) as paid_amount, 100::decimal(18,4) as settled_amount,
    98.8::decimal(18,4) as document_paid_amount, null::varchar as amount_reason_code,
    'erp|2026-03' as slice_key;
create table core.dim_rebate_programmes as select
    programme as programme_code, date '2026-01-01' as programme_version_date, 'X' as exclusive_group_code
from (values ('P'), ('Q')) t(programme);
create table core.fct_rebate_accruals as select
    programme || '|D01|' || month as rebate_accrual_id, programme as programme_code,
    date '2026-01-01' as programme_version_date, date '2026-01-01' as period_start_date,
    'D01' as partner_code, month as month_start_date, amount::decimal(18,4) as reached_amount,
    amount::decimal(18,4) as expected_amount, accrual::decimal(18,4) as accrual_amount
from (values
    ('P', date '2026-02-01', 4, 4), ('P', date '2026-03-01', 10, 6),
    ('Q', date '2026-02-01', 0, 0), ('Q', date '2026-03-01', 0, 0)
) t(programme, month, amount, accrual);
create table core.fct_rebate_lines as select
    'P|F1|1' as rebate_line_id, 'P' as programme_code, date '2026-01-01' as programme_version_date,
    date '2026-01-01' as period_start_date, 'D01' as partner_code, 'F1|1' as invoice_line_id,
    10::decimal(18,4) as reached_amount, 10::decimal(18,4) as expected_amount;
create table core.fct_rebate_payments as select
    'P' as programme_code, 'D01' as partner_code, date '2026-01-01' as period_start_date,
    date '2026-03-05' as payment_date, 4::decimal(18,4) as paid_amount, 'AV-1' as reference,
    'rules/rebate_payments.csv' as source_file, 1 as source_row;
"""

SEGMENTS = """
create table core.fct_partner_segments as select
    'value|D01|' || first_day as partner_segment_id, 'value' as scheme_code, 'D01' as partner_code,
    first_day as valid_from_date, next_day as valid_to_date
from (values
    (date '2026-01-01', date '2026-03-01'), (date '2026-03-01', date '9999-12-31')
) t(first_day, next_day);
"""

TERRITORIES = """
create table marts.mart_partner_360 as select
    'D01' as partner_code, 11::decimal(18,3) as rolling_sell_out_quantity,
    20::decimal(18,3) as rolling_sell_in_quantity, 55::decimal(18,4) as rolling_sell_out_sell_in_rate,
    30::decimal(18,4) as contribution_12_months_amount,
    12::decimal(18,4) as programme_cost_12_months_amount, 250::decimal(18,4) as roi_12_months_rate,
    1::bigint as on_time_count, 2::bigint as due_count, 50::decimal(18,4) as compliance_rate;
create table marts.mart_network_map as select
    'D01|59|*' as network_map_id, 'D01' as partner_code, 1 as inconsistency_count,
    'sans territoire' as inconsistencies_fr, 'no territory' as inconsistencies_en;
create table core.fct_deal_registrations as select
    'E2' as registration_number, 'D01' as partner_code, timestamp '2026-03-09 08:00:00' as registered_at,
    500::decimal(18,4) as document_expected_amount, 'second' as protection_code,
    'E1' as first_registration_number, 'D02' as first_partner_code,
    timestamp '2026-03-02 08:00:00' as first_registered_at,
    timestamp '2026-05-31 08:00:00' as first_protected_until_at;
create table core.fct_lead_routings as select
    'L1' as lead_number, 'D01' as routed_partner_code, true as is_routed_by_rule,
    null::varchar as reason_code;
create table marts.mart_territory_conflicts as select
    'deal|E1|E2' as conflict_code, 'deal_registered_twice' as kind_code, 'D01' as partner_code,
    'D01' as other_partner_code, date '2026-03-09' as first_date, date '2026-03-09' as last_date,
    500::decimal(18,4) as at_stake_amount, null::varchar as at_stake_reason_code, 'resolved' as status_code
    where false;
"""

SOURCES = """
create table core.fct_survey_answers as select
    number::varchar as answer_number, subject as subject_code, 'D01' as partner_code,
    date '2026-03-02' as answer_date,
    date '2026-03-01' as month_start_date, 'sources|2026-03' as slice_key
from (values (1, 'partner'), (2, 'partner'), (3, 'product')) t(number, subject);
create table core.fct_support_tickets as select
    'T1' as ticket_number, 'D01' as partner_code, date '2026-03-02' as opened_date,
    date '2026-03-01' as month_start_date,
    'sources|2026-03' as slice_key;
create table core.fct_trainings as select
    'F1' as training_number, 'D01' as partner_code, date '2026-03-02' as training_date,
    date '2026-03-01' as month_start_date,
    'sources|2026-03' as slice_key;
create table core.fct_shop_visits as select
    'D01|mail|2026-03-02' as shop_visit_id, 'D01' as partner_code, 'mail' as source_code,
    date '2026-03-02' as visit_date,
    date '2026-03-01' as month_start_date, 3::bigint as purchase_count, 'sources|2026-03' as slice_key;
create table marts.mart_partner_satisfaction_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 2::bigint as partner_answer_count,
    1::bigint as partner_net_promoter_count, 50::decimal(18,4) as partner_net_promoter_score,
    4::bigint as rolling_answer_count, -1::bigint as rolling_net_promoter_count,
    -25::decimal(18,4) as rolling_net_promoter_score, 1::bigint as product_answer_count,
    -1::bigint as product_net_promoter_count, -100::decimal(18,4) as product_net_promoter_score,
    1::bigint as opened_ticket_count, null::decimal(18,4) as tickets_per_1000_units,
    null::varchar as survey_reason_code, 'no_sales' as support_reason_code;
create table core.fct_opportunities as select
    'A1' as opportunity_number, 'D01' as partner_code, date '2026-03-10' as expected_date,
    'won' as stage_code;
create table marts.mart_partner_forecast_reliability_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 1::bigint as due_count,
    1::bigint as won_count, 1::bigint as closed_count, 100::decimal(18,4) as conversion_rate,
    100::decimal(18,4) as announced_amount, 80::decimal(18,4) as bought_amount,
    20::decimal(18,4) as error_amount,
    20::decimal(18,4) as absolute_error_amount, 25::decimal(18,4) as wape_rate,
    75::decimal(18,4) as reliability_rate, null::varchar as reason_code,
    75::decimal(18,4) as rolling_reliability_rate, null::varchar as rolling_reason_code;
create table marts.mart_pipeline_supply_weekly as select
    'P1' as product_code, date '2026-03-30' as week_start_date, true as is_projected,
    date '2026-03-31' as assessed_date, 110::decimal(18,3) as on_hand_quantity,
    14::decimal(18,3) as committed_quantity, 96::decimal(18,3) as available_quantity,
    60::decimal(18,3) as demand_rate_quantity, 5::decimal(18,3) as demand_pipeline_quantity,
    65::decimal(18,3) as demand_quantity, 30::decimal(18,3) as arriving_quantity,
    61::decimal(18,3) as closing_quantity, 0::decimal(18,3) as need_quantity,
    date '2026-04-20' as shortage_date, 'shortage_foreseen' as supply_status_code,
    null::varchar as reason_code;
create table marts.mart_challenges_monthly as select
    'C' as challenge_code, date '2026-03-01' as month_start_date, partner as partner_code,
    'value' as ranked_by_code, value::decimal(18,4) as reached_value, null::decimal(18,4) as growth_rate,
    position as position_number, 20::decimal(18,4) as leader_score, reason as reason_code
from (values ('D01', 20, 1, null), ('D02', 20, 1, null), ('D03', 2, null, 'below_minimum'))
    t(partner, value, position, reason);
create table marts.mart_promotion_uplift as select
    'P' as promotion_code, 'D01' as partner_code, 44::decimal(18,3) as sold_quantity,
    20::decimal(18,3) as expected_quantity, 24::decimal(18,3) as uplift_quantity,
    13.938::decimal(18,3) as uplift_low_quantity, 34.062::decimal(18,3) as uplift_high_quantity,
    null::varchar as reason_code;
create table marts.mart_partner_training_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 1::bigint as attendance_count,
    1::bigint as passed_count, 1::bigint as examined_count, 100::decimal(18,4) as passed_rate,
    true as is_certified, 'certified' as certification_status_code, null::varchar as reason_code;
create table marts.mart_conversion_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 'mail' as source_code,
    3::bigint as purchase_count, 100::bigint as conversion_basis_count, 3::decimal(18,4) as conversion_rate,
    null::varchar as reason_code;
"""

PROGRAMMES = """
create table core.dim_margin_steps as
    select unnest(['mdf', 'freight', 'cash_discount', 'commission']) as margin_step_code;
create table core.fct_programme_claims as select
    'M1' as claim_number, 'D01' as partner_code, 'claimed' as status_code,
    12::decimal(18,4) as claimed_amount, 12::decimal(18,4) as cost_amount, date '2026-03-31' as cost_date,
    false as is_near_duplicate, null::varchar as duplicate_of_claim_number,
    'B1' as budget_code, false as is_over_budget, false as is_outside_budget, false as is_without_proof,
    false as is_over_computed;
create table core.fct_cash_discounts as select
    'F1' as invoice_number, date '2026-03-20' as cost_date, 4::decimal(18,4) as cost_amount;
create table core.fct_commissions as select
    'A' as agent_code, 'P' as plan_code, 'F1|1' as invoice_line_id, date '2026-03-10' as event_date,
    'earned' as event_code, date '2026-03-10' as due_date,
    6::decimal(18,4) as commission_amount, 5::decimal(18,4) as paid_amount,
    null::varchar as commission_reason_code;
create table core.fct_programme_costs as select
    cost as programme_cost_id, step as cost_step_code, date '2026-03-31' as cost_date,
    amount::decimal(18,4) as amount
from (values
    ('claim|M1', 'mdf', 8), ('claim|M1', 'mdf', 4), ('cost|K1', 'freight', 30),
    ('cash_discount|F1', 'cash_discount', 4), ('commission|F1|1|A', 'commission', 6)
) t(cost, step, amount);
"""

CLOSED = """
create table core.fct_closings as select
    '2026-03#1' as closing_code, date '2026-03-01' as month_start_date, true as is_closed, 2 as figure_count;
create table core.fct_closed_figures as select
    '2026-03#1|mart_example_monthly|' || key || '|' || name || '|' || number as closed_figure_id,
    '2026-03#1' as closing_code, date '2026-03-01' as month_start_date,
    'mart_example_monthly' as mart_name, key as row_key, name as column_name, number as sequence_number,
    amount::decimal(18,4) as figure_amount
from (values
    ('*', 'net_amount', 0, 210), ('D01', 'net_amount', 0, 210), ('D01', 'invoice_count', 0, 1),
    ('D01', 'net_amount', 1, 200)
) t(key, name, number, amount);
"""
MARGIN = ", ".join(
    f"{amount}::decimal(18,4) as {step}_amount"
    for step, amount in {
        "gross_sales": 220,
        "contract_discount": 15,
        "promotion_discount": 0,
        "exception_discount": 5,
        "invoice_sales": 200,
        "rebate": 10,
        "price_protection": "null",
        "ship_and_debit": "null",
        "mdf": 12,
        "freight": 30,
        "cash_discount": 4,
        "commission": 6,
        "spiff": "null",
        "pocket_sales": 138,
        "cost_of_goods": 110,
        "landed_cost": 6,
        "pocket_margin": 22,
        "training": "null",
        "channel_staff": "null",
        "tools": "null",
        "channel_contribution": 22,
    }.items()
)

MARTS = """
create schema marts;
create table marts.mart_channel_roi_monthly as select
    level as level_code, 'direct' as channel_code, partner as partner_code,
    date '2026-03-01' as month_start_date, 200::decimal(18,4) as invoice_sales_amount,
    84::decimal(18,4) as gross_margin_amount, 34::decimal(18,4) as transaction_cost_amount,
    28::decimal(18,4) as programme_cost_amount, 22::decimal(18,4) as channel_contribution_amount,
    78.5714::decimal(18,4) as roi_rate, null::decimal(18,4) as cost_to_serve_amount,
    null::decimal(18,4) as cost_to_serve_rate
from (values ('partner', 'D01'), ('channel', 'ALL')) t(level, partner);
create table marts.mart_commissions_monthly as select
    date '2026-03-01' as month_start_date, 'A' as agent_code, 'D01' as partner_code,
    200::decimal(18,4) as basis_amount, 6::decimal(18,4) as commission_amount,
    0::decimal(18,4) as clawback_amount, 6::decimal(18,4) as accrued_amount,
    3::decimal(18,4) as commission_rate, 6::decimal(18,4) as due_amount, 5::decimal(18,4) as paid_amount,
    1::decimal(18,4) as open_amount;
create table marts.mart_example_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as example_id, 200::decimal(18,4) as net_amount;
create table marts.mart_closing_adjustments_monthly as select
    '2026-03#1|D01|net_amount|1' as closing_adjustment_id, '2026-03#1' as closing_code,
    'mart_example_monthly' as mart_name, 'net_amount' as measure_code,
    (-10)::decimal(18,4) as adjustment_amount;
create table marts.mart_sell_in_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 'P1' as product_code,
    20::decimal(18,3) as ordered_quantity, 20::decimal(18,3) as shipped_quantity,
    20::decimal(18,3) as sold_quantity, 0::decimal(18,3) as credited_quantity,
    20::decimal(18,3) as net_quantity, 220::decimal(18,4) as gross_amount,
    15::decimal(18,4) as standard_discount_amount, 5::decimal(18,4) as exceptional_discount_amount,
    200::decimal(18,4) as net_amount;
create table marts.mart_sell_out_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 'P1' as product_code,
    12::decimal(18,3) as sold_quantity, 1::decimal(18,3) as returned_quantity,
    11::decimal(18,3) as net_quantity, 132::decimal(18,4) as net_amount, 3 as line_count,
    4 as expected_period_count, 2 as reported_period_count, 28 as expected_day_count,
    14 as reported_day_count, 50::decimal(18,4) as coverage_rate,
    10::decimal(18,3) as estimated_sold_quantity, 'trailing_mean' as estimation_method_code;
create table marts.mart_channel_balance_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 'P1' as product_code,
    20::decimal(18,3) as sell_in_quantity, 11::decimal(18,3) as sell_out_quantity,
    55::decimal(18,4) as sell_out_sell_in_rate, 20::decimal(18,3) as rolling_sell_in_quantity,
    11::decimal(18,3) as rolling_sell_out_quantity, 55::decimal(18,4) as rolling_sell_out_sell_in_rate,
    null::decimal(18,3) as opening_stock_quantity, 20::decimal(18,3) as received_quantity,
    44::decimal(18,3) as closing_stock_quantity, 55::decimal(18,4) as sell_through_a_rate,
    null::decimal(18,4) as sell_through_b_rate, 20::decimal(18,4) as sell_through_c_rate,
    null::decimal(18,4) as stock_rotation_rate, null::string as rotation_status_code,
    50::decimal(18,4) as coverage_rate,
    'overstock_risk' as balance_status_code, 'partial_coverage' as reason_code,
    'opening_stock_unknown' as stock_reason_code;
create table marts.mart_channel_inventory_weekly as select
    week as week_start_date, 'D01' as partner_code, 'P1' as product_code,
    on_hand::decimal(18,3) as on_hand_quantity, sold::decimal(18,3) as recent_sell_out_quantity,
    days::decimal(18,4) as days_of_inventory, status as stock_status_code, reason as reason_code
from (values
    (date '2026-03-02', 30, 6, 35, 'normal', null),
    (date '2026-03-09', 44, 0, null, 'no_movement', 'no_sales_in_28_days')
) t(week, on_hand, sold, days, status, reason);
create table marts.mart_margin_reconciliation_monthly as select
    measure as measure_code, date '2026-03-01' as month_start_date, partner as partner_code,
    ours::decimal(18,4) as warehouse_amount, theirs::decimal(18,4) as ledger_amount,
    (theirs - ours)::decimal(18,4) as difference_amount,
    0::decimal(18,4) as missing_in_ledger_amount, 0::decimal(18,4) as missing_in_warehouse_amount,
    0::decimal(18,4) as other_month_amount, 0::decimal(18,4) as other_partner_amount,
    0::decimal(18,4) as other_amount_amount, 0::decimal(18,4) as manual_entry_amount,
    0::decimal(18,4) as rounding_amount, 0::decimal(18,4) as corrected_cost_amount,
    unexplained::decimal(18,4) as unexplained_amount,
    status as status_code
from (values
    ('revenue', 'D01', 200, 200, 0, 'agrees'), ('receivable', 'D01', 240, 240, 0, 'agrees'),
    ('cost_of_goods', 'NONE', 110, 110.5, 0.5, 'unexplained')
) t(measure, partner, ours, theirs, unexplained, status);
create table marts.fct_alerts as select
    'overstock|D01|2026-01-01' as alert_id, 'overstock' as rule_code, 'D01' as subject_code,
    'D01' as partner_code, date '2026-01-01' as since_date, date '2026-03-31' as first_seen_date,
    date '2026-03-31' as last_seen_date, null::date as resolved_date, 'open' as status_code,
    'agir' as action_fr, 'act' as action_en;
create table marts.mart_partner_proposals_weekly as select
    'reorder|D01|P1' as partner_proposal_id, 'reorder' as proposal_kind_code, 'D01' as partner_code,
    'P1' as product_code, 24::decimal(18,3) as proposed_quantity, 12::decimal(18,3) as pack_quantity;
create table marts.mart_order_service_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 1 as order_count, 1 as line_count,
    1 as due_order_count, 1 as complete_order_count, 100::decimal(18,4) as order_fill_rate,
    1 as dated_due_order_count, 0 as on_time_order_count, 0::decimal(18,4) as otif_rate,
    20::decimal(18,3) as due_quantity, 20::decimal(18,3) as filled_quantity,
    100::decimal(18,4) as unit_fill_rate, null::bigint as claimed_order_count,
    null::decimal(18,4) as order_error_rate, 0 as stocked_line_count, null::bigint as available_line_count,
    null::decimal(18,4) as availability_rate, 1 as judged_partner_count, 0 as reordered_partner_count;
create table marts.mart_returns_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 'P1' as product_code,
    20::decimal(18,3) as sold_quantity, 0::decimal(18,3) as returned_quantity,
    0::decimal(18,4) as return_rate,
    1::decimal(18,3) as cohort_returned_quantity, 5::decimal(18,4) as cohort_return_rate;
create table marts.mart_sell_out_customers_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 3 as customer_count,
    1 as repeat_customer_count, 33.3333::decimal(18,4) as repeat_purchase_rate, 2 as former_customer_count,
    1 as lost_customer_count, 50::decimal(18,4) as churn_rate;
create table marts.mart_lead_conversion_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 'web' as lead_source_code,
    3 as lead_count, 1 as won_lead_count, 1 as lost_lead_count, 1 as open_lead_count,
    33.3333::decimal(18,4) as conversion_rate;
create table marts.mart_receivables_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 0::decimal(18,4) as opening_amount,
    240::decimal(18,4) as invoiced_amount, 98.8::decimal(18,4) as paid_amount,
    1.2::decimal(18,4) as discount_with_tax_amount, 140::decimal(18,4) as closing_amount;
create table marts.mart_margin_waterfall_monthly as select
    *, 100::decimal(18,4) as gross_sales_gross_rate, 110::decimal(18,4) as gross_sales_net_rate,
    90.9091::decimal(18,4) as invoice_sales_gross_rate, 100::decimal(18,4) as invoice_sales_net_rate,
    62.7273::decimal(18,4) as pocket_sales_gross_rate, 69::decimal(18,4) as pocket_sales_net_rate,
    10::decimal(18,4) as pocket_margin_gross_rate, 11::decimal(18,4) as pocket_margin_net_rate,
    10::decimal(18,4) as channel_contribution_gross_rate,
    11::decimal(18,4) as channel_contribution_net_rate
from core.fct_margin_lines;
create table marts.mart_margin_variance_monthly as select
    'former_year' as comparison_code, scope as scope_code, date '2026-03-01' as month_start_date,
    partner as partner_code, family as family_code, product as product_code,
    70::decimal(18,4) as pocket_margin_amount, 60::decimal(18,4) as base_pocket_margin_amount,
    10::decimal(18,4) as variance_amount, 12::decimal(18,4) as price_effect_amount,
    -1::decimal(18,4) as discount_effect_amount, 0::decimal(18,4) as rebate_effect_amount,
    0::decimal(18,4) as programme_effect_amount, 0::decimal(18,4) as cost_effect_amount,
    0::decimal(18,4) as currency_effect_amount, -2::decimal(18,4) as volume_effect_amount,
    1::decimal(18,4) as mix_effect_amount, 0::decimal(18,4) as new_product_effect_amount,
    0::decimal(18,4) as discontinued_product_effect_amount,
    0::decimal(18,4) as without_units_effect_amount
from (values
    ('company', 'ALL', 'ALL', 'ALL'), ('partner', 'D01', 'ALL', 'ALL'), ('product', 'D01', 'F1', 'P1')
) t(scope, partner, family, product);
create table marts.mart_partner_scorecard_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, theme as theme_code,
    score::decimal(18,4) as score_value, points::decimal(18,4) as points_value,
    change::decimal(18,4) as change_points, 70::decimal(18,4) as total_score,
    72::decimal(18,4) as former_total_score, -2::decimal(18,4) as total_change
from (values ('volume', 80, 40, 3), ('margin', 60, 30, -5)) t(theme, score, points, change);
create table marts.mart_rebate_accruals_monthly as select
    rebate_accrual_id as mart_rebate_accrual_id, month_start_date, programme_code, partner_code,
    accrual_amount, accrual_amount as base_accrual_amount,
    0::decimal(18,4) as prior_period_adjustment_amount, 0::decimal(18,4) as rate_adjustment_amount
from core.fct_rebate_accruals;
create table marts.mart_siso_weekly as select
    week_start_date, partner_code, product_code, calculated_quantity, reported_quantity, gap_quantity,
    greatest(calculated_quantity, 1) as gap_base_quantity,
    (100.0 * gap_quantity / greatest(calculated_quantity, 1))::decimal(18,4) as gap_rate,
    case when gap_quantity is not null then false end as is_gap_tolerated,
    case when gap_quantity is not null then 'missing_sell_out' end as likely_cause_code,
    case when gap_quantity is not null then 'Il manque du stock' end as likely_cause_name_fr,
    case when gap_quantity is null then 'anchor' end as reason_code
from core.fct_inventory;
create table marts.mart_reporting_compliance_weekly as select
    date '2026-03-02' as week_start_date, 'D01' as partner_code, 'D01_sales' as feed_code,
    3 as expected_count, 2 as due_count, 1 as on_time_count, 1 as late_count, 0 as missing_count,
    1 as not_due_count, 50::decimal(18,4) as compliance_rate, 10::decimal(18,4) as quarantined_rate;
create table marts.mart_feed_differences_monthly as select
    date '2026-03-01' as month_start_date, 'D01' as partner_code, 'D01_other' as feed_code,
    'P1' as product_code, 12::decimal(18,3) as net_quantity, 11::decimal(18,3) as counted_net_quantity,
    1::decimal(18,3) as difference_quantity, date '2026-03-08' as stock_date,
    30::decimal(18,3) as on_hand_quantity, 28::decimal(18,3) as counted_on_hand_quantity,
    2::decimal(18,3) as difference_on_hand_quantity;
"""


def build(world: World) -> World:
    """Give an empty world the documents, the reports and the warehouse that follows from them."""
    built = _built()
    shutil.copytree(built.data, world.data, dirs_exist_ok=True)
    world.batches = built.batches
    return world


@cache
def _built() -> World:
    """The world that `build` copies; it is made once, and goes with the process."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    world = World(Path(folder) / "data")
    write_schemas(world.landing)
    return _make(world)


def _make(world: World) -> World:
    """Land the documents and reports, and build the warehouse that they give."""
    world.erp("partners", [PARTNER])
    world.erp("products", [PRODUCT])
    world.erp("order_lines", [ORDER])
    world.erp("shipment_lines", [SHIPMENT])
    world.erp("invoice_lines", [INVOICE])
    world.erp(
        "invoices",
        [WHOLE_INVOICE],
        slices=[Slice("erp", "invoices", "erp|2026-03", *MARCH, 1, amount_total="240")],
    )
    world.erp(
        "payments",
        [PAYMENT],
        slices=[Slice("erp", "payments", "erp|2026-03", *MARCH, 1, amount_total="98.8")],
    )
    world.erp("programme_costs", [COST])
    world.erp("deal_registrations", [DEAL])
    for entity, rows, quantity in (
        ("survey_answers", 3, "0"),
        ("support_tickets", 1, "0"),
        ("trainings", 1, "0"),
        ("shop_visits", 1, "3"),
    ):
        world.source(entity, Slice("sources", entity, "sources|2026-03", *MARCH, rows, quantity))
    first = world.report(
        "D01",
        "D01_sales",
        WEEK_10,
        [
            {"sold_quantity": 3, "net_amount": 36},
            {"sold_quantity": 4, "returned_quantity": 1, "net_amount": 36},
        ],
    )
    second = world.report("D01", "D01_sales", WEEK_11, [{"sold_quantity": 5, "net_amount": 60}])
    world.stock("D01", "D01_stock", WEEK_10, [{"on_hand_quantity": 30}])
    world.general_ledger(rows=3, debit=240)
    world.export()
    world.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(world.warehouse)) as connection:
        connection.execute(CORE.format(batch_10=first.stem, batch_11=second.stem, margin=MARGIN))
        connection.execute(PROGRAMMES)
        connection.execute(SEGMENTS)
        connection.execute(CLOSED)
        connection.execute(MARTS)
        connection.execute(TERRITORIES)
        connection.execute(SOURCES)
    return world


def change(world: World, *statements: str) -> None:
    """Break something in the warehouse."""
    with duckdb.connect(str(world.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)
