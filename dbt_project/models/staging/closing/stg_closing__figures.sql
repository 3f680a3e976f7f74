-- Grain: one row per closing, mart, row, column and value: as closed, then as each
-- change was booked.
with

landed as (
    {{ landed_closing('figures') }}
),

final as (
    select
        closing_code || '|' || mart_name || '|' || row_key || '|' || column_name
        || '|' || cast(sequence_number as string) as closed_figure_id,
        closing_code,
        month_start_date,
        mart_name,
        row_key,
        partner_code,
        channel_code,
        product_code,
        grain_detail,
        column_name,
        sequence_number,
        figure_amount,
        figure_text,
        seen_date,
        booked_month_date,
        reason_code,
        documents,
        sources,
        _batch_id as source_batch_id
    from landed
)

select * from final
