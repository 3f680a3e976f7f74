-- Grain: one row per accepted match of a partner's code.
-- A later rejection of the same code and product takes an acceptance back.
with

newest as (
    {{ newest_state('product_matches') }}
),

final as (
    select
        accepted.partner_code,
        accepted.reported_code,
        accepted.product_code,
        accepted.unit_code,
        accepted.valid_from_date,
        accepted.valid_to_date,
        accepted.decided_by,
        accepted.decided_at,
        accepted.match_score,
        accepted.reason,
        accepted._source_row as decision_number
    from newest as accepted
    where
        accepted.decision_code = 'accepted'
        and not exists (
            select 1
            from newest as rejected
            where
                rejected.decision_code = 'rejected'
                and rejected.partner_code = accepted.partner_code
                and rejected.reported_code = accepted.reported_code
                and rejected.product_code = accepted.product_code
                and rejected._source_row > accepted._source_row
        )
)

select * from final
