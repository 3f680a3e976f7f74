-- Grain: one row per decision of a person on a conflict of territories or deals.
with

newest as (
    {{ newest_state('territory_decisions') }}
),

final as (
    select
        _source_row as decision_number,
        conflict_code,
        decision_code,
        decided_by,
        decided_date,
        valid_to_date,
        reason
    from newest
)

select * from final
