-- Grain: one row per rule of alerts, limit and channel.
with

newest as (
    {{ newest_state('alert_limits') }}
),

final as (
    select
        rule_code,
        channel_code,
        limit_code,
        limit_value
    from newest
)

select * from final
