-- Grain: one row per invoice line with a reduction that neither contract nor promotion
-- covers.
-- Additive: amounts, but for cost_to_date_amount.
with

lines as (
    select
        *,
        case when gross_amount < 0 then -1 else 1 end as direction
    from {{ ref('fct_sell_in') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

approvals as (
    select * from {{ ref('stg_erp__discount_approvals') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

approval_batches as (
    select count(*) as batch_count
    from {{ ref('stg_ledger__batches') }}
    where system_code = 'erp' and source_name = 'discount_approvals'
),

exceptions as (
    select
        lines.*,
        {{ reduction_rounding('lines.document_currency_code', 'rates') }}
            as rounding_amount,
        products.family_code
    from lines
    left join rates
        on
            lines.document_currency_code = rates.currency_code
            and lines.invoice_date = rates.date_day
    left join products on lines.product_code = products.product_code
    where lines.direction * lines.exception_discount_amount > 0
),

-- The discount of a line that an approval covers; a credit of price alone has no list
-- price to take a rate of: any approval in force covers it.
weighed as (
    select
        exceptions.invoice_line_id,
        approvals.approval_number,
        approvals.approved_by,
        approvals.approved_date,
        approvals.valid_from_date,
        approvals.valid_to_date,
        approvals.approved_rate,
        approvals.reason,
        {{ reduction_taken(
            'exceptions.exception_discount_amount',
            'case when exceptions.gross_amount = 0 '
            ~ 'then exceptions.exception_discount_amount else cast('
            ~ wide('exceptions.gross_amount')
            ~ ' * approvals.approved_rate as decimal(18, 2)) end',
            'exceptions.rounding_amount'
        ) }} as covered_amount,
        exceptions.exception_discount_amount,
        exceptions.conditions_date < approvals.valid_to_date as is_in_force,
        case when approvals.product_code <> '*' then 2 else 0 end
        + case when approvals.family_code <> '*' then 1 else 0 end as closeness
    from exceptions
    inner join approvals
        on
            exceptions.partner_code = approvals.partner_code
            and approvals.product_code in ('*', exceptions.product_code)
            and approvals.family_code in ('*', exceptions.family_code)
            and exceptions.conditions_date >= approvals.valid_from_date
),

judged as (
    select
        weighed.*,
        case
            when not is_in_force then 'expired'
            when covered_amount = exception_discount_amount then 'approved'
            else 'over_approved_rate'
        end as status_code
    from weighed
),

chosen as (
    select *
    from judged
    qualify
        row_number() over (
            partition by invoice_line_id
            order by
                case status_code
                    when 'approved' then 0
                    when 'over_approved_rate' then 1
                    else 2
                end asc,
                closeness desc,
                valid_to_date desc,
                approved_rate desc,
                approval_number asc
        ) = 1
),

decided as (
    select
        exceptions.*,
        chosen.approval_number,
        chosen.approved_by,
        chosen.approved_date,
        chosen.valid_from_date as approval_valid_from_date,
        chosen.valid_to_date as approval_valid_to_date,
        chosen.approved_rate,
        chosen.reason as approval_reason,
        case
            when approval_batches.batch_count = 0 then 'not_connected'
            else coalesce(chosen.status_code, 'unapproved')
        end as status_code,
        case
            when approval_batches.batch_count = 0 then null
            when chosen.is_in_force
                then exceptions.exception_discount_amount - chosen.covered_amount
            else exceptions.exception_discount_amount
        end as unapproved_amount
    from exceptions
    cross join approval_batches
    left join chosen on exceptions.invoice_line_id = chosen.invoice_line_id
),

final as (
    select
        invoice_line_id,
        invoice_number,
        invoice_date,
        conditions_date,
        {{ month_start('invoice_date') }} as month_start_date,
        partner_code,
        channel_code,
        product_code,
        family_code,
        gross_amount,
        contract_allowed_amount,
        promotion_allowed_amount,
        {{ amount('gross_amount - net_amount') }} as given_discount_amount,
        exception_discount_amount,
        {{ divide('exception_discount_amount', 'gross_amount') }} as exception_rate,
        case when gross_amount = 0 then 'no_gross_amount' end as reason_code,
        approval_number,
        approved_by,
        approved_date,
        approval_valid_from_date,
        approval_valid_to_date,
        approved_rate,
        approval_reason,
        status_code,
        case status_code
            when 'approved' then 'Approuvée'
            when 'over_approved_rate' then 'Au-delà du taux approuvé'
            when 'expired' then 'Accord expiré'
            when 'unapproved' then 'Sans accord'
            else 'Accords non connectés'
        end as status_name_fr,
        case status_code
            when 'approved' then 'Approved'
            when 'over_approved_rate' then 'Over the approved rate'
            when 'expired' then 'Approval expired'
            when 'unapproved' then 'Without approval'
            else 'Approvals not connected'
        end as status_name_en,
        {{ amount('unapproved_amount') }} as unapproved_amount,
        {{ amount(
            'sum(exception_discount_amount) over ('
            ~ 'partition by partner_code, status_code, approval_number '
            ~ 'order by invoice_date, invoice_line_id '
            ~ 'rows between unbounded preceding and current row)'
        ) }} as cost_to_date_amount,
        currency_code,
        source_batch_id,
        source_file,
        source_row
    from decided
)

select * from final
