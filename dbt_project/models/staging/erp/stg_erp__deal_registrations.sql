-- Grain: one row per registered deal, as the ERP has it now.
with

newest as (
    {{ newest_versions('deal_registrations', ['registration_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(registration_number), '') as registration_number,
        nullif(trim(partner_code), '') as partner_code,
        registered_at,
        nullif(nullif(trim(family_code), ''), '*') as family_code,
        expected_amount,
        nullif(trim(currency_code), '') as currency_code,
        nullif(trim(status_code), '') as status_code,
        closed_at,
        coalesce(nullif(trim(country_code), ''), 'FR') as country_code,
        nullif(trim(postal_code), '') as postal_code,
        site_customer_key,
        company_customer_key,
        domain_customer_key,
        alike_registrations,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
