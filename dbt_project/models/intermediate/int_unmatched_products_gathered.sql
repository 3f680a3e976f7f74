-- Grain: one row per partner and reported code that no product is known for.
-- What `aval match` puts before people. Amounts and quantities are of sell-out; a code
-- that only stock reports name has none.
{{ config(materialized='table') }}

with

sell_out as (
    select * from {{ ref('fct_sell_out_weekly') }}
    where product_code = 'UNMATCHED'
),

stock as (
    select * from {{ ref('int_inventory_reported') }}
    where product_code = 'UNMATCHED'
),

lines as (
    select
        partner_code,
        {{ reported_code('sell_out') }} as reported_code,
        unmatched_label,
        week_start_date as seen_date,
        sold_quantity_in_unit - returned_quantity_in_unit as net_quantity_in_unit,
        net_amount,
        line_count
    from sell_out
    union all
    select
        partner_code,
        {{ reported_code('stock') }} as reported_code,
        unmatched_label,
        stock_date as seen_date,
        0 as net_quantity_in_unit,
        cast(null as decimal(18, 4)) as net_amount,
        line_count
    from stock
),

final as (
    select
        partner_code,
        reported_code,
        max(unmatched_label) as reported_label,
        {{ quantity('sum(net_quantity_in_unit)') }} as net_quantity_in_unit,
        {{ amount('sum(net_amount)') }} as net_amount,
        {{ divide(
            'sum(net_amount)',
            'sum(case when net_amount is not null then net_quantity_in_unit end)'
        ) }} as unit_price_amount,
        cast(sum(line_count) as bigint) as line_count,
        min(seen_date) as first_seen_date,
        max(seen_date) as last_seen_date
    from lines
    group by partner_code, reported_code
)

select * from final
