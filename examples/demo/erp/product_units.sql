-- Packs: how many pieces are in one, and the GTIN printed on it.
select
    c.code_article as product_code,
    c.unite as unit_code,
    c.qte_base as base_quantity,
    c.gencod as gtin,
    c.maj as updated_at
from articles_cond as c
where c.maj >= :cursor
