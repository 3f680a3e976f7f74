-- One row per article that you sell.
select
    a.code as product_code,
    a.name as product_name,
    a.family as family_code,
    'PCE' as base_unit_code,
    a.ean as gtin,
    a.active as is_active
from article as a
