-- Grain: one row per reward of a tier that is not money.
with

newest as (
    {{ newest_state('rebate_entitlements') }}
),

final as (
    select
        programme_code,
        valid_from_date,
        tier_number,
        entitlement_code,
        duration_months
    from newest
)

select * from final
