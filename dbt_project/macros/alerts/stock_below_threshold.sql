{#
    A partner's stock of a product, with what is known to be under way to it, lasts less
    than the threshold. Judged by weeks whose stock and sales are known.
#}
{% macro alert_stock_below_threshold() -%}
    {%- set under_way -%}
        balances.in_transit_quantity + coalesce(arrived.arrived_quantity, 0)
    {%- endset -%}
    {%- set available -%}
        stocks.on_hand_quantity + coalesce({{ under_way }}, 0)
    {%- endset -%}
    {%- set is_short -%}
        stocks.recent_sell_out_quantity > 0
        and {{ available }}
        < 7 * {{ wide('stocks.mean_daily_sell_out_quantity') }}
        * partners.weeks_of_supply
    {%- endset -%}
    select
        'stock_below_threshold' as rule_code,
        stocks.partner_code,
        stocks.product_code as item_code,
        stocks.week_start_date as period_start_date,
        stocks.week_end_date as period_end_date,
        {{ is_short }} as is_held,
        {{ divide(
            '(' ~ available ~ ') * stocks.recent_reported_day_count',
            '7 * stocks.recent_sell_out_quantity'
        ) }} as measured_value,
        partners.weeks_of_supply as limit_value,
        case
            when {{ is_short }}
                then {{ amount(
                    '7 * ' ~ wide('stocks.mean_daily_sell_out_quantity')
                    ~ ' * partners.weeks_of_supply'
                    ~ ' - (' ~ available ~ ')'
                ) }}
        end as at_stake_quantity,
        cast(null as decimal(18, 4)) as at_stake_amount,
        case
            when {{ is_short }}
                then {{ alert_figures([
                    ['on_hand_quantity', 'stocks.on_hand_quantity'],
                    ['in_transit_quantity', under_way],
                    ['recent_sell_out_quantity', 'stocks.recent_sell_out_quantity'],
                ]) }}
        end as figures
    from {{ ref('mart_channel_inventory_weekly') }} as stocks
    inner join {{ ref('mart_siso_weekly') }} as balances
        on stocks.channel_inventory_weekly_id = balances.siso_weekly_id
    left join (
        {{ alert_arrived_since_the_count() }}
    ) as arrived
        on stocks.channel_inventory_weekly_id = arrived.channel_inventory_weekly_id
    inner join (
        {{ alert_partners('stock_below_threshold', ['weeks_of_supply']) }}
    ) as partners
        on stocks.partner_code = partners.partner_code
    inner join {{ ref('dim_products') }} as products
        on stocks.product_code = products.product_code and products.is_active
    where stocks.stock_status_code <> 'not_reported'
{%- endmacro %}
