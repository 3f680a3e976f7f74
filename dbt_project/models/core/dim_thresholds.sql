-- Grain: one row per threshold and channel, and channel * for what is not decided by
-- channel; complete, so that a join always finds a value.
-- The company's value for the channel, else its value for all channels, else the
-- default.
with

defaults as (
    select * from {{ ref('seed_default_thresholds') }}
),

own as (
    select * from {{ ref('stg_rules__thresholds') }}
),

channels as (
    select channel_code from {{ ref('dim_channels') }}
    union all
    select '*' as channel_code
),

final as (
    select
        defaults.threshold_code || '|' || channels.channel_code as threshold_id,
        defaults.threshold_code,
        channels.channel_code,
        cast(
            coalesce(
                for_channel.threshold_value,
                for_all.threshold_value,
                defaults.threshold_value
            ) as decimal(18, 6)
        ) as threshold_value
    from defaults
    cross join channels
    left join own as for_channel
        on
            defaults.threshold_code = for_channel.threshold_code
            and channels.channel_code = for_channel.channel_code
    left join own as for_all
        on
            defaults.threshold_code = for_all.threshold_code
            and for_all.channel_code = '*'
)

select * from final
