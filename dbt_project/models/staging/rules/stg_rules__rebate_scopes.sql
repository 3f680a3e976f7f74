-- Grain: one row per name that a version of a rebate programme includes, excludes or
-- asks something of.
with

newest as (
    {{ newest_state('rebate_scopes') }}
),

final as (
    select
        programme_code,
        valid_from_date,
        role_code,
        dimension_code,
        scope_code,
        group_code,
        scope_value,
        scope_share_rate
    from newest
)

select * from final
