-- Grain: one row per currency of documents that is not the company's. Amounts are added
-- up as they are: another currency would make every sum wrong.
with

amounts as (
    select
        'sell_in' as fact_code,
        currency_code
    from {{ ref('fct_sell_in') }}
    union distinct
    select
        'orders' as fact_code,
        currency_code
    from {{ ref('fct_orders') }}
    union distinct
    select
        'sell_out' as fact_code,
        currency_code
    from {{ ref('fct_sell_out_weekly') }}
    where net_amount is not null
),

final as (
    select *
    from amounts
    where currency_code is distinct from {{ company_currency() }}
)

select * from final
