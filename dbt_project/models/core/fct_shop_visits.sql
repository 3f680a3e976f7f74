-- Grain: one row per partner's web shop, source of visitors and day.
-- Additive: all counts; one that is NULL on some days is not known in their sum.
with

landed as (
    select * from {{ ref('stg_sources__shop_visits') }}
),

final as (
    select
        partner_code
        || '|' || source_code
        || '|' || cast(visit_date as string) as shop_visit_id,
        partner_code,
        source_code,
        visit_date,
        {{ month_start('visit_date') }} as month_start_date,
        visitor_count,
        lead_count,
        basket_count,
        purchase_count,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from landed
)

select * from final
