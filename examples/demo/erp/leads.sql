-- Leads passed to partners (prospects).
select
    p.no_prospect as lead_number,
    p.code_tiers as partner_code,
    p.origine as source_code,
    p.etat as status_code,
    p.date_creation as created_date,
    p.date_cloture as closed_date,
    p.code_postal as postal_code,
    null as country_code,
    null as family_code,
    p.maj as updated_at
from prospects as p
where p.maj >= :cursor
