-- Grain: one row per order line.
-- Additive: quantities and amounts; leave out status_code cancelled for the order
-- volume.
with

lines as (
    select * from {{ ref('stg_erp__order_lines') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

shipments as (
    select * from {{ ref('fct_shipments') }}
),

deliveries as (
    select
        order_number,
        order_line_number,
        {{ quantity('sum(shipped_quantity)') }} as shipped_quantity,
        min(shipment_date) as first_shipment_date,
        max(arrival_date) as last_delivery_date
    from shipments
    where shipment_type = 'delivery' and order_number is not null
    group by order_number, order_line_number
),

-- Where no shipment names its order, nobody knows what was shipped of any.
connected as (
    select count(*) > 0 as has_deliveries from deliveries
),

joined as (
    select
        lines.*,
        {{
            in_base_units(
                'lines.ordered_quantity', unit_numerator(), unit_denominator()
            )
        }} as base_quantity,
        partners.partner_version_id,
        partners.channel_code,
        {{ in_company_currency('lines.net_amount', 'lines') }} as company_net_amount,
        {{ amount_reason('lines.net_amount', 'lines') }} as amount_reason_code,
        case
            when connected.has_deliveries
                then {{ quantity('coalesce(deliveries.shipped_quantity, 0)') }}
        end as shipped_quantity,
        deliveries.first_shipment_date,
        deliveries.last_delivery_date
    from lines
    cross join connected
    {{ unit_joins('lines', 'order_date') }}
    left join partners
        on
            lines.partner_code = partners.partner_code
            and {{ in_range('lines.order_date', 'partners') }}
    left join rates
        on
            lines.currency_code = rates.currency_code
            and lines.order_date = rates.date_day
    left join deliveries
        on
            lines.order_number = deliveries.order_number
            and lines.order_line_number = deliveries.order_line_number
),

completed as (
    select
        joined.*,
        -- Neither a cancelled line nor an ordered return can be delivered complete.
        case
            when status_code <> 'cancelled' and base_quantity > 0
                then shipped_quantity >= base_quantity
        end as is_complete
    from joined
),

final as (
    select
        order_number || '|' || order_line_number as order_line_id,
        order_number,
        order_line_number,
        partner_code,
        partner_version_id,
        channel_code,
        product_code,
        order_date,
        requested_delivery_date,
        status_code,
        unit_code,
        base_quantity as ordered_quantity,
        ordered_quantity as ordered_quantity_in_unit,
        company_net_amount as net_amount,
        {{ company_currency() }} as currency_code,
        net_amount as document_net_amount,
        currency_code as document_currency_code,
        amount_reason_code,
        shipped_quantity,
        first_shipment_date,
        last_delivery_date,
        is_complete,
        case
            when is_complete is null or requested_delivery_date is null then null
            when is_complete then last_delivery_date <= requested_delivery_date
            -- Not delivered yet, and not due yet either.
            when requested_delivery_date >= {{ as_of_date() }} then null
            else false
        end as is_on_time,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from completed
)

select * from final
