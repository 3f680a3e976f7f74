-- Grain: one row per file seen or extract pulled.
with

landed as (
    select * from {{ landing('ledger', 'batches') }}
),

final as (
    select
        batch_id,
        system as system_code,
        source as source_name,
        partner_code,
        feed_code,
        file_name,
        content_hash,
        state as state_code,
        reason_code,
        reason,
        period_start_date,
        period_end_date,
        received_at,
        landed_at,
        rows_read as read_row_count,
        rows_accepted as accepted_row_count,
        rows_quarantined as quarantined_row_count,
        rows_skipped as skipped_row_count
    from landed
)

select * from final
