-- Grain: one row per accepted match of a partner's code.
-- A later rejection of the same code and product takes an acceptance back.
{{ accepted_matches('product_matches', 'product_code', ['unit_code']) }}
