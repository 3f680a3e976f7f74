-- Budgets for co-operative marketing.
select
    b.code_budget as budget_code,
    b.nature as cost_step_code,
    b.code_tiers as partner_code,
    null as channel_code,
    b.montant as budget_amount,
    b.devise as currency_code,
    b.date_debut as valid_from_date,
    b.date_fin as valid_to_date,
    b.maj as updated_at
from budgets_coop as b
where b.maj >= :cursor
