select
    code as partner_code,
    name as partner_name,
    'direct' as channel_code,
    null as segment_code,
    null as siret,
    null as gln,
    null as vat_number,
    country as country_code,
    null as postal_code,
    null as city,
    'USD' as currency_code,
    1 as is_active,
    since as created_date,
    null as updated_at
from partners
