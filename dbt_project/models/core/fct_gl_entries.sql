-- Grain: one row per line of an entry of the general ledger.
-- Additive: debit_amount, credit_amount and balance_amount, over lines that are no
-- opening balances.
with

lines as (
    select * from {{ ref('stg_accounting__gl_entries') }}
),

accounts as (
    select * from {{ ref('int_gl_accounts_classified') }}
),

partners as (
    select partner_code from {{ ref('stg_erp__partners') }}
),

numbered as (
    select
        lines.*,
        accounts.account_class_code,
        lines.slice_key || '|' || lines.journal_code || '|'
        || coalesce(lines.entry_number, cast(lines.entry_date as string)) as entry_id,
        {{ amount('lines.debit_amount - lines.credit_amount') }} as balance_amount
    from lines
    left join accounts on lines.account_code = accounts.account_code
),

balanced as (
    select
        *,
        sum(balance_amount) over (partition by entry_id) = 0 as is_entry_balanced,
        max(
            case
                when account_class_code = 'rebate_accrual' and not is_opening then 1
                else 0
            end
        ) over (partition by entry_id) = 1 as is_rebate_accrual
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
        balanced.account_class_code,
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
        balanced.is_rebate_accrual,
        balanced.lettering_code,
        balanced.lettering_date,
        balanced.validation_date,
        {{ company_currency() }} as currency_code,
        balanced.currency_amount as document_amount,
        balanced.currency_code as document_currency_code,
        balanced.source_batch_id,
        balanced.first_source_batch_id,
        balanced.source_file,
        balanced.source_row
    from balanced
    left join partners on balanced.auxiliary_code = partners.partner_code
)

select * from final
