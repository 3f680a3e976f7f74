-- Grain: one row per theme of the scorecard and version of its rules.
with

themes as (
    select * from {{ ref('stg_rules__scorecard_themes') }}
),

final as (
    select
        theme_code || '|' || cast(valid_from_date as string) as theme_version_id,
        theme_code,
        valid_from_date,
        valid_to_date,
        theme_number,
        theme_name_fr,
        theme_name_en,
        measure_code,
        theme_weight,
        zero_value,
        full_value,
        benchmark_value,
        is_shared,
        peer_scheme_code,
        minimum_weight_rate,
        minimum_partner_count,
        trend_points
    from themes
)

select * from final
