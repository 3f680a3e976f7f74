-- Grain: one row per agreement, partner and product, as the ERP has it now.
with

newest as (
    {{
        newest_versions(
            'price_differences',
            [
                'agreement_code',
                'partner_code',
                'product_code',
            ]
        )
    }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(agreement_code), '') as agreement_code,
        nullif(trim(cost_step_code), '') as cost_step_code,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(product_code), '') as product_code,
        unit_difference_amount,
        nullif(trim(currency_code), '') as currency_code,
        valid_from_date,
        valid_to_date,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
