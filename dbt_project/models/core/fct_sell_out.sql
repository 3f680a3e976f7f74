-- Grain: one row per sell-out line that a partner reported.
-- Additive: quantities in base units and amounts; quantities _in_unit within one unit.
--
-- A view: lines with what their report says. A line whose report were missing would
-- show without partner and slice, and the gate would close.
{{ config(materialized='view') }}

with

lines as (
    select * from {{ of_this_file(ref('fct_sell_out_lines')) }}
),

reports as (
    select * from {{ of_this_file(ref('dim_sell_out_reports')) }}
),

final as (
    select
        reports.source_batch_id || '|' || cast(lines.source_row as string) || '|'
        || coalesce(lines.source_column, '') as sell_out_line_id,
        reports.slice_key,
        reports.partner_code,
        reports.partner_code || '|' || cast(lines.partner_valid_from_date as string)
            as partner_version_id,
        lines.channel_code,
        reports.feed_code,
        lines.period_start_date,
        reports.period_end_date,
        lines.sale_date,
        lines.week_start_date,
        lines.month_start_date,
        lines.store_key,
        lines.store_code,
        lines.postal_code,
        lines.territory_code,
        lines.product_code,
        lines.resolution_code,
        lines.reported_product_code,
        lines.reported_gtin,
        lines.partner_product_code,
        lines.unmatched_label,
        lines.unit_code,
        lines.sold_quantity_in_unit,
        lines.returned_quantity_in_unit,
        lines.sold_quantity,
        lines.returned_quantity,
        lines.net_quantity,
        lines.net_amount,
        {{ company_currency() }} as currency_code,
        lines.document_net_amount,
        lines.document_currency_code,
        lines.amount_reason_code,
        lines.transaction_id,
        lines.customer_key,
        lines.business_customer_key,
        lines.report_number,
        reports.source_batch_id,
        reports.source_file,
        lines.source_row,
        lines.source_column,
        lines.message_reference,
        lines.document_number
    from lines
    left join reports on lines.report_number = reports.report_number
)

select * from final
