-- Our own stock, as photographed on Sunday evenings.
select
    s.code_article as product_code,
    s.depot as warehouse_code,
    s.date_photo as stock_date,
    s.qte as on_hand_quantity,
    s.maj as updated_at
from stock_photo as s
where s.maj >= :cursor
