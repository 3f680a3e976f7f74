-- Grain: one row per line of an entry of the general ledger, of the newest export of
-- each fiscal year. Texts are not trimmed here: the reader has done it once.
with

exported as (
    select * from {{ landing('accounting', 'gl_entries') }}
),

-- Each export tells its year from the beginning: a line is as old as the first one that
-- told it so.
landed as (
    select
        *,
        min(_batch_id) over (
            partition by
                journal_code,
                entry_number,
                entry_date,
                account_code,
                auxiliary_code,
                piece_reference,
                debit_amount,
                credit_amount
        ) as first_batch_id
    from exported
),

live_exports as (
    select
        slice_key,
        batch_id
    from {{ ref('stg_ledger__slices') }}
    where system_code = 'accounting' and is_live
),

final as (
    select
        landed._batch_id || '|' || landed._source_file || '|'
        || cast(landed._source_row as string) as gl_line_id,
        landed.slice_key,
        landed.fiscal_year_end_date,
        landed.journal_code,
        landed.journal_label,
        landed.is_opening,
        landed.entry_number,
        landed.entry_date,
        landed.account_code,
        landed.account_label,
        landed.auxiliary_code,
        landed.auxiliary_label,
        landed.piece_reference,
        landed.piece_date,
        landed.entry_label,
        landed.debit_amount,
        landed.credit_amount,
        landed.lettering_code,
        landed.lettering_date,
        landed.validation_date,
        landed.currency_amount,
        landed.currency_code,
        landed._batch_id as source_batch_id,
        landed.first_batch_id as first_source_batch_id,
        landed._source_file as source_file,
        landed._source_row as source_row
    from landed
    inner join live_exports
        on
            landed.slice_key = live_exports.slice_key
            and landed._batch_id = live_exports.batch_id
)

select * from final
