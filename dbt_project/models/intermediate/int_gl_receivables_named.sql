-- Grain: one row per entry, document and customer account of the general ledger, with
-- the number under which the warehouse knows the document.
-- Additive: ledger_amount.
with

lines as (
    select * from {{ ref('fct_gl_entries') }}
    where not is_opening and entry_date <= {{ as_of_date() }}
),

payments as (
    select * from {{ ref('fct_payments') }} where payment_date <= {{ as_of_date() }}
),

invoices as (
    select invoice_number from {{ ref('fct_receivables') }}
),

sales_entries as (
    select entry_id
    from lines
    where account_class_code in ('revenue', 'price_reduction')
    group by entry_id
),

pieces as (
    select
        entry_id,
        coalesce(piece_reference, entry_id) as piece_reference,
        entry_date,
        month_start_date,
        partner_code,
        sum(balance_amount) as ledger_amount,
        max(case when auxiliary_code is not null then 1 else 0 end)
            as customer_line_count,
        min(source_file) as source_file,
        min(source_row) as source_row
    from lines
    where account_class_code = 'receivable'
    group by
        entry_id,
        coalesce(piece_reference, entry_id),
        entry_date,
        month_start_date,
        partner_code
),

known as (
    select
        pieces.*,
        sales_entries.entry_id is not null as is_sale,
        payments.payment_number is not null as is_known_payment
    from pieces
    left join sales_entries on pieces.entry_id = sales_entries.entry_id
    left join payments on pieces.piece_reference = payments.payment_number
),

-- A payment is often booked under the number of the bank's statement or of the invoice:
-- it is then known by partner, day and amount, equal ones in turn.
unnamed as (
    select
        *,
        row_number() over (
            partition by partner_code, entry_date, ledger_amount
            order by entry_id, piece_reference
        ) as turn
    from known
    where not is_sale and not is_known_payment
),

unbooked as (
    select
        payments.*,
        row_number() over (
            partition by
                payments.partner_code, payments.payment_date, payments.settled_amount
            order by payments.payment_number
        ) as turn
    from payments
    left join pieces on payments.payment_number = pieces.piece_reference
    where pieces.piece_reference is null
),

recognised as (
    select
        unnamed.entry_id,
        unnamed.piece_reference,
        unnamed.partner_code,
        coalesce(
            unbooked.payment_number,
            case
                when invoices.invoice_number is not null then unnamed.entry_id
                else unnamed.piece_reference
            end
        ) as document_number
    from unnamed
    left join unbooked
        on
            unnamed.partner_code = unbooked.partner_code
            and unnamed.entry_date = unbooked.payment_date
            and unnamed.ledger_amount = -unbooked.settled_amount
            and unnamed.turn = unbooked.turn
    left join invoices on unnamed.piece_reference = invoices.invoice_number
),

final as (
    select
        known.entry_id || '|' || known.piece_reference || '|'
        || coalesce(known.partner_code, 'NONE') as gl_receivable_id,
        known.entry_id,
        coalesce(recognised.document_number, known.piece_reference) as document_number,
        known.month_start_date,
        known.partner_code,
        {{ amount('known.ledger_amount') }} as ledger_amount,
        known.customer_line_count,
        known.source_file,
        known.source_row
    from known
    left join recognised
        on
            known.entry_id = recognised.entry_id
            and known.piece_reference = recognised.piece_reference
            and known.partner_code is not distinct from recognised.partner_code
)

select * from final
