-- Grain: one row per month, partner and product, from the product's first appearance at
-- the partner to the as-of date.
-- Additive over partners and products: quantities. Not additive: stocks and rolling
-- figures over months, and every _rate; the ratio of a group is the ratio of its sums.
--
-- Replaced from the first touched month on; the months of the rolling window before it
-- are looked back upon.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='month_start_date',
        on_schema_change='fail',
        pre_hook="{{ clear_touched('month_start_date', 'first_month_date') }}"
    )
}}
{%- set rolling_months = company_threshold('rolling_ratio_months', 3) | int %}

with

sell_in as (
    select * from {{ ref('mart_sell_in_monthly') }}
    {%- if is_incremental() %}
    where month_start_date >= {{ touched_from('first_month_date', rolling_months) }}
    {%- endif %}
),

-- What was bought before the ERP's first invoice is not known, and not 0.
known_months as (
    select min(month_start_date) as first_month_date
    from {{ ref('mart_sell_in_monthly') }}
    where net_quantity <> 0
),

-- Nor is what arrived before the first shipment that the ERP delivers, if any.
known_receipts as (
    select min(week_start_date) as first_week_date
    from {{ ref('mart_channel_inventory_weekly') }}
    where received_quantity is not null
),

sell_out as (
    select * from {{ ref('mart_sell_out_monthly') }}
    where
        product_code <> 'UNMATCHED'
        {%- if is_incremental() %}
        and month_start_date >= {{ touched_from('first_month_date', rolling_months) }}
        {%- endif %}
),

stocks as (
    select * from {{ ref('mart_channel_inventory_weekly') }}
    {%- if is_incremental() %}
    where week_end_date >= {{ touched_from('first_month_date', rolling_months) }}
    {%- endif %}
),

products as (
    select * from {{ ref('dim_products') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

thresholds as (
    select * from {{ ref('dim_thresholds') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

months as (
    select
        month_start_date,
        month_end_date
    from dates
    where
        date_day = month_start_date
        and month_start_date <= {{ as_of_date() }}
        {%- if is_incremental() %}
        and month_start_date >= {{ touched_from('first_month_date', rolling_months) }}
        {%- endif %}
),

limits as (
    select
        channel_code,
        {{ threshold('overstock_ratio_rate') }} * 100 as overstock_rate,
        {{ threshold('balanced_low_rate') }} * 100 as balanced_low_rate,
        {{ threshold('balanced_high_rate') }} * 100 as balanced_high_rate,
        {{ threshold('coverage_min_rate') }} * 100 as coverage_min_rate,
        {{ threshold('rotation_low_rate') }} * 100 as rotation_low_rate,
        {{ threshold('rotation_high_rate') }} * 100 as rotation_high_rate,
        {{ threshold('launch_days') }} as launch_days
    from thresholds
    group by channel_code
),

-- A week belongs to the month of its Thursday, but a stock counted at a month's end to
-- that month.
stock_weeks as (
    select
        partner_code,
        product_code,
        week_start_date,
        {{ month_start('least(stock_date, ' ~ add_days('week_start_date', 3) ~ ')') }}
            as month_start_date,
        received_quantity,
        returned_to_us_quantity,
        on_hand_quantity
    from stocks
),

last_weeks as (
    select
        stock_weeks.*,
        row_number() over (
            partition by partner_code, product_code, month_start_date
            order by week_start_date desc
        ) as position_number
    from stock_weeks
),

stock_months as (
    select
        partner_code,
        product_code,
        month_start_date,
        case when count(received_quantity) = count(*) then sum(received_quantity) end
            as received_quantity,
        case
            when count(returned_to_us_quantity) = count(*)
                then sum(returned_to_us_quantity)
        end as returned_to_us_quantity,
        max(case when position_number = 1 then on_hand_quantity end)
            as closing_stock_quantity
    from last_weeks
    {%- if is_incremental() %}
    where month_start_date >= {{ touched_from('first_month_date', rolling_months) }}
    {%- endif %}
    group by partner_code, product_code, month_start_date
),

appearances as (
    select
        partner_code,
        product_code,
        month_start_date
    from sell_in
    union all
    select
        partner_code,
        product_code,
        month_start_date
    from sell_out
    union all
    select
        partner_code,
        product_code,
        month_start_date
    from stock_months
    {%- if is_incremental() %}
    union all
    select
        partner_code,
        product_code,
        month_start_date
    from {{ this }}
    where month_start_date >= {{ touched_from('first_month_date', rolling_months) }}
    {%- endif %}
),

first_appearances as (
    select
        partner_code,
        product_code,
        min(month_start_date) as first_month_date
    from appearances
    group by partner_code, product_code
),

grid as (
    select
        months.month_start_date,
        months.month_end_date,
        first_appearances.partner_code,
        first_appearances.product_code
    from first_appearances
    inner join months on first_appearances.first_month_date <= months.month_start_date
),

-- The report state of a partner's month, also for products that have no sell-out row of
-- their own.
reports as (
    select
        month_start_date,
        partner_code,
        max(coverage_rate) as coverage_rate,
        max(expected_day_count) as expected_day_count,
        max(reported_day_count) as reported_day_count,
        max(case when is_reported then 1 else 0 end) = 1 as is_reported
    from sell_out
    group by month_start_date, partner_code
),

joined as (
    select
        grid.month_start_date,
        grid.partner_code,
        grid.product_code,
        partners.channel_code,
        case
            when known_months.first_month_date <= grid.month_start_date
                then coalesce(sell_in.net_quantity, 0)
        end as sell_in_quantity,
        case
            when sell_out.partner_code is not null then sell_out.net_quantity
            when reports.is_reported then 0
        end as sell_out_quantity,
        coalesce(sell_out.unresolved_line_count, 0) as unknown_unit_count,
        reports.coverage_rate,
        reports.expected_day_count,
        reports.reported_day_count,
        case
            when stock_months.partner_code is not null
                then stock_months.received_quantity
            when known_receipts.first_week_date <= grid.month_end_date then 0
        end as received_quantity,
        case
            when stock_months.partner_code is not null
                then stock_months.returned_to_us_quantity
            when known_receipts.first_week_date <= grid.month_end_date then 0
        end as returned_to_us_quantity,
        stock_months.closing_stock_quantity,
        lag(stock_months.closing_stock_quantity) over (
            partition by grid.partner_code, grid.product_code
            order by grid.month_start_date
        ) as opening_stock_quantity,
        coalesce(
            {{
                days_between(
                    'products.launch_date',
                    'least(grid.month_end_date, ' ~ as_of_date() ~ ')'
                )
            }} < limits.launch_days,
            false
        ) as is_launch,
        limits.overstock_rate,
        limits.balanced_low_rate,
        limits.balanced_high_rate,
        limits.rotation_low_rate,
        limits.rotation_high_rate,
        limits.coverage_min_rate
    from grid
    cross join known_months
    cross join known_receipts
    left join sell_in
        on
            grid.month_start_date = sell_in.month_start_date
            and grid.partner_code = sell_in.partner_code
            and grid.product_code = sell_in.product_code
    left join sell_out
        on
            grid.month_start_date = sell_out.month_start_date
            and grid.partner_code = sell_out.partner_code
            and grid.product_code = sell_out.product_code
    left join reports
        on
            grid.month_start_date = reports.month_start_date
            and grid.partner_code = reports.partner_code
    left join stock_months
        on
            grid.month_start_date = stock_months.month_start_date
            and grid.partner_code = stock_months.partner_code
            and grid.product_code = stock_months.product_code
    left join products on grid.product_code = products.product_code
    left join partners
        on
            grid.partner_code = partners.partner_code
            and {{
                in_range(
                    'least(grid.month_end_date, ' ~ as_of_date() ~ ')', 'partners'
                )
            }}
    left join limits on partners.channel_code = limits.channel_code
),

-- Months without a report, or without a sell-in that is known, are left out on both
-- sides of the rolling ratio (like for like).
compared as (
    select
        *,
        sell_out_quantity is not null and sell_in_quantity is not null as is_compared
    from joined
),

windowed as (
    select
        compared.*,
        0.5 * (opening_stock_quantity + closing_stock_quantity)
            as average_stock_quantity,
        sum(case when is_compared then sell_out_quantity end) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_sell_out_quantity,
        sum(case when is_compared then sell_in_quantity end) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_sell_in_quantity,
        sum(case when is_compared then expected_day_count end) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_expected_day_count,
        sum(case when is_compared then reported_day_count end) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_reported_day_count,
        sum(case when is_compared then unknown_unit_count end) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_unknown_unit_count,
        count(case when is_compared then 1 end) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_month_count
    from compared
),

averaged as (
    select
        windowed.*,
        sum(
            case when sell_out_quantity is not null then average_stock_quantity end
        ) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_stock_sum_quantity,
        sum(
            case when average_stock_quantity is not null then sell_out_quantity end
        ) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_stocked_sell_out_quantity,
        sum(
            case
                when
                    sell_out_quantity is not null
                    and average_stock_quantity is not null
                    then 1
                else 0
            end
        ) over (
            partition by partner_code, product_code
            order by month_start_date
            rows between {{ rolling_months - 1 }} preceding and current row
        ) as rolling_stock_month_count
    from windowed
),

rated as (
    select
        averaged.*,
        {{
            percent('sell_out_quantity', positive('sell_in_quantity'))
        }} as sell_out_sell_in_rate,
        {{
            percent('rolling_sell_out_quantity', positive('rolling_sell_in_quantity'))
        }} as rolling_sell_out_sell_in_rate,
        {{ percent('rolling_reported_day_count', 'rolling_expected_day_count') }}
            as rolling_coverage_rate,
        {{ percent('sell_out_quantity', positive('received_quantity')) }}
            as sell_through_a_rate,
        {{
            percent(
                'sell_out_quantity',
                positive('opening_stock_quantity + received_quantity')
            )
        }} as sell_through_b_rate,
        {{
            percent(
                'sell_out_quantity',
                positive('sell_out_quantity + closing_stock_quantity')
            )
        }} as sell_through_c_rate,
        {{ percent('sell_out_quantity', positive('average_stock_quantity')) }}
            as stock_rotation_rate,
        {{
            percent(
                'rolling_stocked_sell_out_quantity * rolling_stock_month_count',
                positive('rolling_stock_sum_quantity')
            )
        }} as rolling_stock_rotation_rate
    from averaged
),

judged as (
    select
        rated.*,
        case
            when not {{ is_month_over('month_start_date') }} then 'month_not_over'
            when rolling_stock_month_count < {{ rolling_months }} then 'months_unknown'
            when rolling_coverage_rate < coverage_min_rate then 'coverage_too_low'
            when rolling_unknown_unit_count > 0 then 'unit_unknown'
            when rolling_stock_rotation_rate is null then 'no_stock'
        end as rotation_reason_code,
        -- The benchmark is that of three months, whatever months roll.
        3 * rolling_stock_rotation_rate as three_windows_rate
    from rated
),

final as (
    select
        cast(month_start_date as string) || '|' || partner_code || '|' || product_code
            as channel_balance_monthly_id,
        month_start_date,
        partner_code,
        channel_code,
        product_code,
        {{ quantity('sell_in_quantity') }} as sell_in_quantity,
        {{ quantity('sell_out_quantity') }} as sell_out_quantity,
        sell_out_sell_in_rate,
        {{ quantity('rolling_sell_in_quantity') }} as rolling_sell_in_quantity,
        {{ quantity('rolling_sell_out_quantity') }} as rolling_sell_out_quantity,
        cast(rolling_month_count as integer) as rolling_month_count,
        rolling_sell_out_sell_in_rate,
        {{ quantity('opening_stock_quantity') }} as opening_stock_quantity,
        {{ quantity('received_quantity') }} as received_quantity,
        {{ quantity('returned_to_us_quantity') }} as returned_to_us_quantity,
        {{ quantity('closing_stock_quantity') }} as closing_stock_quantity,
        {{ quantity('average_stock_quantity') }} as average_stock_quantity,
        sell_through_a_rate,
        sell_through_b_rate,
        sell_through_c_rate,
        stock_rotation_rate,
        rolling_stock_rotation_rate,
        case
            when rotation_reason_code is not null then null
            when three_windows_rate < {{ rolling_months }} * rotation_low_rate
                then 'below'
            when three_windows_rate <= {{ rolling_months }} * rotation_high_rate
                then 'within'
            when three_windows_rate > {{ rolling_months }} * rotation_high_rate
                then 'above'
        end as rotation_status_code,
        rotation_reason_code,
        coverage_rate,
        rolling_coverage_rate,
        is_launch,
        {{
            balance_status(
                'sell_out_sell_in_rate',
                'sell_out_quantity',
                'sell_in_quantity',
                'coverage_rate',
                'unknown_unit_count'
            )
        }} as balance_status_code,
        {{
            balance_status(
                'rolling_sell_out_sell_in_rate',
                'rolling_sell_out_quantity',
                'rolling_sell_in_quantity',
                'rolling_coverage_rate',
                'rolling_unknown_unit_count'
            )
        }} as rolling_balance_status_code,
        case
            when sell_out_quantity is null then 'sell_out_not_reported'
            when sell_in_quantity is null then 'sell_in_unknown'
            when sell_in_quantity = 0 then 'no_sell_in'
            when sell_in_quantity < 0 then 'negative_sell_in'
            when coverage_rate < coverage_min_rate then 'coverage_too_low'
            when unknown_unit_count > 0 then 'unit_unknown'
            when coverage_rate < 100 then 'partial_coverage'
        end as reason_code,
        case
            when sell_out_quantity is null then 'sell_out_not_reported'
            when opening_stock_quantity is null then 'opening_stock_unknown'
            when closing_stock_quantity is null then 'closing_stock_unknown'
            when received_quantity is null then 'receipts_unknown'
            when received_quantity <= 0 then 'no_receipts'
            when average_stock_quantity <= 0 then 'no_stock'
            when unknown_unit_count > 0 then 'unit_unknown'
        end as stock_reason_code
    from judged
    {%- if is_incremental() %}
    where month_start_date >= {{ touched_from('first_month_date') }}
    {%- endif %}
)

select * from final
order by month_start_date nulls last
