-- Grain: one row per line of a shipment to a partner or of a return from it.
-- Additive: shipped_quantity within one shipment_type, signed_quantity over both.
with

lines as (
    select * from {{ ref('stg_erp__shipment_lines') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

converted as (
    select
        lines.*,
        {{
            in_base_units(
                'lines.shipped_quantity', unit_numerator(), unit_denominator()
            )
        }} as base_quantity,
        partners.partner_version_id,
        partners.channel_code,
        coalesce(
            lines.delivery_date,
            {{ add_days('lines.shipment_date', 'coalesce(partners.transit_days, 0)') }}
        ) as arrival_date
    from lines
    {{ unit_joins('lines', 'shipment_date') }}
    left join partners
        on
            lines.partner_code = partners.partner_code
            and {{ in_range('lines.shipment_date', 'partners') }}
),

final as (
    select
        shipment_number || '|' || shipment_line_number as shipment_line_id,
        shipment_number,
        shipment_line_number,
        shipment_type,
        order_number,
        order_line_number,
        partner_code,
        partner_version_id,
        channel_code,
        product_code,
        shipment_date,
        delivery_date,
        -- Goods that come back have arrived here on the day of the return.
        case when shipment_type = 'return' then shipment_date else arrival_date end
            as arrival_date,
        case when ship_to_postal_code is not null then ship_to_country_code end
            as ship_to_country_code,
        ship_to_postal_code,
        {{ territory_code('ship_to_country_code', 'ship_to_postal_code') }}
            as ship_to_territory_code,
        unit_code,
        shipped_quantity as shipped_quantity_in_unit,
        base_quantity as shipped_quantity,
        {{
            quantity(
                "case when shipment_type = 'return' then -base_quantity "
                ~ "else base_quantity end"
            )
        }} as signed_quantity,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from converted
)

select * from final
