-- Grain: one row per done move to or from a customer location. A shipment has a second, internal move per
-- line (storage to output zone), which is left out.
with moves as (
    select
        move.id as move_id,
        case when destination.type = 'customer' then 'delivery' else 'return' end as shipment_type,
        coalesce(delivery.number, goods_return.number) as shipment_number,
        coalesce(delivery.customer, goods_return.customer, sale.shipment_party, sale.party) as party_id,
        move.product as product_id,
        move.unit as unit_id,
        move.quantity as shipped_quantity,
        move.effective_date as shipment_date,
        sale.number as order_number,
        line.id as sale_line_id,
        coalesce(move.write_date, move.create_date) as updated_at
    from stock_move as move
    inner join stock_location as source on move.from_location = source.id
    inner join stock_location as destination on move.to_location = destination.id
    left join stock_shipment_out as delivery
        on move.shipment = 'stock.shipment.out,' || cast(delivery.id as varchar)
    left join stock_shipment_out_return as goods_return
        on move.shipment = 'stock.shipment.out.return,' || cast(goods_return.id as varchar)
    left join sale_line as line on move.origin = 'sale.line,' || cast(line.id as varchar)
    left join sale_sale as sale on line.sale = sale.id
    where
        move.state = 'done'
        and (source.type = 'customer' or destination.type = 'customer')
        and source.type <> destination.type
)

select
    coalesce(moves.shipment_number, 'move-' || cast(moves.move_id as varchar)) as shipment_number,
    cast(moves.move_id as varchar) as shipment_line_number,
    moves.shipment_type,
    moves.order_number,
    cast(moves.sale_line_id as varchar) as order_line_number,
    party.code as partner_code,
    moves.shipment_date,
    coalesce(product.code, 'product-' || cast(product.id as varchar)) as product_code,
    moves.shipped_quantity,
    unit.symbol as unit_code,
    moves.updated_at
from moves
inner join party_party as party on moves.party_id = party.id
inner join product_product as product on moves.product_id = product.id
inner join product_uom as unit on moves.unit_id = unit.id
where moves.updated_at >= :cursor
