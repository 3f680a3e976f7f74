-- Grain: one row per challenge or promotion.
with

newest as (
    {{ newest_state('campaigns') }}
),

final as (
    select
        nullif(trim(campaign_code), '') as campaign_code,
        nullif(trim(campaign_kind_code), '') as campaign_kind_code,
        nullif(trim(campaign_name_fr), '') as campaign_name_fr,
        nullif(trim(campaign_name_en), '') as campaign_name_en,
        from_date,
        to_date,
        nullif(trim(measure_code), '') as measure_code,
        nullif(trim(ranked_by_code), '') as ranked_by_code,
        minimum_value,
        nullif(trim(baseline_code), '') as baseline_code,
        baseline_weeks,
        cost_amount
    from newest
)

select * from final
