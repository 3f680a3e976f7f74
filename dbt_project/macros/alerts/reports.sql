{# Each report that a feed owed: one that carries sales and stock is one report. #}
{% macro alert_reports(rule, limits) -%}
    select
        periods.partner_code,
        periods.feed_code,
        periods.period_start_date,
        max(periods.period_end_date) as period_end_date,
        max(periods.due_date) as due_date,
        {%- for limit in limits %}
        max(partners.{{ limit }}) as {{ limit }},
        {%- endfor %}
        {{ local_date('max(periods.first_received_at)') }} as received_date
    from {{ ref('fct_reporting_periods') }} as periods
    inner join (
        {{ alert_partners(rule, limits) }}
    ) as partners
        on periods.partner_code = partners.partner_code
    where periods.is_expected
    group by periods.partner_code, periods.feed_code, periods.period_start_date
{%- endmacro %}

{# Reports that came, and came late. #}
{% macro alert_late_report() -%}
    select
        'late_report' as rule_code,
        partner_code,
        feed_code as item_code,
        period_start_date,
        received_date as period_end_date,
        {{ days_between('due_date', 'received_date') }} > late_days as is_held,
        {{ days_between('due_date', 'received_date') }} as measured_value,
        late_days as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        cast(0 as decimal(18, 4)) as at_stake_amount,
        {{ alert_figures([
            ['period_start_date', 'period_start_date'],
            ['due_date', 'due_date'],
            ['received_date', 'received_date'],
        ]) }} as figures
    from (
        {{ alert_reports('late_report', ['late_days']) }}
    ) as reports
    where received_date is not null
{%- endmacro %}

{#
    Reports that did not come, or only long after they were due. Periods of a feed one
    after the other are one alert, called after the first of them; it ends when the last
    of them has come.
#}
{% macro alert_missing_report() -%}
    with

    reports as (
        {{ alert_reports('missing_report', ['grace_days']) }}
    ),

    judged as (
        select
            reports.*,
            weights.sell_in_weight_amount,
            {{ days_between(
                'reports.period_start_date', 'reports.period_end_date'
            ) }} + 1 as day_count,
            {{ days_between(
                'reports.due_date',
                'coalesce(reports.received_date, ' ~ as_of_date() ~ ')'
            ) }} > reports.grace_days as is_missing
        from reports
        left join {{ ref('mart_reporting_compliance_weekly') }} as weights
            on
                reports.feed_code = weights.feed_code
                and reports.partner_code = weights.partner_code
                and {{ week_start('reports.period_end_date') }} = weights.week_start_date
    ),

    numbered as (
        select
            *,
            sum(case when is_missing then 0 else 1 end) over (
                partition by partner_code, feed_code order by period_start_date
                rows between unbounded preceding and current row
            ) as received_number
        from judged
    ),

    gaps as (
        select
            partner_code,
            feed_code,
            min(period_start_date) as first_start_date,
            max(period_end_date) as last_end_date,
            min(grace_days) as grace_days,
            min({{ add_days('due_date', 'grace_days + 1') }}) as known_date,
            max({{ days_between('due_date', as_of_date()) }}) as days_since_due,
            case when count(received_date) = count(*) then max(received_date) end
                as received_date,
            count(*) as period_count,
            case
                when count(sell_in_weight_amount) = count(*)
                    then sum({{ divide(['sell_in_weight_amount', 'day_count'], '364') }})
            end as at_stake_amount
        from numbered
        where is_missing
        group by partner_code, feed_code, received_number
    ),

    states as (
        select
            gaps.*,
            known_date as state_date,
            true as is_held
        from gaps
        union all
        select
            gaps.*,
            received_date as state_date,
            false as is_held
        from gaps
        where received_date is not null
    )

    select
        'missing_report' as rule_code,
        partner_code,
        feed_code || '|' || cast(first_start_date as string) as item_code,
        case when is_held then first_start_date else state_date end as period_start_date,
        state_date as period_end_date,
        is_held,
        days_since_due as measured_value,
        grace_days as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        at_stake_amount,
        {{ alert_figures([
            ['period_count', 'period_count'],
            ['first_start_date', 'first_start_date'],
            ['last_end_date', 'last_end_date'],
        ]) }} as figures
    from states
{%- endmacro %}
