-- One row per customer that resells: names on the left are your tables', aliases stay (docs/erp.md).
select
    c.code as partner_code,
    c.name as partner_name,
    'regional_distributor' as channel_code,     -- or trade_counter, online_reseller, direct
    c.country as country_code,
    c.postal_code,
    'EUR' as currency_code,
    c.active as is_active
from customer as c
