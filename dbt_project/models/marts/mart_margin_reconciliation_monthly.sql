-- Grain: one row per month that the general ledger covers, measure and partner.
-- Additive over partners and months: all amounts of one measure.
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

accruals as (
    select * from {{ ref('fct_rebate_accruals') }} where accrual_amount <> 0
),

differences as (
    select * from {{ ref('fct_ledger_differences') }}
),

covered_months as (
    select month_start_date
    from lines
    group by month_start_date
),

invoiced as (
    select
        {{ month_start('invoice_date') }} as month_start_date,
        partner_code,
        sum(net_amount) as net_amount,
        count(*) - count(net_amount) as unconverted_count,
        sum(cost_amount) as cost_amount,
        sum(cost_correction_amount) as cost_correction_amount,
        count(*) as line_count,
        sum(case when cost_amount is null then 1 else 0 end) as line_without_cost_count
    from invoices
    group by {{ month_start('invoice_date') }}, partner_code
),

-- What documents add to the month: sales before tax, and what customers owe.
documented as (
    select
        'revenue' as measure_code,
        month_start_date,
        partner_code,
        net_amount as warehouse_amount,
        unconverted_count
    from invoiced
    union all
    select
        'receivable' as measure_code,
        month_start_date,
        partner_code,
        total_amount as warehouse_amount,
        case when total_amount is null then 1 else 0 end as unconverted_count
    from receivables
    union all
    select
        'receivable' as measure_code,
        month_start_date,
        partner_code,
        -settled_amount as warehouse_amount,
        case when settled_amount is null then 1 else 0 end as unconverted_count
    from payments
    where exists (select 1 from receivables)
    union all
    select
        'rebate_accrual' as measure_code,
        month_start_date,
        partner_code,
        accrual_amount as warehouse_amount,
        0 as unconverted_count
    from accruals
),

warehouse as (
    select
        measure_code,
        month_start_date,
        partner_code,
        sum(warehouse_amount) as warehouse_amount,
        sum(unconverted_count) as unconverted_count
    from documented
    group by measure_code, month_start_date, partner_code
),

explained as (
    select
        measure_code,
        month_start_date,
        partner_code,
        sum(
            case when cause_code = 'missing_in_ledger' then difference_amount else 0 end
        ) as missing_in_ledger_amount,
        sum(
            case
                when cause_code = 'missing_in_warehouse' then difference_amount
                else 0
            end
        ) as missing_in_warehouse_amount,
        sum(case when cause_code = 'other_month' then difference_amount else 0 end)
            as other_month_amount,
        sum(case when cause_code = 'other_partner' then difference_amount else 0 end)
            as other_partner_amount,
        sum(case when cause_code = 'other_amount' then difference_amount else 0 end)
            as other_amount_amount,
        sum(case when cause_code = 'manual_entry' then difference_amount else 0 end)
            as manual_entry_amount,
        sum(case when cause_code = 'rounding' then difference_amount else 0 end)
            as rounding_amount,
        sum(difference_amount) as difference_amount,
        count(*) as document_count
    from differences
    group by measure_code, month_start_date, partner_code
),

document_keys as (
    select
        measure_code,
        month_start_date,
        partner_code
    from warehouse
    union distinct
    select
        measure_code,
        month_start_date,
        partner_code
    from explained
),

-- What the ledger says of a partner is what the documents say and the differences: the
-- partner of a ledger document is found there, once.
by_document as (
    select
        document_keys.measure_code,
        document_keys.month_start_date,
        document_keys.partner_code,
        coalesce(warehouse.warehouse_amount, 0) as warehouse_amount,
        coalesce(warehouse.warehouse_amount, 0)
        + coalesce(explained.difference_amount, 0) as ledger_amount,
        coalesce(explained.missing_in_ledger_amount, 0) as missing_in_ledger_amount,
        coalesce(explained.missing_in_warehouse_amount, 0)
            as missing_in_warehouse_amount,
        coalesce(explained.other_month_amount, 0) as other_month_amount,
        coalesce(explained.other_partner_amount, 0) as other_partner_amount,
        coalesce(explained.other_amount_amount, 0) as other_amount_amount,
        coalesce(explained.manual_entry_amount, 0) as manual_entry_amount,
        coalesce(explained.rounding_amount, 0) as rounding_amount,
        cast(0 as decimal(18, 4)) as corrected_cost_amount,
        cast(0 as decimal(18, 4)) as unexplained_amount,
        coalesce(explained.document_count, 0) as document_count,
        case when warehouse.unconverted_count > 0 then 'rate_missing' end as reason_code
    from document_keys
    left join warehouse
        on
            document_keys.measure_code = warehouse.measure_code
            and document_keys.month_start_date = warehouse.month_start_date
            and document_keys.partner_code = warehouse.partner_code
    left join explained
        on
            document_keys.measure_code = explained.measure_code
            and document_keys.month_start_date = explained.month_start_date
            and document_keys.partner_code = explained.partner_code
),

-- Where the warehouse has nothing to compare with, the ledger stands alone.
uncompared_lines as (
    select
        'receivable' as measure_code,
        case
            when exists (select 1 from {{ ref('fct_receivables') }})
                then 'payments_not_connected'
            else 'invoices_not_connected'
        end as reason_code,
        month_start_date,
        balance_amount
    from lines
    where
        account_class_code = 'receivable'
        and not exists (select 1 from receivables)
    union all
    select
        'rebate_accrual' as measure_code,
        'programmes_not_connected' as reason_code,
        month_start_date,
        balance_amount
    from lines
    where
        is_rebate_accrual
        and account_class_code = 'price_reduction'
        and not exists (select 1 from accruals)
),

uncompared as (
    select
        measure_code,
        month_start_date,
        'NONE' as partner_code,
        cast(null as decimal(18, 4)) as warehouse_amount,
        sum(balance_amount) as ledger_amount,
        cast(null as decimal(18, 4)) as missing_in_ledger_amount,
        cast(null as decimal(18, 4)) as missing_in_warehouse_amount,
        cast(null as decimal(18, 4)) as other_month_amount,
        cast(null as decimal(18, 4)) as other_partner_amount,
        cast(null as decimal(18, 4)) as other_amount_amount,
        cast(null as decimal(18, 4)) as manual_entry_amount,
        cast(null as decimal(18, 4)) as rounding_amount,
        cast(null as decimal(18, 4)) as corrected_cost_amount,
        cast(null as decimal(18, 4)) as unexplained_amount,
        0 as document_count,
        reason_code
    from uncompared_lines
    group by measure_code, reason_code, month_start_date
),

booked_costs as (
    select
        month_start_date,
        sum(balance_amount) as ledger_amount
    from lines
    where account_class_code = 'cost_of_goods'
    group by month_start_date
),

booked_span as (
    select
        min(month_start_date) as first_month_date,
        max(month_start_date) as last_month_date
    from booked_costs
),

invoice_costs as (
    select
        invoice_number,
        sum(cost_amount) as cost_amount
    from invoices
    group by invoice_number
),

calculated_costs as (
    select
        month_start_date,
        sum(cost_amount) as warehouse_amount,
        sum(cost_correction_amount) as cost_correction_amount,
        sum(line_count) as line_count,
        sum(line_without_cost_count) as line_without_cost_count
    from invoiced
    group by month_start_date
),

-- An invoice that the ledger lacks, or has in another month, has its cost there too.
costs_elsewhere as (
    select
        differences.month_start_date,
        sum(
            case
                when differences.cause_code = 'missing_in_ledger'
                    then -invoice_costs.cost_amount
                else 0
            end
        ) as missing_amount,
        sum(
            case
                when differences.cause_code <> 'other_month' then 0
                when differences.ledger_amount = 0 then -invoice_costs.cost_amount
                when differences.warehouse_amount = 0 then invoice_costs.cost_amount
                else 0
            end
        ) as other_month_amount
    from differences
    inner join invoice_costs
        on differences.document_number = invoice_costs.invoice_number
    where differences.measure_code = 'revenue'
    group by differences.month_start_date
),

-- From the first month with a booked cost to the last one, each is held against the
-- ledger: one without has none. The ledger rounds each line to the cent: half a cent a
-- line is rounding.
costs_compared as (
    select
        covered_months.month_start_date,
        coalesce(calculated_costs.warehouse_amount, 0) as warehouse_amount,
        coalesce(booked_costs.ledger_amount, 0) as ledger_amount,
        coalesce(booked_costs.ledger_amount, 0)
        - coalesce(calculated_costs.warehouse_amount, 0) as difference_amount,
        0.005 * coalesce(calculated_costs.line_count, 0) as rounding_limit_amount,
        coalesce(calculated_costs.cost_correction_amount, 0) as cost_correction_amount,
        coalesce(
            sum(calculated_costs.cost_correction_amount) over (
                order by covered_months.month_start_date nulls last
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as former_correction_amount,
        coalesce(costs_elsewhere.missing_amount, 0) as missing_amount,
        coalesce(costs_elsewhere.other_month_amount, 0) as other_month_amount,
        coalesce(
            costs_elsewhere.missing_amount + costs_elsewhere.other_month_amount, 0
        ) as elsewhere_amount,
        coalesce(calculated_costs.line_without_cost_count, 0) as line_without_cost_count
    from covered_months
    inner join booked_span
        on
            covered_months.month_start_date >= booked_span.first_month_date
            and covered_months.month_start_date <= booked_span.last_month_date
    left join booked_costs
        on covered_months.month_start_date = booked_costs.month_start_date
    left join calculated_costs
        on covered_months.month_start_date = calculated_costs.month_start_date
    left join costs_elsewhere
        on covered_months.month_start_date = costs_elsewhere.month_start_date
),

costs_placed as (
    select
        *,
        least(
            abs(difference_amount),
            abs(difference_amount + cost_correction_amount),
            abs(difference_amount - former_correction_amount)
        ) > rounding_limit_amount
        and least(
            abs(difference_amount - elsewhere_amount),
            abs(difference_amount - elsewhere_amount + cost_correction_amount),
            abs(difference_amount - elsewhere_amount - former_correction_amount)
        ) <= rounding_limit_amount as is_elsewhere
    from costs_compared
),

-- A corrected cost is not in the ledger of its month before it is booked there; booked
-- later, it is too much in that month.
costs_corrected as (
    select
        *,
        case
            when abs(placed_difference_amount) <= rounding_limit_amount then 0
            when
                abs(placed_difference_amount + cost_correction_amount)
                <= rounding_limit_amount
                then -cost_correction_amount
            when
                abs(placed_difference_amount - former_correction_amount)
                <= rounding_limit_amount
                then former_correction_amount
            else 0
        end as corrected_cost_amount
    from (
        select
            *,
            case
                when is_elsewhere then difference_amount - elsewhere_amount
                else difference_amount
            end as placed_difference_amount
        from costs_placed
    ) as placed
),

costs as (
    select
        'cost_of_goods' as measure_code,
        month_start_date,
        'NONE' as partner_code,
        warehouse_amount,
        ledger_amount,
        case when is_elsewhere then missing_amount else 0 end
            as missing_in_ledger_amount,
        cast(0 as decimal(18, 4)) as missing_in_warehouse_amount,
        case when is_elsewhere then other_month_amount else 0 end as other_month_amount,
        cast(0 as decimal(18, 4)) as other_partner_amount,
        cast(0 as decimal(18, 4)) as other_amount_amount,
        cast(0 as decimal(18, 4)) as manual_entry_amount,
        case
            when
                abs(placed_difference_amount - corrected_cost_amount)
                <= rounding_limit_amount
                then placed_difference_amount - corrected_cost_amount
            else 0
        end as rounding_amount,
        corrected_cost_amount,
        case
            when
                abs(placed_difference_amount - corrected_cost_amount)
                <= rounding_limit_amount
                then 0
            else difference_amount
        end as unexplained_amount,
        0 as document_count,
        case when line_without_cost_count > 0 then 'cost_unknown' end as reason_code
    from costs_corrected
),

measures as (
    select * from by_document
    union all
    select * from uncompared
    union all
    select * from costs
),

final as (
    select
        measures.measure_code || '|' || cast(measures.month_start_date as string)
        || '|' || measures.partner_code as margin_reconciliation_id,
        measures.month_start_date,
        measures.measure_code,
        measures.partner_code,
        {{ amount('measures.warehouse_amount') }} as warehouse_amount,
        {{ amount('measures.ledger_amount') }} as ledger_amount,
        {{ amount('measures.ledger_amount - measures.warehouse_amount') }}
            as difference_amount,
        {{ amount('measures.missing_in_ledger_amount') }} as missing_in_ledger_amount,
        {{ amount('measures.missing_in_warehouse_amount') }}
            as missing_in_warehouse_amount,
        {{ amount('measures.other_month_amount') }} as other_month_amount,
        {{ amount('measures.other_partner_amount') }} as other_partner_amount,
        {{ amount('measures.other_amount_amount') }} as other_amount_amount,
        {{ amount('measures.manual_entry_amount') }} as manual_entry_amount,
        {{ amount('measures.rounding_amount') }} as rounding_amount,
        {{ amount('measures.corrected_cost_amount') }} as corrected_cost_amount,
        {{ amount('measures.unexplained_amount') }} as unexplained_amount,
        cast(measures.document_count as bigint) as document_count,
        case
            when measures.warehouse_amount is null then 'not_computed'
            when measures.ledger_amount = measures.warehouse_amount then 'agrees'
            when measures.unexplained_amount <> 0 then 'unexplained'
            else 'explained'
        end as status_code,
        measures.reason_code,
        {{ company_currency() }} as currency_code
    from measures
    inner join covered_months
        on measures.month_start_date = covered_months.month_start_date
)

select * from final
