-- Grain: one row per tier of a version of a rebate programme.
with

newest as (
    {{ newest_state('rebate_tiers') }}
),

final as (
    select
        programme_code,
        valid_from_date,
        tier_number,
        from_value,
        is_from_included,
        reward_kind_code,
        reward_value
    from newest
)

select * from final
