-- Grain: one row per reported sell-out line of the slices that this run replaces.
-- Texts are not trimmed here: intake has done it once, and this view is read for every
-- line.
with

landed as (
    select * from {{ landing_touched('sell_out') }}
),

touched_documents as (
    select documents.*
    from {{ ref('stg_ledger__documents') }} as documents
    inner join {{ ref('stg_ledger__touched_slices') }} as touched_slices
        on documents.slice_id = touched_slices.slice_id
    where documents.entity_code = 'sell_out'
),

-- A file may hold several slices and documents, some replaced by a later file. A join,
-- since slice, batch and document are a key: for a correlated `exists` DuckDB keeps all
-- lines aside (the fact of 20 M lines took 95 s of processor time, and takes 85 s).
live as (
    select
        landed.*,
        touched_documents.slice_number,
        touched_documents.report_number
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
            as sell_out_line_id,
        slice_key,
        slice_number,
        report_number,
        partner_code,
        feed_code,
        period_start_date,
        period_end_date,
        sale_date,
        month_start_date,
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
        sold_quantity as sold_quantity_in_unit,
        returned_quantity as returned_quantity_in_unit,
        net_amount,
        currency_code,
        transaction_id,
        customer_key,
        business_customer_key,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row,
        nullif(_source_column, '') as source_column,
        message_reference,
        document_number
    from live
)

select * from final
