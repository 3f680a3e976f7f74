-- Grain: one row per claim of a partner, as the ERP has it now.
with

newest as (
    {{ newest_versions('programme_claims', ['claim_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(claim_number), '') as claim_number,
        nullif(trim(cost_step_code), '') as cost_step_code,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(budget_code), '') as budget_code,
        nullif(trim(agreement_code), '') as agreement_code,
        nullif(trim(product_code), '') as product_code,
        nullif(trim(invoice_number), '') as invoice_number,
        claim_date,
        activity_from_date,
        activity_to_date,
        claimed_quantity,
        claimed_amount,
        approved_amount,
        paid_amount,
        nullif(trim(status_code), '') as status_code,
        nullif(trim(proof_reference), '') as proof_reference,
        approved_date,
        paid_date,
        nullif(trim(claim_text), '') as claim_text,
        nullif(trim(currency_code), '') as currency_code,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
