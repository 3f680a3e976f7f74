-- Grain: one row per month, partner, product and sell-out feed that is not of record.
-- Additive: quantities. What the feed says never counts in another figure; here it is
-- held against what counts.
with

sell_out as (
    select * from {{ ref('fct_sell_out_weekly') }}
),

feeds as (
    select * from {{ ref('dim_feeds') }}
    where reports_sell_out and not is_sell_out_of_record
),

counted as (
    select * from {{ ref('mart_sell_out_monthly') }}
),

others as (
    select
        sell_out.month_start_date,
        sell_out.partner_code,
        sell_out.feed_code,
        sell_out.product_code,
        sum(sell_out.net_quantity) as net_quantity,
        sum(sell_out.net_amount) as net_amount
    from sell_out
    inner join feeds on sell_out.feed_code = feeds.feed_code
    group by
        sell_out.month_start_date,
        sell_out.partner_code,
        sell_out.feed_code,
        sell_out.product_code
),

final as (
    select
        others.feed_code || '|' || cast(others.month_start_date as string) || '|'
        || others.product_code as feed_differences_monthly_id,
        others.month_start_date,
        others.partner_code,
        others.feed_code,
        others.product_code,
        {{ quantity('others.net_quantity') }} as net_quantity,
        counted.net_quantity as counted_net_quantity,
        {{ quantity('others.net_quantity - counted.net_quantity') }}
            as difference_quantity,
        {{ amount('others.net_amount') }} as net_amount,
        counted.net_amount as counted_net_amount,
        {{ amount('others.net_amount - counted.net_amount') }} as difference_amount,
        {{ company_currency() }} as currency_code,
        case when counted.net_quantity is null then 'sell_out_not_reported' end
            as reason_code
    from others
    left join counted
        on
            others.month_start_date = counted.month_start_date
            and others.partner_code = counted.partner_code
            and others.product_code = counted.product_code
)

select * from final
