-- Grain: one row per partner or segment, measure and month with a target.
with

targets as (
    select * from {{ ref('stg_rules__targets') }}
),

final as (
    select
        cast(month_start_date as string) || '|' || measure_code || '|'
        || case when partner_code is not null then 'partner' else 'segment' end || '|'
        || coalesce(partner_code, segment_code) as target_id,
        month_start_date,
        measure_code,
        partner_code,
        segment_code,
        target_value
    from targets
)

select * from final
