-- Grain: one row per payment.
-- Additive: paid_amount, cash_discount_amount, settled_amount.
with

payments as (
    select * from {{ ref('stg_erp__payments') }}
),

invoices as (
    select * from {{ ref('stg_erp__invoices') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

-- A discount is before tax: it settles its part of the invoice's tax as well.
settling as (
    select
        payments.*,
        payments.paid_amount
        + coalesce(
            {{
                to_the_cent(
                    divide(
                        wide('payments.cash_discount_amount')
                        ~ ' * invoices.total_amount',
                        'invoices.total_amount - invoices.tax_amount'
                    )
                )
            }},
            payments.cash_discount_amount,
            0
        ) as settled_amount
    from payments
    left join invoices on payments.invoice_number = invoices.invoice_number
),

final as (
    select
        settling.payment_number,
        settling.partner_code,
        settling.invoice_number,
        settling.payment_date,
        {{ month_start('settling.payment_date') }} as month_start_date,
        {{ in_company_currency('settling.paid_amount', 'settling') }} as paid_amount,
        {{ in_company_currency('settling.cash_discount_amount', 'settling') }}
            as cash_discount_amount,
        {{ in_company_currency('settling.settled_amount', 'settling') }} as settled_amount,
        {{ company_currency() }} as currency_code,
        settling.paid_amount as document_paid_amount,
        {{ amount('settling.settled_amount') }} as document_settled_amount,
        settling.currency_code as document_currency_code,
        {{ amount_reason('settling.paid_amount', 'settling') }} as amount_reason_code,
        settling.slice_key,
        settling.source_batch_id,
        settling.source_file,
        settling.source_row
    from settling
    left join rates
        on
            settling.currency_code = rates.currency_code
            and settling.payment_date = rates.date_day
)

select * from final
