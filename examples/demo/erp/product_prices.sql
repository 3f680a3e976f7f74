-- List prices, dated, one row per price list.
select
    p.code_article as product_code,
    p.tarif as price_list_code,
    p.date_effet as valid_from_date,
    coalesce(p.date_fin, '9999-12-31') as valid_to_date,
    p.prix_ht as unit_price_amount,
    p.devise as currency_code,
    p.maj as updated_at
from tarifs as p
where p.maj >= :cursor
