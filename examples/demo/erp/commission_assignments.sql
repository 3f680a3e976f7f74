-- Which agent has which partner or territory (secteur), from when to when.
select
    a.code_agent as agent_code,
    a.nom_agent as agent_name,
    a.code_tiers as partner_code,
    a.secteur as territory_code,
    a.plan as plan_code,
    a.quote_part as split_rate,
    a.date_debut as valid_from_date,
    coalesce(a.date_fin, '9999-12-31') as valid_to_date,
    a.maj as updated_at
from agents_affectations as a
where a.maj >= :cursor
