-- Grain: one row per day, from the first year with data, with the whole week of its
-- 1 January, to the end of the year after the as-of date's: weeks that are projected,
-- days that are asked for or fall due lie ahead.
with

slices as (
    select * from {{ ref('stg_ledger__slices') }}
),

feeds as (
    select * from {{ ref('stg_rules__feeds') }}
),

-- Master data slices have no period of their own and say nothing about the first year.
starts as (
    select min(period_start_date) as start_date
    from slices
    where is_live and slice_key not like '%|all'
    union all
    select min(expected_from_date) as start_date from feeds
),

bounds as (
    select
        least(
            coalesce(min(start_date), {{ as_of_date() }}), {{ as_of_date() }}
        ) as first_date
    from starts
),

days as (
    select
        {{
            days_as_rows(
                week_start("cast(date_trunc('year', first_date) as date)"),
                "cast(date_trunc('year', " ~ as_of_date() ~ ") + interval '24' month "
                ~ "- interval '1' day as date)"
            )
        }}
    from bounds
),

weeks as (
    select
        date_day,
        {{ week_start('date_day') }} as week_start_date,
        {{ add_days(week_start('date_day'), 3) }} as thursday_date
    from days
),

numbered as (
    select
        date_day,
        week_start_date,
        thursday_date,
        cast(extract(year from thursday_date) as integer) as iso_year,
        1 + cast(
            floor({{ divide('extract(doy from thursday_date) - 1', 7) }}) as integer
        ) as iso_week
    from weeks
),

fiscal_periods as (
    select * from {{ ref('stg_rules__fiscal_periods') }} where is_company_calendar
),

final as (
    select
        numbered.date_day,
        numbered.week_start_date,
        {{ add_days('numbered.week_start_date', 6) }} as week_end_date,
        numbered.iso_year,
        numbered.iso_week,
        cast(numbered.iso_year as string) || '-W'
        || lpad(cast(numbered.iso_week as string), 2, '0') as week_label,
        {{ month_start('numbered.date_day') }} as month_start_date,
        cast(
            date_trunc('month', numbered.date_day)
            + interval '1' month
            - interval '1' day as date
        ) as month_end_date,
        {{ month_label('numbered.date_day') }} as month_label,
        cast(extract(year from numbered.date_day) as string)
        || '-Q' || cast(extract(quarter from numbered.date_day) as string)
            as quarter_label,
        cast(extract(year from numbered.date_day) as integer) as year_number,
        {{ days_between('numbered.week_start_date', 'numbered.date_day') }} >= 5
            as is_weekend,
        day_periods.fiscal_year,
        day_periods.fiscal_quarter,
        cast(day_periods.fiscal_year as string) || '-Q'
        || cast(day_periods.fiscal_quarter as string) as fiscal_quarter_label,
        day_periods.fiscal_period,
        cast(day_periods.fiscal_year as string) || '-P'
        || lpad(cast(day_periods.fiscal_period as string), 2, '0')
            as fiscal_period_label,
        day_periods.period_start_date as fiscal_period_start_date,
        day_periods.period_end_date as fiscal_period_end_date,
        -- A week belongs to the fiscal year of its Thursday.
        week_periods.fiscal_year as fiscal_week_year,
        1 + cast(
            floor({{
                divide(
                    days_between(
                        'week_periods.first_week_start_date', 'numbered.week_start_date'
                    ),
                    7
                )
            }}) as integer
        ) as fiscal_week
    from numbered
    left join fiscal_periods as day_periods
        on
            numbered.date_day >= day_periods.period_start_date
            and numbered.date_day <= day_periods.period_end_date
    left join fiscal_periods as week_periods
        on
            numbered.thursday_date >= week_periods.period_start_date
            and numbered.thursday_date <= week_periods.period_end_date
)

select * from final
