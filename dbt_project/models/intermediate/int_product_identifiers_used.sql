-- Grain: one row per identifier, as the facts of reports were last built with it.
-- Built after those facts: a run that dies before leaves the former copy, and the next
-- run sees the change again.
-- depends_on: {{ ref('fct_sell_out_weekly') }}
-- depends_on: {{ ref('int_inventory_reported') }}
{{ config(materialized='table') }}

{{ product_identifiers() }}
