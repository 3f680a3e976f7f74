-- Grain: one row per slice whose lines come from a report that is not the live one.
with

live_slices as (
    select
        slice_key,
        batch_id
    from {{ ref('stg_ledger__documents') }}
    where system_code = 'feeds' and entity_code = 'sell_out' and is_live
    group by slice_key, batch_id
),

facts as (
    select
        slice_key,
        source_batch_id,
        sum(line_count) as line_count
    from {{ ref('fct_sell_out_weekly') }}
    group by slice_key, source_batch_id
),

final as (
    select
        facts.slice_key,
        facts.source_batch_id,
        facts.line_count
    from facts
    left join live_slices
        on
            facts.slice_key = live_slices.slice_key
            and facts.source_batch_id = live_slices.batch_id
    where live_slices.slice_key is null
)

select * from final
