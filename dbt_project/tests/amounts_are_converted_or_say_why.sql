-- Grain: one row per fact and currency whose amounts are neither in the company's
-- currency nor say why they are not, or were changed without being converted.
with

amounts as (
    select
        'sell_in' as fact_code,
        document_currency_code,
        document_net_amount,
        net_amount,
        amount_reason_code
    from {{ ref('fct_sell_in') }}
    union all
    select
        'orders' as fact_code,
        document_currency_code,
        document_net_amount,
        net_amount,
        amount_reason_code
    from {{ ref('fct_orders') }}
    union all
    select
        'sell_out' as fact_code,
        document_currency_code,
        document_net_amount,
        net_amount,
        amount_reason_code
    from {{ ref('fct_sell_out') }}
),

final as (
    select
        fact_code,
        document_currency_code,
        count(*) as line_count
    from amounts
    where
        (
            document_net_amount is not null
            and (net_amount is null) <> (amount_reason_code is not null)
        )
        or (
            document_currency_code = {{ company_currency() }}
            and net_amount is distinct from document_net_amount
        )
    group by fact_code, document_currency_code
)

select * from final
