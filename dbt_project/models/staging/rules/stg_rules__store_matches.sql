-- Grain: one row per accepted match of a store that a partner reports.
-- A later rejection of the same reported store and store takes an acceptance back.
{{ accepted_matches('store_matches', 'store_code') }}
