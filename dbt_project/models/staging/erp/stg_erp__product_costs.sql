-- Grain: one row per product and range of dates, as known on each day.
-- Ranges are closed: no holes, no overlaps, the first reaches back to 1900-01-01.
with

ranges as (
    {{
        ranges_as_known(
            'product_costs',
            ['product_code'],
            ['unit_cost_amount', 'actual_unit_cost_amount', 'currency_code']
        )
    }}
),

final as (
    select
        nullif(trim(product_code), '') as product_code,
        valid_from_date,
        valid_to_date,
        unit_cost_amount,
        actual_unit_cost_amount,
        nullif(trim(currency_code), '') as currency_code,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from ranges
)

select * from final
