-- Grain: one row per product, and the member UNMATCHED for reported lines without a
-- known product.
with

products as (
    select * from {{ ref('stg_erp__products') }}
),

final as (
    select
        product_code,
        product_name,
        family_code,
        coalesce(family_name, family_code) as family_name,
        gtin,
        base_unit_code,
        launch_date,
        supply_lead_days,
        is_active and not is_deleted as is_active,
        true as is_matched
    from products
    union all
    select
        'UNMATCHED' as product_code,
        'Unmatched product' as product_name,
        'UNMATCHED' as family_code,
        'Unmatched products' as family_name,
        cast(null as string) as gtin,
        'UNMATCHED' as base_unit_code,
        cast(null as date) as launch_date,
        cast(null as integer) as supply_lead_days,
        false as is_active,
        false as is_matched
)

select * from final
