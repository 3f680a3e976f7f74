-- Grain: one row per feed that is not of record, day of the count and product.
-- What such a feed counts stands in no other fact; empty where all feeds count.
-- Stocks are additive over products, not over days.
with

stocks as (
    select * from {{ ref('int_inventory_reported') }}
),

feeds as (
    select * from {{ ref('dim_feeds') }}
    where reports_inventory and not is_inventory_of_record
),

final as (
    select
        stocks.feed_code || '|' || cast(stocks.stock_date as string) || '|'
        || stocks.product_code as stock_beside_record_id,
        stocks.partner_code,
        stocks.feed_code,
        stocks.stock_date,
        {{ month_start('stocks.stock_date') }} as month_start_date,
        stocks.product_code,
        -- Counted in a unit that nobody knows: what is there is not known either.
        case
            when count(stocks.on_hand_quantity) = count(*)
                then {{ quantity('sum(stocks.on_hand_quantity)') }}
        end as on_hand_quantity
    from stocks
    inner join feeds on stocks.feed_code = feeds.feed_code
    group by
        stocks.partner_code, stocks.feed_code, stocks.stock_date, stocks.product_code
)

select * from final
