-- Grain: one row per territory: a French departement or region, another country as a
-- whole, and each postal code that a grant names.
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

regions as (
    select
        'R' || region_code as territory_code,
        region_code,
        region_name
    from departements
    where region_code is not null
    group by region_code, region_name
),

used as (
    select country_code as territory_code from partners where country_code is not null
    union distinct
    select territory_code from grants
    union distinct
    select 'FR' as territory_code
),

-- Codes of postal units are longer than two letters and end in what the post says.
used_elsewhere as (
    select
        used.territory_code,
        length(used.territory_code) = 5 and used.territory_code not like '%-%'
            as is_french_postal_code,
        used.territory_code like '__-%' as is_foreign_postal_code
    from used
    left join departements on used.territory_code = departements.departement_code
    left join regions on used.territory_code = regions.territory_code
    where departements.departement_code is null and regions.territory_code is null
),

postal_codes as (
    select
        territory_code,
        case when is_foreign_postal_code then substr(territory_code, 1, 2) else 'FR' end
            as country_code,
        case
            when is_foreign_postal_code then substr(territory_code, 1, 2)
            else {{ territory_code("'FR'", 'territory_code') }}
        end as parent_territory_code
    from used_elsewhere
    where is_french_postal_code or is_foreign_postal_code
),

used_countries as (
    select territory_code
    from used_elsewhere
    where not is_french_postal_code and not is_foreign_postal_code
    union distinct
    select country_code as territory_code
    from postal_codes
),

final as (
    select
        departement_code as territory_code,
        departement_name as territory_name,
        'departement' as territory_level_code,
        coalesce('R' || region_code, 'FR') as parent_territory_code,
        'FR' as country_code,
        region_code,
        region_name
    from departements
    union all
    select
        territory_code,
        region_name as territory_name,
        'region' as territory_level_code,
        'FR' as parent_territory_code,
        'FR' as country_code,
        region_code,
        region_name
    from regions
    union all
    select
        postal_codes.territory_code,
        postal_codes.territory_code as territory_name,
        'postal_code' as territory_level_code,
        postal_codes.parent_territory_code,
        postal_codes.country_code,
        departements.region_code,
        departements.region_name
    from postal_codes
    left join departements
        on postal_codes.parent_territory_code = departements.departement_code
    union all
    select
        used_countries.territory_code,
        coalesce(countries.country_name_fr, used_countries.territory_code)
            as territory_name,
        'country' as territory_level_code,
        cast(null as string) as parent_territory_code,
        used_countries.territory_code as country_code,
        cast(null as string) as region_code,
        cast(null as string) as region_name
    from used_countries
    left join countries on used_countries.territory_code = countries.country_code
)

select * from final
