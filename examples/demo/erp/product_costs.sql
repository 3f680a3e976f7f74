-- Standard costs (prix de revient unitaire) and actual ones, dated.
select
    p.code_article as product_code,
    p.date_effet as valid_from_date,
    coalesce(p.date_fin, '9999-12-31') as valid_to_date,
    p.prix_revient as unit_cost_amount,
    p.prix_reel as actual_unit_cost_amount,
    p.devise as currency_code,
    p.maj as updated_at
from articles_pru as p
where p.maj >= :cursor
