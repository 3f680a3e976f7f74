-- Grain: one row per product: the present cost, for want of the module product_cost_history.
select
    coalesce(product.code, 'product-' || cast(product.id as varchar)) as product_code,
    '1900-01-01' as valid_from_date,
    '9999-12-31' as valid_to_date,
    cost.cost_price as unit_cost_amount,
    currency.code as currency_code,
    coalesce(cost.write_date, cost.create_date) as updated_at
from product_cost_price as cost
inner join product_product as product on cost.product = product.id
inner join company_company as company on cost.company = company.id
inner join currency_currency as currency on company.currency = currency.id
where cost.cost_price is not null and cost.company = (select min(id) from company_company)
