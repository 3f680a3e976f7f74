-- Grain: one row per slice, day of the count, product, unit and reported identifiers;
-- stores are added up. Stocks are additive over partners and products, not over days.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='slice_key',
        on_schema_change='fail',
        pre_hook="{{ clear_emptied_slices('inventory') }}"
    )
}}

with

lines as (
    select * from {{ ref('stg_feeds__inventory') }}
),

resolved as (
    {{ resolved_lines('lines', 'stock_date') }}
),

converted as (
    select
        resolved.*,
        {{
            in_base_units(
                'resolved.on_hand_quantity_in_unit',
                'resolved.unit_numerator',
                'resolved.unit_denominator'
            )
        }} as on_hand_quantity,
        {{
            in_base_units(
                'resolved.in_transit_quantity_in_unit',
                'resolved.unit_numerator',
                'resolved.unit_denominator'
            )
        }} as in_transit_quantity
    from resolved
),

final as (
    select
        slice_key,
        partner_code,
        feed_code,
        period_start_date,
        period_end_date,
        stock_date,
        product_code,
        resolution_code,
        unit_code,
        reported_product_code,
        reported_gtin,
        partner_product_code,
        source_batch_id,
        max(case when product_code = 'UNMATCHED' then product_label end)
            as unmatched_label,
        {{ quantity('sum(on_hand_quantity_in_unit)') }} as on_hand_quantity_in_unit,
        {{ quantity('sum(on_hand_quantity)') }} as on_hand_quantity,
        {{ quantity('sum(in_transit_quantity)') }} as in_transit_quantity,
        count(*) as line_count,
        max(source_file) as source_file,
        min(source_row) as first_source_row,
        max(source_row) as last_source_row,
        min(message_reference) as first_message_reference,
        max(message_reference) as last_message_reference,
        min(document_number) as first_document_number,
        max(document_number) as last_document_number
    from converted
    group by
        slice_key,
        partner_code,
        feed_code,
        period_start_date,
        period_end_date,
        stock_date,
        product_code,
        resolution_code,
        unit_code,
        reported_product_code,
        reported_gtin,
        partner_product_code,
        source_batch_id
)

select * from final
order by period_start_date nulls last, slice_key nulls last
