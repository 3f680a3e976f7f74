{#
    Discounts beyond contract and promotion that no approval covers, or none any more, as
    a share of the month's net sales. Judged by months with invoices, the running one
    among them.
#}
{% macro alert_discount_exception() -%}
    with

    partners as (
        {{ alert_partners('discount_exception', ['unapproved_rate']) }}
    ),

    invoiced as (
        select
            partner_code,
            {{ month_start('invoice_date') }} as month_start_date,
            max(invoice_date) as last_invoice_date,
            sum(net_amount) as net_amount
        from {{ ref('fct_sell_in') }}
        where invoice_date <= {{ as_of_date() }}
        group by partner_code, {{ month_start('invoice_date') }}
    ),

    exceptions as (
        select
            partner_code,
            month_start_date,
            count(*) as line_count,
            sum(unapproved_amount) as unapproved_amount
        from {{ ref('fct_discount_exceptions') }}
        where unapproved_amount <> 0 and invoice_date <= {{ as_of_date() }}
        group by partner_code, month_start_date
    )

    select
        'discount_exception' as rule_code,
        invoiced.partner_code,
        '' as item_code,
        invoiced.month_start_date as period_start_date,
        invoiced.last_invoice_date as period_end_date,
        coalesce(
            exceptions.unapproved_amount
            > partners.unapproved_rate * {{ wide('invoiced.net_amount') }},
            false
        ) as is_held,
        {{ percent('coalesce(exceptions.unapproved_amount, 0)', 'invoiced.net_amount') }}
            as measured_value,
        100 * partners.unapproved_rate as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        exceptions.unapproved_amount as at_stake_amount,
        {{ alert_figures([
            ['line_count', 'exceptions.line_count'],
            ['unapproved_amount', 'exceptions.unapproved_amount'],
            ['net_amount', 'invoiced.net_amount'],
        ]) }} as figures
    from invoiced
    inner join partners on invoiced.partner_code = partners.partner_code
    left join exceptions
        on
            invoiced.partner_code = exceptions.partner_code
            and invoiced.month_start_date = exceptions.month_start_date
    where invoiced.net_amount > 0
{%- endmacro %}
