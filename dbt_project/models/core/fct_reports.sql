-- Grain: one row per file that a partner sent, whatever became of it.
-- Additive: row counts, within one state_code.
with

batches as (
    select * from {{ ref('stg_ledger__batches') }} where system_code = 'feeds'
),

final as (
    select
        batch_id as report_id,
        partner_code,
        feed_code,
        file_name,
        state_code,
        reason_code,
        reason,
        period_start_date,
        period_end_date,
        received_at,
        landed_at,
        cast(read_row_count as bigint) as read_row_count,
        cast(accepted_row_count as bigint) as accepted_row_count,
        cast(quarantined_row_count as bigint) as quarantined_row_count,
        cast(skipped_row_count as bigint) as skipped_row_count
    from batches
)

select * from final
