-- Commissions paid to agents, by partner and month.
select
    r.no_reglement as payment_number,
    r.code_agent as agent_code,
    r.code_tiers as partner_code,
    r.mois as settled_month_date,
    r.date_reglement as payment_date,
    r.montant as paid_amount,
    r.devise as currency_code,
    r.maj as updated_at
from commissions_reglees as r
where r.maj >= :cursor
