-- Grain: one row per line of an order for our own stock, as the ERP has it now.
with

newest as (
    {{ newest_versions('supply_lines', ['supply_number', 'supply_line_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(supply_number), '') as supply_number,
        nullif(trim(supply_line_number), '') as supply_line_number,
        nullif(trim(product_code), '') as product_code,
        ordered_date,
        expected_date,
        ordered_quantity,
        coalesce(received_quantity, 0) as received_quantity,
        received_date,
        is_open,
        updated_at,
        'erp|' || {{ month_label('ordered_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
