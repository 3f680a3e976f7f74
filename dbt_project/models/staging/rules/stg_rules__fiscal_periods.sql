-- Grain: one row per fiscal calendar and fiscal period.
with

newest as (
    {{ newest_state('fiscal_periods') }}
),

final as (
    select
        calendar_code,
        is_company_calendar,
        fiscal_year,
        fiscal_quarter,
        fiscal_period,
        period_start_date,
        period_end_date,
        first_week_start_date
    from newest
)

select * from final
