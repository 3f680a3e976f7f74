{#
    The state of each partner's rebate at the end of each month, its period's last one
    among them (after which nothing can be reached any more). Of purchases of which a part
    has no amount nobody knows how far a tier is.
#}
{% macro alert_rebates(rule) -%}
    select
        accruals.partner_code,
        accruals.programme_code || '|' || cast(accruals.period_start_date as string)
            as item_code,
        accruals.month_start_date,
        months.month_end_date,
        accruals.period_end_date as last_day_date,
        {{ month_number('accruals.period_end_date') }}
        - {{ month_number('accruals.month_start_date') }} as months_left,
        partners.distance_rate,
        partners.last_months,
        accruals.is_over,
        accruals.base_amount,
        accruals.measured_value,
        accruals.forecast_value,
        accruals.next_tier_value,
        accruals.next_tier_distance,
        coalesce(accruals.reached_tier_number, 0) as reached_tier_number,
        coalesce(accruals.expected_tier_number, 0) as expected_tier_number,
        accruals.reached_amount,
        accruals.expected_amount,
        case
            when programmes.form_code = 'loyalty' then 'months'
            else programmes.measure_code
        end as measure_code
    from {{ ref('fct_rebate_accruals') }} as accruals
    inner join {{ ref('dim_rebate_programmes') }} as programmes
        on
            accruals.programme_code = programmes.programme_code
            and accruals.programme_version_date = programmes.programme_version_date
    inner join (
        {{ alert_partners(rule, ['distance_rate', 'last_months']) }}
    ) as partners
        on accruals.partner_code = partners.partner_code
    inner join (
        {{ alert_months() }}
    ) as months
        on accruals.month_start_date = months.month_start_date
    where
        accruals.measured_value is not null
        and accruals.unvalued_line_count = 0
        and {{ month_number('accruals.period_end_date') }}
        >= {{ month_number('accruals.month_start_date') }}
{%- endmacro %}

{# A tier that is not expected, and not far: what is missing, and by when. #}
{% macro alert_rebate_tier_within_reach() -%}
    select
        'rebate_tier_within_reach' as rule_code,
        partner_code,
        item_code,
        month_start_date as period_start_date,
        month_end_date as period_end_date,
        coalesce(
            not is_over
            and months_left <= last_months
            and expected_tier_number = reached_tier_number
            and forecast_value <= next_tier_value
            and forecast_value >= (1 - distance_rate) * {{ wide('next_tier_value') }},
            false
        ) as is_held,
        next_tier_distance as measured_value,
        next_tier_value as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        {{ divide(
            ['base_amount', 'next_tier_value - forecast_value'],
            'measured_value'
        ) }}
            as at_stake_amount,
        {{ alert_figures([
            ['measured_value', 'measured_value'],
            ['measure_code', 'measure_code'],
            ['forecast_value', 'forecast_value'],
            ['next_tier_distance', 'next_tier_distance'],
            ['last_day', 'last_day_date'],
        ]) }} as figures
    from (
        {{ alert_rebates('rebate_tier_within_reach') }}
    ) as rebates
{%- endmacro %}

{# A tier that is expected, not reached yet, and only just. #}
{% macro alert_rebate_tier_at_risk() -%}
    select
        'rebate_tier_at_risk' as rule_code,
        partner_code,
        item_code,
        month_start_date as period_start_date,
        month_end_date as period_end_date,
        coalesce(
            not is_over
            and months_left <= last_months
            and expected_tier_number = reached_tier_number + 1
            and forecast_value < (1 + distance_rate) * {{ wide('next_tier_value') }},
            false
        ) as is_held,
        next_tier_distance as measured_value,
        next_tier_value as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        expected_amount - reached_amount as at_stake_amount,
        {{ alert_figures([
            ['measured_value', 'measured_value'],
            ['measure_code', 'measure_code'],
            ['forecast_value', 'forecast_value'],
            ['next_tier_distance', 'next_tier_distance'],
            ['last_day', 'last_day_date'],
        ]) }} as figures
    from (
        {{ alert_rebates('rebate_tier_at_risk') }}
    ) as rebates
{%- endmacro %}
