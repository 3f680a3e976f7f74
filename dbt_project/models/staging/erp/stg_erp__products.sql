-- Grain: one row per product, as the ERP has it now.
-- A record that the ERP no longer has stays, marked: its documents still name it.
with

newest as (
    {{ newest_versions('products', ['product_code']) }}
),

final as (
    select
        nullif(trim(product_code), '') as product_code,
        nullif(trim(product_name), '') as product_name,
        nullif(trim(family_code), '') as family_code,
        nullif(trim(family_name), '') as family_name,
        nullif(trim(gtin), '') as gtin,
        nullif(trim(base_unit_code), '') as base_unit_code,
        launch_date,
        supply_lead_days,
        is_active,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row,
        _is_deleted as is_deleted
    from newest
)

select * from final
