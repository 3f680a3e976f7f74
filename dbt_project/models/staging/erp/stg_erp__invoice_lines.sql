-- Grain: one row per line of a posted invoice or credit note, as the ERP has it now.
with

newest as (
    {{ newest_versions('invoice_lines', ['invoice_number', 'invoice_line_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(invoice_number), '') as invoice_number,
        nullif(trim(invoice_line_number), '') as invoice_line_number,
        nullif(trim(invoice_type), '') as invoice_type,
        nullif(trim(credit_reason_code), '') as credit_reason_code,
        nullif(trim(partner_code), '') as partner_code,
        invoice_date,
        due_date,
        nullif(trim(order_number), '') as order_number,
        nullif(trim(order_line_number), '') as order_line_number,
        nullif(trim(original_invoice_number), '') as original_invoice_number,
        nullif(trim(product_code), '') as product_code,
        invoiced_quantity,
        nullif(trim(unit_code), '') as unit_code,
        gross_amount,
        standard_discount_amount,
        exceptional_discount_amount,
        net_amount,
        nullif(trim(currency_code), '') as currency_code,
        updated_at,
        'erp|' || {{ month_label('invoice_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
