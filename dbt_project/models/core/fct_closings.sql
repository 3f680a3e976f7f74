-- Grain: one row per closing of a month; a month that was reopened may have several.
-- Not additive: figure_count, where a month was closed again.
with

events as (
    select * from {{ ref('stg_closing__events') }}
),

closed as (
    select * from events where action_code = 'closed'
),

reopened as (
    select * from events where action_code = 'reopened'
),

final as (
    select
        closed.closing_code,
        closed.month_start_date,
        reopened.closing_code is null as is_closed,
        closed.done_at as closed_at,
        closed.done_by as closed_by,
        closed.reason as closing_note,
        closed.remarks,
        closed.publication_code,
        closed.run_code,
        closed.published_at,
        closed.as_of_date,
        closed.code_version,
        closed.gate_results,
        closed.last_batch_code,
        closed.figure_count,
        reopened.done_at as reopened_at,
        reopened.done_by as reopened_by,
        reopened.reason as reopening_reason
    from closed
    left join reopened on closed.closing_code = reopened.closing_code
)

select * from final
