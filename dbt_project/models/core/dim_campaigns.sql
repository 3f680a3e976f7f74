-- Grain: one row per challenge or promotion.
with

campaigns as (
    select * from {{ ref('stg_rules__campaigns') }}
),

final as (
    select
        campaign_code,
        campaign_kind_code,
        campaign_name_fr,
        campaign_name_en,
        from_date,
        to_date,
        measure_code,
        ranked_by_code,
        minimum_value,
        baseline_code,
        baseline_weeks,
        cost_amount,
        {{ company_currency() }} as currency_code
    from campaigns
)

select * from final
