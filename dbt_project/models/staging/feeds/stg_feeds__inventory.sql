-- Grain: one row per reported stock line of the slices that this run replaces.
-- Texts are not trimmed here: intake has done it once.
with

landed as (
    select * from {{ landing_touched('inventory') }}
),

touched_slices as (
    select * from {{ ref('stg_ledger__touched_slices') }}
    where entity_code = 'inventory'
),

-- A file may hold several slices, of which a later file has replaced some.
live as (
    select landed.*
    from landed
    where exists (
        select 1
        from touched_slices
        where
            touched_slices.slice_key = landed.slice_key
            and touched_slices.batch_id = landed._batch_id
    )
),

final as (
    select
        _batch_id || '|' || cast(_source_row as string) || '|' || _source_column
            as inventory_line_id,
        slice_key,
        partner_code,
        feed_code,
        period_start_date,
        period_end_date,
        stock_date,
        store_code,
        postal_code,
        partner_product_code,
        product_code as reported_product_code,
        gtin as reported_gtin,
        product_label,
        unit_code as reported_unit_code,
        on_hand_quantity as on_hand_quantity_in_unit,
        in_transit_quantity as in_transit_quantity_in_unit,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from live
)

select * from final
