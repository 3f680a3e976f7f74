-- Grain: one row per challenge or promotion and partner or product that counts in it.
-- Partners by their terms on the campaign's first day.
with

campaigns as (
    select * from {{ ref('stg_rules__campaigns') }}
),

scopes as (
    select * from {{ ref('stg_rules__campaign_scopes') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

products as (
    select * from {{ ref('dim_products') }} where product_code <> 'UNMATCHED'
),

named as (
    select
        campaigns.campaign_code,
        campaigns.from_date,
        count(
            case
                when scopes.dimension_code in ('partner', 'channel', 'segment') then 1
            end
        ) as partner_scope_count,
        count(case when scopes.dimension_code in ('product', 'family') then 1 end)
            as product_scope_count
    from campaigns
    left join scopes on campaigns.campaign_code = scopes.campaign_code
    group by campaigns.campaign_code, campaigns.from_date
),

taking_part as (
    select
        named.campaign_code,
        'partner' as member_kind_code,
        partners.partner_code as member_code
    from named
    inner join partners
        on
            named.from_date >= partners.valid_from_date
            and named.from_date < partners.valid_to_date
    left join scopes
        on
            named.campaign_code = scopes.campaign_code
            and scopes.scope_code = case scopes.dimension_code
                when 'partner' then partners.partner_code
                when 'channel' then partners.channel_code
                when 'segment' then partners.segment_code
            end
    where named.partner_scope_count = 0 or scopes.scope_code is not null
    group by named.campaign_code, partners.partner_code
),

counting as (
    select
        named.campaign_code,
        'product' as member_kind_code,
        products.product_code as member_code
    from named
    cross join products
    left join scopes
        on
            named.campaign_code = scopes.campaign_code
            and scopes.scope_code = case scopes.dimension_code
                when 'product' then products.product_code
                when 'family' then products.family_code
            end
    where named.product_scope_count = 0 or scopes.scope_code is not null
    group by named.campaign_code, products.product_code
),

gathered as (
    select * from taking_part
    union all
    select * from counting
),

final as (
    select
        campaign_code || '|' || member_kind_code || '|' || member_code
            as campaign_member_id,
        campaign_code,
        member_kind_code,
        member_code
    from gathered
)

select * from final
