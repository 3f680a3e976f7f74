-- Grain: one row per cost of selling through partners that is not on the invoice, as
-- the ERP has it now.
with

newest as (
    {{ newest_versions('programme_costs', ['cost_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(cost_number), '') as cost_number,
        nullif(trim(cost_step_code), '') as cost_step_code,
        cost_date,
        nullif(trim(invoice_number), '') as invoice_number,
        nullif(trim(shipment_number), '') as shipment_number,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(channel_code), '') as channel_code,
        nullif(trim(product_code), '') as product_code,
        cost_amount,
        nullif(trim(cost_text), '') as cost_text,
        nullif(trim(currency_code), '') as currency_code,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
