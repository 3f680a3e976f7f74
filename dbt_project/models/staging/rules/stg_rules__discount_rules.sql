-- Grain: one row per rule, version and quantity from which a rate holds.
-- * stands for all.
with

newest as (
    {{ newest_state('discount_rules') }}
),

final as (
    select
        rule_code,
        rule_kind_code,
        valid_from_date,
        valid_to_date,
        partner_code,
        segment_code,
        family_code,
        from_quantity,
        coalesce(to_quantity, cast(999999999999999 as decimal(18, 3))) as to_quantity,
        discount_rate
    from newest
)

select * from final
