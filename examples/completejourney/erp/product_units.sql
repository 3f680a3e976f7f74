select
    id as product_code,
    'PCE' as unit_code,
    1 as base_quantity,
    null as gtin,
    null as updated_at
from products
