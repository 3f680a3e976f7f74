-- Grain: one row per input of stock and marts that no slice brings, as they were last
-- built with it.
-- Built after fct_inventory, like int_product_identifiers_used.
-- depends_on: {{ ref('fct_inventory') }}
{{ config(materialized='table') }}

{{ rolled_inputs() }}
