-- Grain: one row per payment or credit of a rebate to a partner.
-- Additive: paid_amount, negative for what came back.
with

payments as (
    select * from {{ ref('stg_rules__rebate_payments') }}
),

final as (
    select
        source_file || '|' || cast(source_row as string) as rebate_payment_id,
        programme_code,
        partner_code,
        period_start_date,
        payment_date,
        {{ amount('paid_amount') }} as paid_amount,
        {{ company_currency() }} as currency_code,
        reference,
        source_file,
        source_row
    from payments
)

select * from final
