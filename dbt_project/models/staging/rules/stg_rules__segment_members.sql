-- Grain: one row per scheme of segments, version and partner or value named.
with

newest as (
    {{ newest_state('segment_members') }}
),

final as (
    select
        scheme_code,
        valid_from_date,
        segment_code,
        member_kind_code,
        member_code
    from newest
)

select * from final
