-- Grain: one row per rebate programme, version and period that asks for something more
-- than a tier x account x month, as it was known at the month's end.
with

purchases as (
    select * from {{ ref('int_rebate_purchases_qualified') }}
    where is_measured and not is_last_year
),

accounts as (
    select * from {{ ref('int_rebate_accounts_accumulated') }}
),

programmes as (
    select * from {{ ref('stg_rules__rebate_programmes') }}
),

minimums as (
    select * from {{ ref('stg_rules__rebate_scopes') }} where role_code = 'minimum'
),

-- A report that carries sales and stock is one report.
reports as (
    select
        partner_code,
        feed_code,
        period_start_date,
        max(due_date) as due_date,
        max(case when is_reported then 1 else 0 end) as is_reported,
        min(coalesce(first_received_at, received_at)) as received_at
    from {{ ref('fct_reporting_periods') }}
    where is_expected and is_of_record and due_date <= {{ as_of_date() }}
    group by partner_code, feed_code, period_start_date
),

payments as (
    select count(*) as payment_count from {{ ref('fct_payments') }}
),

trainings as (
    select * from {{ ref('fct_trainings') }}
    where training_date <= {{ as_of_date() }}
),

training_register as (
    select min(training_date) as first_training_date from trainings
),

asking as (
    select
        programme_code,
        valid_from_date
    from programmes
    where
        paid_on_time_minimum_rate is not null
        or reporting_minimum_rate is not null
        or certified_when_unknown_code is not null
    union distinct
    select
        programme_code,
        valid_from_date
    from minimums
),

-- Nobody knows of a partner before its first purchase: what was met stays met.
members as (
    select
        purchases.programme_code,
        purchases.programme_version_date,
        purchases.period_start_date,
        purchases.period_end_date,
        purchases.account_code,
        purchases.partner_code,
        min(purchases.known_month_date) as joined_month_date
    from purchases
    inner join asking
        on
            purchases.programme_code = asking.programme_code
            and purchases.programme_version_date = asking.valid_from_date
    group by all
),

-- Invoices matter to a condition of payment alone.
asked_to_pay as (
    select members.partner_code
    from members
    inner join programmes
        on
            members.programme_code = programmes.programme_code
            and members.programme_version_date = programmes.valid_from_date
    where programmes.paid_on_time_minimum_rate is not null
    group by members.partner_code
),

their_lines as (
    select
        invoices.invoice_number,
        invoices.invoice_type,
        invoices.partner_code,
        invoices.invoice_date,
        invoices.due_date,
        invoices.net_amount,
        invoices.document_net_amount,
        invoices.document_currency_code
    from {{ ref('fct_sell_in') }} as invoices
    inner join asked_to_pay on invoices.partner_code = asked_to_pay.partner_code
),

their_invoices as (
    {{ invoices_of('their_lines') }}
),

settled as (
    {{ invoices_settled('their_invoices') }}
),

-- What fell due, and what of it was paid by then; reports that fell due, and those that
-- came, from the month on in which they came.
happened as (
    select
        their_invoices.partner_code,
        {{ month_start('their_invoices.due_date') }} as due_month_date,
        {{ month_start('their_invoices.due_date') }} as month_start_date,
        their_invoices.net_amount as due_amount,
        case
            when settled.settled_date <= their_invoices.due_date
                then their_invoices.net_amount
            else 0
        end as on_time_amount,
        0 as expected_reports,
        0 as received_reports
    from their_invoices
    left join settled on their_invoices.invoice_number = settled.invoice_number
    cross join payments
    where
        their_invoices.due_date <= {{ as_of_date() }}
        and payments.payment_count > 0
    union all
    select
        partner_code,
        {{ month_start('due_date') }} as due_month_date,
        {{ month_start('due_date') }} as month_start_date,
        0 as due_amount,
        0 as on_time_amount,
        1 as expected_reports,
        0 as received_reports
    from reports
    union all
    select
        partner_code,
        {{ month_start('due_date') }} as due_month_date,
        {{ month_start(
            'greatest(due_date, coalesce(cast(received_at as date), due_date))'
        ) }} as month_start_date,
        0 as due_amount,
        0 as on_time_amount,
        0 as expected_reports,
        1 as received_reports
    from reports
    where is_reported = 1
),

happened_monthly as (
    select
        members.programme_code,
        members.programme_version_date,
        members.period_start_date,
        members.account_code,
        greatest(happened.month_start_date, members.joined_month_date)
            as month_start_date,
        sum(happened.due_amount) as due_amount,
        sum(happened.on_time_amount) as on_time_amount,
        sum(happened.expected_reports) as expected_reports,
        sum(happened.received_reports) as received_reports
    from members
    inner join happened
        on
            members.partner_code = happened.partner_code
            and members.period_start_date <= happened.due_month_date
            and members.period_end_date > happened.due_month_date
    group by all
),

months as (
    select
        accounts.*,
        programmes.measure_code,
        programmes.paid_on_time_minimum_rate,
        programmes.paid_on_time_when_unknown_code,
        programmes.reporting_minimum_rate,
        programmes.reporting_when_unknown_code,
        programmes.certified_when_unknown_code,
        programmes.certification_code
    from accounts
    inner join programmes
        on
            accounts.programme_code = programmes.programme_code
            and accounts.programme_version_date = programmes.valid_from_date
    inner join asking
        on
            accounts.programme_code = asking.programme_code
            and accounts.programme_version_date = asking.valid_from_date
),

accumulated as (
    select
        months.*,
        sum(happened_monthly.due_amount) over account as due_amount,
        sum(happened_monthly.on_time_amount) over account as on_time_amount,
        sum(happened_monthly.expected_reports) over account as expected_reports,
        sum(happened_monthly.received_reports) over account as received_reports
    from months
    left join happened_monthly
        on
            months.programme_code = happened_monthly.programme_code
            and months.programme_version_date = happened_monthly.programme_version_date
            and months.period_start_date = happened_monthly.period_start_date
            and months.account_code = happened_monthly.account_code
            and months.month_start_date = happened_monthly.month_start_date
    window account as (
        partition by
            months.programme_code,
            months.programme_version_date,
            months.period_start_date,
            months.account_code
        order by months.month_start_date nulls last
    )
),

month_ends as (
    select
        month_start_date,
        {{ add_days(add_months('month_start_date', 1), -1) }} as month_end_date
    from months
    where certified_when_unknown_code is not null
    group by month_start_date
),

-- A certificate has to hold at the month's end, or on the as-of day in a month that has
-- not ended. One that lapses after the period takes nothing back.
judged_days as (
    select
        months.programme_code,
        months.programme_version_date,
        months.period_start_date,
        months.account_code,
        months.month_start_date,
        months.certification_code,
        least(
            month_ends.month_end_date,
            {{ add_days('months.period_end_date', -1) }},
            {{ as_of_date() }}
        ) as judged_date
    from months
    inner join month_ends on months.month_start_date = month_ends.month_start_date
    where months.certified_when_unknown_code is not null
),

certified_members as (
    select
        judged_days.programme_code,
        judged_days.programme_version_date,
        judged_days.period_start_date,
        judged_days.account_code,
        judged_days.month_start_date,
        judged_days.judged_date,
        members.partner_code,
        max(case when trainings.training_number is not null then 1 else 0 end)
            as is_certified
    from judged_days
    inner join members
        on
            judged_days.programme_code = members.programme_code
            and judged_days.programme_version_date = members.programme_version_date
            and judged_days.period_start_date = members.period_start_date
            and judged_days.account_code = members.account_code
            and judged_days.month_start_date >= members.joined_month_date
    left join trainings
        on
            members.partner_code = trainings.partner_code
            and judged_days.judged_date >= trainings.certified_from_date
            and judged_days.judged_date < trainings.certified_to_date
            and coalesce(
                judged_days.certification_code = trainings.certification_code, true
            )
    group by
        judged_days.programme_code,
        judged_days.programme_version_date,
        judged_days.period_start_date,
        judged_days.account_code,
        judged_days.month_start_date,
        judged_days.judged_date,
        members.partner_code
),

certificates as (
    select
        certified_members.programme_code,
        certified_members.programme_version_date,
        certified_members.period_start_date,
        certified_members.account_code,
        certified_members.month_start_date,
        case
            when register.first_training_date is null then 'unknown'
            when register.first_training_date > certified_members.judged_date
                then 'unknown'
            when min(certified_members.is_certified) = 1 then 'met'
            else 'unmet'
        end as certified_status_code
    from certified_members
    cross join training_register as register
    group by
        certified_members.programme_code,
        certified_members.programme_version_date,
        certified_members.period_start_date,
        certified_members.account_code,
        certified_members.month_start_date,
        certified_members.judged_date,
        register.first_training_date
),

-- Parts of a bundle or mix: how much of each has been purchased.
parts as (
    select
        months.programme_code,
        months.programme_version_date,
        months.period_start_date,
        months.account_code,
        months.month_start_date,
        months.measured_value,
        months.done_share,
        minimums.dimension_code,
        minimums.scope_code,
        minimums.scope_value,
        minimums.scope_share_rate,
        coalesce(
            sum(
                case
                    when months.measure_code = 'units' then purchases.purchased_quantity
                    else purchases.purchased_amount
                end
            ),
            0
        ) as part_value
    from months
    inner join minimums
        on
            months.programme_code = minimums.programme_code
            and months.programme_version_date = minimums.valid_from_date
    left join purchases
        on
            months.programme_code = purchases.programme_code
            and months.programme_version_date = purchases.programme_version_date
            and months.period_start_date = purchases.period_start_date
            and months.account_code = purchases.account_code
            and months.month_start_date >= purchases.known_month_date
            and minimums.scope_code = case
                when minimums.dimension_code = 'product'
                    then purchases.named_product_code
                else purchases.family_code
            end
    group by all
),

bundles as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        account_code,
        month_start_date,
        min(
            case
                when
                    part_value
                    >= coalesce(scope_value, scope_share_rate * measured_value)
                    then 1
                else 0
            end
        ) as is_complete,
        min(
            case
                when
                    part_value
                    >= coalesce(
                        scope_value * done_share, scope_share_rate * measured_value
                    )
                    then 1
                else 0
            end
        ) as is_expected_complete
    from parts
    group by all
),

judged as (
    select
        accumulated.*,
        case
            when paid_on_time_minimum_rate is null then null
            when due_amount is null or due_amount <= 0 then 'unknown'
            when on_time_amount >= paid_on_time_minimum_rate * due_amount then 'met'
            else 'unmet'
        end as paid_on_time_status_code,
        case
            when reporting_minimum_rate is null then null
            when expected_reports is null or expected_reports = 0 then 'unknown'
            when
                received_reports >= reporting_minimum_rate * expected_reports
                then 'met'
            else 'unmet'
        end as reporting_status_code,
        case
            when accumulated.certified_when_unknown_code is not null
                then coalesce(certificates.certified_status_code, 'unknown')
        end as certified_status_code
    from accumulated
    left join certificates
        on
            accumulated.programme_code = certificates.programme_code
            and accumulated.programme_version_date
            = certificates.programme_version_date
            and accumulated.period_start_date = certificates.period_start_date
            and accumulated.account_code = certificates.account_code
            and accumulated.month_start_date = certificates.month_start_date
),

final as (
    select
        judged.programme_code,
        judged.programme_version_date,
        judged.period_start_date,
        judged.account_code,
        judged.month_start_date,
        judged.paid_on_time_status_code,
        judged.reporting_status_code,
        judged.certified_status_code,
        case
            when bundles.is_complete = 1 then 'met'
            when bundles.is_complete = 0 then 'unmet'
        end as minimum_status_code,
        coalesce(bundles.is_complete, 1) = 1 as is_complete,
        coalesce(bundles.is_expected_complete, 1) = 1 as is_expected_complete,
        {{ is_granted('judged.paid_on_time') }}
        and {{ is_granted('judged.reporting') }}
        and {{ is_granted('judged.certified') }} as is_granted
    from judged
    left join bundles
        on
            judged.programme_code = bundles.programme_code
            and judged.programme_version_date = bundles.programme_version_date
            and judged.period_start_date = bundles.period_start_date
            and judged.account_code = bundles.account_code
            and judged.month_start_date = bundles.month_start_date
)

select * from final
