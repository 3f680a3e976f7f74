-- Grain: one row per month, partner and product with an order, a shipment or an
-- invoice up to the as-of day.
-- Additive, but for invoice_count: one invoice counts for each of its products.
{%- set amounts = [
    'gross_amount',
    'standard_discount_amount',
    'exceptional_discount_amount',
    'net_amount'
] %}
with

orders as (
    select * from {{ ref('fct_orders') }} where order_date <= {{ as_of_date() }}
),

shipments as (
    select * from {{ ref('fct_shipments') }} where shipment_date <= {{ as_of_date() }}
),

invoices as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

ordered as (
    select
        {{ month_start('order_date') }} as month_start_date,
        partner_code,
        product_code,
        sum(case when status_code <> 'cancelled' then ordered_quantity else 0 end)
            as ordered_quantity,
        sum(case when status_code = 'cancelled' then ordered_quantity else 0 end)
            as cancelled_quantity
    from orders
    group by {{ month_start('order_date') }}, partner_code, product_code
),

shipped as (
    select
        {{ month_start('shipment_date') }} as month_start_date,
        partner_code,
        product_code,
        sum(case when shipment_type = 'delivery' then shipped_quantity else 0 end)
            as shipped_quantity
    from shipments
    group by {{ month_start('shipment_date') }}, partner_code, product_code
),

invoiced as (
    select
        {{ month_start('invoice_date') }} as month_start_date,
        partner_code,
        product_code,
        sum(sold_quantity) as sold_quantity,
        sum(credited_quantity) as credited_quantity,
        sum(invoiced_quantity) as net_quantity,
        {%- for column in amounts %}
        sum({{ column }}) as {{ column }},
        {%- endfor %}
        count(distinct invoice_number) as invoice_count,
        count(amount_reason_code) as unconverted_line_count
    from invoices
    group by {{ month_start('invoice_date') }}, partner_code, product_code
),

-- What the ERP does not deliver at all is unknown, not nothing.
connected as (
    select
        (select count(*) from {{ ref('fct_orders') }}) > 0 as has_orders,
        (select count(*) from {{ ref('fct_shipments') }}) > 0 as has_shipments
),

keys as (
    select
        month_start_date,
        partner_code,
        product_code
    from ordered
    union distinct
    select
        month_start_date,
        partner_code,
        product_code
    from shipped
    union distinct
    select
        month_start_date,
        partner_code,
        product_code
    from invoiced
),

final as (
    select
        cast(keys.month_start_date as string) || '|' || keys.partner_code || '|'
        || keys.product_code as sell_in_monthly_id,
        keys.month_start_date,
        keys.partner_code,
        partners.channel_code,
        keys.product_code,
        case
            when connected.has_orders
                then {{ quantity('coalesce(ordered.ordered_quantity, 0)') }}
        end as ordered_quantity,
        case
            when connected.has_orders
                then {{ quantity('coalesce(ordered.cancelled_quantity, 0)') }}
        end as cancelled_quantity,
        case
            when connected.has_shipments
                then {{ quantity('coalesce(shipped.shipped_quantity, 0)') }}
        end as shipped_quantity,
        {{ quantity('coalesce(invoiced.sold_quantity, 0)') }} as sold_quantity,
        {{ quantity('coalesce(invoiced.credited_quantity, 0)') }} as credited_quantity,
        {{ quantity('coalesce(invoiced.net_quantity, 0)') }} as net_quantity,
        {%- for column in amounts %}
        case
            when invoiced.partner_code is null then {{ amount(0) }}
            else {{ amount('invoiced.' ~ column) }}
        end as {{ column }},
        {%- endfor %}
        coalesce(invoiced.invoice_count, 0) as invoice_count,
        coalesce(invoiced.unconverted_line_count, 0) as unconverted_line_count,
        {{ company_currency() }} as currency_code
    from keys
    cross join connected
    left join ordered
        on
            keys.month_start_date = ordered.month_start_date
            and keys.partner_code = ordered.partner_code
            and keys.product_code = ordered.product_code
    left join shipped
        on
            keys.month_start_date = shipped.month_start_date
            and keys.partner_code = shipped.partner_code
            and keys.product_code = shipped.product_code
    left join invoiced
        on
            keys.month_start_date = invoiced.month_start_date
            and keys.partner_code = invoiced.partner_code
            and keys.product_code = invoiced.product_code
    left join partners
        on
            keys.partner_code = partners.partner_code
            and {{ in_range(last_day('keys.month_start_date'), 'partners') }}
)

select * from final
