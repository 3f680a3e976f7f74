-- Grain: one row per currency and day with a reference rate.
with

newest as (
    {{ newest_state('exchange_rates') }}
),

final as (
    select
        currency_code,
        rate_date,
        currency_per_euro
    from newest
)

select * from final
