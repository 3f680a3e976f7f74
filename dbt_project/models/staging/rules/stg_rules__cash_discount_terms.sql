-- Grain: one row per cash discount, partner or channel and range of dates.
with

newest as (
    {{ newest_state('cash_discount_terms') }}
),

final as (
    select
        term_code,
        partner_code,
        channel_code,
        discount_rate,
        within_days,
        valid_from_date,
        valid_to_date
    from newest
)

select * from final
