-- Grain: one row per partner, product, unit and range of dates; * stands for all.
with

newest as (
    {{ newest_state('units') }}
),

final as (
    select
        partner_code,
        product_code,
        unit_code,
        numerator,
        denominator,
        valid_from_date,
        valid_to_date
    from newest
)

select * from final
