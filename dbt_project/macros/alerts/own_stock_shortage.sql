{#
    Our own stock of a product ends before an order placed now would arrive, or the last
    day to order is near: by the run rate of orders and the deals that partners announced.
    Judged where lead times and supply orders are known.
#}
{% macro alert_own_stock_shortage() -%}
    with

    limits as (
        select
            max(case when limit_code = 'enabled' then limit_value end) as enabled,
            max(case when limit_code = 'week_count' then limit_value end) as week_count
        from {{ ref('dim_alert_limits') }}
        where rule_code = 'own_stock_shortage' and channel_code = '*'
    ),

    -- Past weeks as they were judged at their end, and the running week as of today.
    weeks as (
        select
            *,
            supply_status_code in ('short', 'order_now') as is_short
        from {{ ref('mart_pipeline_supply_weekly') }}
        where
            supply_status_code is not null
            and reason_code is null
            and (
                not is_projected
                or week_start_date = {{ week_start('assessed_date') }}
            )
    ),

    -- Goods come in batches: a week without the shortage does not end it.
    smoothed as (
        select
            *,
            sum(case when is_short then 1 else 0 end) over last_weeks
                as short_week_count,
            max(case when is_short then shortage_amount end) over last_weeks
                as at_stake_amount
        from weeks
        window last_weeks as (
            partition by product_code order by week_start_date
            rows between 3 preceding and current row
        )
    )

    select
        'own_stock_shortage' as rule_code,
        'NONE' as partner_code,
        smoothed.product_code as item_code,
        smoothed.week_start_date as period_start_date,
        smoothed.assessed_date as period_end_date,
        smoothed.short_week_count >= limits.week_count as is_held,
        {{ days_between('smoothed.assessed_date', 'smoothed.shortage_date') }}
            as measured_value,
        smoothed.supply_lead_days as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        smoothed.at_stake_amount,
        {{ alert_figures([
            ['available_quantity', 'smoothed.available_quantity'],
            ['daily_rate_quantity', 'smoothed.daily_rate_quantity'],
            ['pipeline_quantity', 'smoothed.pipeline_quantity'],
            ['shortage_date', 'smoothed.shortage_date'],
            ['order_by_date', 'smoothed.order_by_date'],
            ['shortage_quantity', 'smoothed.shortage_quantity'],
        ]) }} as figures
    from smoothed
    cross join limits
    where limits.enabled = 1
{%- endmacro %}
