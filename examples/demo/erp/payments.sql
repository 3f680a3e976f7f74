-- Payments received, tax included; refunds of credit notes are negative.
select
    r.no_reglement as payment_number,
    r.code_tiers as partner_code,
    r.no_piece as invoice_number,
    r.date_reglement as payment_date,
    r.montant as paid_amount,
    r.escompte as cash_discount_amount,
    r.devise as currency_code,
    r.maj as updated_at
from reglements as r
where r.maj >= :cursor
