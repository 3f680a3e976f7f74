-- Grain: one row per system, entity and slice: the live report of each slice, and
-- slices without a live report that still have to be cleared.
-- Where several reports stand beside one another in a slice, their sums; which they
-- are, says stg_ledger__documents.
with

documents as (
    select * from {{ ref('stg_ledger__documents') }}
),

final as (
    select
        slice_id,
        slice_number,
        system_code,
        entity_code,
        slice_key,
        max(batch_id) as batch_id,
        max(partner_code) as partner_code,
        max(feed_code) as feed_code,
        max(period_start_date) as period_start_date,
        max(period_end_date) as period_end_date,
        max(file_name) as file_name,
        sum(landed_row_count) as landed_row_count,
        cast(sum(landed_quantity) as decimal(38, 4)) as landed_quantity,
        cast(sum(landed_amount) as decimal(38, 4)) as landed_amount,
        bool_or(is_live) as is_live,
        bool_or(is_pending) as is_pending
    from documents
    group by slice_id, slice_number, system_code, entity_code, slice_key
)

select * from final
