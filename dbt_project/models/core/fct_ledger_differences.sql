-- Grain: one row per measure, document, month and partner in which the ERP and the
-- general ledger differ; months that the ledger covers, and documents that it knows;
-- both as booked and dated up to the as-of day.
-- Additive within a measure: difference_amount.
with

lines as (
    select * from {{ ref('fct_gl_entries') }}
    where not is_opening and entry_date <= {{ as_of_date() }}
),

invoices as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

payments as (
    select * from {{ ref('fct_payments') }} where payment_date <= {{ as_of_date() }}
),

receivables as (
    {{ comparable_receivables() }}
),

booked_receivables as (
    select * from {{ ref('int_gl_receivables_named') }}
),

accruals as (
    select * from {{ ref('fct_rebate_accruals') }} where accrual_amount <> 0
),

programmes as (
    select programme_code
    from {{ ref('dim_rebate_programmes') }}
    group by programme_code
),

covered_months as (
    select month_start_date
    from lines
    group by month_start_date
),

rounding as (
    select {{ threshold('reconciliation_rounding_amount') }} as rounding_amount
    from {{ ref('dim_thresholds') }}
    where channel_code = '*'
),

-- An entry may hold several documents; each has its own customer line.
pieces as (
    select
        entry_id,
        coalesce(piece_reference, entry_id) as document_number,
        month_start_date,
        case when count(distinct partner_code) = 1 then min(partner_code) end
            as partner_code,
        sum(case when account_class_code = 'receivable' then 1 else 0 end)
            as receivable_line_count,
        sum(
            case
                when account_class_code in ('revenue', 'price_reduction')
                    then -balance_amount
                else 0
            end
        ) as ledger_amount,
        sum(
            case when account_class_code in ('revenue', 'price_reduction') then 1 else 0
            end
        ) as revenue_line_count,
        min(
            case
                when account_class_code in ('revenue', 'price_reduction')
                    then source_file
            end
        ) as source_file,
        min(
            case
                when account_class_code in ('revenue', 'price_reduction')
                    then source_row
            end
        ) as source_row
    from lines
    where not is_rebate_accrual
    group by entry_id, coalesce(piece_reference, entry_id), month_start_date
),

-- Accruals of rebates: those that bear a programme's code at the beginning of their
-- piece are that programme's.
rebate_pieces as (
    select
        entry_id,
        coalesce(piece_reference, entry_id) as document_number,
        month_start_date,
        case when count(distinct partner_code) = 1 then min(partner_code) end
            as partner_code,
        sum(
            case when account_class_code = 'price_reduction' then balance_amount else 0
            end
        ) as ledger_amount,
        min(case when account_class_code = 'price_reduction' then source_file end)
            as source_file,
        min(case when account_class_code = 'price_reduction' then source_row end)
            as source_row
    from lines
    where is_rebate_accrual and exists (select 1 from accruals)
    group by entry_id, coalesce(piece_reference, entry_id), month_start_date
    having sum(case when account_class_code = 'price_reduction' then 1 else 0 end) > 0
),

rebate_pieces_named as (
    select
        rebate_pieces.*,
        coalesce(
            programmes.programme_code || '/' || rebate_pieces.partner_code,
            rebate_pieces.document_number
        ) as rebate_number
    from rebate_pieces
    left join programmes
        on
            programmes.programme_code
            = substr(
                rebate_pieces.document_number, 1, length(programmes.programme_code)
            )
    qualify
        row_number() over (
            partition by
                rebate_pieces.entry_id,
                rebate_pieces.document_number,
                rebate_pieces.month_start_date
            order by length(programmes.programme_code) desc nulls last
        ) = 1
),

ledger_documents as (
    select
        'revenue' as measure_code,
        document_number,
        month_start_date,
        coalesce(partner_code, 'NONE') as partner_code,
        sum(ledger_amount) as ledger_amount,
        sum(receivable_line_count) as customer_line_count,
        {{ of_first_row('source_file', 'source_file') }} as source_file,
        {{ of_first_row('source_row', 'source_file') }} as source_row
    from pieces
    where revenue_line_count > 0
    group by document_number, month_start_date, coalesce(partner_code, 'NONE')
    union all
    select
        'receivable' as measure_code,
        document_number,
        month_start_date,
        coalesce(partner_code, 'NONE') as partner_code,
        sum(ledger_amount) as ledger_amount,
        sum(customer_line_count) as customer_line_count,
        {{ of_first_row('source_file', 'source_file') }} as source_file,
        {{ of_first_row('source_row', 'source_file') }} as source_row
    from booked_receivables
    where exists (select 1 from receivables)
    group by document_number, month_start_date, coalesce(partner_code, 'NONE')
    union all
    select
        'rebate_accrual' as measure_code,
        rebate_number as document_number,
        month_start_date,
        coalesce(partner_code, 'NONE') as partner_code,
        sum(ledger_amount) as ledger_amount,
        count(partner_code) as customer_line_count,
        {{ of_first_row('source_file', 'source_file') }} as source_file,
        {{ of_first_row('source_row', 'source_file') }} as source_row
    from rebate_pieces_named
    group by rebate_number, month_start_date, coalesce(partner_code, 'NONE')
),

ledger_totals as (
    select
        measure_code,
        document_number,
        sum(ledger_amount) as ledger_amount,
        sum(customer_line_count) as customer_line_count,
        min(month_start_date) as first_month_date,
        max(month_start_date) as last_month_date,
        min(partner_code) as first_partner_code,
        max(partner_code) as last_partner_code
    from ledger_documents
    group by measure_code, document_number
),

warehouse_documents as (
    select
        'revenue' as measure_code,
        invoice_number as document_number,
        {{ month_start('invoice_date') }} as month_start_date,
        partner_code,
        sum(net_amount) as warehouse_amount
    from invoices
    group by invoice_number, {{ month_start('invoice_date') }}, partner_code
    union all
    select
        'receivable' as measure_code,
        invoice_number as document_number,
        month_start_date,
        partner_code,
        total_amount as warehouse_amount
    from receivables
    union all
    select
        'receivable' as measure_code,
        payment_number as document_number,
        month_start_date,
        partner_code,
        -settled_amount as warehouse_amount
    from payments
    where exists (select 1 from receivables)
    union all
    select
        'rebate_accrual' as measure_code,
        accruals.programme_code || '/' || accruals.partner_code as document_number,
        accruals.month_start_date,
        accruals.partner_code,
        accruals.accrual_amount as warehouse_amount
    from accruals
    inner join covered_months
        on accruals.month_start_date = covered_months.month_start_date
),

warehouse_totals as (
    select
        measure_code,
        document_number,
        sum(warehouse_amount) as warehouse_amount,
        count(*) - count(warehouse_amount) as unconverted_count,
        min(month_start_date) as month_start_date,
        min(partner_code) as partner_code
    from warehouse_documents
    group by measure_code, document_number
),

compared as (
    select
        coalesce(warehouse_totals.measure_code, ledger_totals.measure_code)
            as measure_code,
        coalesce(warehouse_totals.document_number, ledger_totals.document_number)
            as document_number,
        case
            when
                ledger_totals.document_number is null
                then 'missing_in_ledger'
            when
                warehouse_totals.document_number is null
                and ledger_totals.customer_line_count > 0
                then 'missing_in_warehouse'
            when
                warehouse_totals.document_number is null
                then 'manual_entry'
            -- What has no exchange rate has no amount here.
            when
                warehouse_totals.unconverted_count > 0
                or abs(ledger_totals.ledger_amount - warehouse_totals.warehouse_amount)
                > rounding.rounding_amount
                then 'other_amount'
            when
                ledger_totals.first_month_date <> warehouse_totals.month_start_date
                or ledger_totals.last_month_date <> warehouse_totals.month_start_date
                then 'other_month'
            when
                ledger_totals.first_partner_code <> warehouse_totals.partner_code
                or ledger_totals.last_partner_code <> warehouse_totals.partner_code
                then 'other_partner'
            else 'rounding'
        end as cause_code
    from warehouse_totals
    full outer join ledger_totals
        on
            warehouse_totals.measure_code = ledger_totals.measure_code
            and warehouse_totals.document_number = ledger_totals.document_number
    cross join rounding
),

sides as (
    select
        measure_code,
        document_number,
        month_start_date,
        partner_code,
        warehouse_amount,
        cast(0 as decimal(18, 4)) as ledger_amount,
        cast(null as string) as source_file,
        cast(null as bigint) as source_row
    from warehouse_documents
    union all
    select
        measure_code,
        document_number,
        month_start_date,
        partner_code,
        cast(0 as decimal(18, 4)) as warehouse_amount,
        ledger_amount,
        source_file,
        source_row
    from ledger_documents
),

differences as (
    select
        measure_code,
        document_number,
        month_start_date,
        partner_code,
        sum(warehouse_amount) as warehouse_amount,
        sum(ledger_amount) as ledger_amount,
        min(source_file) as source_file,
        min(source_row) as source_row
    from sides
    group by measure_code, document_number, month_start_date, partner_code
    having sum(warehouse_amount) <> sum(ledger_amount)
),

final as (
    select
        differences.measure_code || '|' || differences.document_number || '|'
        || cast(differences.month_start_date as string) || '|'
        || differences.partner_code as ledger_difference_id,
        differences.measure_code,
        differences.document_number,
        differences.month_start_date,
        differences.partner_code,
        compared.cause_code,
        {{ amount('differences.warehouse_amount') }} as warehouse_amount,
        {{ amount('differences.ledger_amount') }} as ledger_amount,
        {{ amount('differences.ledger_amount - differences.warehouse_amount') }}
            as difference_amount,
        {{ company_currency() }} as currency_code,
        differences.source_file,
        differences.source_row
    from differences
    inner join compared
        on
            differences.measure_code = compared.measure_code
            and differences.document_number = compared.document_number
    left join covered_months
        on differences.month_start_date = covered_months.month_start_date
    left join ledger_totals
        on
            differences.measure_code = ledger_totals.measure_code
            and differences.document_number = ledger_totals.document_number
    where
        covered_months.month_start_date is not null
        or ledger_totals.document_number is not null
)

select * from final
