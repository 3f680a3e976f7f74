{#
    A partner waits longer for its orders than a year before. What all other partners
    wait moves too, with seasons and shortages: the drift is what its wait has grown
    beyond theirs, over the order lines of three months. By lines of fct_orders, not by
    orders of mart_order_service_monthly: an order waits for its last line, so that one
    split shipment moves it by days. In the sample company other partners' drift reached
    4.9 days by order and 1.6 by line, and the planted one is 1.
#}
{% macro alert_delivery_drift() -%}
    with

    partners as (
        {{ alert_partners('delivery_drift', ['drift_days']) }}
    ),

    months as (
        {{ alert_months() }}
    ),

    placed as (
        select
            partner_code,
            {{ month_start('order_date') }} as month_start_date,
            case when count(net_amount) = count(*) then sum(net_amount) end
                as ordered_amount,
            sum({{ days_between('order_date', 'last_delivery_date') }}) as waited_days,
            count(last_delivery_date) as line_count
        from {{ ref('fct_orders') }}
        where status_code <> 'cancelled'
        group by partner_code, {{ month_start('order_date') }}
    ),

    -- Months without an order have no row: each month looks at the two before it.
    rolled as (
        select
            placed.partner_code,
            months.month_start_date,
            months.month_end_date,
            case
                when count(placed.ordered_amount) = count(*)
                    then sum(placed.ordered_amount)
            end as ordered_amount,
            sum(placed.waited_days) as waited_days,
            sum(placed.line_count) as line_count
        from months
        inner join placed
            on
                months.month_start_date >= placed.month_start_date
                and {{ month_number('months.month_start_date') }}
                - {{ month_number('placed.month_start_date') }} <= 2
        group by
            placed.partner_code, months.month_start_date, months.month_end_date
    ),

    waits as (
        select
            partner_code,
            month_start_date,
            month_end_date,
            ordered_amount,
            {{ divide('waited_days', 'line_count') }} as own_days,
            {{ divide(
                'sum(waited_days) over (partition by month_start_date) - waited_days',
                'sum(line_count) over (partition by month_start_date) - line_count'
            ) }} as others_days
        from rolled
    ),

    compared as (
        select
            waits.partner_code,
            waits.month_start_date,
            waits.month_end_date,
            waits.ordered_amount,
            partners.drift_days,
            waits.own_days,
            former.own_days as former_own_days,
            waits.others_days,
            former.others_days as former_others_days,
            (waits.own_days - waits.others_days)
            - (former.own_days - former.others_days) as drifted_days
        from waits
        inner join partners on waits.partner_code = partners.partner_code
        inner join waits as former
            on
                waits.partner_code = former.partner_code
                and {{ month_number('waits.month_start_date') }}
                - {{ month_number('former.month_start_date') }} = 12
    )

    select
        'delivery_drift' as rule_code,
        partner_code,
        '' as item_code,
        month_start_date as period_start_date,
        month_end_date as period_end_date,
        drifted_days >= drift_days as is_held,
        drifted_days as measured_value,
        drift_days as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        ordered_amount as at_stake_amount,
        {{ alert_figures([
            ['own_days', 'own_days'],
            ['former_own_days', 'former_own_days'],
            ['others_days', 'others_days'],
            ['former_others_days', 'former_others_days'],
        ]) }} as figures
    from compared
    where drifted_days is not null
{%- endmacro %}
