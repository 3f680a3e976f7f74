-- Grain: one row per currency and day with a reference rate, as the facts of reports
-- were last built with it.
-- Built after those facts, like int_product_identifiers_used.
-- depends_on: {{ ref('fct_sell_out_weekly') }}
{{ config(materialized='table') }}

select * from {{ ref('stg_rules__exchange_rates') }}
