-- Grain: one row per month of sale and store that a partner reports.
-- Additive: quantities, amounts, line counts. Lines without any store are not in it.
-- Which of ours a store is, is what holds on its last day of sale in the month.
with

reports as (
    select * from {{ ref('fct_store_reports') }}
    where
        entity_code = 'sell_out'
        and {{ is_of_record('feed_code', 'sell_out') }}
),

stores as (
    select * from {{ ref('dim_stores') }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

added as (
    select
        month_start_date,
        store_key,
        partner_code,
        currency_code,
        {{ quantity('sum(net_quantity)') }} as net_quantity,
        {{ amount('sum(net_amount)') }} as net_amount,
        cast(sum(line_count) as bigint) as line_count,
        cast(sum(unconverted_line_count) as bigint) as unconverted_line_count,
        max(last_seen_date) as last_sale_date
    from reports
    group by month_start_date, store_key, partner_code, currency_code
),

final as (
    select
        cast(added.month_start_date as string) || '|' || added.store_key
            as store_sell_out_monthly_id,
        added.month_start_date,
        added.partner_code,
        partners.partner_name,
        partners.channel_code,
        added.store_key,
        stores.reported_store,
        stores.store_name,
        stores.postal_code,
        stores.store_city,
        stores.own_store_code,
        stores.own_store_name,
        stores.match_code,
        stores.is_matched,
        added.net_quantity,
        added.net_amount,
        added.currency_code,
        added.line_count,
        added.unconverted_line_count,
        added.last_sale_date
    from added
    inner join stores
        on
            added.store_key = stores.store_key
            and {{ in_range('added.last_sale_date', 'stores') }}
    left join partners on added.partner_code = partners.partner_code
)

select * from final
