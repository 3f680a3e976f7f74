-- Grain: one row per posted customer invoice or credit note, tax included.
-- An invoice that was cancelled after posting stays, followed by its opposite as `<number>/cancelled`.
with documents as (
    select
        invoice.id as invoice_id,
        invoice.number as invoice_number,
        1 as direction,
        invoice.invoice_date
    from account_invoice as invoice
    where
        invoice.type = 'out'
        and invoice.move is not null
        and (invoice.state in ('posted', 'paid') or invoice.cancel_move is not null)
    union all
    select
        invoice.id,
        invoice.number || '/cancelled',
        -1,
        cancellation.date
    from account_invoice as invoice
    inner join account_move as cancellation on invoice.cancel_move = cancellation.id
    where invoice.type = 'out' and invoice.move is not null
),

due as (
    select move as move_id, max(maturity_date) as due_date
    from account_move_line
    group by move
)

select
    documents.invoice_number,
    party.code as partner_code,
    documents.invoice_date,
    due.due_date,
    documents.direction * cast(invoice.tax_amount_cache as numeric) as tax_amount,
    documents.direction * cast(invoice.total_amount_cache as numeric) as total_amount,
    currency.code as currency_code,
    coalesce(invoice.write_date, invoice.create_date) as updated_at
from documents
inner join account_invoice as invoice on documents.invoice_id = invoice.id
inner join party_party as party on invoice.party = party.id
inner join currency_currency as currency on invoice.currency = currency.id
left join due on invoice.move = due.move_id
where coalesce(invoice.write_date, invoice.create_date) >= :cursor
