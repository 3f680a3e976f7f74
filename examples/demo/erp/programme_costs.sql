-- Costs of selling through partners: freight, sales incentives, training, channel staff, tools.
select
    f.no_frais as cost_number,
    f.nature as cost_step_code,
    f.date_frais as cost_date,
    f.no_piece as invoice_number,
    f.no_bl as shipment_number,
    f.code_tiers as partner_code,
    f.canal as channel_code,
    null as product_code,
    f.montant_ht as cost_amount,
    f.libelle as cost_text,
    f.devise as currency_code,
    f.maj as updated_at
from frais_commerciaux as f
where f.maj >= :cursor
