-- Grain: one row per reported stock line of the slices that this run replaces.
-- Texts are not trimmed here: intake has done it once.
with

landed as (
    select * from {{ landing_touched('inventory') }}
),

touched_documents as (
    select documents.*
    from {{ ref('stg_ledger__documents') }} as documents
    inner join {{ ref('stg_ledger__touched_slices') }} as touched_slices
        on documents.slice_id = touched_slices.slice_id
    where documents.entity_code = 'inventory'
),

-- A file may hold several slices and documents, some replaced by a later file.
live as (
    select landed.*
    from landed
    inner join touched_documents
        on
            landed.slice_key = touched_documents.slice_key
            and landed._batch_id = touched_documents.batch_id
            and coalesce(landed.document_number, '') = touched_documents.document_number
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
        partner_code || '|' || {{ reported_store('live') }} as store_key,
        store_code,
        store_name,
        store_gln,
        store_siret,
        store_address,
        store_city,
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
        _source_row as source_row,
        message_reference,
        document_number
    from live
)

select * from final
