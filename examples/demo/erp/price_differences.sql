-- Agreed price differences by piece. The ERP leaves the end of what still holds empty.
select
    e.no_accord as agreement_code,
    e.nature as cost_step_code,
    e.code_tiers as partner_code,
    e.code_article as product_code,
    e.ecart_unitaire as unit_difference_amount,
    e.devise as currency_code,
    e.date_debut as valid_from_date,
    coalesce(e.date_fin, '9999-12-31') as valid_to_date,
    e.maj as updated_at
from accords_ecart_prix as e
where e.maj >= :cursor
