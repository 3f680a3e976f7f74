-- Production orders for our own stock (ordres de fabrication); solde: nothing more is to come.
select
    l.no_of as supply_number,
    l.no_ligne as supply_line_number,
    l.code_article as product_code,
    l.date_ordre as ordered_date,
    l.date_prevue as expected_date,
    l.qte as ordered_quantity,
    l.qte_recue as received_quantity,
    l.date_reception as received_date,
    case when l.solde = 'N' then 1 else 0 end as is_open,
    l.maj as updated_at
from appro_lignes as l
where l.maj >= :cursor
