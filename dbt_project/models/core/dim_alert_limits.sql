-- Grain: one row per rule of alerts, limit and channel, and channel * for what is not
-- decided by channel; complete, so that a join always finds a value.
with

limits as (
    select * from {{ ref('stg_rules__alert_limits') }}
),

channels as (
    select channel_code from {{ ref('dim_channels') }}
    union all
    select '*' as channel_code
),

final as (
    select
        for_all.rule_code || '|' || for_all.limit_code || '|' || channels.channel_code
            as alert_limit_id,
        for_all.rule_code,
        for_all.limit_code,
        channels.channel_code,
        cast(
            coalesce(for_channel.limit_value, for_all.limit_value) as decimal(18, 6)
        ) as limit_value
    from limits as for_all
    cross join channels
    left join limits as for_channel
        on
            for_all.rule_code = for_channel.rule_code
            and for_all.limit_code = for_channel.limit_code
            and channels.channel_code = for_channel.channel_code
    where for_all.channel_code = '*'
)

select * from final
