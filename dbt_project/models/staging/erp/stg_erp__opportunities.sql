-- Grain: one row per opportunity, as the ERP has it now.
with

newest as (
    {{ newest_versions('opportunities', ['opportunity_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(opportunity_number), '') as opportunity_number,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(product_code), '') as product_code,
        nullif(trim(stage_code), '') as stage_code,
        announced_quantity,
        announced_amount,
        nullif(trim(currency_code), '') as currency_code,
        created_date,
        expected_date,
        closed_date,
        nullif(trim(order_number), '') as order_number,
        updated_at,
        'erp|' || {{ month_label('created_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
