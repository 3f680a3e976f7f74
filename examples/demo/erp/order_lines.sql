-- Order lines with their header. A line counts as changed when it or its header changed.
select
    l.no_cde as order_number,
    l.no_ligne as order_line_number,
    c.code_tiers as partner_code,
    c.date_cde as order_date,
    c.date_souhaitee as requested_delivery_date,
    l.code_article as product_code,
    l.qte as ordered_quantity,
    l.unite as unit_code,
    l.montant_ht as net_amount,
    c.devise as currency_code,
    case l.etat
        when 'ENC' then 'open'
        when 'EXP' then 'shipped'
        when 'SOL' then 'closed'
        when 'ANN' then 'cancelled'
        else lower(l.etat)
    end as status_code,
    case when l.maj > c.maj then l.maj else c.maj end as updated_at
from cdes_lignes as l
inner join cdes as c on c.no_cde = l.no_cde
where case when l.maj > c.maj then l.maj else c.maj end >= :cursor
