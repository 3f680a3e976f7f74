-- Grain: one row per slice, product, unit, reported identifiers, week, month and the
-- document's currency.
-- Additive: quantities in base units, amounts, counts.
--
-- All that reads sell-out by product reads this: it is some hundred times smaller than
-- fct_sell_out and replaced by the same slices.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='slice_key',
        on_schema_change='fail',
        pre_hook="{{ clear_emptied_slices('sell_out') }}"
    )
}}

with

lines as (
    select * from {{ ref('fct_sell_out_lines') }}
),

{% if is_incremental() -%}
touched_slices as (
    select * from {{ ref('stg_ledger__touched_slices') }}
    where entity_code = 'sell_out'
),

touched_lines as (
    select lines.*
    from lines
    inner join touched_slices
        on
            lines.slice_number = touched_slices.slice_number
            and lines.period_start_date = touched_slices.period_start_date
),
{%- else -%}
touched_lines as (
    select * from lines
),
{%- endif %}

summed as (
    select
        report_number,
        channel_code,
        week_start_date,
        month_start_date,
        product_code,
        resolution_code,
        unit_code,
        reported_product_code,
        reported_gtin,
        partner_product_code,
        document_currency_code,
        max(unmatched_label) as unmatched_label,
        {{ quantity('sum(sold_quantity_in_unit)') }} as sold_quantity_in_unit,
        {{ quantity('sum(returned_quantity_in_unit)') }} as returned_quantity_in_unit,
        {{ quantity('sum(sold_quantity)') }} as sold_quantity,
        {{ quantity('sum(returned_quantity)') }} as returned_quantity,
        {{ quantity('sum(net_quantity)') }} as net_quantity,
        {{ amount('sum(net_amount)') }} as net_amount,
        {{ amount('sum(document_net_amount)') }} as document_net_amount,
        count(*) as line_count,
        count(amount_reason_code) as unconverted_line_count
    from touched_lines
    group by
        report_number,
        channel_code,
        week_start_date,
        month_start_date,
        product_code,
        resolution_code,
        unit_code,
        reported_product_code,
        reported_gtin,
        partner_product_code,
        document_currency_code
),

final as (
    select
        reports.slice_key,
        reports.partner_code,
        summed.channel_code,
        reports.feed_code,
        reports.period_start_date,
        reports.period_end_date,
        summed.week_start_date,
        summed.month_start_date,
        summed.product_code,
        summed.resolution_code,
        summed.unit_code,
        summed.reported_product_code,
        summed.reported_gtin,
        summed.partner_product_code,
        {{ company_currency() }} as currency_code,
        summed.document_currency_code,
        reports.source_batch_id,
        summed.unmatched_label,
        summed.sold_quantity_in_unit,
        summed.returned_quantity_in_unit,
        summed.sold_quantity,
        summed.returned_quantity,
        summed.net_quantity,
        summed.net_amount,
        summed.document_net_amount,
        summed.line_count,
        summed.unconverted_line_count
    from summed
    left join {{ ref('dim_sell_out_reports') }} as reports
        on summed.report_number = reports.report_number
)

select * from final
order by period_start_date nulls last, slice_key nulls last
