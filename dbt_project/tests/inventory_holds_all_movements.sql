-- Grain: one row per partner and product whose arrivals, returns or reported sales are
-- not all in fct_inventory. Sales are compared in the weeks that are known as a whole.
with

inventory as (
    select * from {{ ref('fct_inventory') }}
),

weeks as (
    select
        partner_code,
        product_code,
        sum(received_quantity - returned_to_us_quantity) as moved_quantity,
        sum(sold_quantity - consumer_returned_quantity) as sold_quantity
    from inventory
    group by partner_code, product_code
),

shipments as (
    select
        lines.partner_code,
        lines.product_code,
        sum(lines.signed_quantity) as moved_quantity
    from {{ ref('fct_shipments') }} as lines
    where
        lines.arrival_date <= {{ as_of_date() }}
        and {{ add_days(week_start('lines.arrival_date'), 6) }} <= {{ as_of_date() }}
    group by lines.partner_code, lines.product_code
),

sell_out as (
    select
        lines.partner_code,
        lines.product_code,
        sum(lines.net_quantity) as sold_quantity
    from {{ ref('fct_sell_out_weekly') }} as lines
    inner join inventory
        on
            lines.partner_code = inventory.partner_code
            and lines.product_code = inventory.product_code
            and lines.week_start_date = inventory.week_start_date
    where
        inventory.sold_quantity is not null
        and {{ is_of_record('lines.feed_code', 'sell_out') }}
    group by lines.partner_code, lines.product_code
),

final as (
    select
        weeks.partner_code,
        weeks.product_code,
        weeks.moved_quantity,
        shipments.moved_quantity as shipped_quantity,
        weeks.sold_quantity,
        sell_out.sold_quantity as reported_sold_quantity
    from weeks
    full outer join shipments
        on
            weeks.partner_code = shipments.partner_code
            and weeks.product_code = shipments.product_code
    left join sell_out
        on
            weeks.partner_code = sell_out.partner_code
            and weeks.product_code = sell_out.product_code
    where
        coalesce(weeks.moved_quantity, 0) <> coalesce(shipments.moved_quantity, 0)
        or coalesce(weeks.sold_quantity, 0) <> coalesce(sell_out.sold_quantity, 0)
)

select * from final
