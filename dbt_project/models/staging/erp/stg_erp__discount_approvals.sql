-- Grain: one row per approval of discounts outside the rules, as the ERP has it now.
with

newest as (
    {{ newest_versions('discount_approvals', ['approval_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(approval_number), '') as approval_number,
        nullif(trim(partner_code), '') as partner_code,
        coalesce(nullif(trim(family_code), ''), '*') as family_code,
        coalesce(nullif(trim(product_code), ''), '*') as product_code,
        valid_from_date,
        valid_to_date,
        approved_rate,
        nullif(trim(approved_by), '') as approved_by,
        approved_date,
        nullif(trim(reason), '') as reason,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
