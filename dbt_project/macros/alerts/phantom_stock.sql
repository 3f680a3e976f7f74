{#
    More stock is counted than can be there, or counted stock does not sell any more.
    mart_siso_weekly tells the cause. Judged by weeks with a counted stock, of products
    that ever had that cause.
#}
{% macro alert_phantom_stock() -%}
    select
        'phantom_stock' as rule_code,
        balances.partner_code,
        balances.product_code as item_code,
        balances.week_start_date as period_start_date,
        balances.week_end_date as period_end_date,
        coalesce(balances.likely_cause_code = 'phantom_stock', false) as is_held,
        coalesce(balances.gap_quantity, 0) as measured_value,
        cast(0 as decimal(18, 4)) as limit_value,
        case
            when balances.is_gap_tolerated = false then balances.gap_quantity
            else balances.reported_quantity
        end as at_stake_quantity,
        cast(null as decimal(18, 4)) as at_stake_amount,
        {{ alert_figures([
            ['reported_quantity', 'balances.reported_quantity'],
            ['calculated_quantity', 'balances.calculated_quantity'],
            ['gap_quantity', 'balances.gap_quantity'],
        ]) }} as figures
    from {{ ref('mart_siso_weekly') }} as balances
    inner join (
        {{ alert_partners('phantom_stock') }}
    ) as partners
        on balances.partner_code = partners.partner_code
    inner join (
        select
            partner_code,
            product_code
        from {{ ref('mart_siso_weekly') }}
        where likely_cause_code = 'phantom_stock'
        group by partner_code, product_code
    ) as concerned
        on
            balances.partner_code = concerned.partner_code
            and balances.product_code = concerned.product_code
    where balances.reported_quantity is not null
{%- endmacro %}
