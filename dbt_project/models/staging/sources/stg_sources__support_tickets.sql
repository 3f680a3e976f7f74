-- Grain: one row per after-sales ticket, as the source has it now.
with

newest as (
    {{
        newest_versions(
            'support_tickets',
            ['ticket_number'],
            system='sources'
        )
    }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(ticket_number), '') as ticket_number,
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(product_code), '') as product_code,
        opened_date,
        closed_date,
        nullif(trim(reason_code), '') as reason_code,
        nullif(trim(severity_code), '') as severity_code,
        updated_at,
        'sources|' || {{ month_label('opened_date') }} as slice_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
