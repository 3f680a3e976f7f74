-- Grain: one row per invoice that a cash discount was offered on, or taken from.
-- Additive: amounts. What was earned is what the term gives for a payment in time; what
-- was taken is what the partner deducted.
with

lines as (
    select * from {{ ref('fct_sell_in') }}
),

terms as (
    select * from {{ ref('stg_rules__cash_discount_terms') }}
),

payments as (
    select * from {{ ref('fct_payments') }}
    where invoice_number is not null and payment_date <= {{ as_of_date() }}
),

documents as (
    select
        invoice_number,
        min(partner_code) as partner_code,
        min(channel_code) as channel_code,
        min(invoice_date) as invoice_date,
        min(document_currency_code) as currency_code,
        {{ amount('sum(document_net_amount)') }} as document_net_amount,
        {{ amount('sum(net_amount)') }} as net_amount,
        {{ of_first_row('source_batch_id', 'source_batch_id') }} as source_batch_id,
        {{ of_first_row('source_file', 'source_batch_id') }} as source_file,
        {{ of_first_row('source_row', 'source_batch_id') }} as source_row
    from lines
    where invoice_type = 'invoice'
    group by invoice_number
),

discounts_taken as (
    select
        invoice_number,
        sum(cash_discount_amount) as taken_amount
    from payments
    group by invoice_number
),

invoices_settled as (
    {{ invoices_settled('documents') }}
),

-- The partner's own term, else its channel's, else the one of all.
documents_termed as (
    select
        documents.*,
        coalesce(
            own_terms.term_code, channel_terms.term_code, general_terms.term_code
        ) as term_code,
        coalesce(
            own_terms.valid_from_date,
            channel_terms.valid_from_date,
            general_terms.valid_from_date
        ) as term_version_date,
        coalesce(
            own_terms.discount_rate,
            channel_terms.discount_rate,
            general_terms.discount_rate
        ) as discount_rate,
        coalesce(
            own_terms.within_days, channel_terms.within_days, general_terms.within_days
        ) as within_days
    from documents
    left join terms as own_terms
        on
            documents.partner_code = own_terms.partner_code
            and {{ in_range('documents.invoice_date', 'own_terms') }}
    left join terms as channel_terms
        on
            documents.channel_code = channel_terms.channel_code
            and {{ in_range('documents.invoice_date', 'channel_terms') }}
    left join terms as general_terms
        on
            general_terms.partner_code = '*'
            and general_terms.channel_code = '*'
            and {{ in_range('documents.invoice_date', 'general_terms') }}
),

judged as (
    select
        documents_termed.*,
        {{ add_days('documents_termed.invoice_date', 'documents_termed.within_days') }}
            as last_discount_date,
        invoices_settled.settled_date,
        invoices_settled.last_payment_date,
        {{ to_the_cent('discounts_taken.taken_amount') }} as taken_amount,
        {{
            to_the_cent(
                wide('documents_termed.net_amount') ~ ' * documents_termed.discount_rate'
            )
        }} as offered_amount
    from documents_termed
    left join invoices_settled
        on documents_termed.invoice_number = invoices_settled.invoice_number
    left join discounts_taken
        on documents_termed.invoice_number = discounts_taken.invoice_number
    where documents_termed.discount_rate > 0 or discounts_taken.taken_amount <> 0
),

in_time as (
    select
        judged.*,
        case
            when settled_date <= last_discount_date then true
            when settled_date > last_discount_date then false
            when last_discount_date < {{ as_of_date() }} then false
        end as is_paid_in_time
    from judged
),

earned as (
    select
        in_time.*,
        case
            when is_paid_in_time then offered_amount
            when not is_paid_in_time or term_code is null
                then cast(0 as decimal(18, 4))
        end as earned_amount
    from in_time
),

final as (
    select
        invoice_number,
        partner_code,
        channel_code,
        invoice_date,
        term_code,
        term_version_date,
        discount_rate,
        within_days,
        last_discount_date,
        settled_date,
        is_paid_in_time,
        net_amount,
        offered_amount,
        earned_amount,
        taken_amount,
        case
            when taken_amount > earned_amount
                then {{ amount('taken_amount - earned_amount') }}
            when taken_amount <= earned_amount then cast(0 as decimal(18, 4))
        end as taken_without_right_amount,
        coalesce(taken_amount, earned_amount) as cost_amount,
        case
            when settled_date is not null or taken_amount is null then settled_date
            else last_payment_date
        end as cost_date,
        {{ company_currency() }} as currency_code,
        source_batch_id,
        source_file,
        source_row
    from earned
)

select * from final
