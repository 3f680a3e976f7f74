-- Grain: one row per order line, as the ERP has it now.
with

newest as (
    {{ newest_versions('order_lines', ['order_number', 'order_line_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(order_number), '') as order_number,
        nullif(trim(order_line_number), '') as order_line_number,
        nullif(trim(partner_code), '') as partner_code,
        order_date,
        requested_delivery_date,
        nullif(trim(product_code), '') as product_code,
        ordered_quantity,
        nullif(trim(unit_code), '') as unit_code,
        net_amount,
        nullif(trim(currency_code), '') as currency_code,
        nullif(trim(status_code), '') as status_code,
        updated_at,
        'erp|' || {{ month_label('order_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
