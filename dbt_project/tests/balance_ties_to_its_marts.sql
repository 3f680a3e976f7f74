-- Grain: one row per month in which the balance does not hold the sell-in and sell-out
-- of the marts that it is made of.
with

balances as (
    select
        month_start_date,
        sum(sell_in_quantity) as sell_in_quantity,
        coalesce(sum(sell_out_quantity), 0) as sell_out_quantity
    from {{ ref('mart_channel_balance_monthly') }}
    group by month_start_date
),

sell_in as (
    select
        month_start_date,
        sum(net_quantity) as sell_in_quantity
    from {{ ref('mart_sell_in_monthly') }}
    where month_start_date <= {{ as_of_date() }}
    group by month_start_date
),

sell_out as (
    select
        month_start_date,
        coalesce(sum(net_quantity), 0) as sell_out_quantity
    from {{ ref('mart_sell_out_monthly') }}
    where
        product_code <> 'UNMATCHED' and month_start_date <= {{ as_of_date() }}
    group by month_start_date
),

final as (
    select
        balances.month_start_date,
        balances.sell_in_quantity,
        sell_in.sell_in_quantity as mart_sell_in_quantity,
        balances.sell_out_quantity,
        sell_out.sell_out_quantity as mart_sell_out_quantity
    from balances
    left join sell_in on balances.month_start_date = sell_in.month_start_date
    left join sell_out on balances.month_start_date = sell_out.month_start_date
    where
        balances.sell_in_quantity <> coalesce(sell_in.sell_in_quantity, 0)
        or balances.sell_out_quantity <> coalesce(sell_out.sell_out_quantity, 0)
)

select * from final
