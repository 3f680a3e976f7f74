{#
    A large part of what a partner owes at the month's end is overdue. One in credit owes
    nothing; one that is no partner any more still owes.
#}
{% macro alert_late_payment() -%}
    select
        'late_payment' as rule_code,
        balances.partner_code,
        '' as item_code,
        balances.month_start_date as period_start_date,
        months.month_end_date as period_end_date,
        balances.overdue_amount > partners.overdue_rate * {{ wide('balances.closing_amount') }}
        and balances.overdue_amount > 0
        and balances.closing_amount > 0 as is_held,
        {{ percent('balances.overdue_amount', 'balances.closing_amount') }}
            as measured_value,
        100 * partners.overdue_rate as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        balances.overdue_amount as at_stake_amount,
        {{ alert_figures([
            ['overdue_amount', 'balances.overdue_amount'],
            ['closing_amount', 'balances.closing_amount'],
            ['days_sales_outstanding', 'balances.days_sales_outstanding'],
        ]) }} as figures
    from {{ ref('mart_receivables_monthly') }} as balances
    inner join (
        {{ alert_partners('late_payment', ['overdue_rate'], with_inactive=true) }}
    ) as partners
        on balances.partner_code = partners.partner_code
    inner join (
        {{ alert_months() }}
    ) as months
        on balances.month_start_date = months.month_start_date
    where balances.overdue_amount is not null
{%- endmacro %}
