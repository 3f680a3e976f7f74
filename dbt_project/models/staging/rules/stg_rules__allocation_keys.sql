-- Grain: one row per step of the margin and range of dates in which its key holds.
with

newest as (
    {{ newest_state('allocation_keys') }}
),

final as (
    select
        cost_step_code,
        allocation_key_code,
        valid_from_date,
        valid_to_date
    from newest
)

select * from final
