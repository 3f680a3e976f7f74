-- Grain: one row per territory: a French departement, or another country as a whole.
with

departements as (
    select * from {{ ref('seed_departements') }}
),

countries as (
    select * from {{ ref('seed_countries') }}
),

partners as (
    select * from {{ ref('stg_erp__partners') }}
),

grants as (
    select * from {{ ref('stg_erp__partner_territories') }}
),

used as (
    select country_code as territory_code from partners where country_code is not null
    union distinct
    select territory_code from grants
),

used_countries as (
    select used.territory_code
    from used
    left join departements on used.territory_code = departements.departement_code
    where departements.departement_code is null
),

final as (
    select
        departement_code as territory_code,
        departement_name as territory_name,
        'FR' as country_code,
        region_code,
        region_name
    from departements
    union all
    select
        used_countries.territory_code,
        coalesce(countries.country_name_fr, used_countries.territory_code)
            as territory_name,
        used_countries.territory_code as country_code,
        cast(null as string) as region_code,
        cast(null as string) as region_name
    from used_countries
    left join countries on used_countries.territory_code = countries.country_code
)

select * from final
