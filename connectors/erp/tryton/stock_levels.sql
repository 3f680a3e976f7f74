-- Grain: one row per product, warehouse and day on which the stock moved: on hand at the end of that day.
with warehouses as (
    select
        warehouse.id as warehouse_id,
        coalesce(warehouse.code, warehouse.name) as warehouse_code,
        location.id as location_id
    from stock_location as warehouse
    inner join stock_location as location
        on location."left" > warehouse."left" and location."right" < warehouse."right"
    where warehouse.type = 'warehouse' and location.type = 'storage'
),

movements as (
    select
        inside.warehouse_code,
        move.product as product_id,
        move.effective_date as stock_date,
        move.internal_quantity as quantity
    from stock_move as move
    inner join warehouses as inside on move.to_location = inside.location_id
    where move.state = 'done'
    union all
    select
        inside.warehouse_code,
        move.product,
        move.effective_date,
        -move.internal_quantity
    from stock_move as move
    inner join warehouses as inside on move.from_location = inside.location_id
    where move.state = 'done'
),

days as (
    select
        warehouse_code,
        product_id,
        stock_date,
        sum(quantity) as moved_quantity
    from movements
    group by warehouse_code, product_id, stock_date
)

select
    coalesce(product.code, 'product-' || cast(product.id as varchar)) as product_code,
    days.warehouse_code,
    days.stock_date,
    sum(days.moved_quantity) over (
        partition by days.warehouse_code, days.product_id
        order by days.stock_date
    ) as on_hand_quantity
from days
inner join product_product as product on days.product_id = product.id
