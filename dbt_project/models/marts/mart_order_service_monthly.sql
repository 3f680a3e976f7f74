-- Grain: one row per partner and month of the order date, where the partner ordered.
-- Additive: counts, quantities and lead_time_days. Not additive: every rate, mean and
-- percentile, and the partner's rhythm; the rate of a group is the ratio of its sums.
-- Cancelled lines and ordered returns are no order. An order is due once the last date
-- asked for on its lines has passed; where none was asked for, max_lead_time_days after
-- the order.
{%- set stock_age_days = 31 %}
with

placed as (
    select * from {{ ref('fct_orders') }}
    where
        status_code <> 'cancelled'
        and ordered_quantity_in_unit > 0
        and order_date <= {{ as_of_date() }}
),

-- Of a line in a unit that nobody can convert it is not known what is complete.
lines as (
    select * from placed where ordered_quantity is not null
),

shipments as (
    select * from {{ ref('fct_shipments') }}
    where shipment_type = 'delivery' and order_number is not null
),

sell_in as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

own_stock as (
    select * from {{ ref('fct_own_stock') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

thresholds as (
    select * from {{ ref('dim_thresholds') }}
),

limits as (
    select
        channel_code,
        100 * {{ threshold('min_order_fill_rate') }} as min_order_fill_rate,
        {{ threshold('max_lead_time_days') }} as max_lead_time_days,
        cast({{ threshold('reorder_days') }} as integer) as reorder_days,
        100 * {{ threshold('max_order_error_rate') }} as max_order_error_rate,
        100 * {{ threshold('min_availability_rate') }} as min_availability_rate
    from thresholds
    group by channel_code
),

receipts as (
    select
        order_number,
        min(case when delivery_date is null then 0 else 1 end) as is_receipt_known
    from shipments
    group by order_number
),

-- Without what is to be shipped later.
shipped_lines as (
    select
        order_number,
        order_line_number,
        sum(shipped_quantity) as shipped_quantity
    from shipments
    where shipment_date <= {{ as_of_date() }}
    group by order_number, order_line_number
),

-- The stock counted last before the order's day, if it was not too long ago.
stocked_lines as (
    select
        lines.*,
        coalesce(
            lines.requested_delivery_date,
            {{ add_days('lines.order_date', 'limits.max_lead_time_days') }}
        ) as due_date,
        case
            when own_stock.product_code is not null
                then
                    case
                        when own_stock.on_hand_quantity >= lines.ordered_quantity
                            then 1
                        else 0
                    end
        end as is_available,
        -- What was shipped beyond the order does not make up for what is missing.
        least(coalesce(shipped_lines.shipped_quantity, 0), lines.ordered_quantity)
            as filled_quantity
    from lines
    left join shipped_lines
        on
            lines.order_number = shipped_lines.order_number
            and lines.order_line_number = shipped_lines.order_line_number
    left join limits on lines.channel_code = limits.channel_code
    left join own_stock
        on
            lines.product_code = own_stock.product_code
            and lines.order_date > own_stock.stock_date
            and lines.order_date <= own_stock.next_stock_date
            and lines.order_date
            <= {{ add_days('own_stock.stock_date', stock_age_days) }}
),

invoiced_orders as (
    select
        invoice_number,
        product_code,
        order_number
    from sell_in
    where invoice_type = 'invoice' and order_number is not null
    group by invoice_number, product_code, order_number
),

claims as (
    select coalesce(credits.order_number, invoiced_orders.order_number) as order_number
    from sell_in as credits
    left join invoiced_orders
        on
            credits.order_number is null
            and credits.original_invoice_number = invoiced_orders.invoice_number
            and credits.product_code = invoiced_orders.product_code
    where
        credits.credit_reason_code in ('wrong_item', 'wrong_quantity', 'wrong_price')
    group by coalesce(credits.order_number, invoiced_orders.order_number)
),

claims_connected as (
    select count(*) > 0 as is_connected from claims
),

-- Where no shipment names its order, nobody knows what was delivered of any.
shipments_connected as (
    select count(*) > 0 as is_connected from shipments
),

orders as (
    select
        order_number,
        partner_code,
        min(order_date) as order_date,
        count(*) as line_count,
        min(case when is_complete then 1 else 0 end) as is_complete,
        min(case when is_on_time then 1 else 0 end) as is_on_time,
        max(due_date) as due_date,
        min(case when requested_delivery_date is null then 0 else 1 end) as is_dated,
        max(last_delivery_date) as last_delivery_date,
        sum(ordered_quantity) as ordered_quantity,
        sum(filled_quantity) as filled_quantity,
        sum(is_available) as available_line_count,
        count(is_available) as stocked_line_count
    from stocked_lines
    group by order_number, partner_code
),

judged as (
    select
        orders.*,
        {{ month_start('orders.order_date') }} as month_start_date,
        orders.due_date < {{ as_of_date() }} as is_due,
        orders.is_complete = 1
        and orders.last_delivery_date <= {{ as_of_date() }} as is_delivered,
        shipments_connected.is_connected as is_shipment_known,
        claims.order_number is not null as is_claimed,
        coalesce(receipts.is_receipt_known = 1, false) as is_receipt_known,
        {{ days_between('orders.order_date', 'orders.last_delivery_date') }}
            as lead_time_days
    from orders
    cross join shipments_connected
    left join claims on orders.order_number = claims.order_number
    left join receipts on orders.order_number = receipts.order_number
),

-- The smallest lead time that nine of ten orders keep.
ranked as (
    select
        judged.*,
        case
            when is_delivered
                then cume_dist() over (
                    partition by partner_code, month_start_date, is_delivered
                    order by lead_time_days
                )
        end as delivered_share
    from judged
),

monthly as (
    select
        partner_code,
        month_start_date,
        count(*) as order_count,
        sum(line_count) as line_count,
        sum(case when is_due then 1 else 0 end) as due_order_count,
        sum(
            case when is_due and is_delivered then 1 when is_shipment_known then 0 end
        ) as complete_order_count,
        sum(case when is_due and is_dated = 1 then 1 else 0 end)
            as dated_due_order_count,
        sum(
            case
                when
                    is_due and is_dated = 1 and is_delivered and is_on_time = 1
                    then 1
                when is_shipment_known then 0
            end
        ) as on_time_order_count,
        sum(case when is_due then ordered_quantity else 0 end) as due_quantity,
        sum(
            case
                when is_shipment_known and is_due then filled_quantity
                when is_shipment_known then 0
            end
        ) as filled_quantity,
        sum(case when is_delivered then 1 when is_shipment_known then 0 end)
            as delivered_order_count,
        sum(
            case
                when is_delivered and is_receipt_known then 1
                when is_shipment_known then 0
            end
        ) as receipt_known_order_count,
        sum(
            case when is_delivered then lead_time_days when is_shipment_known then 0 end
        ) as lead_time_days,
        min(case when delivered_share >= 0.9 then lead_time_days end)
            as p90_lead_time_days,
        sum(case when is_claimed then 1 else 0 end) as claimed_order_count,
        sum(available_line_count) as available_line_count,
        sum(stocked_line_count) as stocked_line_count
    from ranked
    group by partner_code, month_start_date
),

order_days as (
    select
        partner_code,
        order_date,
        lead(order_date) over (
            partition by partner_code order by order_date
        ) as next_order_date,
        lag(order_date) over (
            partition by partner_code order by order_date
        ) as former_order_date
    from placed
    group by partner_code, order_date
),

rhythms as (
    select
        partner_code,
        {{ month_start('order_date') }} as month_start_date,
        count(*) as order_day_count,
        max(order_date) as last_order_date,
        -- NULL in the partner's newest month.
        max(case when next_order_date is null then 1 else 0 end) as is_last_month,
        max(next_order_date) as next_order_date
    from order_days
    group by partner_code, {{ month_start('order_date') }}
),

intervals as (
    select
        rhythms.partner_code,
        rhythms.month_start_date,
        cast(
            median(
                {{ days_between(
                    'order_days.former_order_date', 'order_days.order_date'
                ) }}
            ) as decimal(18, 4)
        ) as median_interval_days
    from rhythms
    inner join order_days
        on
            rhythms.partner_code = order_days.partner_code
            and rhythms.last_order_date >= order_days.order_date
            and {{ add_days('rhythms.last_order_date', -365) }}
            <= order_days.former_order_date
    group by rhythms.partner_code, rhythms.month_start_date
),

rated as (
    select
        monthly.*,
        partners.channel_code,
        claims_connected.is_connected as is_claims_connected,
        rhythms.last_order_date,
        case when rhythms.is_last_month = 0 then rhythms.next_order_date end
            as next_order_date,
        {{ add_days('rhythms.last_order_date', 'limits.reorder_days') }}
            as reorder_until_date,
        intervals.median_interval_days,
        limits.min_order_fill_rate,
        limits.max_lead_time_days,
        limits.max_order_error_rate,
        limits.min_availability_rate,
        {{ percent('monthly.complete_order_count', 'monthly.due_order_count') }}
            as order_fill_rate,
        {{ percent('monthly.on_time_order_count', 'monthly.dated_due_order_count') }}
            as otif_rate,
        {{ percent('monthly.filled_quantity', 'monthly.due_quantity') }}
            as unit_fill_rate,
        {{ divide('monthly.lead_time_days', 'monthly.delivered_order_count') }}
            as mean_lead_time_days,
        case
            when claims_connected.is_connected
                then {{ percent('monthly.claimed_order_count', 'monthly.order_count') }}
        end as order_error_rate,
        {{ percent('monthly.available_line_count', 'monthly.stocked_line_count') }}
            as availability_rate
    from monthly
    cross join claims_connected
    inner join rhythms
        on
            monthly.partner_code = rhythms.partner_code
            and monthly.month_start_date = rhythms.month_start_date
    left join intervals
        on
            monthly.partner_code = intervals.partner_code
            and monthly.month_start_date = intervals.month_start_date
    left join partners
        on
            monthly.partner_code = partners.partner_code
            and {{ in_range('rhythms.last_order_date', 'partners') }}
    left join limits on partners.channel_code = limits.channel_code
),

final as (
    select
        partner_code || '|' || cast(month_start_date as string)
            as order_service_monthly_id,
        month_start_date,
        partner_code,
        channel_code,
        order_count,
        cast(line_count as bigint) as line_count,
        cast(due_order_count as bigint) as due_order_count,
        cast(complete_order_count as bigint) as complete_order_count,
        order_fill_rate,
        cast(min_order_fill_rate as decimal(18, 4)) as min_order_fill_rate,
        case
            when order_fill_rate > min_order_fill_rate then 'good'
            when order_fill_rate is not null then 'poor'
        end as order_fill_status_code,
        case
            when due_order_count = 0 then 'not_due'
            when complete_order_count is null then 'shipments_not_connected'
        end as order_fill_reason_code,
        cast(dated_due_order_count as bigint) as dated_due_order_count,
        cast(on_time_order_count as bigint) as on_time_order_count,
        otif_rate,
        case
            when due_order_count = 0 then 'not_due'
            when dated_due_order_count = 0 then 'no_date_asked_for'
            when on_time_order_count is null then 'shipments_not_connected'
        end as otif_reason_code,
        {{ quantity('due_quantity') }} as due_quantity,
        {{ quantity('filled_quantity') }} as filled_quantity,
        unit_fill_rate,
        cast(delivered_order_count as bigint) as delivered_order_count,
        cast(receipt_known_order_count as bigint) as receipt_known_order_count,
        cast(lead_time_days as bigint) as lead_time_days,
        mean_lead_time_days,
        cast(p90_lead_time_days as integer) as p90_lead_time_days,
        cast(max_lead_time_days as decimal(18, 4)) as max_lead_time_days,
        case
            when mean_lead_time_days < max_lead_time_days then 'good'
            when mean_lead_time_days is not null then 'poor'
        end as lead_time_status_code,
        case
            when delivered_order_count is null then 'shipments_not_connected'
            when delivered_order_count = 0 then 'not_delivered'
        end as lead_time_reason_code,
        case when is_claims_connected then cast(claimed_order_count as bigint) end
            as claimed_order_count,
        order_error_rate,
        cast(max_order_error_rate as decimal(18, 4)) as max_order_error_rate,
        case
            when order_error_rate < max_order_error_rate then 'good'
            when order_error_rate is not null then 'poor'
        end as order_error_status_code,
        case when not is_claims_connected then 'not_connected' end
            as order_error_reason_code,
        cast(stocked_line_count as bigint) as stocked_line_count,
        cast(available_line_count as bigint) as available_line_count,
        availability_rate,
        cast(min_availability_rate as decimal(18, 4)) as min_availability_rate,
        case
            when availability_rate > min_availability_rate then 'good'
            when availability_rate is not null then 'poor'
        end as availability_status_code,
        case when stocked_line_count = 0 then 'stock_not_known' end
            as availability_reason_code,
        last_order_date,
        next_order_date,
        median_interval_days,
        case
            when next_order_date <= reorder_until_date then 1
            when reorder_until_date < {{ as_of_date() }} then 1
            else 0
        end as judged_partner_count,
        case when next_order_date <= reorder_until_date then 1 else 0 end
            as reordered_partner_count
    from rated
)

select * from final
