{#
    Sell-in, sell-out and counted stock do not agree, by another cause than stock on
    paper: a delivery that we do not know, sales that are missing or counted twice.
    Of the weeks of all products, only those of a product that ever had such a gap.
#}
{% macro alert_stock_gap() -%}
    {%- set has_gap -%}
        likely_cause_code in ('missing_sell_in', 'duplicate_sell_out', 'missing_sell_out')
    {%- endset -%}
    select
        'stock_gap' as rule_code,
        balances.partner_code,
        balances.product_code as item_code,
        balances.week_start_date as period_start_date,
        balances.week_end_date as period_end_date,
        coalesce(balances.{{ has_gap }}, false) as is_held,
        coalesce(balances.gap_quantity, balances.calculated_quantity) as measured_value,
        {{
            divide(
                'balances.gap_tolerance_rate * ' ~ wide('balances.gap_base_quantity'), '100'
            )
        }}
            as limit_value,
        abs(coalesce(balances.gap_quantity, balances.calculated_quantity))
            as at_stake_quantity,
        cast(null as decimal(18, 4)) as at_stake_amount,
        case
            when balances.{{ has_gap }}
                then {{ alert_figures([
                    ['likely_cause_code', 'balances.likely_cause_code'],
                    ['reported_quantity', 'balances.reported_quantity'],
                    ['calculated_quantity', 'balances.calculated_quantity'],
                    ['gap_quantity', 'balances.gap_quantity'],
                ]) }}
        end as figures
    from {{ ref('mart_siso_weekly') }} as balances
    inner join (
        {{ alert_partners('stock_gap') }}
    ) as partners
        on balances.partner_code = partners.partner_code
    inner join (
        select
            partner_code,
            product_code
        from {{ ref('mart_siso_weekly') }}
        where {{ has_gap }}
        group by partner_code, product_code
    ) as concerned
        on
            balances.partner_code = concerned.partner_code
            and balances.product_code = concerned.product_code
    where balances.calculated_quantity is not null
{%- endmacro %}
