-- Grain: one row per rule on territories and deals, its order and range of dates.
with

newest as (
    {{ newest_state('territory_rules') }}
),

final as (
    select
        rule_code,
        rule_order,
        rule_value,
        rule_text,
        valid_from_date,
        valid_to_date
    from newest
)

select * from final
