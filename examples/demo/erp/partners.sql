-- Business partners of the ERP. Its categories are translated to channels.
select
    t.code_tiers as partner_code,
    t.raison_sociale as partner_name,
    case t.categorie
        when 'RD' then 'regional_distributor'
        when 'CP' then 'trade_counter'
        when 'WEB' then 'online_reseller'
        when 'DIR' then 'direct'
        else lower(t.categorie)
    end as channel_code,
    t.classe as segment_code,
    t.siret,
    t.gln,
    t.no_tva as vat_number,
    t.pays as country_code,
    t.code_postal as postal_code,
    t.ville as city,
    t.devise as currency_code,
    case when t.actif = 'O' then 1 else 0 end as is_active,
    t.date_creation as created_date,
    t.maj as updated_at
from tiers as t
where t.maj >= :cursor
