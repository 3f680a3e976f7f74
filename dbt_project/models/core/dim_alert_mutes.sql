-- Grain: one row per mute of alerts.
with

mutes as (
    select * from {{ ref('stg_rules__alert_mutes') }}
),

final as (
    select
        mute_number,
        rule_code,
        subject_code,
        muted_date,
        muted_until_date,
        mute_reason,
        muted_by
    from mutes
)

select * from final
