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
        current_month.closing_amount
        - (
            current_month.invoiced_so_far_amount
            - former.invoiced_so_far_amount
        ) as remaining_amount,
        max(case when former.invoiced_amount <= 0 then 1 else 0 end) over (
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
        sum(
            case
                when remaining_amount >= invoiced_amount
                    then cast(day_count as decimal(18, 4))
                else {{
                    divide(['remaining_amount', 'day_count'], 'invoiced_amount')
                }}
            end
        ) as countback_days,
        min(remaining_amount - invoiced_amount) as uncounted_amount
    from steps
    where is_past_a_gap = 0 and remaining_amount > 0
    group by partner_code, month_start_date
),

final as (
    select
        cast(gathered.month_start_date as string) || '|' || gathered.partner_code
            as receivables_month_id,
        gathered.month_start_date,
        gathered.partner_code,
        {{ amount(
            'gathered.closing_amount - gathered.invoiced_amount'
            ~ ' + gathered.settled_amount'
        ) }} as opening_amount,
        {{ amount('gathered.invoiced_amount') }} as invoiced_amount,
        {{ amount('gathered.paid_amount') }} as paid_amount,
        {{ amount('gathered.settled_amount - gathered.paid_amount') }}
            as discount_with_tax_amount,
        {{ amount('gathered.closing_amount') }} as closing_amount,
        {{ amount('gathered.overdue_amount') }} as overdue_amount,
        {{ percent('gathered.overdue_amount', positive('gathered.closing_amount')) }}
            as overdue_rate,
        {{ amount('gathered.invoiced_3_months_amount') }} as invoiced_3_months_amount,
        cast(gathered.days_3_months as integer) as days_3_months,
        case
            when gathered.invoiced_3_months_amount > 0
                then {{
                    divide(
                        ['gathered.closing_amount', 'gathered.days_3_months'],
                        'gathered.invoiced_3_months_amount'
                    )
                }}
        end as days_sales_outstanding,
        case
            when gathered.closing_amount <= 0 then cast(0 as decimal(18, 4))
            else {{ amount('counted.countback_days') }}
        end as days_sales_outstanding_countback,
        case
            when gathered.invoiced_3_months_amount <= 0 then 'no_sales'
            when
                gathered.closing_amount > 0
                and coalesce(counted.uncounted_amount, gathered.closing_amount) > 0
                then 'older_than_counted'
        end as reason_code,
        {{ company_currency() }} as currency_code
    from gathered
    left join counted
        on
            gathered.partner_code = counted.partner_code
            and gathered.month_start_date = counted.month_start_date
)

select * from final
