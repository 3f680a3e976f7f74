-- Grain: one row per month in which units or cents of the sell-in were lost or doubled
-- between landing (newest versions), fct_sell_in and mart_sell_in_monthly.
with

landed as (
    select
        {{ month_start('invoice_date') }} as month_start_date,
        sum(invoiced_quantity) as quantity_in_unit,
        sum(net_amount) as net_amount
    from {{ ref('stg_erp__invoice_lines') }}
    group by {{ month_start('invoice_date') }}
),

facts as (
    select
        {{ month_start('invoice_date') }} as month_start_date,
        sum(invoiced_quantity_in_unit) as quantity_in_unit,
        sum(invoiced_quantity) as quantity,
        sum(document_net_amount) as document_net_amount,
        sum(net_amount) as net_amount,
        sum(case when invoice_date <= {{ as_of_date() }} then invoiced_quantity end)
            as counted_quantity,
        sum(case when invoice_date <= {{ as_of_date() }} then net_amount end)
            as counted_amount
    from {{ ref('fct_sell_in') }}
    group by {{ month_start('invoice_date') }}
),

marts as (
    select
        month_start_date,
        sum(net_quantity) as quantity,
        sum(net_amount) as net_amount
    from {{ ref('mart_sell_in_monthly') }}
    group by month_start_date
),

final as (
    select
        facts.month_start_date,
        landed.quantity_in_unit as landed_quantity,
        facts.quantity_in_unit as fact_quantity,
        landed.net_amount as landed_amount,
        facts.document_net_amount as fact_amount,
        marts.net_amount as mart_amount
    from facts
    full outer join landed on facts.month_start_date = landed.month_start_date
    left join marts on facts.month_start_date = marts.month_start_date
    where
        landed.quantity_in_unit is distinct from facts.quantity_in_unit
        or landed.net_amount is distinct from facts.document_net_amount
        or coalesce(marts.net_amount, 0) <> coalesce(facts.counted_amount, 0)
        or coalesce(marts.quantity, 0) <> coalesce(facts.counted_quantity, 0)
)

select * from final
