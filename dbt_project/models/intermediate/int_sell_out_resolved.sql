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
        {{ quantity('resolved.sold_quantity_in_unit * resolved.base_quantity') }}
            as sold_quantity,
        {{ quantity('resolved.returned_quantity_in_unit * resolved.base_quantity') }}
            as returned_quantity
    from resolved
)

select * from final
