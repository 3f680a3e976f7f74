-- Grain: one row per rule on territories and deals, its order and range of dates.
with

rules as (
    select * from {{ ref('stg_rules__territory_rules') }}
),

final as (
    select
        rule_code || '|' || cast(rule_order as string) || '|'
        || cast(valid_from_date as string) as territory_rule_id,
        rule_code,
        rule_order,
        cast(rule_value as decimal(18, 6)) as rule_value,
        rule_text,
        valid_from_date,
        valid_to_date
    from rules
)

select * from final
