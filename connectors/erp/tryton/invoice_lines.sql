-- Grain: one row per line of a posted customer invoice or credit note.
-- The net amount is what the ledger holds for the line, so that sums tie to the ERP's own to the cent.
-- An invoice that was cancelled after posting stays, followed by its opposite as `<number>/cancelled`.
with documents as (
    select
        invoice.id as invoice_id,
        invoice.number as invoice_number,
        1 as direction,
        invoice.invoice_date,
        coalesce(invoice.write_date, invoice.create_date) as updated_at
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
        cancellation.date,
        coalesce(invoice.write_date, invoice.create_date)
    from account_invoice as invoice
    inner join account_move as cancellation on invoice.cancel_move = cancellation.id
    where invoice.type = 'out' and invoice.move is not null
),

booked as (
    select
        move as move_id,
        origin,
        sum(
            case
                when second_currency is null then cast(credit as numeric) - cast(debit as numeric)
                else -cast(amount_second_currency as numeric)
            end
        ) as net_amount
    from account_move_line
    where origin like 'account.invoice.line,%'
    group by move, origin
),

due as (
    select move as move_id, max(maturity_date) as due_date
    from account_move_line
    group by move
),

sold as (
    -- sale_line.base_price comes with the module sale_discount. Without it the inner name finds the outer NULL.
    select
        line.id as sale_line_id,
        'sale.line,' || cast(line.id as varchar) as origin,
        line.unit as unit_id,
        sale.number as order_number,
        cast((select base_price from sale_line as own where own.id = line.id) as numeric) as base_price
    from sale_line as line
    inner join sale_sale as sale on line.sale = sale.id
    cross join (select cast(null as numeric) as base_price) as absent
),

returned as (
    select distinct link.invoice_line as invoice_line_id
    from "account_invoice_line-stock_move" as link
    inner join stock_move as move on link.stock_move = move.id
    inner join stock_location as source on move.from_location = source.id
    where source.type = 'customer'
),

lines as (
    select
        documents.invoice_number,
        documents.direction,
        documents.invoice_date,
        invoice.party as party_id,
        invoice.currency as currency_id,
        line.id as line_id,
        line.product as product_id,
        line.unit as unit_id,
        case
            when documents.direction * cast(invoice.untaxed_amount_cache as numeric) < 0 then 'credit_note'
            else 'invoice'
        end as invoice_type,
        case
            when documents.direction = -1 or returned.invoice_line_id is not null then 'return'
            when credited.id is not null and cast(credited.unit_price as numeric) = cast(line.unit_price as numeric)
                then 'return'
            else 'price'
        end as credit_reason_code,
        credited_invoice.number as credited_number,
        due.due_date,
        sold.order_number,
        sold.sale_line_id,
        cast(line.quantity as numeric) * documents.direction as quantity,
        cast(line.unit_price as numeric) as unit_price,
        case when sold.unit_id = line.unit then sold.base_price end as base_price,
        booked.net_amount * documents.direction as booked_amount,
        case
            when coalesce(line.write_date, line.create_date) > documents.updated_at
                then coalesce(line.write_date, line.create_date)
            else documents.updated_at
        end as updated_at
    from documents
    inner join account_invoice as invoice on documents.invoice_id = invoice.id
    inner join account_invoice_line as line on invoice.id = line.invoice
    left join booked
        on invoice.move = booked.move_id
        and booked.origin = 'account.invoice.line,' || cast(line.id as varchar)
    left join due on invoice.move = due.move_id
    left join sold on line.origin = sold.origin
    left join returned on line.id = returned.invoice_line_id
    left join account_invoice_line as credited
        on line.origin = 'account.invoice.line,' || cast(credited.id as varchar)
    left join account_invoice as credited_invoice on credited.invoice = credited_invoice.id
    where line.type = 'line'
),

amounts as (
    select
        lines.*,
        currency.code as currency_code,
        currency.digits,
        coalesce(lines.booked_amount, round(lines.quantity * lines.unit_price, currency.digits)) as net_amount
    from lines
    inner join currency_currency as currency on lines.currency_id = currency.id
    where lines.updated_at >= :cursor
),

priced as (
    select
        amounts.*,
        case
            when amounts.base_price > amounts.unit_price
                then round(amounts.quantity * amounts.base_price, amounts.digits)
            else amounts.net_amount
        end as gross_amount
    from amounts
)

select
    priced.invoice_number,
    cast(priced.line_id as varchar) as invoice_line_number,
    priced.invoice_type,
    case when priced.invoice_type = 'credit_note' then priced.credit_reason_code end as credit_reason_code,
    party.code as partner_code,
    priced.invoice_date,
    priced.due_date,
    priced.order_number,
    cast(priced.sale_line_id as varchar) as order_line_number,
    case
        when priced.invoice_type = 'credit_note' then priced.credited_number
    end as original_invoice_number,
    case
        when product.id is null then 'NO-PRODUCT'
        else coalesce(product.code, 'product-' || cast(product.id as varchar))
    end as product_code,
    case
        when priced.invoice_type = 'credit_note' and priced.credit_reason_code = 'price' then 0
        else priced.quantity
    end as invoiced_quantity,
    coalesce(unit.symbol, '-') as unit_code,
    priced.gross_amount,
    0 as standard_discount_amount,
    priced.gross_amount - priced.net_amount as exceptional_discount_amount,
    priced.net_amount,
    priced.currency_code,
    priced.updated_at
from priced
inner join party_party as party on priced.party_id = party.id
left join product_product as product on priced.product_id = product.id
left join product_uom as unit on priced.unit_id = unit.id
