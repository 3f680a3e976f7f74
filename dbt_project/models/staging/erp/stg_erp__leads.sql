-- Grain: one row per lead, as the ERP has it now.
with

newest as (
    {{ newest_versions('leads', ['lead_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(lead_number), '') as lead_number,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(source_code), '') as source_code,
        nullif(trim(status_code), '') as status_code,
        created_date,
        closed_date,
        nullif(trim(postal_code), '') as postal_code,
        coalesce(nullif(trim(country_code), ''), 'FR') as country_code,
        nullif(trim(family_code), '') as family_code,
        updated_at,
        'erp|' || {{ month_label('created_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
