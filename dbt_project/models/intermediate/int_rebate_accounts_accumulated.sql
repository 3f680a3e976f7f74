-- Grain: one row per rebate programme, version and period x account x month from the
-- period's first one to the as-of date's. An account is a partner, or the partners of a
-- group that are counted together.
-- Everything is as it was known at the month's end.
-- A table: two models read it, and it is most of the engine's work at 100,000 accounts.
{{ config(materialized='table') }}

with

purchases as (
    select * from {{ ref('int_rebate_purchases_qualified') }} where is_measured
),

programmes as (
    select * from {{ ref('stg_rules__rebate_programmes') }}
),

scopes as (
    select * from {{ ref('stg_rules__rebate_scopes') }}
),

sell_in as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

first_purchases as (
    select
        partner_code,
        {{ month_start('min(invoice_date)') }} as first_month_date
    from sell_in
    group by partner_code
),

members as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        period_end_date,
        account_code,
        partner_code
    from purchases
    where not is_last_year
    group by all
),

accounts as (
    select
        members.programme_code,
        members.programme_version_date,
        members.period_start_date,
        members.period_end_date,
        members.account_code,
        min(first_purchases.first_month_date) as first_month_date,
        sum(targets.scope_value) as target_value
    from members
    left join first_purchases on members.partner_code = first_purchases.partner_code
    left join scopes as targets
        on
            members.programme_code = targets.programme_code
            and members.programme_version_date = targets.valid_from_date
            and targets.role_code = 'target'
            and members.partner_code = targets.scope_code
    group by all
),

-- What became known in a month: purchases of the period, and of last year by the month
-- in which they can be compared, and by the month in which they belong to the whole.
changes as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        account_code,
        known_month_date as month_start_date,
        case when known_month_date = counted_month_date then purchased_quantity else 0
        end as own_quantity,
        case when known_month_date = counted_month_date then purchased_amount else 0
        end as own_amount,
        purchased_quantity,
        purchased_amount,
        0 as last_year_quantity,
        0 as last_year_amount,
        0 as last_year_whole_quantity,
        0 as last_year_whole_amount
    from purchases
    where not is_last_year
    union all
    select
        programme_code,
        programme_version_date,
        period_start_date,
        account_code,
        greatest({{ add_months('counted_month_date', 12) }}, known_month_date)
            as month_start_date,
        0 as own_quantity,
        0 as own_amount,
        0 as purchased_quantity,
        0 as purchased_amount,
        purchased_quantity as last_year_quantity,
        purchased_amount as last_year_amount,
        0 as last_year_whole_quantity,
        0 as last_year_whole_amount
    from purchases
    where is_last_year
    union all
    select
        programme_code,
        programme_version_date,
        period_start_date,
        account_code,
        greatest(period_start_date, known_month_date) as month_start_date,
        0 as own_quantity,
        0 as own_amount,
        0 as purchased_quantity,
        0 as purchased_amount,
        0 as last_year_quantity,
        0 as last_year_amount,
        purchased_quantity as last_year_whole_quantity,
        purchased_amount as last_year_whole_amount
    from purchases
    where is_last_year
),

monthly as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        account_code,
        month_start_date,
        sum(own_quantity) as own_quantity,
        sum(own_amount) as own_amount,
        sum(purchased_quantity) as purchased_quantity,
        sum(purchased_amount) as purchased_amount,
        sum(last_year_quantity) as last_year_quantity,
        sum(last_year_amount) as last_year_amount,
        sum(last_year_whole_quantity) as last_year_whole_quantity,
        sum(last_year_whole_amount) as last_year_whole_amount
    from changes
    group by all
),

calendar as (
    select
        accounts.*,
        {{ months_as_rows('accounts.period_start_date', month_start(as_of_date())) }}
    from accounts
),

months as (
    select
        calendar.*,
        {{ month_number('month_start_date') }}
        - {{ month_number('period_start_date') }}
            as former_months,
        {{ days_between('month_start_date', add_months('month_start_date', 1)) }}
            as month_days,
        least(
            {{ days_between('month_start_date', add_months('month_start_date', 1)) }},
            {{ days_between('month_start_date', as_of_date()) }} + 1
        ) as elapsed_days
    from calendar
),

accumulated as (
    select
        months.programme_code,
        months.programme_version_date,
        months.period_start_date,
        months.period_end_date,
        months.account_code,
        months.month_start_date,
        months.first_month_date,
        months.target_value,
        months.former_months,
        months.month_days,
        months.elapsed_days,
        {{ quantity('coalesce(monthly.own_quantity, 0)') }} as own_quantity,
        {{ amount('coalesce(monthly.own_amount, 0)') }} as own_amount,
        {{ quantity('coalesce(monthly.purchased_quantity, 0)') }}
            as month_quantity,
        {{ amount('coalesce(monthly.purchased_amount, 0)') }} as month_amount,
        coalesce(monthly.last_year_quantity, 0) as month_last_year_quantity,
        coalesce(monthly.last_year_amount, 0) as month_last_year_amount,
        {{ quantity('sum(coalesce(monthly.purchased_quantity, 0)) over account') }}
            as purchased_quantity,
        {{ amount('sum(coalesce(monthly.purchased_amount, 0)) over account') }}
            as purchased_amount,
        sum(coalesce(monthly.last_year_quantity, 0)) over account
            as last_year_quantity,
        sum(coalesce(monthly.last_year_amount, 0)) over account as last_year_amount,
        sum(coalesce(monthly.last_year_whole_quantity, 0)) over account
            as last_year_whole_quantity,
        sum(coalesce(monthly.last_year_whole_amount, 0)) over account
            as last_year_whole_amount,
        sum(case when monthly.own_amount > 0 then 1 else 0 end) over account
            as active_months
    from months
    left join monthly
        on
            months.programme_code = monthly.programme_code
            and months.programme_version_date = monthly.programme_version_date
            and months.period_start_date = monthly.period_start_date
            and months.account_code = monthly.account_code
            and months.month_start_date = monthly.month_start_date
    window account as (
        partition by
            months.programme_code,
            months.programme_version_date,
            months.period_start_date,
            months.account_code
        order by months.month_start_date nulls last
    )
),

-- What tiers are measured in. The days of a month that is not over count as a part of
-- it, and the same part of last year's month stands against them.
measured as (
    select
        accumulated.*,
        programmes.measure_code,
        programmes.form_code,
        case
            when programmes.measure_code = 'units' then accumulated.purchased_quantity
            else accumulated.purchased_amount
        end as measured_value,
        case
            when
                programmes.measure_code = 'units'
                then
                    accumulated.last_year_quantity * accumulated.month_days
                    - accumulated.month_last_year_quantity
                    * (accumulated.month_days - accumulated.elapsed_days)
            else
                accumulated.last_year_amount * accumulated.month_days
                - accumulated.month_last_year_amount
                * (accumulated.month_days - accumulated.elapsed_days)
        end as last_year_part_value,
        accumulated.last_year_amount * accumulated.month_days
        - accumulated.month_last_year_amount
        * (accumulated.month_days - accumulated.elapsed_days)
            as last_year_part_amount,
        case
            when
                programmes.measure_code = 'units'
                then accumulated.last_year_whole_quantity
            else accumulated.last_year_whole_amount
        end as last_year_whole_value,
        accumulated.former_months * accumulated.month_days + accumulated.elapsed_days
            as elapsed_part,
        programmes.period_months * accumulated.month_days as elapsed_whole,
        {{ add_days('accumulated.month_start_date', 'accumulated.elapsed_days') }}
        >= accumulated.period_end_date as is_over,
        programmes.period_months,
        accumulated.first_month_date
        <= {{ add_months('accumulated.period_start_date', -12) }} as has_last_year
    from accumulated
    inner join programmes
        on
            accumulated.programme_code = programmes.programme_code
            and accumulated.programme_version_date = programmes.valid_from_date
),

-- How far the period is: by last year's season where there was one, else by the days.
progressed as (
    select
        measured.*,
        case
            when is_over then 'over'
            when
                has_last_year and last_year_part_value > 0 and last_year_whole_value > 0
                then 'season'
            else 'run_rate'
        end as forecast_method_code
    from measured
),

forecast as (
    select
        progressed.*,
        case forecast_method_code
            when 'over' then 1
            when 'season' then last_year_part_value
            else elapsed_part
        end as done_part,
        case forecast_method_code
            when 'over' then 1
            when 'season' then last_year_whole_value * month_days
            else elapsed_whole
        end as done_whole
    from progressed
),

final as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        period_end_date,
        account_code,
        month_start_date,
        own_quantity,
        own_amount,
        month_quantity,
        month_amount,
        purchased_quantity,
        purchased_amount,
        {{ amount(divide('last_year_part_amount', 'month_days')) }}
            as last_year_part_amount,
        {{ amount('last_year_whole_amount') }} as last_year_whole_amount,
        cast(measured_value as decimal(20, 4)) as measured_value,
        cast(
            case
                when is_over then measured_value
                else {{ divide('measured_value * done_whole', 'done_part') }}
            end as decimal(20, 4)
        ) as forecast_value,
        is_over,
        forecast_method_code,
        {{ as_share('done_part', 'done_whole') }} as done_share,
        -- What tiers are held against, and what they are counted in: growth in last
        -- year's purchases, a target in the target, loyalty in months.
        cast(
            case form_code
                when 'loyalty' then active_months
                when 'growth' then measured_value * month_days
                else measured_value
            end as decimal(20, 4)
        ) as reached_value,
        cast(
            case
                when form_code = 'loyalty' and is_over then active_months
                when
                    form_code = 'loyalty'
                    then
                        floor({{
                            divide(
                                'active_months * period_months', 'former_months + 1'
                            )
                        }})
                when is_over then measured_value
                else {{ divide('measured_value * done_whole', 'done_part') }}
            end as decimal(20, 4)
        ) as expected_value,
        cast(
            case
                when form_code = 'growth' and has_last_year then last_year_part_value
                when form_code = 'target' then target_value
                when form_code <> 'growth' then 1
            end as decimal(19, 4)
        ) as reached_unit,
        cast(
            case
                when form_code = 'growth' and has_last_year then last_year_whole_value
                when form_code = 'target' then target_value
                when form_code <> 'growth' then 1
            end as decimal(19, 4)
        ) as expected_unit
    from forecast
)

select * from final
