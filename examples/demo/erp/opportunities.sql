-- Deals announced by partners (affaires).
select
    a.no_affaire as opportunity_number,
    a.code_tiers as partner_code,
    a.code_article as product_code,
    a.etape as stage_code,
    a.qte_annoncee as announced_quantity,
    a.montant_annonce as announced_amount,
    a.devise as currency_code,
    a.date_creation as created_date,
    a.date_prevue as expected_date,
    a.date_cloture as closed_date,
    a.no_cde as order_number,
    a.maj as updated_at
from affaires as a
where a.maj >= :cursor
