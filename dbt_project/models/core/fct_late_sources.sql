-- Grain: one row per closing that holds, and source (entity of the ERP, feed, export of
-- the ledger, rule) of which something landed after it.
-- Reports of partners only where they touch the closed month.
-- Additive within one closing: batch_count.
with

closings as (
    select * from {{ ref('fct_closings') }} where is_closed
),

batches as (
    select * from {{ ref('stg_ledger__batches') }}
    where state_code = 'landed' and system_code <> 'closing'
),

final as (
    select
        closings.closing_code || '|' || batches.system_code || '|'
        || batches.source_name as late_source_id,
        closings.closing_code,
        closings.month_start_date,
        batches.system_code,
        batches.source_name,
        max(batches.partner_code) as partner_code,
        max(batches.landed_at) as newest_landed_at,
        max(batches.file_name) as newest_file_name,
        cast(count(*) as bigint) as batch_count
    from closings
    inner join batches
        on
            closings.last_batch_code < batches.batch_id
            and (
                batches.system_code <> 'feeds'
                or (
                    closings.month_start_date <= batches.period_end_date
                    and batches.period_start_date
                    < closings.month_start_date + interval '1' month
                )
            )
    group by
        closings.closing_code, closings.month_start_date, batches.system_code,
        batches.source_name
)

select * from final
