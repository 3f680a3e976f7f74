-- Grain: one row per threshold and channel.
with

newest as (
    {{ newest_state('thresholds') }}
),

final as (
    select
        threshold_code,
        channel_code,
        threshold_value
    from newest
)

select * from final
