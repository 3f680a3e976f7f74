-- Deliveries (sens S) and returns (sens E). The date of receipt is known only of partners that confirm it.
select
    l.no_bl as shipment_number,
    l.no_ligne as shipment_line_number,
    case when e.sens = 'E' then 'return' else 'delivery' end as shipment_type,
    l.no_cde as order_number,
    l.no_ligne_cde as order_line_number,
    e.code_tiers as partner_code,
    e.date_exp as shipment_date,
    e.date_reception as delivery_date,
    null as ship_to_country_code,
    null as ship_to_postal_code,
    l.code_article as product_code,
    l.qte as shipped_quantity,
    l.unite as unit_code,
    case when l.maj > e.maj then l.maj else e.maj end as updated_at
from expeditions_lignes as l
inner join expeditions as e on e.no_bl = l.no_bl
where case when l.maj > e.maj then l.maj else e.maj end >= :cursor
