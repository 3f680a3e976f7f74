-- Grain: one row per fiscal period.
with

newest as (
    {{ newest_state('fiscal_periods') }}
),

final as (
    select
        fiscal_year,
        fiscal_quarter,
        fiscal_period,
        period_start_date,
        period_end_date,
        first_week_start_date
    from newest
)

select * from final
