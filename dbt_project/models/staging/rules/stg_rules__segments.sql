-- Grain: one row per scheme of segments, version and segment.
with

newest as (
    {{ newest_state('segments') }}
),

final as (
    select
        scheme_code,
        valid_from_date,
        segment_number,
        segment_code,
        segment_name_fr,
        segment_name_en,
        bound_value,
        newer_than_months
    from newest
)

select * from final
