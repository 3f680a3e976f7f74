-- Grain: one row per product and range of past days whose cost was corrected.
with

newest as (
    {{ newest_state('cost_corrections') }}
),

-- A rule lands whole at each change of its file: since when a row stands there as it is
-- now says what was known at a close.
known as (
    select
        correction_code,
        product_code,
        valid_from_date,
        valid_to_date,
        unit_cost_amount,
        actual_unit_cost_amount,
        min(_batch_id) as known_batch_id
    from {{ landing('rules', 'cost_corrections') }}
    group by
        correction_code,
        product_code,
        valid_from_date,
        valid_to_date,
        unit_cost_amount,
        actual_unit_cost_amount
),

final as (
    select
        newest.correction_code,
        newest.product_code,
        newest.valid_from_date,
        newest.valid_to_date,
        newest.unit_cost_amount,
        newest.actual_unit_cost_amount,
        newest.currency_code,
        newest.reason,
        newest.decided_by,
        newest.decided_date,
        known.known_batch_id
    from newest
    inner join known
        on
            newest.correction_code = known.correction_code
            and newest.product_code = known.product_code
            and newest.valid_from_date = known.valid_from_date
            and newest.valid_to_date = known.valid_to_date
            and newest.unit_cost_amount is not distinct from known.unit_cost_amount
            and newest.actual_unit_cost_amount
            is not distinct from known.actual_unit_cost_amount
)

select * from final
