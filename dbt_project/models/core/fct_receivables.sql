-- Grain: one row per posted invoice or credit note, with what was paid on it.
-- Additive: total_amount, tax_amount, paid_amount, open_amount.
with

documents as (
    select * from {{ ref('stg_erp__invoices') }}
),

payments as (
    select * from {{ ref('fct_payments') }}
    where payment_date <= {{ as_of_date() }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

-- Money in the currency of the document settles it at the document's own rate; money in
-- another currency counts at the rate of its day.
settled as (
    select
        documents.invoice_number,
        sum(
            case
                when payments.document_currency_code = documents.currency_code
                    then payments.document_paid_amount
                else 0
            end
        ) as document_paid_amount,
        sum(
            case
                when payments.document_currency_code <> documents.currency_code
                    then payments.paid_amount
                else 0
            end
        ) as other_paid_amount,
        max(payments.payment_date) as last_payment_date
    from documents
    inner join payments on documents.invoice_number = payments.invoice_number
    group by documents.invoice_number
),

converted as (
    select
        documents.*,
        settled.last_payment_date,
        {{ in_company_currency('documents.tax_amount', 'documents') }}
            as company_tax_amount,
        {{ in_company_currency('documents.total_amount', 'documents') }}
            as company_total_amount,
        {{
            in_company_currency(
                'coalesce(settled.document_paid_amount, 0)', 'documents'
            )
        }} + coalesce(settled.other_paid_amount, 0) as company_paid_amount,
        {{ amount_reason('documents.total_amount', 'documents') }}
            as amount_reason_code
    from documents
    left join settled on documents.invoice_number = settled.invoice_number
    left join rates
        on
            documents.currency_code = rates.currency_code
            and documents.invoice_date = rates.date_day
),

opened as (
    select
        *,
        company_total_amount - company_paid_amount as open_amount
    from converted
),

final as (
    select
        invoice_number,
        partner_code,
        invoice_date,
        due_date,
        {{ month_start('invoice_date') }} as month_start_date,
        {{ amount('company_tax_amount') }} as tax_amount,
        {{ amount('company_total_amount') }} as total_amount,
        {{ amount('company_paid_amount') }} as paid_amount,
        {{ amount('open_amount') }} as open_amount,
        {{ company_currency() }} as currency_code,
        tax_amount as document_tax_amount,
        total_amount as document_total_amount,
        currency_code as document_currency_code,
        amount_reason_code,
        last_payment_date,
        case
            when open_amount is null then 'unknown'
            when open_amount = 0 then 'settled'
            when due_date < {{ as_of_date() }} then 'overdue'
            else 'open'
        end as status_code,
        case
            when open_amount = 0
                then {{ days_between('due_date', 'last_payment_date') }}
            when due_date < {{ as_of_date() }}
                then {{ days_between('due_date', as_of_date()) }}
        end as delay_days,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from opened
)

select * from final
