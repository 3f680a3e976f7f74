-- Grain: one row per commission plan, product family and range of dates.
with

newest as (
    {{ newest_state('commission_rates') }}
),

final as (
    select
        plan_code,
        family_code,
        basis_code,
        commission_rate,
        valid_from_date,
        valid_to_date
    from newest
)

select * from final
