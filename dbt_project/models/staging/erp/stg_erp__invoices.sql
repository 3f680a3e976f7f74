-- Grain: one row per posted invoice or credit note, as the ERP has it now.
with

newest as (
    {{ newest_versions('invoices', ['invoice_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(invoice_number), '') as invoice_number,
        nullif(trim(partner_code), '') as partner_code,
        invoice_date,
        due_date,
        tax_amount,
        total_amount,
        nullif(trim(currency_code), '') as currency_code,
        updated_at,
        'erp|' || {{ month_label('invoice_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
