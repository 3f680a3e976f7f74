-- Grain: one row per ledger line that pays a customer invoice.
-- needs: account_invoice-account_move_line
select
    'move-line-' || cast(line.id as varchar) as payment_number,
    party.code as partner_code,
    invoice.number as invoice_number,
    move.date as payment_date,
    cast(line.credit as numeric) - cast(line.debit as numeric) as paid_amount,
    currency.code as currency_code,
    coalesce(line.write_date, line.create_date) as updated_at
from "account_invoice-account_move_line" as link
inner join account_invoice as invoice on link.invoice = invoice.id
inner join account_move_line as line on link.line = line.id
inner join account_move as move on line.move = move.id
inner join party_party as party on invoice.party = party.id
inner join company_company as company on invoice.company = company.id
inner join currency_currency as currency on company.currency = currency.id
where invoice.type = 'out'
