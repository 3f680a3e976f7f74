-- Posted (etat V) invoices and credit notes as a whole: what the customer owes, tax included.
select
    f.no_piece as invoice_number,
    f.code_tiers as partner_code,
    f.date_piece as invoice_date,
    f.date_echeance as due_date,
    f.total_tva as tax_amount,
    f.total_ttc as total_amount,
    f.devise as currency_code,
    f.maj as updated_at
from factures as f
where f.etat = 'V' and f.maj >= :cursor
