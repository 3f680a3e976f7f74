-- Departements (or countries) granted to a partner; the ERP's family TOUTES means all families.
select
    s.code_tiers as partner_code,
    s.secteur as territory_code,
    case when s.famille = 'TOUTES' then '*' else s.famille end as family_code,
    case when s.exclusif = 'O' then 1 else 0 end as is_exclusive,
    s.date_effet as valid_from_date,
    coalesce(s.date_fin, '9999-12-31') as valid_to_date,
    s.maj as updated_at
from tiers_secteurs as s
where s.maj >= :cursor
