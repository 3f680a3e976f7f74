-- Grain: one row per opportunity (module sale_opportunity).
-- needs: sale_opportunity
with lines as (
    select
        opportunity as opportunity_id,
        case when min(product) = max(product) then min(product) end as product_id,
        case when min(product) = max(product) then sum(quantity) end as announced_quantity
    from sale_opportunity_line
    group by opportunity
),

sales as (
    select origin, min(number) as order_number
    from sale_sale
    where origin like 'sale.opportunity,%' and number is not null
    group by origin
)

select
    coalesce(opportunity.number, cast(opportunity.id as varchar)) as opportunity_number,
    party.code as partner_code,
    coalesce(product.code, 'product-' || cast(product.id as varchar)) as product_code,
    case opportunity.state
        when 'converted' then 'quoted'
        when 'won' then 'won'
        when 'lost' then 'lost'
        when 'cancelled' then 'lost'
        else 'open'
    end as stage_code,
    lines.announced_quantity,
    opportunity.amount as announced_amount,
    currency.code as currency_code,
    opportunity.start_date as created_date,
    case when opportunity.state in ('won', 'lost', 'cancelled') then opportunity.end_date end as closed_date,
    sales.order_number,
    coalesce(opportunity.write_date, opportunity.create_date) as updated_at
from sale_opportunity as opportunity
inner join company_company as company on opportunity.company = company.id
inner join currency_currency as currency on company.currency = currency.id
left join party_party as party on opportunity.party = party.id
left join lines on opportunity.id = lines.opportunity_id
left join product_product as product on lines.product_id = product.id
left join sales on sales.origin = 'sale.opportunity,' || cast(opportunity.id as varchar)
where opportunity.start_date is not null
