-- Grain: one row per month in which units or cents of stores were lost or doubled
-- between fct_sell_out and mart_store_sell_out_monthly.
with

facts as (
    select
        month_start_date,
        count(*) as line_count,
        coalesce(sum(net_quantity), 0) as quantity,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('fct_sell_out') }}
    where store_key is not null and {{ is_of_record('feed_code', 'sell_out') }}
    group by month_start_date
),

marts as (
    select
        month_start_date,
        sum(line_count) as line_count,
        coalesce(sum(net_quantity), 0) as quantity,
        coalesce(sum(net_amount), 0) as net_amount
    from {{ ref('mart_store_sell_out_monthly') }}
    group by month_start_date
),

final as (
    select
        facts.month_start_date,
        facts.line_count,
        facts.net_amount,
        marts.net_amount as mart_amount
    from facts
    full outer join marts on facts.month_start_date = marts.month_start_date
    where
        facts.line_count is distinct from marts.line_count
        or facts.quantity is distinct from marts.quantity
        or facts.net_amount is distinct from marts.net_amount
)

select * from final
