-- Grain: one row per conflict that a person has decided on: the newest decision of
-- those that hold on the day that figures are as of.
with

decisions as (
    select * from {{ ref('stg_rules__territory_decisions') }}
),

final as (
    select
        conflict_code,
        decision_code,
        decided_by,
        decided_date,
        valid_to_date,
        reason as decision_reason
    from decisions
    where
        decided_date <= {{ as_of_date() }}
        and valid_to_date > {{ as_of_date() }}
    qualify
        row_number() over (
            partition by conflict_code order by decision_number desc
        ) = 1
)

select * from final
