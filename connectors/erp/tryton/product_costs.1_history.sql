-- Grain: one row per product and day on which its cost changed (module product_cost_history).
-- The first cost reaches back, so that every document finds one.
-- needs: product_cost_price__history
with changes as (
    select
        product as product_id,
        cost_price,
        coalesce(write_date, create_date) as changed_at,
        substr(cast(coalesce(write_date, create_date) as varchar), 1, 10) as change_date,
        row_number() over (
            partition by product, substr(cast(coalesce(write_date, create_date) as varchar), 1, 10)
            order by coalesce(write_date, create_date) desc, __id desc
        ) as position
    from product_cost_price__history
    where
        cost_price is not null
        and product is not null
        and company = (select min(id) from company_company)
),

ranges as (
    select
        product_id,
        cost_price,
        changed_at,
        change_date,
        lag(change_date) over (partition by product_id order by change_date) as former_date,
        lead(change_date) over (partition by product_id order by change_date) as following_date
    from changes
    where position = 1
)

select
    coalesce(product.code, 'product-' || cast(product.id as varchar)) as product_code,
    case when ranges.former_date is null then '1900-01-01' else ranges.change_date end as valid_from_date,
    coalesce(ranges.following_date, '9999-12-31') as valid_to_date,
    ranges.cost_price as unit_cost_amount,
    currency.code as currency_code,
    ranges.changed_at as updated_at
from ranges
inner join product_product as product on ranges.product_id = product.id
inner join company_company as company on company.id = (select min(id) from company_company)
inner join currency_currency as currency on company.currency = currency.id
