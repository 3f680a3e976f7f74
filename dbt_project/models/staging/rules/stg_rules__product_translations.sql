-- Grain: one row per partner, reported code and range of dates.
-- What a partner's code means on a day: the crosswalk's row, else the newest accepted
-- match that holds on that day.
-- It stands in staging although it joins: what it says decides which slices are
-- touched.
{{ config(materialized='table') }}

with

crosswalk as (
    select * from {{ ref('stg_rules__product_crosswalk') }}
),

matches as (
    select * from {{ ref('stg_rules__product_matches') }}
),

products as (
    select * from {{ ref('stg_erp__products') }}
),

-- A row to a product that the ERP does not have counts for nothing.
claims as (
    select
        crosswalk.partner_code,
        crosswalk.partner_product_code as reported_code,
        crosswalk.product_code,
        crosswalk.unit_code,
        crosswalk.valid_from_date,
        crosswalk.valid_to_date,
        true as is_crosswalk,
        0 as decision_number
    from crosswalk
    inner join products on crosswalk.product_code = products.product_code
    union all
    select
        matches.partner_code,
        matches.reported_code,
        matches.product_code,
        matches.unit_code,
        matches.valid_from_date,
        matches.valid_to_date,
        false as is_crosswalk,
        matches.decision_number
    from matches
    inner join products on matches.product_code = products.product_code
),

turning_days as (
    select
        partner_code,
        reported_code,
        valid_from_date as turning_date
    from claims
    union distinct
    select
        partner_code,
        reported_code,
        valid_to_date as turning_date
    from claims
),

stretches as (
    select
        partner_code,
        reported_code,
        turning_date as valid_from_date,
        lead(turning_date) over (
            partition by partner_code, reported_code order by turning_date
        ) as valid_to_date
    from turning_days
),

final as (
    select
        stretches.partner_code,
        stretches.reported_code,
        claims.product_code,
        claims.unit_code,
        stretches.valid_from_date,
        stretches.valid_to_date,
        claims.is_crosswalk
    from stretches
    inner join claims
        on
            stretches.partner_code = claims.partner_code
            and stretches.reported_code = claims.reported_code
            and {{ in_range('stretches.valid_from_date', 'claims') }}
    where stretches.valid_to_date is not null
    qualify
        row_number() over (
            partition by
                stretches.partner_code,
                stretches.reported_code,
                stretches.valid_from_date
            order by
                case when claims.is_crosswalk then 0 else 1 end,
                claims.decision_number desc
        ) = 1
)

select * from final
