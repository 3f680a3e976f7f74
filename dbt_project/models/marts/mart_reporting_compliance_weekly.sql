-- Grain: one row per ISO week, partner and feed in which a reporting period ends.
-- Additive: counts, row counts and weighted amounts. Not additive: the weight itself
-- over weeks and feeds, and every _rate; the rate of a group is the ratio of its sums.
with

periods as (
    select * from {{ ref('fct_reporting_periods') }}
),

reports as (
    select * from {{ ref('fct_reports') }}
),

sell_in as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

-- A report that carries sales and stock is one report.
reported_periods as (
    select
        partner_code,
        feed_code,
        period_start_date,
        {{ week_start('max(period_end_date)') }} as week_start_date,
        max(due_date) as due_date,
        max(case when is_expected then 1 else 0 end) as expected_count,
        max(case when is_reported then 1 else 0 end) as reported_count,
        max(case when is_late then 1 else 0 end) as late_count,
        max(case when report_count > 1 then 1 else 0 end) as restated_count,
        max(
            {{ days_between('due_date', local_date('first_received_at')) }}
        ) as days_late
    from periods
    group by partner_code, feed_code, period_start_date
),

counted as (
    select
        partner_code,
        feed_code,
        week_start_date,
        sum(expected_count) as expected_count,
        sum(
            case when expected_count = 1 and reported_count = 1 then 1 - late_count end
        ) as on_time_count,
        sum(
            case when expected_count = 1 and reported_count = 1 then late_count end
        ) as late_count,
        sum(
            case
                when
                    expected_count = 1
                    and reported_count = 0
                    and due_date < {{ as_of_date() }}
                    then 1
            end
        ) as missing_count,
        sum(
            case
                when
                    expected_count = 1
                    and reported_count = 0
                    and due_date >= {{ as_of_date() }}
                    then 1
            end
        ) as not_due_count,
        sum(restated_count) as restated_count,
        sum(
            case when expected_count = 1 and late_count = 1 then days_late end
        ) as days_late
    from reported_periods
    group by partner_code, feed_code, week_start_date
),

judged_rows as (
    select
        partner_code,
        feed_code,
        {{ week_start('period_end_date') }} as week_start_date,
        sum(read_row_count - skipped_row_count) as judged_row_count,
        sum(quarantined_row_count) as quarantined_row_count
    from reports
    where state_code = 'landed'
    group by partner_code, feed_code, {{ week_start('period_end_date') }}
),

invoiced_weeks as (
    select
        partner_code,
        {{ week_start('invoice_date') }} as week_start_date,
        sum(net_amount) as net_amount,
        count(*) - count(net_amount) as unconverted_line_count
    from sell_in
    group by partner_code, {{ week_start('invoice_date') }}
),

-- What the partner bought in the 52 weeks up to the week: how much its reports matter.
weights as (
    select
        counted.partner_code,
        counted.feed_code,
        counted.week_start_date,
        case
            when coalesce(sum(invoiced_weeks.unconverted_line_count), 0) = 0
                then greatest(coalesce(sum(invoiced_weeks.net_amount), 0), 0)
        end as sell_in_weight_amount
    from counted
    left join invoiced_weeks
        on
            counted.partner_code = invoiced_weeks.partner_code
            and counted.week_start_date >= invoiced_weeks.week_start_date
            and counted.week_start_date
            < {{ add_days('invoiced_weeks.week_start_date', 364) }}
    group by counted.partner_code, counted.feed_code, counted.week_start_date
),

joined as (
    select
        counted.week_start_date,
        counted.partner_code,
        counted.feed_code,
        partners.channel_code,
        counted.expected_count,
        coalesce(counted.on_time_count, 0) as on_time_count,
        coalesce(counted.late_count, 0) as late_count,
        coalesce(counted.missing_count, 0) as missing_count,
        coalesce(counted.not_due_count, 0) as not_due_count,
        counted.expected_count - coalesce(counted.not_due_count, 0) as due_count,
        counted.restated_count,
        coalesce(counted.days_late, 0) as days_late,
        judged_rows.judged_row_count,
        judged_rows.quarantined_row_count,
        weights.sell_in_weight_amount
    from counted
    inner join weights
        on
            counted.feed_code = weights.feed_code
            and counted.partner_code = weights.partner_code
            and counted.week_start_date = weights.week_start_date
    left join judged_rows
        on
            counted.feed_code = judged_rows.feed_code
            and counted.partner_code = judged_rows.partner_code
            and counted.week_start_date = judged_rows.week_start_date
    left join partners on counted.partner_code = partners.partner_code
),

final as (
    select
        feed_code || '|' || partner_code || '|' || cast(week_start_date as string)
            as reporting_compliance_weekly_id,
        week_start_date,
        partner_code,
        channel_code,
        feed_code,
        cast(expected_count as bigint) as expected_count,
        cast(due_count as bigint) as due_count,
        cast(on_time_count as bigint) as on_time_count,
        cast(late_count as bigint) as late_count,
        cast(missing_count as bigint) as missing_count,
        cast(not_due_count as bigint) as not_due_count,
        cast(restated_count as bigint) as restated_count,
        cast(days_late as bigint) as days_late,
        {{ percent('on_time_count', 'due_count') }} as compliance_rate,
        {{ amount('sell_in_weight_amount') }} as sell_in_weight_amount,
        {{ amount(wide('sell_in_weight_amount') ~ ' * on_time_count') }}
            as weighted_on_time_amount,
        {{ amount(wide('sell_in_weight_amount') ~ ' * due_count') }}
            as weighted_due_amount,
        {{ company_currency() }} as currency_code,
        cast(judged_row_count as bigint) as judged_row_count,
        cast(quarantined_row_count as bigint) as quarantined_row_count,
        {{ percent('quarantined_row_count', 'judged_row_count') }}
            as quarantined_rate,
        case
            when due_count = 0 and expected_count = 0 then 'not_expected'
            when due_count = 0 then 'not_due'
        end as reason_code
    from joined
)

select * from final
