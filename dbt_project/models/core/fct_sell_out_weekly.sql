-- Grain: one row per slice, product, unit, reported identifiers, week, month and the
-- document's currency.
-- Additive: quantities in base units, amounts, counts. All that reads sell-out by
-- product reads this:
-- it is some hundred times smaller than fct_sell_out and replaced by the same slices.
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
    select * from {{ ref('fct_sell_out') }}
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
            lines.slice_key = touched_slices.slice_key
            and lines.period_start_date = touched_slices.period_start_date
),
{%- else -%}
touched_lines as (
    select * from lines
),
{%- endif %}

final as (
    select
        slice_key,
        partner_code,
        channel_code,
        feed_code,
        period_start_date,
        period_end_date,
        week_start_date,
        month_start_date,
        product_code,
        resolution_code,
        unit_code,
        reported_product_code,
        reported_gtin,
        partner_product_code,
        currency_code,
        document_currency_code,
        source_batch_id,
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
        slice_key,
        partner_code,
        channel_code,
        feed_code,
        period_start_date,
        period_end_date,
        week_start_date,
        month_start_date,
        product_code,
        resolution_code,
        unit_code,
        reported_product_code,
        reported_gtin,
        partner_product_code,
        currency_code,
        document_currency_code,
        source_batch_id
)

select * from final
order by period_start_date nulls last, slice_key nulls last
