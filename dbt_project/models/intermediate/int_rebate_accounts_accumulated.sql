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

-- What was ordered, delivered or paid may be known of less time than what was invoiced.
histories as (
    select
        'ordered' as basis_code,
        {{ month_start('min(order_date)') }} as first_month_date
    from {{ ref('fct_orders') }}
    union all
    select
        'delivered' as basis_code,
        {{ month_start('min(arrival_date)') }} as first_month_date
    from {{ ref('fct_shipments') }}
    union all
    select
        'paid' as basis_code,
        {{ month_start('min(payment_date)') }} as first_month_date
    from {{ ref('fct_payments') }}
),

account_keys as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        period_end_date,
        account_code,
        has_whole_last_year
    from purchases
    where not is_last_year
    group by all
),

-- All partners of a group, whoever has purchased yet: what it is held against must not
-- move with the first purchase of another one.
members as (
    select
        *,
        account_code as partner_code
    from account_keys
    where not {{ is_group('account_code') }}
    union all
    select
        account_keys.*,
        members_named.scope_code as partner_code
    from account_keys
    inner join scopes as members_named
        on
            account_keys.programme_code = members_named.programme_code
            and account_keys.programme_version_date = members_named.valid_from_date
            and account_keys.account_code = 'group|' || members_named.group_code
),

accounts as (
    select
        members.programme_code,
        members.programme_version_date,
        members.period_start_date,
        members.period_end_date,
        members.account_code,
        members.has_whole_last_year,
        min(first_purchases.first_month_date) as first_month_date,
        min(
            case
                when
                    first_purchases.first_month_date
                    > {{ add_months('members.period_start_date', -12) }}
                    then first_purchases.first_month_date
            end
        ) as newcomer_month_date,
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

-- What follows finds an account by its number.
numbered as (
    select
        accounts.*,
        row_number() over (
            order by
                programme_code nulls last,
                programme_version_date nulls last,
                period_start_date nulls last,
                account_code nulls last
        ) as account_number
    from accounts
),

numbered_purchases as (
    select
        numbered.account_number,
        purchases.period_start_date,
        purchases.is_last_year,
        purchases.counted_month_date,
        purchases.known_month_date,
        purchases.purchased_quantity,
        purchases.purchased_amount,
        purchases.unvalued_line_count
    from purchases
    inner join numbered
        on
            purchases.programme_code = numbered.programme_code
            and purchases.programme_version_date = numbered.programme_version_date
            and purchases.period_start_date = numbered.period_start_date
            and purchases.account_code = numbered.account_code
),

-- What became known in a month: purchases of the period, and of last year by the month
-- in which they can be compared, and by the month in which they belong to the whole.
changes as (
    select
        account_number,
        known_month_date as month_start_date,
        case when known_month_date = counted_month_date then purchased_amount else 0
        end as own_amount,
        case
            when
                known_month_date = counted_month_date
                and unvalued_line_count > 0
                and purchased_quantity > 0
                then 1
            else 0
        end as unvalued_purchases,
        purchased_quantity,
        purchased_amount,
        unvalued_line_count,
        0 as last_year_quantity,
        0 as last_year_amount,
        0 as last_year_whole_quantity,
        0 as last_year_whole_amount
    from numbered_purchases
    where not is_last_year
    union all
    select
        account_number,
        greatest({{ add_months('counted_month_date', 12) }}, known_month_date)
            as month_start_date,
        0 as own_amount,
        0 as unvalued_purchases,
        0 as purchased_quantity,
        0 as purchased_amount,
        0 as unvalued_line_count,
        purchased_quantity as last_year_quantity,
        purchased_amount as last_year_amount,
        0 as last_year_whole_quantity,
        0 as last_year_whole_amount
    from numbered_purchases
    where is_last_year
    union all
    select
        account_number,
        greatest(period_start_date, known_month_date) as month_start_date,
        0 as own_amount,
        0 as unvalued_purchases,
        0 as purchased_quantity,
        0 as purchased_amount,
        0 as unvalued_line_count,
        0 as last_year_quantity,
        0 as last_year_amount,
        purchased_quantity as last_year_whole_quantity,
        purchased_amount as last_year_whole_amount
    from numbered_purchases
    where is_last_year
),

monthly as (
    select
        account_number,
        month_start_date,
        {{ amount('sum(own_amount)') }} as own_amount,
        {{ quantity('sum(purchased_quantity)') }} as purchased_quantity,
        {{ amount('sum(purchased_amount)') }} as purchased_amount,
        sum(unvalued_line_count) as unvalued_line_count,
        sum(own_amount) > 0 or sum(unvalued_purchases) > 0 as is_active,
        {{ quantity('sum(last_year_quantity)') }} as last_year_quantity,
        {{ amount('sum(last_year_amount)') }} as last_year_amount,
        {{ quantity('sum(last_year_whole_quantity)') }} as last_year_whole_quantity,
        {{ amount('sum(last_year_whole_amount)') }} as last_year_whole_amount
    from changes
    group by account_number, month_start_date
),

calendar as (
    select
        account_number,
        {{ months_as_rows('period_start_date', month_start(as_of_date())) }}
    from numbered
),

accumulated as (
    select
        calendar.account_number,
        calendar.month_start_date,
        coalesce(monthly.own_amount, 0) as own_amount,
        coalesce(monthly.last_year_quantity, 0) as month_last_year_quantity,
        coalesce(monthly.last_year_amount, 0) as month_last_year_amount,
        {{ quantity('coalesce(sum(monthly.purchased_quantity) over account, 0)') }}
            as purchased_quantity,
        {{ amount('coalesce(sum(monthly.purchased_amount) over account, 0)') }}
            as purchased_amount,
        coalesce(sum(monthly.unvalued_line_count) over account, 0)
            as unvalued_line_count,
        coalesce(monthly.is_active, false) as is_active,
        {{ quantity('coalesce(sum(monthly.last_year_quantity) over account, 0)') }}
            as last_year_quantity,
        {{ amount('coalesce(sum(monthly.last_year_amount) over account, 0)') }}
            as last_year_amount,
        {{
            quantity('coalesce(sum(monthly.last_year_whole_quantity) over account, 0)')
        }} as last_year_whole_quantity,
        {{ amount('coalesce(sum(monthly.last_year_whole_amount) over account, 0)') }}
            as last_year_whole_amount,
        count(case when monthly.is_active then 1 end) over account as active_months
    from calendar
    left join monthly
        on
            calendar.account_number = monthly.account_number
            and calendar.month_start_date = monthly.month_start_date
    window account as (
        partition by calendar.account_number
        order by calendar.month_start_date nulls last
        rows between unbounded preceding and current row
    )
),

months as (
    select
        month_start_date,
        {{ days_between('month_start_date', add_months('month_start_date', 1)) }}
            as month_days,
        least(
            {{ days_between('month_start_date', add_months('month_start_date', 1)) }},
            {{ days_between('month_start_date', as_of_date()) }} + 1
        ) as elapsed_days
    from calendar
    group by month_start_date
),

-- Of a year of which an amount is not known nobody knows growth or season in money.
unvalued_years as (
    select account_number
    from numbered_purchases
    where is_last_year and unvalued_line_count > 0
    group by account_number
),

terms as (
    select
        numbered.*,
        {{ rebate_version_key('numbered', 'programme_version_date') }} as version_key,
        {{ rebate_version_key('numbered', 'programme_version_date') }}
        || '|' || cast(numbered.period_start_date as string) as period_key,
        programmes.measure_code,
        programmes.form_code,
        programmes.period_months,
        greatest(numbered.first_month_date, histories.first_month_date)
        <= {{ add_months('numbered.period_start_date', -12) }}
        and numbered.has_whole_last_year
        and (
            unvalued_years.account_number is null
            or (programmes.measure_code = 'units' and not programmes.is_on_increment)
        ) as has_last_year
    from numbered
    inner join programmes
        on
            numbered.programme_code = programmes.programme_code
            and numbered.programme_version_date = programmes.valid_from_date
    left join histories on programmes.basis_code = histories.basis_code
    left join unvalued_years
        on numbered.account_number = unvalued_years.account_number
),

-- What tiers are measured in. The days of a month that is not over count as a part of
-- it, and the same part of last year's month stands against them.
measured as (
    select
        accumulated.*,
        terms.programme_code,
        terms.programme_version_date,
        terms.period_start_date,
        terms.period_end_date,
        terms.account_code,
        terms.version_key,
        terms.period_key,
        terms.target_value,
        terms.form_code,
        terms.period_months,
        terms.has_last_year,
        terms.newcomer_month_date,
        months.month_days,
        months.elapsed_days,
        case
            when terms.measure_code = 'units' then accumulated.purchased_quantity
            else accumulated.purchased_amount
        end as measured_value,
        case
            when terms.measure_code = 'units' then accumulated.last_year_quantity
            else accumulated.last_year_amount
        end as last_year_value,
        case
            when terms.measure_code = 'units' then accumulated.month_last_year_quantity
            else accumulated.month_last_year_amount
        end as month_last_year_value,
        case
            when
                terms.measure_code = 'units'
                then accumulated.last_year_whole_quantity
            else accumulated.last_year_whole_amount
        end as last_year_whole_value,
        {{ month_number('accumulated.month_start_date') }}
        - {{ month_number('terms.period_start_date') }}
            as former_months,
        {{ add_days('accumulated.month_start_date', 'months.elapsed_days') }}
        >= terms.period_end_date as is_over
    from accumulated
    inner join terms on accumulated.account_number = terms.account_number
    inner join months on accumulated.month_start_date = months.month_start_date
),

-- Last year matters to a forecast, and to growth.
compared as (
    select
        measured.*,
        case
            when form_code = 'growth' or (has_last_year and not is_over)
                then
                    last_year_value * month_days
                    - month_last_year_value * (month_days - elapsed_days)
        end as last_year_part_value,
        case
            when form_code = 'growth'
                then
                    last_year_amount * month_days
                    - month_last_year_amount * (month_days - elapsed_days)
        end as last_year_part_amount
    from measured
),

-- How far the period is: by last year's season where there was one, else by the days.
-- Of partners counted together, one that began after last year did would be growth.
progressed as (
    select
        compared.*,
        case
            when is_over then 'over'
            when
                has_last_year
                and coalesce(newcomer_month_date > month_start_date, true)
                and last_year_part_value > 0
                and last_year_whole_value > 0
                then 'season'
            else 'run_rate'
        end as forecast_method_code
    from compared
),

shared as (
    select
        progressed.*,
        case forecast_method_code
            when 'over' then 1
            when 'season' then last_year_part_value
            else former_months * month_days + elapsed_days
        end as done_part,
        case forecast_method_code
            when 'over' then 1
            when 'season' then last_year_whole_value * month_days
            else period_months * month_days
        end as done_whole
    from progressed
),

forecast as (
    select
        shared.*,
        case
            when is_over then measured_value
            else {{ divide('measured_value * done_whole', 'done_part') }}
        end as forecast_value
    from shared
),

-- Values are wider than amounts, so that a tier's reward on them is multiplied in 128
-- bits: in 64, six per cent of 17 million overflow.
final as (
    select
        account_number,
        programme_code,
        programme_version_date,
        period_start_date,
        period_end_date,
        account_code,
        version_key,
        period_key,
        month_start_date,
        own_amount,
        purchased_quantity,
        purchased_amount,
        cast(unvalued_line_count as bigint) as unvalued_line_count,
        {{ amount(divide('last_year_part_amount', 'month_days')) }}
            as last_year_part_amount,
        last_year_whole_amount,
        cast(measured_value as decimal(20, 4)) as measured_value,
        cast(forecast_value as decimal(20, 4)) as forecast_value,
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
                when form_code <> 'loyalty' then forecast_value
                when is_over then active_months
                -- A month that goes on may still see a purchase.
                when is_active or elapsed_days = month_days
                    then
                        floor({{ divide(
                            'active_months * period_months', 'former_months + 1'
                        ) }})
                else
                    floor({{
                        divide('active_months * period_months', 'former_months')
                    }})
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
