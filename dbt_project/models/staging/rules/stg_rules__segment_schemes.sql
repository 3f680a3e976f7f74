-- Grain: one row per scheme of segments and version.
with

newest as (
    {{ newest_state('segment_schemes') }}
),

final as (
    select
        scheme_code,
        scheme_name_fr,
        scheme_name_en,
        valid_from_date,
        valid_to_date,
        measure_code,
        method_code,
        window_months,
        hysteresis_value,
        hysteresis_months
    from newest
)

select * from final
