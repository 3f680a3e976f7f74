-- Grain: one row per name that a challenge or promotion is limited to.
with

newest as (
    {{ newest_state('campaign_scopes') }}
),

final as (
    select
        nullif(trim(campaign_code), '') as campaign_code,
        nullif(trim(dimension_code), '') as dimension_code,
        nullif(trim(scope_code), '') as scope_code
    from newest
)

select * from final
