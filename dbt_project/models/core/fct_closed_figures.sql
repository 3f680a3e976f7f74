-- Grain: one row per closing, mart, row, column and value: as closed, then as each
-- change was booked.
-- Additive within one column: figure_amount of sequence 0, without the row '*' that
-- holds their sum.
--
-- What has landed in the register never changes, so that only new batches are read.
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail'
    )
}}

with

figures as (
    select * from {{ ref('stg_closing__figures') }}
    {%- if is_incremental() %}
    where
        source_batch_id > (
            select coalesce(max(built.source_batch_id), '') from {{ this }} as built
        )
    {%- endif %}
),

final as (
    select
        closed_figure_id,
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
        source_batch_id
    from figures
)

select * from final
