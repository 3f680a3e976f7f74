-- Grain: one row per sell-out line that a partner reported.
-- Additive: quantities in base units and amounts; quantities _in_unit within one unit.
--
-- Holds what differs from line to line; what a whole report shares stands once in
-- dim_sell_out_reports, and fct_sell_out shows both. A column of text costs 0.8 s of
-- processor time for 6 M lines even if it holds one value, one of numbers a tenth:
-- with partner, feed, slice, batch, file and key as texts the fact took twice as long
-- to write (20 and 10 to 12 s) and 60 % more room.
--
-- In the order of the reported periods, because the checkpoint after a replaced slice
-- rewrites what lies around it. There is no `order by`: the files are named in that
-- order, and the insert keeps it. Measured on 10 M lines: 28 s of processor time and
-- 1.0 GB as it is, 40 s and 2.4 GB with a sort.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='slice_number',
        on_schema_change='fail',
        pre_hook="{{ clear_emptied_slices('sell_out', 'slice_number') }}"
    )
}}

with

lines as (
    select * from {{ ref('int_sell_out_resolved') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

placed as (
    select
        lines.*,
        {{ in_company_currency('lines.net_amount', 'lines') }} as company_net_amount,
        {{ amount_reason('lines.net_amount', 'lines') }} as amount_reason_code,
        partners.valid_from_date as partner_valid_from_date,
        partners.channel_code,
        {{ territory_code('partners.country_code', 'lines.postal_code') }}
            as sale_territory_code
    from lines
    left join partners
        on
            lines.partner_code = partners.partner_code
            and {{ in_range('lines.sale_date', 'partners') }}
    left join rates
        on
            lines.currency_code = rates.currency_code
            and lines.sale_date = rates.date_day
),

final as (
    select
        placed.slice_number,
        placed.report_number,
        placed.source_row,
        placed.source_column,
        placed.period_start_date,
        placed.sale_date,
        {{ week_start('placed.sale_date') }} as week_start_date,
        coalesce(placed.month_start_date, {{ month_start('placed.sale_date') }})
            as month_start_date,
        placed.partner_valid_from_date,
        placed.channel_code,
        placed.store_key,
        placed.store_code,
        placed.postal_code,
        territories.territory_code,
        placed.product_code,
        placed.resolution_code,
        placed.reported_product_code,
        placed.reported_gtin,
        placed.partner_product_code,
        case when placed.product_code = 'UNMATCHED' then placed.product_label end
            as unmatched_label,
        placed.unit_code,
        placed.sold_quantity_in_unit,
        placed.returned_quantity_in_unit,
        placed.sold_quantity,
        placed.returned_quantity,
        {{ quantity('placed.sold_quantity - placed.returned_quantity') }}
            as net_quantity,
        placed.company_net_amount as net_amount,
        placed.net_amount as document_net_amount,
        placed.currency_code as document_currency_code,
        placed.amount_reason_code,
        placed.transaction_id,
        placed.customer_key,
        placed.business_customer_key,
        placed.message_reference,
        placed.document_number
    from placed
    left join territories on placed.sale_territory_code = territories.territory_code
)

select * from final
