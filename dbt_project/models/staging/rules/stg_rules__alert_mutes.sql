-- Grain: one row per mute, in the order of the file.
with

newest as (
    {{ newest_state('alert_mutes') }}
),

final as (
    select
        _source_row as mute_number,
        rule_code,
        subject_code,
        muted_until_date,
        mute_reason,
        muted_by,
        muted_date
    from newest
)

select * from final
