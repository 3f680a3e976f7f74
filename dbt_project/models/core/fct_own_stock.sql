-- Grain: one row per product and day on which our own stock was counted.
-- Additive over products: on_hand_quantity; a stock is not additive over days.
with

levels as (
    select * from {{ ref('stg_erp__stock_levels') }}
),

daily as (
    select
        product_code,
        stock_date,
        sum(on_hand_quantity) as on_hand_quantity,
        count(*) as warehouse_count
    from levels
    group by product_code, stock_date
),

final as (
    select
        product_code || '|' || cast(stock_date as string) as own_stock_id,
        product_code,
        stock_date,
        {{ range_end(['product_code'], 'stock_date') }} as next_stock_date,
        {{ quantity('on_hand_quantity') }} as on_hand_quantity,
        warehouse_count
    from daily
)

select * from final
