-- Grain: one row per month and partner, from its first document on to the as-of month.
-- Additive: amounts over partners; balances are not additive over months.
with

documents as (
    select * from {{ ref('fct_receivables') }}
),

payments as (
    select * from {{ ref('fct_payments') }}
    where
        payment_date <= {{ as_of_date() }}
        and exists (select 1 from documents)
),

-- Without payments all that was ever invoiced would be owed: nobody knows what is.
connected as (
    select count(*) > 0 as has_payments from {{ ref('fct_payments') }}
),

months as (
    select
        month_start_date,
        max(date_day) as month_end_date,
        count(*) as day_count
    from {{ ref('dim_dates') }}
    where date_day <= {{ as_of_date() }}
    group by month_start_date
),

-- A document and a payment move what is owed on their own day, and what is overdue once
-- the due date has passed.
movements as (
    select
        partner_code,
        invoice_date as balance_date,
        {{ add_days('due_date', 1) }} as overdue_date,
        total_amount as amount,
        total_amount as invoiced_amount,
        cast(0 as decimal(18, 4)) as paid_amount,
        cast(0 as decimal(18, 4)) as settled_amount
    from documents
    where invoice_date <= {{ as_of_date() }}
    union all
    select
        payments.partner_code,
        payments.payment_date as balance_date,
        case
            when documents.invoice_number is null then payments.payment_date
            when documents.due_date >= payments.payment_date
                then {{ add_days('documents.due_date', 1) }}
            when documents.due_date is not null then payments.payment_date
        end as overdue_date,
        -payments.settled_amount as amount,
        cast(0 as decimal(18, 4)) as invoiced_amount,
        payments.paid_amount,
        payments.settled_amount
    from payments
    left join documents on payments.invoice_number = documents.invoice_number
),

owed as (
    select
        partner_code,
        {{ month_start('balance_date') }} as month_start_date,
        sum(amount) as balance_change_amount,
        sum(invoiced_amount) as invoiced_amount,
        sum(paid_amount) as paid_amount,
        sum(settled_amount) as settled_amount
    from movements
    group by partner_code, {{ month_start('balance_date') }}
),

-- What has no rate moves no balance; what was invoiced and paid without one leaves
-- nothing. Between the two nobody knows what the partner owes.
without_rate as (
    select
        partner_code,
        invoice_number as document_number,
        document_currency_code,
        {{ month_start('invoice_date') }} as month_start_date,
        document_total_amount as document_amount,
        1 as invoice_count,
        0 as payment_count
    from documents
    where amount_reason_code is not null and invoice_date <= {{ as_of_date() }}
    union all
    select
        partner_code,
        coalesce(invoice_number, payment_number) as document_number,
        document_currency_code,
        {{ month_start('payment_date') }} as month_start_date,
        -document_settled_amount as document_amount,
        0 as invoice_count,
        1 as payment_count
    from payments
    where amount_reason_code is not null
),

standing as (
    select
        *,
        case when abs(document_balance_amount) > 0.01 then 1 else 0 end as is_standing
    from (
        select
            partner_code,
            document_number,
            document_currency_code,
            month_start_date,
            sum(invoice_count) as invoice_count,
            sum(payment_count) as payment_count,
            sum(sum(document_amount)) over (
                partition by partner_code, document_number, document_currency_code
                order by month_start_date
            ) as document_balance_amount
        from without_rate
        group by
            partner_code, document_number, document_currency_code, month_start_date
    ) as balanced
),

unconverted as (
    select
        partner_code,
        month_start_date,
        sum(invoice_count) as invoice_count,
        sum(payment_count) as payment_count,
        sum(is_standing - was_standing) as standing_change_count
    from (
        select
            *,
            lag(is_standing, 1, 0) over (
                partition by partner_code, document_number, document_currency_code
                order by month_start_date
            ) as was_standing
        from standing
    ) as stood
    group by partner_code, month_start_date
),

overdue as (
    select
        partner_code,
        {{ month_start('overdue_date') }} as month_start_date,
        sum(amount) as overdue_change_amount
    from movements
    where overdue_date <= {{ as_of_date() }}
    group by partner_code, {{ month_start('overdue_date') }}
),

first_months as (
    select
        partner_code,
        min(month_start_date) as first_month_date
    from owed
    group by partner_code
),

gathered as (
    select
        months.month_start_date,
        months.month_end_date,
        months.day_count,
        first_months.partner_code,
        coalesce(owed.invoiced_amount, 0) as invoiced_amount,
        coalesce(owed.paid_amount, 0) as paid_amount,
        coalesce(owed.settled_amount, 0) as settled_amount,
        coalesce(unconverted.invoice_count, 0) as unconverted_invoice_count,
        coalesce(unconverted.payment_count, 0) as unconverted_payment_count,
        sum(coalesce(unconverted.standing_change_count, 0)) over (
            partition by first_months.partner_code order by months.month_start_date
        ) as standing_count,
        sum(coalesce(unconverted.standing_change_count, 0)) over (
            partition by first_months.partner_code order by months.month_start_date
        ) - coalesce(unconverted.standing_change_count, 0) as former_standing_count,
        sum(coalesce(unconverted.invoice_count, 0)) over (
            partition by first_months.partner_code order by months.month_start_date
            rows between 2 preceding and current row
        ) as unconverted_3_months_count,
        sum(coalesce(owed.balance_change_amount, 0)) over (
            partition by first_months.partner_code order by months.month_start_date
        ) as closing_amount,
        sum(coalesce(overdue.overdue_change_amount, 0)) over (
            partition by first_months.partner_code order by months.month_start_date
        ) as overdue_amount,
        sum(coalesce(owed.invoiced_amount, 0)) over (
            partition by first_months.partner_code order by months.month_start_date
            rows between 2 preceding and current row
        ) as invoiced_3_months_amount,
        sum(months.day_count) over (
            partition by first_months.partner_code order by months.month_start_date
            rows between 2 preceding and current row
        ) as days_3_months,
        sum(coalesce(owed.invoiced_amount, 0)) over (
            partition by first_months.partner_code order by months.month_start_date
        ) as invoiced_so_far_amount
    from first_months
    inner join months
        on first_months.first_month_date <= months.month_start_date
    left join owed
        on
            first_months.partner_code = owed.partner_code
            and months.month_start_date = owed.month_start_date
    left join overdue
        on
            first_months.partner_code = overdue.partner_code
            and months.month_start_date = overdue.month_start_date
    left join unconverted
        on
            first_months.partner_code = unconverted.partner_code
            and months.month_start_date = unconverted.month_start_date
),

-- From the newest month backwards: the days of a month count as far as its invoices are
-- needed to make up what is owed. A month without sales ends the count.
steps as (
    select
        current_month.partner_code,
        current_month.month_start_date,
        current_month.closing_amount,
        former.day_count,
        former.invoiced_amount,
        former.unconverted_invoice_count,
        current_month.closing_amount
        - (
            current_month.invoiced_so_far_amount
            - former.invoiced_so_far_amount
        ) as remaining_amount,
        max(
            case
                when former.unconverted_invoice_count > 0 then 0
                when former.invoiced_amount <= 0 then 1
                else 0
            end
        ) over (
            partition by current_month.partner_code, current_month.month_start_date
            order by former.month_start_date desc
        ) as is_past_a_gap
    from gathered as current_month
    inner join gathered as former
        on
            current_month.partner_code = former.partner_code
            and current_month.month_start_date >= former.month_start_date
),

counted as (
    select
        partner_code,
        month_start_date,
        case
            when max(unconverted_invoice_count) = 0
                then sum(
                    case
                        when remaining_amount >= invoiced_amount
                            then cast(day_count as decimal(18, 4))
                        else {{
                            divide(
                                ['remaining_amount', 'day_count'], 'invoiced_amount'
                            )
                        }}
                    end
                )
        end as countback_days,
        min(remaining_amount - invoiced_amount) as uncounted_amount
    from steps
    where is_past_a_gap = 0 and remaining_amount > 0
    group by partner_code, month_start_date
),

known as (
    select
        gathered.*,
        connected.has_payments,
        case
            when former_standing_count = 0 and has_payments
                then closing_amount - invoiced_amount + settled_amount
        end as known_opening_amount,
        case when unconverted_invoice_count = 0 then invoiced_amount end
            as known_invoiced_amount,
        case when unconverted_payment_count = 0 and has_payments then paid_amount end
            as known_paid_amount,
        case
            when unconverted_payment_count = 0 and has_payments
                then settled_amount - paid_amount
        end as known_discount_amount,
        case when standing_count = 0 and has_payments then closing_amount end
            as known_closing_amount,
        case when standing_count = 0 and has_payments then overdue_amount end
            as known_overdue_amount,
        case when unconverted_3_months_count = 0 then invoiced_3_months_amount end
            as known_3_months_amount
    from gathered
    cross join connected
),

final as (
    select
        cast(known.month_start_date as string) || '|' || known.partner_code
            as receivables_month_id,
        known.month_start_date,
        known.partner_code,
        {{ amount('known.known_opening_amount') }} as opening_amount,
        {{ amount('known.known_invoiced_amount') }} as invoiced_amount,
        {{ amount('known.known_paid_amount') }} as paid_amount,
        {{ amount('known.known_discount_amount') }} as discount_with_tax_amount,
        {{ amount('known.known_closing_amount') }} as closing_amount,
        {{ amount('known.known_overdue_amount') }} as overdue_amount,
        {{ percent(
            'known.known_overdue_amount', positive('known.known_closing_amount')
        ) }} as overdue_rate,
        {{ amount('known.known_3_months_amount') }} as invoiced_3_months_amount,
        cast(known.days_3_months as integer) as days_3_months,
        case
            when known.known_3_months_amount > 0
                then {{
                    divide(
                        ['known.known_closing_amount', 'known.days_3_months'],
                        'known.known_3_months_amount'
                    )
                }}
        end as days_sales_outstanding,
        case
            when known.known_closing_amount <= 0 then cast(0 as decimal(18, 4))
            when known.known_closing_amount > 0
                then {{ amount('counted.countback_days') }}
        end as days_sales_outstanding_countback,
        case
            when not known.has_payments then 'payments_not_connected'
            when
                known.standing_count + known.former_standing_count
                + known.unconverted_3_months_count + known.unconverted_payment_count > 0
                then 'rate_missing'
            when known.invoiced_3_months_amount <= 0 then 'no_sales'
            when
                known.closing_amount > 0
                and coalesce(counted.uncounted_amount, known.closing_amount) > 0
                then 'older_than_counted'
        end as reason_code,
        {{ company_currency() }} as currency_code
    from known
    left join counted
        on
            known.partner_code = counted.partner_code
            and known.month_start_date = counted.month_start_date
)

select * from final
