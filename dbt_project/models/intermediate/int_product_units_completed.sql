-- Grain: one row per product and unit; every product has its base unit, worth 1.
with

products as (
    select * from {{ ref('stg_erp__products') }}
),

units as (
    select * from {{ ref('stg_erp__product_units') }}
),

base_units as (
    select
        products.product_code,
        products.base_unit_code as unit_code,
        {{ quantity(1) }} as base_quantity
    from products
),

other_units as (
    select
        units.product_code,
        units.unit_code,
        units.base_quantity
    from units
    inner join products on units.product_code = products.product_code
    where units.unit_code <> products.base_unit_code and units.base_quantity > 0
),

final as (
    select * from base_units
    union all
    select * from other_units
)

select * from final
