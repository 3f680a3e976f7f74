{#
    The partner resells less than it buys: sell-out / sell-in of a month below the limit.
    Judged by months that are over and reported whole, without the products that were sold
    in a unit which nobody can convert; not at all where these are more than the others
    that were sold, for what is left is then mostly what did not sell. What was bought
    without a rate of exchange is worth nobody knows what.
#}
{% macro alert_overstock() -%}
    with

    partners as (
        {{ alert_partners('overstock', ['ratio_rate']) }}
    ),

    months as (
        {{ alert_months() }}
    ),

    units as (
        select
            partner_code,
            month_start_date,
            sum(case when is_unit_known then sell_in_quantity end) as sell_in_quantity,
            sum(case when is_unit_known then sell_out_quantity end)
                as sell_out_quantity
        from (
            select
                *,
                balance_status_code <> 'not_reported' as is_unit_known
            from {{ ref('mart_channel_balance_monthly') }}
            where coverage_rate >= 100
        ) as balances
        group by partner_code, month_start_date
        having
            sum(case when is_unit_known then 0 else 1 end)
            <= sum(case when is_unit_known and sell_out_quantity <> 0 then 1 else 0 end)
    ),

    amounts as (
        select
            partner_code,
            month_start_date,
            case
                when count(case when unconverted_line_count > 0 then 1 end) = 0
                    then sum(net_amount)
            end as sell_in_amount
        from {{ ref('mart_sell_in_monthly') }}
        group by partner_code, month_start_date
    ),

    judged as (
        select
            units.partner_code,
            units.month_start_date,
            months.month_end_date,
            partners.ratio_rate,
            units.sell_in_quantity,
            units.sell_out_quantity,
            amounts.sell_in_amount,
            amounts.sell_in_amount - {{ divide(
                ['amounts.sell_in_amount', 'units.sell_out_quantity'],
                'units.sell_in_quantity'
            ) }} as unsold_amount
        from units
        inner join partners on units.partner_code = partners.partner_code
        inner join months on units.month_start_date = months.month_start_date
        left join amounts
            on
                units.partner_code = amounts.partner_code
                and units.month_start_date = amounts.month_start_date
        where units.sell_in_quantity > 0
    )

    select
        'overstock' as rule_code,
        partner_code,
        '' as item_code,
        month_start_date as period_start_date,
        month_end_date as period_end_date,
        sell_out_quantity < ratio_rate * {{ wide('sell_in_quantity') }} as is_held,
        {{ percent('sell_out_quantity', 'sell_in_quantity') }} as measured_value,
        100 * ratio_rate as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        case
            when count(unsold_amount) over last_three = count(*) over last_three
                then sum(unsold_amount) over last_three
        end as at_stake_amount,
        {{ alert_figures([
            ['sell_in_quantity', 'sell_in_quantity'],
            ['sell_out_quantity', 'sell_out_quantity'],
            ['sell_in_amount', 'sell_in_amount'],
        ]) }} as figures
    from judged
    window last_three as (
        partition by partner_code order by month_start_date
        rows between 2 preceding and current row
    )
{%- endmacro %}
