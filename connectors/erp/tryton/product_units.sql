-- Grain: one row per product and unit it is kept, sold, moved or invoiced in.
with used as (
    select product.id as product_id, template.default_uom as unit_id
    from product_product as product
    inner join product_template as template on product.template = template.id
    union
    select product.id, template.sale_uom
    from product_product as product
    inner join product_template as template on product.template = template.id
    where template.sale_uom is not null
    union
    select product, unit from sale_line where product is not null and unit is not null
    union
    select product, unit from stock_move
    union
    select product, unit from account_invoice_line where product is not null and unit is not null
)

select
    coalesce(product.code, 'product-' || cast(product.id as varchar)) as product_code,
    unit.symbol as unit_code,
    unit.factor / base.factor as base_quantity
from used
inner join product_product as product on used.product_id = product.id
inner join product_template as template on product.template = template.id
inner join product_uom as unit on used.unit_id = unit.id
inner join product_uom as base on template.default_uom = base.id
where unit.category = base.category
