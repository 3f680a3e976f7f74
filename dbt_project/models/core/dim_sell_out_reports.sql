-- Grain: one row per slice and file whose sell-out lines count.
with

documents as (
    select * from {{ ref('stg_ledger__documents') }}
    where system_code = 'feeds' and entity_code = 'sell_out' and is_live
),

files as (
    select * from {{ ref('stg_ledger__batches') }}
),

reports as (
    select
        report_number,
        slice_number,
        slice_key,
        partner_code,
        feed_code,
        period_start_date,
        period_end_date,
        batch_id
    from documents
    group by
        report_number,
        slice_number,
        slice_key,
        partner_code,
        feed_code,
        period_start_date,
        period_end_date,
        batch_id
),

final as (
    select
        reports.report_number,
        reports.slice_number,
        reports.slice_key,
        reports.partner_code,
        reports.feed_code,
        reports.period_start_date,
        reports.period_end_date,
        reports.batch_id as source_batch_id,
        files.file_name as source_file
    from reports
    left join files on reports.batch_id = files.batch_id
)

select * from final
