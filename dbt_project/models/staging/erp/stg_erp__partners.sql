-- Grain: one row per partner, as the ERP has it now.
-- A record that the ERP no longer has stays, marked: its documents still name it.
with

newest as (
    {{ newest_versions('partners', ['partner_code']) }}
),

final as (
    select
        nullif(trim(partner_code), '') as partner_code,
        nullif(trim(partner_name), '') as partner_name,
        nullif(trim(channel_code), '') as channel_code,
        nullif(trim(segment_code), '') as segment_code,
        nullif(trim(siret), '') as siret,
        nullif(trim(gln), '') as gln,
        nullif(trim(vat_number), '') as vat_number,
        nullif(trim(country_code), '') as country_code,
        nullif(trim(postal_code), '') as postal_code,
        nullif(trim(city), '') as city,
        nullif(trim(currency_code), '') as currency_code,
        is_active,
        created_date,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row,
        _is_deleted as is_deleted
    from newest
)

select * from final
