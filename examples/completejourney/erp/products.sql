select
    id as product_code,
    name as product_name,
    department_code as family_code,
    department as family_name,
    null as gtin,
    'PCE' as base_unit_code,
    null as launch_date,
    1 as is_active,
    null as updated_at
from products
