{#
    A partner that used to order has stopped, judged by its own rhythm: the median
    interval between its order days in the year up to the last one. Judged at each
    week's end and today.
#}
{% macro alert_no_order() -%}
    with

    partners as (
        {{ alert_partners('no_order', ['silent_days', 'rhythm_factor']) }}
    ),

    order_days as (
        select
            partner_code,
            order_date,
            case when count(net_amount) = count(*) then sum(net_amount) end
                as ordered_amount
        from {{ ref('fct_orders') }}
        where status_code <> 'cancelled' and ordered_quantity_in_unit > 0
        group by partner_code, order_date
    ),

    followed as (
        select
            partner_code,
            order_date,
            ordered_amount,
            {{ days_between(
                'lag(order_date) over (partition by partner_code order by order_date)',
                'order_date'
            ) }} as interval_days,
            coalesce(
                lead(order_date) over (partition by partner_code order by order_date),
                cast('9999-12-31' as date)
            ) as next_order_date
        from order_days
    ),

    -- What was usual in the year up to each order. The first order of it served the days
    -- before: what was ordered since is held against the days since.
    habits as (
        select
            followed.partner_code,
            followed.order_date,
            followed.next_order_date,
            median(former.interval_days) as usual_interval_days,
            case
                when count(former.ordered_amount) = count(*)
                    then sum(former.ordered_amount)
                        - min_by(former.ordered_amount, former.order_date)
            end as ordered_amount,
            greatest(
                {{ days_between('min(former.order_date)', 'followed.order_date') }}, 1
            ) as habit_days
        from followed
        inner join followed as former
            on
                followed.partner_code = former.partner_code
                and followed.order_date >= former.order_date
                and {{ days_between('former.order_date', 'followed.order_date') }} < 365
        group by followed.partner_code, followed.order_date, followed.next_order_date
        having count(former.interval_days) >= 3
    ),

    days as (
        select
            week_start_date,
            least(week_end_date, {{ as_of_date() }}) as known_date
        from {{ ref('dim_dates') }}
        where date_day = week_start_date and week_start_date <= {{ as_of_date() }}
    ),

    judged as (
        select
            habits.partner_code,
            habits.order_date,
            habits.usual_interval_days,
            habits.ordered_amount,
            habits.habit_days,
            partners.silent_days,
            partners.rhythm_factor,
            days.week_start_date,
            days.known_date,
            {{ days_between('habits.order_date', 'days.known_date') }} as silent_for_days
        from habits
        inner join partners on habits.partner_code = partners.partner_code
        inner join days
            on
                habits.order_date <= days.known_date
                and days.known_date < habits.next_order_date
    )

    select
        'no_order' as rule_code,
        partner_code,
        '' as item_code,
        week_start_date as period_start_date,
        known_date as period_end_date,
        silent_for_days >= silent_days
        and silent_for_days > rhythm_factor * usual_interval_days as is_held,
        silent_for_days as measured_value,
        {{ amount('greatest(silent_days, rhythm_factor * usual_interval_days)') }}
            as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        {{ divide(['ordered_amount', 'silent_for_days'], 'habit_days') }} as at_stake_amount,
        {{ alert_figures([
            ['last_order_date', 'order_date'],
            ['usual_interval_days', 'cast(usual_interval_days as decimal(18, 1))'],
            ['ordered_amount', 'ordered_amount'],
            ['habit_days', 'habit_days'],
        ]) }} as figures
    from judged
{%- endmacro %}
