-- The data holds no sell-in: the ERP's table of invoices is empty.
select
    invoice as invoice_number,
    line as invoice_line_number,
    'invoice' as invoice_type,
    null as credit_reason_code,
    'RETAILER' as partner_code,
    day as invoice_date,
    null as due_date,
    null as order_number,
    null as order_line_number,
    null as original_invoice_number,
    null as product_code,
    null as invoiced_quantity,
    'PCE' as unit_code,
    null as gross_amount,
    null as standard_discount_amount,
    null as exceptional_discount_amount,
    null as net_amount,
    'USD' as currency_code,
    null as updated_at
from invoice_lines
