-- Grain: one row per line of an order for our own stock, production or purchase.
-- Additive over lines of one product: quantities.
with

lines as (
    select * from {{ ref('stg_erp__supply_lines') }}
),

final as (
    select
        supply_number || '|' || supply_line_number as supply_line_id,
        supply_number,
        supply_line_number,
        product_code,
        ordered_date,
        expected_date,
        received_date,
        {{ quantity('ordered_quantity') }} as ordered_quantity,
        {{ quantity('received_quantity') }} as received_quantity,
        {{ quantity(
            'case when is_open '
            ~ 'then greatest(ordered_quantity - received_quantity, 0) else 0 end'
        ) }} as open_quantity,
        is_open,
        {{ days_between(
            'expected_date',
            'case when is_open then ' ~ as_of_date() ~ ' else received_date end'
        ) }} as late_days,
        source_batch_id,
        source_file,
        source_row
    from lines
)

select * from final
