-- Grain: one row per product: the present list price of one base unit; Tryton keeps no former ones.
select
    coalesce(product.code, 'product-' || cast(product.id as varchar)) as product_code,
    'list' as price_list_code,
    '1900-01-01' as valid_from_date,
    '9999-12-31' as valid_to_date,
    price.list_price as unit_price_amount,
    currency.code as currency_code,
    coalesce(price.write_date, price.create_date) as updated_at
from product_list_price as price
inner join product_product as product on price.template = product.template
inner join company_company as company on price.company = company.id
inner join currency_currency as currency on company.currency = currency.id
where
    price.list_price is not null
    and price.product is null
    and price.company = (select min(id) from company_company)
