-- Grain: one row per posted invoice or credit note, with what was paid on it.
-- Additive: total_amount, tax_amount, paid_amount, discount_with_tax_amount,
-- open_amount.
with

documents as (
    select * from {{ ref('stg_erp__invoices') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

owed as (
    select
        documents.invoice_number,
        documents.currency_code,
        documents.total_amount as owed_amount,
        {{ in_company_currency('documents.total_amount', 'documents') }}
            as company_owed_amount
    from documents
    left join rates
        on
            documents.currency_code = rates.currency_code
            and documents.invoice_date = rates.date_day
),

settled as (
    {{ settled_by_payments('owed') }}
),

-- Without payments nobody knows what was paid.
connected as (
    select count(*) > 0 as has_payments from {{ ref('fct_payments') }}
),

converted as (
    select
        documents.*,
        settled.settled_date,
        settled.last_payment_date,
        {{ in_company_currency('documents.tax_amount', 'documents') }}
            as company_tax_amount,
        owed.company_owed_amount,
        {% for column in ['paid_amount', 'settled_amount'] -%}
        {{
            in_company_currency(
                'case when settled.invoice_number is null and has_payments then 0 '
                ~ 'else settled.' ~ column ~ ' end',
                'documents'
            )
        }} as company_{{ column }},
        {% endfor -%}
        {{ amount_reason('documents.total_amount', 'documents') }}
            as amount_reason_code,
        settled.settled_date is not null or documents.total_amount = 0 as is_settled
    from documents
    cross join connected
    inner join owed on documents.invoice_number = owed.invoice_number
    left join settled on documents.invoice_number = settled.invoice_number
    left join rates
        on
            documents.currency_code = rates.currency_code
            and documents.invoice_date = rates.date_day
),

final as (
    select
        invoice_number,
        partner_code,
        invoice_date,
        due_date,
        {{ month_start('invoice_date') }} as month_start_date,
        {{ amount('company_tax_amount') }} as tax_amount,
        {{ amount('company_owed_amount') }} as total_amount,
        {{ amount('company_paid_amount') }} as paid_amount,
        {{ amount('company_settled_amount - company_paid_amount') }}
            as discount_with_tax_amount,
        {{ amount('company_owed_amount - company_settled_amount') }} as open_amount,
        {{ company_currency() }} as currency_code,
        tax_amount as document_tax_amount,
        total_amount as document_total_amount,
        currency_code as document_currency_code,
        amount_reason_code,
        settled_date,
        last_payment_date,
        case
            when is_settled then 'settled'
            when company_owed_amount - company_settled_amount is null then 'unknown'
            when due_date < {{ as_of_date() }} then 'overdue'
            else 'open'
        end as status_code,
        case
            when is_settled then {{ days_between('due_date', 'settled_date') }}
            when company_owed_amount - company_settled_amount is null then null
            when due_date < {{ as_of_date() }}
                then {{ days_between('due_date', as_of_date()) }}
        end as delay_days,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from converted
)

select * from final
