-- Grain: one row per goods line of a sale that was confirmed, or cancelled after it got a number.
with lines as (
    select
        sale.number as order_number,
        cast(line.id as varchar) as order_line_number,
        sale.party as party_id,
        line.product as product_id,
        line.unit as unit_id,
        sale.currency as currency_id,
        sale.sale_date as order_date,
        sale.shipping_date as requested_delivery_date,
        line.quantity as ordered_quantity,
        cast(line.quantity as numeric) * cast(line.unit_price as numeric) as line_amount,
        case
            when sale.state = 'cancelled' then 'cancelled'
            when sale.state = 'done' then 'closed'
            when sale.shipment_state = 'sent' then 'shipped'
            else 'open'
        end as status_code,
        case
            when coalesce(line.write_date, line.create_date) > coalesce(sale.write_date, sale.create_date)
                then coalesce(line.write_date, line.create_date)
            else coalesce(sale.write_date, sale.create_date)
        end as updated_at
    from sale_line as line
    inner join sale_sale as sale on line.sale = sale.id
    where
        line.type = 'line'
        and sale.number is not null
        and sale.sale_date is not null
        and sale.state in ('confirmed', 'processing', 'done', 'cancelled')
)

select
    lines.order_number,
    lines.order_line_number,
    party.code as partner_code,
    lines.order_date,
    lines.requested_delivery_date,
    case
        when product.id is null then 'NO-PRODUCT'
        else coalesce(product.code, 'product-' || cast(product.id as varchar))
    end as product_code,
    lines.ordered_quantity,
    coalesce(unit.symbol, '-') as unit_code,
    round(lines.line_amount, currency.digits) as net_amount,
    currency.code as currency_code,
    lines.status_code,
    lines.updated_at
from lines
inner join party_party as party on lines.party_id = party.id
inner join currency_currency as currency on lines.currency_id = currency.id
left join product_product as product on lines.product_id = product.id
left join product_uom as unit on lines.unit_id = unit.id
where lines.updated_at >= :cursor
