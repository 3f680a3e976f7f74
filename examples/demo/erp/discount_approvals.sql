-- Approvals of discounts outside the rules (accords de remise); rates in percent.
select
    a.no_accord as approval_number,
    a.code_tiers as partner_code,
    a.code_famille as family_code,
    null as product_code,
    a.date_effet as valid_from_date,
    a.date_fin as valid_to_date,
    a.taux_max * 0.01 as approved_rate,
    a.accorde_par as approved_by,
    a.date_accord as approved_date,
    a.motif_accord as reason,
    a.maj as updated_at
from accords_remise as a
where a.maj >= :cursor
