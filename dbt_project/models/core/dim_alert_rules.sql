-- Grain: one row per rule of alerts.
with

rules as (
    select * from {{ ref('seed_alert_rules') }}
),

final as (
    select
        rule_code,
        subject_kind_code,
        unit_code,
        stake_kind_code,
        is_periodic,
        covered_by_rule_code,
        rule_name_fr,
        rule_name_en,
        measure_fr,
        measure_en,
        stake_fr,
        stake_en,
        action_fr,
        action_en
    from rules
)

select * from final
