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

-- A discount is before tax: it settles its part of the invoice's tax as well. What a
-- payment takes off the partner's account is what was booked there: an invoice that is
-- paid in its own currency leaves nothing, whatever the rate has done since.
taken as (
    select
        payments.*,
        case
            when payments.currency_code = invoices.currency_code
                then invoices.invoice_date
            else payments.payment_date
        end as rate_date,
        payments.paid_amount
        + coalesce(
            {{
                to_the_cent(
                    divide(
                        ['payments.cash_discount_amount', 'invoices.total_amount'],
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
        taken.payment_number,
        taken.partner_code,
        taken.invoice_number,
        taken.payment_date,
        {{ month_start('taken.payment_date') }} as month_start_date,
        {{ in_company_currency('taken.paid_amount', 'taken') }} as paid_amount,
        {{ in_company_currency('taken.cash_discount_amount', 'taken') }}
            as cash_discount_amount,
        {{ in_company_currency('taken.settled_amount', 'taken') }} as settled_amount,
        {{ company_currency() }} as currency_code,
        taken.paid_amount as document_paid_amount,
        {{ amount('taken.settled_amount') }} as document_settled_amount,
        taken.currency_code as document_currency_code,
        {{ amount_reason('taken.paid_amount', 'taken') }} as amount_reason_code,
        taken.slice_key,
        taken.source_batch_id,
        taken.source_file,
        taken.source_row
    from taken
    left join rates
        on
            taken.currency_code = rates.currency_code
            and taken.rate_date = rates.date_day
)

select * from final
