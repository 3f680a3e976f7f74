-- Grain: one row per complete ISO week, partner and product, from the product's first
-- appearance at the partner on.
-- Additive over partners and products: quantities. Not additive: stocks and recent
-- figures over weeks, and every _rate, mean, days and weeks figure; the ratio of a
-- group is the ratio of its sums.
--
-- Replaced from the first touched week on; the weeks before it are looked back upon.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='week_start_date',
        on_schema_change='fail',
        pre_hook="{{ clear_touched('week_start_date', 'first_week_date') }}"
    )
}}
{%- set recent_weeks = (company_threshold('trailing_sell_out_days', 28) | int) // 7 %}

with

inventory as (
    select * from {{ ref('fct_inventory') }}
    {%- if is_incremental() %}
    where week_start_date >= {{ touched_from('first_week_date', recent_weeks - 1) }}
    {%- endif %}
),

thresholds as (
    select * from {{ ref('dim_thresholds') }}
),

limits as (
    select
        channel_code,
        {{ threshold('shortage_weeks_of_supply_weeks') }} as shortage_weeks,
        {{ threshold('min_weeks_of_supply_weeks') }} as low_weeks,
        {{ threshold('max_weeks_of_supply_weeks') }} as overstock_weeks
    from thresholds
    group by channel_code
),

stocked as (
    select
        inventory.*,
        coalesce(inventory.reported_quantity, inventory.calculated_quantity)
            as on_hand_quantity,
        case
            when inventory.reported_quantity is not null then 'reported'
            when inventory.calculated_quantity is not null then 'calculated'
        end as on_hand_source_code,
        sum(inventory.sold_quantity - inventory.consumer_returned_quantity) over (
            partition by inventory.partner_code, inventory.product_code
            order by inventory.week_start_date
            rows between {{ recent_weeks - 1 }} preceding and current row
        ) as recent_sell_out_quantity,
        sum(inventory.reported_day_count) over (
            partition by inventory.partner_code, inventory.product_code
            order by inventory.week_start_date
            rows between {{ recent_weeks - 1 }} preceding and current row
        ) as recent_reported_day_count
    from inventory
),

measured as (
    select
        stocked.*,
        {{ divide('recent_sell_out_quantity', 'recent_reported_day_count') }}
            as mean_daily_sell_out_quantity,
        case
            when recent_sell_out_quantity > 0
                then {{
                    divide(
                        'on_hand_quantity * recent_reported_day_count',
                        'recent_sell_out_quantity'
                    )
                }}
        end as days_of_inventory,
        case
            when recent_sell_out_quantity > 0
                then {{
                    divide(
                        'on_hand_quantity * recent_reported_day_count',
                        'recent_sell_out_quantity * 7'
                    )
                }}
        end as weeks_of_supply
    from stocked
),

final as (
    select
        measured.inventory_id as channel_inventory_weekly_id,
        measured.week_start_date,
        measured.week_end_date,
        measured.partner_code,
        measured.channel_code,
        measured.product_code,
        measured.is_sell_out_reported,
        measured.is_inventory_reported,
        measured.opening_quantity,
        measured.received_quantity,
        measured.returned_to_us_quantity,
        measured.sold_quantity,
        measured.consumer_returned_quantity,
        measured.adjusted_quantity,
        measured.calculated_quantity,
        measured.reported_quantity,
        measured.gap_quantity,
        measured.gap_rate,
        measured.is_negative_calculated,
        {{ quantity('measured.on_hand_quantity') }} as on_hand_quantity,
        measured.on_hand_source_code,
        coalesce(measured.stock_date, measured.week_end_date) as stock_date,
        {{ quantity('measured.recent_sell_out_quantity') }} as recent_sell_out_quantity,
        cast(measured.recent_reported_day_count as integer)
            as recent_reported_day_count,
        measured.mean_daily_sell_out_quantity,
        measured.days_of_inventory,
        measured.weeks_of_supply,
        case
            when
                measured.on_hand_quantity is null
                or measured.recent_sell_out_quantity is null
                then 'not_reported'
            when measured.recent_sell_out_quantity <= 0 then 'no_movement'
            when measured.on_hand_quantity <= 0 then 'shortage'
            when measured.weeks_of_supply < limits.shortage_weeks then 'shortage'
            when measured.weeks_of_supply < limits.low_weeks then 'low'
            when measured.weeks_of_supply > limits.overstock_weeks then 'overstock'
            else 'normal'
        end as stock_status_code,
        case
            when measured.on_hand_quantity is null then 'stock_not_reported'
            when measured.recent_sell_out_quantity is null then 'sell_out_not_reported'
            when measured.recent_sell_out_quantity <= 0 then 'no_sales_in_28_days'
            when measured.on_hand_quantity < 0 then 'negative_stock'
        end as reason_code
    from measured
    left join limits on measured.channel_code = limits.channel_code
    {%- if is_incremental() %}
    where measured.week_start_date >= {{ touched_from('first_week_date') }}
    {%- endif %}
)

select * from final
order by week_start_date nulls last
