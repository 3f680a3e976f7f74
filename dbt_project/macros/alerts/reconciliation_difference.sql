{#
    A document that differs between the ERP and the general ledger: one alert for each,
    whatever measures and partners it shows in. Of several measures the first of revenue,
    rebate accrual and receivable counts. It ends in the month in which the differences
    cancel out. Judged by months that are over: accruals are booked at their end, and a
    ledger that is exported before would lack them all.
#}
{% macro alert_reconciliation_difference() -%}
    with

    limits as (
        select max(limit_value) as enabled
        from {{ ref('dim_alert_limits') }}
        where
            rule_code = 'reconciliation_difference'
            and channel_code = '*'
            and limit_code = 'enabled'
    ),

    months as (
        {{ alert_months() }}
    ),

    differences as (
        select
            *,
            case measure_code
                when 'revenue' then 1
                when 'rebate_accrual' then 2
                when 'receivable' then 3
                else 4
            end as measure_order
        from {{ ref('fct_ledger_differences') }}
        where cause_code <> 'rounding'
    ),

    chosen as (
        select *
        from differences
        qualify
            measure_order = min(measure_order) over (partition by document_number)
    ),

    added as (
        select
            document_number,
            month_start_date,
            partner_code,
            measure_code,
            cause_code,
            warehouse_amount,
            sum(difference_amount) over (
                partition by document_number, partner_code order by month_start_date
                rows between unbounded preceding and current row
            ) as difference_amount
        from chosen
    ),

    documents as (
        select
            document_number,
            coalesce(
                min(case when warehouse_amount <> 0 then partner_code end),
                min(partner_code)
            ) as partner_code
        from chosen
        group by document_number
    )

    select
        'reconciliation_difference' as rule_code,
        documents.partner_code,
        added.document_number as item_code,
        added.month_start_date as period_start_date,
        months.month_end_date as period_end_date,
        max(abs(added.difference_amount)) > 0 as is_held,
        max(abs(added.difference_amount)) as measured_value,
        cast(0 as decimal(18, 4)) as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        max(abs(added.difference_amount)) as at_stake_amount,
        {{ alert_figures([
            ['measure_code', 'min(added.measure_code)'],
            ['cause_code', 'min(added.cause_code)'],
        ]) }} as figures
    from added
    inner join documents on added.document_number = documents.document_number
    inner join months on added.month_start_date = months.month_start_date
    cross join limits
    where limits.enabled = 1
    group by
        documents.partner_code,
        added.document_number,
        added.month_start_date,
        months.month_end_date
{%- endmacro %}
