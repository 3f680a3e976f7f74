-- Grain: one row per partner and ISO week that a sell-out report covers or should.
-- Says what is known of the week's sales as a whole; products come later. A week is
--   reported  if every report that has to say something about it has come in,
--   missing   if one of them has not,
--   running   if a longer period, reported on its last day only, is not over then.
{{ config(materialized='table') }}

with

periods as (
    select * from {{ ref('fct_reporting_periods') }}
    where report_kind_code = 'sell_out' and is_of_record
),

sell_out as (
    select * from {{ ref('fct_sell_out_weekly') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

weeks as (
    select
        week_start_date,
        week_end_date
    from dates
    where date_day = week_end_date and week_end_date <= {{ as_of_date() }}
),

-- A report by month whose lines carry their own days says something about every week.
first_weeks as (
    select
        slice_key,
        min(week_start_date) as first_week_start_date
    from sell_out
    group by slice_key
),

described as (
    select
        periods.partner_code,
        periods.feed_code,
        periods.period_start_date,
        periods.period_end_date,
        periods.is_reported,
        coalesce(
            first_weeks.first_week_start_date
            < {{ week_start('periods.period_end_date') }},
            false
        ) as is_dated_by_line
    from periods
    left join first_weeks on periods.slice_key = first_weeks.slice_key
),

week_periods as (
    select
        described.partner_code,
        described.feed_code,
        weeks.week_start_date,
        weeks.week_end_date,
        described.is_reported,
        described.is_dated_by_line,
        described.period_end_date <= weeks.week_end_date as has_ended,
        case
            when described.is_dated_by_line
                then {{
                    days_between(
                        'greatest(described.period_start_date, weeks.week_start_date)',
                        'least(described.period_end_date, weeks.week_end_date)'
                    )
                }} + 1
            else {{
                days_between('described.period_start_date', 'described.period_end_date')
            }} + 1
        end as day_count
    from described
    inner join weeks
        on
            described.period_start_date <= weeks.week_end_date
            and described.period_end_date >= weeks.week_start_date
),

judged as (
    select
        week_periods.*,
        is_reported and (has_ended or is_dated_by_line) as is_known
    from week_periods
),

by_feed as (
    select
        partner_code,
        feed_code,
        week_start_date,
        week_end_date,
        sum(case when has_ended and not is_reported then 1 else 0 end)
            as missing_period_count,
        -- A month without days ends in this week: the next one, which begins in it,
        -- will be dated on its own last day.
        case
            when
                max(case when is_known and not is_dated_by_line then 1 else 0 end) = 1
                then 0
            else sum(case when is_known then 0 else 1 end)
        end as unknown_period_count,
        sum(case when is_known then day_count else 0 end) as reported_day_count
    from judged
    group by partner_code, feed_code, week_start_date, week_end_date
),

final as (
    select
        partner_code,
        week_start_date,
        week_end_date,
        case
            when sum(missing_period_count) > 0 then 'missing'
            when sum(unknown_period_count) > 0 then 'running'
            else 'reported'
        end as week_state_code,
        -- Two feeds of one partner cover the same days.
        cast(max(reported_day_count) as integer) as reported_day_count
    from by_feed
    group by partner_code, week_start_date, week_end_date
)

select * from final
