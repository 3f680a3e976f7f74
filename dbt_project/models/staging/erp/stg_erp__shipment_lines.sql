-- Grain: one row per line of a shipment or return, as the ERP has it now.
with

newest as (
    {{ newest_versions('shipment_lines', ['shipment_number', 'shipment_line_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(shipment_number), '') as shipment_number,
        nullif(trim(shipment_line_number), '') as shipment_line_number,
        nullif(trim(shipment_type), '') as shipment_type,
        nullif(trim(order_number), '') as order_number,
        nullif(trim(order_line_number), '') as order_line_number,
        nullif(trim(partner_code), '') as partner_code,
        shipment_date,
        delivery_date,
        coalesce(nullif(trim(ship_to_country_code), ''), 'FR') as ship_to_country_code,
        nullif(trim(ship_to_postal_code), '') as ship_to_postal_code,
        nullif(trim(product_code), '') as product_code,
        shipped_quantity,
        nullif(trim(unit_code), '') as unit_code,
        updated_at,
        'erp|' || {{ month_label('shipment_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
