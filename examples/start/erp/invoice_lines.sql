-- One row per line of posted invoices and credit notes; amounts and quantities of credit notes are negative.
select
    i.number as invoice_number,
    l.position as invoice_line_number,
    case when i.kind = 'C' then 'credit_note' else 'invoice' end as invoice_type,
    i.customer as partner_code,
    i.posting_date as invoice_date,
    l.article as product_code,
    l.quantity as invoiced_quantity,
    'PCE' as unit_code,
    l.list_price * l.quantity as gross_amount,
    l.list_price * l.quantity - l.net as standard_discount_amount,
    0 as exceptional_discount_amount,
    l.net as net_amount,
    'EUR' as currency_code
from invoice as i
inner join invoice_line as l on i.number = l.invoice
