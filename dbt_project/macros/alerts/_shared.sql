{#
    What the rules of alerts share. A rule is one macro, `alert_<rule>`, in a file of its
    name: a query with one row for each subject and period that it can judge,

        rule_code, partner_code, item_code, period_start_date, period_end_date (the day
        on which it is known), is_held, measured_value, limit_value, at_stake_quantity
        (base units of the product item_code, priced by fct_alerts) or at_stake_amount,
        figures

    A period that was not reported has no row: it neither raises nor resolves anything.
    fct_alerts makes alerts of the rows.
#}

{% macro alert_rules() -%}
    {{ return([
        'stock_below_threshold',
        'shortage_foreseen',
        'overstock',
        'phantom_stock',
        'stock_gap',
        'no_order',
        'abnormal_orders',
        'rotation_slowing',
        'margin_under_target',
        'discount_exception',
        'rebate_tier_within_reach',
        'rebate_tier_at_risk',
        'late_payment',
        'late_report',
        'missing_report',
        'reconciliation_difference',
        'territory_conflict',
        'delivery_drift',
        'promised_volume',
        'forecast_bias',
        'own_stock_shortage',
    ]) }}
{%- endmacro %}

{# All conditions of all rules. #}
{% macro alert_conditions() -%}
    {%- for rule in alert_rules() %}
    select * from (
        {{ context['alert_' ~ rule]() }}
    ) as {{ rule }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
{%- endmacro %}

{#
    Partners for whom the rule is on, with its limits as columns; those whom the ERP calls
    inactive only on demand.
#}
{% macro alert_partners(rule, limits=[], with_inactive=false) -%}
    select
        partners.partner_code,
        {%- for limit in limits %}
        limits.{{ limit }},
        {%- endfor %}
        partners.channel_code
    from {{ ref('dim_partners') }} as partners
    inner join (
        select
            channel_code,
            {%- for limit in limits %}
            max(case when limit_code = '{{ limit }}' then limit_value end)
                as {{ limit }},
            {%- endfor %}
            max(case when limit_code = 'enabled' then limit_value end) as enabled
        from {{ ref('dim_alert_limits') }}
        where rule_code = '{{ rule }}'
        group by channel_code
    ) as limits
        on partners.channel_code = limits.channel_code
    where
        partners.is_current
        and limits.enabled = 1
        {%- if not with_inactive %}
        and partners.is_active
        {%- endif %}
{%- endmacro %}

{# Months that are over, with their last day. #}
{% macro alert_months() -%}
    select
        month_start_date,
        month_end_date
    from {{ ref('dim_dates') }}
    where date_day = month_start_date and month_end_date <= {{ as_of_date() }}
{%- endmacro %}

{#
    What arrived at a partner between the day on which its stock was counted and the end
    of that week: neither in the stock nor under way any more.
#}
{% macro alert_arrived_since_the_count() -%}
    select
        counts.channel_inventory_weekly_id,
        sum(shipments.shipped_quantity) as arrived_quantity
    from {{ ref('mart_channel_inventory_weekly') }} as counts
    inner join {{ ref('fct_shipments') }} as shipments
        on
            counts.partner_code = shipments.partner_code
            and counts.product_code = shipments.product_code
            and counts.stock_date < shipments.arrival_date
            and counts.week_end_date >= shipments.arrival_date
    where
        counts.on_hand_source_code = 'reported'
        and counts.stock_date < counts.week_end_date
        and shipments.shipment_type <> 'return'
    group by counts.channel_inventory_weekly_id
{%- endmacro %}

{# `name=value; name=value` of pairs [name, expression]. #}
{% macro alert_figures(pairs) -%}
    {%- for name, expression in pairs -%}
    '{{ '; ' if not loop.first }}{{ name }}=' || coalesce(cast({{ expression }} as string), '')
    {%- if not loop.last %} || {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{#
    Conditions in the runs of consecutive judged periods in which they held: island_number
    counts the runs of a subject (a row that does not hold bears the number of the run
    before it), held_number the periods within one. A periodic condition that could not
    be judged for `lapse_days` begins anew. Of the periods in which it did not hold only
    the first after a run has a row: it ends the run, and most periods are others.
#}
{% macro alert_islands(conditions) -%}
    select
        numbered.*,
        case
            when numbered.is_held
                then sum(case when numbered.is_held then 1 else 0 end) over (
                    partition by numbered.subject_number, numbered.island_number
                    order by numbered.period_start_date
                    rows between unbounded preceding and current row
                )
        end as held_number
    from (
        select
            followed.*,
            sum(
                case when followed.is_held and not followed.was_held then 1 else 0 end
            ) over (
                partition by followed.subject_number
                order by followed.period_start_date
                rows between unbounded preceding and current row
            ) as island_number
        from (
            select
                conditions.*,
                coalesce(
                    lag(is_held) over (
                        partition by subject_number order by period_start_date
                    ),
                    false
                ) as follows_held,
                coalesce(
                    lag(is_held) over (
                        partition by subject_number order by period_start_date
                    )
                    and (
                        not is_periodic
                        or {{ days_between(
                            'lag(period_end_date) over ('
                            ~ 'partition by subject_number order by period_start_date)',
                            'period_end_date'
                        ) }} <= lapse_days
                    ),
                    false
                ) as was_held
            from {{ conditions }} as conditions
        ) as followed
        where followed.is_held or followed.follows_held
    ) as numbered
{%- endmacro %}
