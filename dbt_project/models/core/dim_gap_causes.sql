-- Grain: one row per likely cause of a gap between reported and calculated stock.
with

causes as (
    select * from {{ ref('seed_gap_causes') }}
),

final as (
    select
        gap_cause_code,
        gap_cause_name_fr,
        gap_cause_name_en
    from causes
)

select * from final
