-- Grain: one row per line of an entry of the general ledger.
-- Additive: debit_amount, credit_amount and balance_amount, over lines that are no
-- opening balances.
with

lines as (
    select * from {{ ref('stg_accounting__gl_entries') }}
),

partners as (
    select partner_code from {{ ref('stg_erp__partners') }}
),

numbered as (
    select
        *,
        slice_key || '|' || journal_code || '|'
        || coalesce(entry_number, cast(entry_date as string)) as entry_id,
        {{ amount('debit_amount - credit_amount') }} as balance_amount
    from lines
),

balanced as (
    select
        *,
        sum(balance_amount) over (partition by entry_id) = 0 as is_entry_balanced
    from numbered
),

final as (
    select
        balanced.gl_line_id,
        balanced.slice_key,
        balanced.fiscal_year_end_date,
        balanced.entry_id,
        balanced.journal_code,
        balanced.journal_label,
        balanced.is_opening,
        balanced.entry_number,
        balanced.entry_date,
        {{ month_start('balanced.entry_date') }} as month_start_date,
        balanced.account_code,
        balanced.account_label,
        balanced.auxiliary_code,
        balanced.auxiliary_label,
        partners.partner_code,
        balanced.piece_reference,
        balanced.piece_date,
        balanced.entry_label,
        balanced.debit_amount,
        balanced.credit_amount,
        balanced.balance_amount,
        balanced.is_entry_balanced,
        balanced.lettering_code,
        balanced.lettering_date,
        balanced.validation_date,
        balanced.currency_amount,
        balanced.currency_code,
        balanced.source_batch_id,
        balanced.source_file,
        balanced.source_row
    from balanced
    left join partners on balanced.auxiliary_code = partners.partner_code
)

select * from final
