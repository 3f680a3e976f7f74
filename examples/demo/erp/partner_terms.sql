-- Dated terms. The ERP writes the discount in percent and leaves the end of what still holds empty. It keeps the
-- category that a partner had in each range.
select
    c.code_tiers as partner_code,
    c.date_effet as valid_from_date,
    coalesce(c.date_fin, '9999-12-31') as valid_to_date,
    c.tarif as price_list_code,
    c.taux_remise / 100.0 as discount_rate,
    c.delai_reglement as payment_term_days,
    c.delai_transport as transit_days,
    c.classe as segment_code,
    case c.categorie
        when 'RD' then 'regional_distributor'
        when 'CP' then 'trade_counter'
        when 'WEB' then 'online_reseller'
        when 'DIR' then 'direct'
        else lower(c.categorie)
    end as channel_code,
    c.maj as updated_at
from tiers_conditions as c
where c.maj >= :cursor
