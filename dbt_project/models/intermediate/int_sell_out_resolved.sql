-- Grain: one row per reported sell-out line of the slices that this run replaces.
with

lines as (
    select * from {{ ref('stg_feeds__sell_out') }}
),

resolved as (
    {{ resolved_lines('lines', 'sale_date') }}
),

final as (
    select
        resolved.*,
        {{
            in_base_units(
                'resolved.sold_quantity_in_unit',
                'resolved.unit_numerator',
                'resolved.unit_denominator'
            )
        }} as sold_quantity,
        {{
            in_base_units(
                'resolved.returned_quantity_in_unit',
                'resolved.unit_numerator',
                'resolved.unit_denominator'
            )
        }} as returned_quantity
    from resolved
)

select * from final
