-- Grain: one row per product, element and range of dates, as known on each day.
-- A range begins and ends as the ERP says; ranges do not overlap.
with

ranges as (
    {{
        ranges_as_known(
            'landed_cost_elements',
            ['product_code', 'element_code'],
            ['unit_cost_amount', 'currency_code'],
            bounded=true
        )
    }}
),

final as (
    select
        nullif(trim(product_code), '') as product_code,
        nullif(trim(element_code), '') as element_code,
        valid_from_date,
        valid_to_date,
        unit_cost_amount,
        nullif(trim(currency_code), '') as currency_code,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from ranges
)

select * from final
