-- Claims of partners (demandes de prise en charge): marketing, compensation of resale prices, price protection.
select
    d.no_demande as claim_number,
    d.nature as cost_step_code,
    d.code_tiers as partner_code,
    d.code_budget as budget_code,
    d.no_accord as agreement_code,
    d.code_article as product_code,
    null as invoice_number,
    d.date_demande as claim_date,
    d.date_debut as activity_from_date,
    d.date_fin as activity_to_date,
    d.qte as claimed_quantity,
    d.montant_demande as claimed_amount,
    d.montant_accorde as approved_amount,
    d.montant_regle as paid_amount,
    case d.etat
        when 'DEM' then 'claimed'
        when 'ACC' then 'approved'
        when 'REG' then 'paid'
        when 'REF' then 'rejected'
    end as status_code,
    d.justificatif as proof_reference,
    d.date_accord as approved_date,
    d.date_reglement as paid_date,
    d.libelle as claim_text,
    d.devise as currency_code,
    d.maj as updated_at
from demandes_prise_en_charge as d
where d.maj >= :cursor
