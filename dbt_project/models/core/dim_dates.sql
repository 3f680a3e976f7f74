-- Grain: one row per day, from the first year with data to the end of the as-of date's
-- year.
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
                "cast(date_trunc('year', first_date) as date)",
                "cast(date_trunc('year', " ~ as_of_date() ~ ") + interval '12' month "
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
        cast(extract(year from thursday_date) as integer) as iso_year,
        1 + cast(
            floor({{ divide('extract(doy from thursday_date) - 1', 7) }}) as integer
        ) as iso_week
    from weeks
),

final as (
    select
        date_day,
        week_start_date,
        {{ add_days('week_start_date', 6) }} as week_end_date,
        iso_year,
        iso_week,
        cast(iso_year as string) || '-W' || lpad(cast(iso_week as string), 2, '0')
            as week_label,
        {{ month_start('date_day') }} as month_start_date,
        cast(
            date_trunc('month', date_day)
            + interval '1' month
            - interval '1' day as date
        ) as month_end_date,
        {{ month_label('date_day') }} as month_label,
        cast(extract(year from date_day) as string)
        || '-Q' || cast(extract(quarter from date_day) as string) as quarter_label,
        cast(extract(year from date_day) as integer) as year_number,
        {{ days_between('week_start_date', 'date_day') }} >= 5 as is_weekend
    from numbered
)

select * from final
