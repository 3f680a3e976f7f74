-- Grain: one row per partner or segment, measure and month with a target.
with

newest as (
    {{ newest_state('targets') }}
),

final as (
    select
        partner_code,
        segment_code,
        measure_code,
        month_start_date,
        target_value
    from newest
)

select * from final
