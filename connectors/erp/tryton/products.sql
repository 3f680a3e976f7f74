-- Grain: one row per product variant, and one for lines without a product where there are any.
with families as (
    select
        link.template as template_id,
        min(link.category) as category_id
    from "product_template-product_category" as link
    inner join product_category as category on link.category = category.id
    where not coalesce(category.accounting, false)
    group by link.template
),

gtins as (
    select
        product as product_id,
        min(replace(code, ' ', '')) as gtin
    from product_identifier
    where type = 'ean'
    group by product
)

select
    coalesce(product.code, 'product-' || cast(product.id as varchar)) as product_code,
    template.name as product_name,
    coalesce(category.code, category.name, 'none') as family_code,
    category.name as family_name,
    gtins.gtin,
    unit.symbol as base_unit_code,
    case when product.active and template.active then 1 else 0 end as is_active,
    coalesce(product.write_date, product.create_date) as updated_at
from product_product as product
inner join product_template as template on product.template = template.id
inner join product_uom as unit on template.default_uom = unit.id
left join families on template.id = families.template_id
left join product_category as category on families.category_id = category.id
left join gtins on product.id = gtins.product_id
union all
select
    'NO-PRODUCT',
    'Line without product',
    'none',
    null,
    null,
    '-',
    1,
    null
where exists (
    select 1 from account_invoice_line as line
    where line.type = 'line' and line.product is null and line.invoice_type = 'out'
) or exists (
    select 1 from sale_line as line
    where line.type = 'line' and line.product is null
)
