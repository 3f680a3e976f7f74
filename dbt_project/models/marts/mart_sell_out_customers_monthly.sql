-- Grain: one row per partner and month for which it reported transactions or customers.
-- Additive over partners: counts and amounts. Not additive: baskets and rates, and over
-- months the customer counts; the rate of a group is the ratio of its sums.
-- A purchase is a transaction where the report names them, else a day on which the
-- customer bought. A customer belongs to its partner: nobody is followed across
-- partners here.
with

purchases as (
    select * from {{ ref('fct_customer_purchases') }}
    where
        {{ is_of_record('feed_code', 'sell_out') }}
        and month_start_date <= {{ as_of_date() }}
),

reporting as (
    select
        partner_code,
        month_start_date,
        max(coverage_rate) as coverage_rate,
        max(expected_day_count) as expected_day_count,
        max(reported_day_count) as reported_day_count
    from {{ ref('mart_sell_out_monthly') }}
    group by partner_code, month_start_date
),

thresholds as (
    select * from {{ ref('dim_thresholds') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

limits as (
    select
        channel_code,
        100 * {{ threshold('min_repeat_purchase_rate') }} as min_repeat_purchase_rate,
        {{ threshold('coverage_min_rate') }} as coverage_min_rate
    from thresholds
    group by channel_code
),

months as (
    select
        partner_code,
        month_start_date,
        max(currency_code) as currency_code,
        sum(transaction_count) as transaction_count,
        case when count(transacted_amount) = count(*) then sum(transacted_amount) end
            as transacted_amount,
        min(month_start_date) over (partition by partner_code) as first_month_date
    from purchases
    group by partner_code, month_start_date
),

customers as (
    select
        partner_code,
        month_start_date,
        customer_key,
        sum(purchase_count) as purchase_count
    from purchases
    where customer_key <> '-'
    group by partner_code, month_start_date, customer_key
),

-- What each customer bought in the year that ends with the month, in its last three
-- months and in the three before.
followed as (
    select
        months.partner_code,
        months.month_start_date,
        customers.customer_key,
        sum(customers.purchase_count) as purchase_count,
        max(
            case
                when
                    customers.month_start_date
                    > cast(months.month_start_date - interval '3' month as date)
                    then 1
                else 0
            end
        ) as is_active,
        max(
            case
                when
                    customers.month_start_date
                    <= cast(months.month_start_date - interval '3' month as date)
                    and customers.month_start_date
                    > cast(months.month_start_date - interval '6' month as date)
                    then 1
                else 0
            end
        ) as was_active
    from months
    inner join customers
        on
            months.partner_code = customers.partner_code
            and months.month_start_date >= customers.month_start_date
            and cast(months.month_start_date - interval '12' month as date)
            < customers.month_start_date
    where customers.purchase_count > 0
    group by months.partner_code, months.month_start_date, customers.customer_key
),

counted as (
    select
        partner_code,
        month_start_date,
        count(*) as customer_count,
        sum(case when purchase_count >= 2 then 1 else 0 end) as repeat_customer_count,
        sum(was_active) as former_customer_count,
        sum(case when was_active = 1 and is_active = 0 then 1 else 0 end)
            as lost_customer_count
    from followed
    group by partner_code, month_start_date
),

-- Who bought in a month that was not reported looks lost, or was never there: of the
-- last three months and of the three before enough has to be reported.
looked_back as (
    select
        months.partner_code,
        months.month_start_date,
        cast(months.month_start_date - interval '3' month as date)
        < reporting.month_start_date as is_recent,
        reporting.expected_day_count,
        reporting.reported_day_count
    from months
    inner join reporting
        on
            months.partner_code = reporting.partner_code
            and months.month_start_date >= reporting.month_start_date
            and cast(months.month_start_date - interval '6' month as date)
            < reporting.month_start_date
),

covered as (
    select
        partner_code,
        month_start_date,
        sum(case when is_recent then expected_day_count end) as expected_count,
        sum(case when is_recent then reported_day_count end) as reported_count,
        sum(case when not is_recent then expected_day_count end)
            as former_expected_count,
        sum(case when not is_recent then reported_day_count end)
            as former_reported_count
    from looked_back
    group by partner_code, month_start_date
),

rated as (
    select
        months.*,
        partners.channel_code,
        reporting.coverage_rate,
        counted.customer_count,
        counted.repeat_customer_count,
        counted.former_customer_count as counted_former_count,
        counted.lost_customer_count as counted_lost_count,
        limits.min_repeat_purchase_rate,
        case
            when counted.customer_count is null then 'no_customers_named'
            when not {{ is_month_over('months.month_start_date') }}
                then 'month_not_over'
            -- Six months of history stand behind it.
            when
                months.first_month_date
                > cast(months.month_start_date - interval '5' month as date)
                then 'history_too_short'
            when
                covered.reported_count
                < limits.coverage_min_rate * covered.expected_count
                or covered.former_reported_count
                < limits.coverage_min_rate * covered.former_expected_count
                then 'coverage_too_low'
        end as unknown_churn_code,
        {{ percent('counted.repeat_customer_count', 'counted.customer_count') }}
            as repeat_purchase_rate
    from months
    left join covered
        on
            months.partner_code = covered.partner_code
            and months.month_start_date = covered.month_start_date
    left join counted
        on
            months.partner_code = counted.partner_code
            and months.month_start_date = counted.month_start_date
    left join reporting
        on
            months.partner_code = reporting.partner_code
            and months.month_start_date = reporting.month_start_date
    left join partners
        on
            months.partner_code = partners.partner_code
            and {{ in_range(last_day('months.month_start_date'), 'partners') }}
    left join limits on partners.channel_code = limits.channel_code
),

judged as (
    select
        *,
        case when unknown_churn_code is null then counted_former_count end
            as former_customer_count,
        case when unknown_churn_code is null then counted_lost_count end
            as lost_customer_count
    from rated
),

final as (
    select
        partner_code || '|' || cast(month_start_date as string)
            as sell_out_customers_monthly_id,
        month_start_date,
        partner_code,
        channel_code,
        coverage_rate,
        cast(transaction_count as bigint) as transaction_count,
        {{ amount('transacted_amount') }} as transacted_amount,
        {{ divide('transacted_amount', 'transaction_count') }}
            as average_basket_amount,
        currency_code,
        case
            when transaction_count = 0 then 'no_transactions_named'
            when transacted_amount is null then 'amount_unknown'
        end as basket_reason_code,
        customer_count,
        cast(repeat_customer_count as bigint) as repeat_customer_count,
        repeat_purchase_rate,
        cast(min_repeat_purchase_rate as decimal(18, 4)) as min_repeat_purchase_rate,
        case
            when repeat_purchase_rate > min_repeat_purchase_rate then 'good'
            when repeat_purchase_rate is not null then 'poor'
        end as repeat_purchase_status_code,
        case when customer_count is null then 'no_customers_named' end
            as customer_reason_code,
        cast(former_customer_count as bigint) as former_customer_count,
        cast(lost_customer_count as bigint) as lost_customer_count,
        {{ percent('lost_customer_count', 'former_customer_count') }} as churn_rate,
        case
            when unknown_churn_code is not null then unknown_churn_code
            when former_customer_count = 0 then 'no_former_customers'
        end as churn_reason_code
    from judged
)

select * from final
