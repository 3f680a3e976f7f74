{# What a partner leaves of its pocket sales in three months, below the target. #}
{% macro alert_margin_under_target() -%}
    with

    partners as (
        {{ alert_partners('margin_under_target', ['target_rate']) }}
    ),

    months as (
        {{ alert_months() }}
    ),

    rolled as (
        select
            margins.partner_code,
            margins.month_start_date,
            months.month_end_date,
            case
                when count(margins.pocket_sales_amount) over last_three
                    = count(*) over last_three
                    then sum(margins.pocket_sales_amount) over last_three
            end as pocket_sales_amount,
            case
                when count(margins.pocket_margin_amount) over last_three
                    = count(*) over last_three
                    then sum(margins.pocket_margin_amount) over last_three
            end as pocket_margin_amount
        from {{ ref('mart_partner_profitability_monthly') }} as margins
        inner join months on margins.month_start_date = months.month_start_date
        window last_three as (
            partition by margins.partner_code order by margins.month_start_date
            rows between 2 preceding and current row
        )
    )

    select
        'margin_under_target' as rule_code,
        rolled.partner_code,
        '' as item_code,
        rolled.month_start_date as period_start_date,
        rolled.month_end_date as period_end_date,
        rolled.pocket_margin_amount < partners.target_rate * {{ wide('rolled.pocket_sales_amount') }}
            as is_held,
        {{ percent('rolled.pocket_margin_amount', 'rolled.pocket_sales_amount') }}
            as measured_value,
        100 * partners.target_rate as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        partners.target_rate * {{ wide('rolled.pocket_sales_amount') }} - rolled.pocket_margin_amount
            as at_stake_amount,
        {{ alert_figures([
            ['pocket_sales_amount', 'rolled.pocket_sales_amount'],
            ['pocket_margin_amount', 'rolled.pocket_margin_amount'],
        ]) }} as figures
    from rolled
    inner join partners on rolled.partner_code = partners.partner_code
    where rolled.pocket_sales_amount > 0 and rolled.pocket_margin_amount is not null
{%- endmacro %}
