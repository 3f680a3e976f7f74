-- Grain: one row per month, partner, product and feed that is not of record.
-- Additive: sold quantities and amounts. Not additive over months: stocks. What the
-- feed says never counts in another figure; here it is held against what counts.
with

sell_out as (
    select * from {{ ref('fct_sell_out_weekly') }}
),

other_counts as (
    select * from {{ ref('fct_stocks_beside_record') }}
),

feeds as (
    select * from {{ ref('dim_feeds') }}
    where reports_sell_out and not is_sell_out_of_record
),

counted_sales as (
    select * from {{ ref('mart_sell_out_monthly') }}
),

inventory as (
    select * from {{ ref('fct_inventory') }} where reported_quantity is not null
),

other_sales as (
    select
        sell_out.month_start_date,
        sell_out.partner_code,
        sell_out.feed_code,
        sell_out.product_code,
        sum(sell_out.net_quantity) as net_quantity,
        sum(sell_out.net_amount) as net_amount
    from sell_out
    inner join feeds on sell_out.feed_code = feeds.feed_code
    group by
        sell_out.month_start_date,
        sell_out.partner_code,
        sell_out.feed_code,
        sell_out.product_code
),

-- Of the counts of a month the feed's last one is compared with the last that counts.
other_stocks as (
    select
        month_start_date,
        partner_code,
        feed_code,
        product_code,
        stock_date,
        on_hand_quantity
    from other_counts
    qualify
        stock_date = max(stock_date) over (partition by feed_code, month_start_date)
),

counted_stocks as (
    select
        {{ month_start('stock_date') }} as month_start_date,
        partner_code,
        product_code,
        stock_date,
        reported_quantity
    from inventory
    qualify
        row_number() over (
            partition by
                partner_code, product_code, {{ month_start('stock_date') }}
            order by stock_date desc, week_start_date desc
        ) = 1
),

others as (
    select
        coalesce(other_sales.month_start_date, other_stocks.month_start_date)
            as month_start_date,
        coalesce(other_sales.partner_code, other_stocks.partner_code) as partner_code,
        coalesce(other_sales.feed_code, other_stocks.feed_code) as feed_code,
        coalesce(other_sales.product_code, other_stocks.product_code) as product_code,
        other_sales.feed_code is not null as has_sales,
        other_sales.net_quantity,
        other_sales.net_amount,
        other_stocks.stock_date,
        other_stocks.on_hand_quantity
    from other_sales
    full outer join other_stocks
        on
            other_sales.month_start_date = other_stocks.month_start_date
            and other_sales.feed_code = other_stocks.feed_code
            and other_sales.product_code = other_stocks.product_code
),

compared as (
    select
        others.*,
        case when others.has_sales then counted_sales.net_quantity end
            as counted_net_quantity,
        case when others.has_sales then counted_sales.net_amount end
            as counted_net_amount,
        case when others.stock_date is not null then counted_stocks.stock_date end
            as counted_stock_date,
        case
            when others.stock_date is not null then counted_stocks.reported_quantity
        end as counted_on_hand_quantity
    from others
    left join counted_sales
        on
            others.month_start_date = counted_sales.month_start_date
            and others.partner_code = counted_sales.partner_code
            and others.product_code = counted_sales.product_code
    left join counted_stocks
        on
            others.month_start_date = counted_stocks.month_start_date
            and others.partner_code = counted_stocks.partner_code
            and others.product_code = counted_stocks.product_code
),

final as (
    select
        feed_code || '|' || cast(month_start_date as string) || '|' || product_code
            as feed_differences_monthly_id,
        month_start_date,
        partner_code,
        feed_code,
        product_code,
        {{ quantity('net_quantity') }} as net_quantity,
        {{ quantity('counted_net_quantity') }} as counted_net_quantity,
        {{ quantity('net_quantity - counted_net_quantity') }} as difference_quantity,
        {{ amount('net_amount') }} as net_amount,
        {{ amount('counted_net_amount') }} as counted_net_amount,
        {{ amount('net_amount - counted_net_amount') }} as difference_amount,
        stock_date,
        {{ quantity('on_hand_quantity') }} as on_hand_quantity,
        counted_stock_date,
        {{ quantity('counted_on_hand_quantity') }} as counted_on_hand_quantity,
        {{ quantity('on_hand_quantity - counted_on_hand_quantity') }}
            as difference_on_hand_quantity,
        {{ company_currency() }} as currency_code,
        case
            when has_sales and counted_net_quantity is null
                then 'sell_out_not_reported'
            when stock_date is not null and counted_stock_date is null
                then 'stock_not_reported'
        end as reason_code
    from compared
)

select * from final
