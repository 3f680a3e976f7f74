-- Grain: one row per theme of the scorecard and version.
with

newest as (
    {{ newest_state('scorecard_themes') }}
),

final as (
    select
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
    from newest
)

select * from final
