-- Grain: one row per closing of a month, and one per reopening.
with

landed as (
    {{ landed_closing('events') }}
),

final as (
    select
        closing_code,
        action_code,
        month_start_date,
        done_at,
        done_by,
        reason,
        publication_code,
        run_code,
        published_at,
        as_of_date,
        code_version,
        gate_results,
        last_batch_code,
        figure_count,
        remarks,
        _batch_id as source_batch_id
    from landed
)

select * from final
