-- Grain: one row per holiday calendar and day.
with

newest as (
    {{ newest_state('working_days') }}
),

final as (
    select
        holiday_calendar_code,
        calendar_date,
        is_working_day,
        working_day_number
    from newest
)

select * from final
