-- Grain: one row per partner and range of dates with the same terms (point in time).
-- Name and address are as the ERP has them now; the terms are dated by the ERP itself,
-- and so is the channel, where terms name it.
with

partners as (
    select * from {{ ref('stg_erp__partners') }}
),

terms as (
    select * from {{ ref('stg_erp__partner_terms') }}
),

partner_rules as (
    select * from {{ ref('stg_rules__partners') }}
),

versions as (
    {{ partner_versions() }}
),

final as (
    select
        versions.partner_code || '|' || cast(versions.valid_from_date as string)
            as partner_version_id,
        versions.partner_code,
        partners.partner_name,
        coalesce(terms.channel_code, partners.channel_code) as channel_code,
        coalesce(terms.segment_code, partners.segment_code) as segment_code,
        partners.siret,
        partners.gln,
        partners.country_code,
        partners.postal_code,
        {{ territory_code('partners.country_code', 'partners.postal_code') }}
            as territory_code,
        partners.currency_code,
        terms.price_list_code,
        terms.discount_rate,
        terms.payment_term_days,
        coalesce(terms.transit_days, 0) as transit_days,
        partner_rules.siso_gap_tolerance_rate,
        versions.valid_from_date,
        versions.valid_to_date,
        {{ in_range(as_of_date(), 'versions') }} as is_current,
        partners.is_active and not partners.is_deleted as is_active
    from versions
    inner join partners on versions.partner_code = partners.partner_code
    left join terms
        on
            versions.partner_code = terms.partner_code
            and versions.valid_from_date = terms.valid_from_date
    left join partner_rules on versions.partner_code = partner_rules.partner_code
)

select * from final
