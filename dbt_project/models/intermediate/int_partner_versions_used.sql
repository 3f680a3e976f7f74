-- Grain: one row per partner and range of dates, as the facts of reports were last
-- built with it.
-- Built after those facts, like int_product_identifiers_used.
-- depends_on: {{ ref('fct_sell_out_weekly') }}
-- depends_on: {{ ref('int_inventory_reported') }}
{{ config(materialized='table') }}

{{ partner_versions() }}
