-- Grain: one row per partner, territory, product family and range of dates, as known on
-- each day. A grant begins and ends as the ERP says, and no earlier than it was known.
with

ranges as (
    {{
        ranges_as_known(
            'partner_territories',
            ['partner_code', 'territory_code', 'family_code'],
            ['is_exclusive'],
            bounded=true
        )
    }}
),

final as (
    select
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(territory_code), '') as territory_code,
        nullif(trim(family_code), '') as family_code,
        is_exclusive,
        valid_from_date,
        valid_to_date,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from ranges
)

select * from final
