-- Lines of posted (etat V) invoices (F) and credit notes (A); drafts are no invoices.
-- Credit notes carry negative quantities and amounts; one for a price alone has quantity 0.
select
    l.no_piece as invoice_number,
    l.no_ligne as invoice_line_number,
    case when f.type_piece = 'A' then 'credit_note' else 'invoice' end as invoice_type,
    case f.motif
        when 'RET' then 'return'
        when 'PRX' then 'price'
        when 'ERA' then 'wrong_item'
        when 'ERP' then 'wrong_price'
    end as credit_reason_code,
    f.code_tiers as partner_code,
    f.date_piece as invoice_date,
    f.date_echeance as due_date,
    l.no_cde as order_number,
    l.no_ligne_cde as order_line_number,
    f.no_origine as original_invoice_number,
    l.code_article as product_code,
    l.qte as invoiced_quantity,
    l.unite as unit_code,
    l.montant_brut as gross_amount,
    l.remise_contrat as standard_discount_amount,
    l.remise_except as exceptional_discount_amount,
    l.montant_net as net_amount,
    f.devise as currency_code,
    case when l.maj > f.maj then l.maj else f.maj end as updated_at
from factures_lignes as l
inner join factures as f on f.no_piece = l.no_piece
where
    f.etat = 'V'
    and case when l.maj > f.maj then l.maj else f.maj end >= :cursor
