-- Grain: one row per payment.
-- Additive: paid_amount.
with

payments as (
    select * from {{ ref('stg_erp__payments') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

final as (
    select
        payments.payment_number,
        payments.partner_code,
        payments.invoice_number,
        payments.payment_date,
        {{ month_start('payments.payment_date') }} as month_start_date,
        {{ in_company_currency('payments.paid_amount', 'payments') }} as paid_amount,
        {{ company_currency() }} as currency_code,
        payments.paid_amount as document_paid_amount,
        payments.currency_code as document_currency_code,
        {{ amount_reason('payments.paid_amount', 'payments') }} as amount_reason_code,
        payments.slice_key,
        payments.source_batch_id,
        payments.source_file,
        payments.source_row
    from payments
    left join rates
        on
            payments.currency_code = rates.currency_code
            and payments.payment_date = rates.date_day
)

select * from final
