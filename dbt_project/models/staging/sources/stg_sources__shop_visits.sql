-- Grain: one row per partner's web shop, source of visitors and day, as the source
-- has it now.
with

newest as (
    {{
        newest_versions(
            'shop_visits',
            ['partner_code', 'source_code', 'visit_date'],
            system='sources'
        )
    }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(source_code), '') as source_code,
        visit_date,
        visitor_count,
        lead_count,
        basket_count,
        purchase_count,
        updated_at,
        'sources|' || {{ month_label('visit_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
