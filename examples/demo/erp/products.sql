-- Articles with the name of their family; a dormant article (sommeil) is no longer sold.
select
    a.code_article as product_code,
    a.designation as product_name,
    a.code_famille as family_code,
    f.libelle as family_name,
    a.gencod as gtin,
    a.unite_stock as base_unit_code,
    a.date_lancement as launch_date,
    a.delai_appro as supply_lead_days,
    case when a.sommeil = 'O' then 0 else 1 end as is_active,
    a.maj as updated_at
from articles as a
left join familles as f on f.code_famille = a.code_famille
where a.maj >= :cursor
