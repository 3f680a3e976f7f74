-- Grain: one row per partner, territory, product family and range of dates in which the
-- grant holds as it was known.
with

grants as (
    select * from {{ ref('stg_erp__partner_territories') }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

final as (
    select
        grants.partner_code || '|' || grants.territory_code || '|'
        || grants.family_code || '|' || cast(grants.valid_from_date as string)
            as partner_territory_id,
        grants.partner_code,
        partners.channel_code,
        grants.territory_code,
        grants.family_code,
        grants.is_exclusive,
        grants.valid_from_date,
        grants.valid_to_date,
        {{ in_range(as_of_date(), 'grants') }} as is_current,
        grants.source_batch_id,
        grants.source_file,
        grants.source_row
    from grants
    left join partners on grants.partner_code = partners.partner_code
)

select * from final
