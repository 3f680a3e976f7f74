-- Grain: one row per slice, reported store and month.
-- Additive: net_quantity and net_amount (sell-out; NULL in stock reports), line counts.
--
-- What stores are told from, and sell-out by store: some thousand times smaller than
-- fct_sell_out and replaced by the same slices.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='slice_id',
        on_schema_change='fail',
        pre_hook="{{ clear_touched_slices() }}"
    )
}}

with

touched_slices as (
    select * from {{ ref('stg_ledger__touched_slices') }}
),

sell_out as (
    select * from {{ ref('fct_sell_out_lines') }}
    where store_key is not null
),

-- Only reports that describe their stores are read again for what they say of them.
described_sales as (
    select
        slice_key,
        store_key,
        {{ store_description() }}
    from {{ ref('stg_feeds__sell_out') }}
    where
        coalesce(store_name, store_gln, store_siret, store_address, store_city)
        is not null
    group by slice_key, store_key
),

sold as (
    select
        touched_slices.slice_id,
        touched_slices.entity_code,
        touched_slices.slice_key,
        sell_out.slice_number,
        sell_out.month_start_date,
        sell_out.store_key,
        max(sell_out.store_code) as store_code,
        max(sell_out.postal_code) as postal_code,
        {{ quantity('sum(sell_out.net_quantity)') }} as net_quantity,
        {{ amount('sum(sell_out.net_amount)') }} as net_amount,
        count(*) as line_count,
        count(sell_out.amount_reason_code) as unconverted_line_count,
        min(sell_out.sale_date) as first_seen_date,
        max(sell_out.sale_date) as last_seen_date
    from sell_out
    inner join touched_slices
        on
            sell_out.slice_number = touched_slices.slice_number
            and sell_out.period_start_date = touched_slices.period_start_date
    where touched_slices.entity_code = 'sell_out'
    group by
        touched_slices.slice_id,
        touched_slices.entity_code,
        touched_slices.slice_key,
        sell_out.slice_number,
        sell_out.month_start_date,
        sell_out.store_key
),

-- Reports by EDI stand beside one another in a slice.
reported as (
    select
        slice_number,
        partner_code,
        feed_code
    from {{ ref('dim_sell_out_reports') }}
    group by slice_number, partner_code, feed_code
),

held as (
    select
        slice_key,
        partner_code,
        feed_code,
        {{ month_start('stock_date') }} as month_start_date,
        store_key,
        max(store_code) as store_code,
        max(postal_code) as postal_code,
        {{ store_description() }},
        count(*) as line_count,
        min(stock_date) as first_seen_date,
        max(stock_date) as last_seen_date
    from {{ ref('stg_feeds__inventory') }}
    where store_key is not null
    group by
        slice_key,
        partner_code,
        feed_code,
        {{ month_start('stock_date') }},
        store_key
),

final as (
    select
        sold.slice_id,
        sold.slice_key,
        sold.entity_code,
        reported.partner_code,
        reported.feed_code,
        sold.month_start_date,
        sold.store_key,
        sold.store_code,
        described_sales.store_name,
        described_sales.store_gln,
        described_sales.store_siret,
        described_sales.store_address,
        sold.postal_code,
        described_sales.store_city,
        sold.net_quantity,
        sold.net_amount,
        {{ company_currency() }} as currency_code,
        sold.line_count,
        sold.unconverted_line_count,
        sold.first_seen_date,
        sold.last_seen_date
    from sold
    left join reported on sold.slice_number = reported.slice_number
    left join described_sales
        on
            sold.slice_key = described_sales.slice_key
            and sold.store_key = described_sales.store_key
    union all
    select
        touched_slices.slice_id,
        held.slice_key,
        touched_slices.entity_code,
        held.partner_code,
        held.feed_code,
        held.month_start_date,
        held.store_key,
        held.store_code,
        held.store_name,
        held.store_gln,
        held.store_siret,
        held.store_address,
        held.postal_code,
        held.store_city,
        {{ quantity('null') }} as net_quantity,
        {{ amount('null') }} as net_amount,
        {{ company_currency() }} as currency_code,
        held.line_count,
        cast(0 as bigint) as unconverted_line_count,
        held.first_seen_date,
        held.last_seen_date
    from held
    inner join touched_slices on held.slice_key = touched_slices.slice_key
    where touched_slices.entity_code = 'inventory'
)

select * from final
