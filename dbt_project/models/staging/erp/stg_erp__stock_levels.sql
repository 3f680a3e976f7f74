-- Grain: one row per product, warehouse and day, as the ERP has it now.
with

newest as (
    {{ 
        newest_versions(
            'stock_levels', ['product_code', 'warehouse_code', 'stock_date']
        )
    }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(product_code), '') as product_code,
        nullif(trim(warehouse_code), '') as warehouse_code,
        stock_date,
        on_hand_quantity,
        updated_at,
        'erp|' || {{ month_label('stock_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
