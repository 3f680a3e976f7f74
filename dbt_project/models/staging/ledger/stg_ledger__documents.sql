-- Grain: one row per slice, batch and document: the reports that are live in a slice,
-- and slices without a live report that still have to be cleared.
{%- set slice_id = "system || '|' || entity || '|' || slice_key" %}

with

landed as (
    select * from {{ landing('ledger', 'slices') }}
),

final as (
    select
        system || '|' || entity || '|' || slice_key || '|' || coalesce(batch_id, '')
        || '|' || document as slice_document_id,
        {{ slice_id }} as slice_id,
        {{ number_of(slice_id) }} as slice_number,
        {{ number_of(slice_id ~ " || '|' || batch_id") }} as report_number,
        system as system_code,
        entity as entity_code,
        slice_key,
        batch_id,
        document as document_number,
        partner_code,
        feed_code,
        period_start_date,
        period_end_date,
        file as file_name,
        rows_landed as landed_row_count,
        cast(quantity_total as decimal(38, 4)) as landed_quantity,
        cast(amount_total as decimal(38, 4)) as landed_amount,
        is_live,
        is_pending
    from landed
)

select * from final
