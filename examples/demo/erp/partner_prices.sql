-- Net prices agreed with a partner (prix nets par contrat), dated.
select
    p.code_tiers as partner_code,
    p.code_article as product_code,
    p.date_effet as valid_from_date,
    coalesce(p.date_fin, '9999-12-31') as valid_to_date,
    p.prix_net as unit_price_amount,
    p.devise as currency_code,
    p.maj as updated_at
from tiers_prix as p
where p.maj >= :cursor
