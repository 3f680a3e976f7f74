-- Grain: one row per GTIN that names exactly one product.
-- A GTIN that two products claim names none: a line is rather unmatched than given to
-- the wrong one.
with

units as (
    select * from {{ ref('int_product_units_completed') }}
),

claims as (
    {{ gtin_claims() }}
),

-- Where one product gives the same GTIN to several units the smallest is meant.
ranked as (
    select
        claims.gtin_14,
        claims.product_code,
        claims.unit_code,
        claims.is_packing,
        row_number() over (
            partition by claims.gtin_14
            order by units.base_quantity nulls last, claims.unit_code
        ) as position_number,
        min(claims.product_code) over (partition by claims.gtin_14)
            as first_product_code,
        max(claims.product_code) over (partition by claims.gtin_14)
            as last_product_code
    from claims
    left join units
        on
            claims.product_code = units.product_code
            and claims.unit_code = units.unit_code
),

final as (
    select
        gtin_14,
        product_code,
        unit_code,
        is_packing
    from ranked
    where position_number = 1 and first_product_code = last_product_code
)

select * from final
