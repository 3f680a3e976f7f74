-- Grain: one row per product and unit, as the ERP has it now.
with

newest as (
    {{ newest_versions('product_units', ['product_code', 'unit_code']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(product_code), '') as product_code,
        nullif(trim(unit_code), '') as unit_code,
        base_quantity,
        nullif(trim(gtin), '') as gtin,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
