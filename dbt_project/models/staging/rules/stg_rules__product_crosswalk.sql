-- Grain: one row per partner, partner's product code and range of dates.
-- A range that runs into the next one ends there, so that a day has at most one
-- product.
with

newest as (
    {{ newest_state('product_crosswalk') }}
),

final as (
    select
        partner_code,
        partner_product_code,
        product_code,
        unit_code,
        valid_from_date,
        least(
            valid_to_date, {{ range_end(['partner_code', 'partner_product_code']) }}
        ) as valid_to_date
    from newest
)

select * from final
