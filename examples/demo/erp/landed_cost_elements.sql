-- Landed costs (frais accessoires), dated: transport, customs, raw material.
select
    f.code_article as product_code,
    case f.nature
        when 'TRA' then 'freight_in'
        when 'DOU' then 'customs'
        when 'MAT' then 'material_surcharge'
    end as element_code,
    f.date_effet as valid_from_date,
    coalesce(f.date_fin, '9999-12-31') as valid_to_date,
    f.frais_unitaire as unit_cost_amount,
    f.devise as currency_code,
    f.maj as updated_at
from articles_frais as f
where f.maj >= :cursor
