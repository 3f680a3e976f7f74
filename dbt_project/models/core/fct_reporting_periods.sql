-- Grain: one row per feed, kind of report (sell_out, inventory) and period that was
-- expected up to the as-of date, or that was reported.
-- Additive: counts.
with

feeds as (
    select * from {{ ref('dim_feeds') }}
),

slices as (
    select * from {{ ref('stg_ledger__slices') }}
    where system_code = 'feeds' and is_live
),

batches as (
    select * from {{ ref('stg_ledger__batches') }} where system_code = 'feeds'
),

documents as (
    select * from {{ ref('stg_ledger__documents') }}
    where system_code = 'feeds' and is_live
),

dates as (
    select * from {{ ref('dim_dates') }}
),

fiscal_periods as (
    select * from {{ ref('stg_rules__fiscal_periods') }}
),

working_days as (
    select * from {{ ref('stg_rules__working_days') }}
),

kinds as (
    select
        feed_code,
        partner_code,
        frequency_code,
        coalesce(calendar_code, '') as calendar_code,
        expected_from_date,
        expected_to_date,
        due_days,
        holiday_calendar_code,
        is_sell_out_of_record as is_of_record,
        'sell_out' as report_kind_code
    from feeds
    where reports_sell_out
    union all
    select
        feed_code,
        partner_code,
        frequency_code,
        coalesce(calendar_code, '') as calendar_code,
        expected_from_date,
        expected_to_date,
        due_days,
        holiday_calendar_code,
        is_inventory_of_record as is_of_record,
        'inventory' as report_kind_code
    from feeds
    where reports_inventory
),

calendar_periods as (
    select
        'day' as frequency_code,
        '' as calendar_code,
        date_day as period_start_date,
        date_day as period_end_date
    from dates
    union all
    select
        'week' as frequency_code,
        '' as calendar_code,
        week_start_date as period_start_date,
        week_end_date as period_end_date
    from dates
    where date_day = week_start_date
    union all
    select
        'month' as frequency_code,
        '' as calendar_code,
        month_start_date as period_start_date,
        month_end_date as period_end_date
    from dates
    where date_day = month_start_date
    union all
    select
        'quarter' as frequency_code,
        '' as calendar_code,
        month_start_date as period_start_date,
        cast(
            month_start_date + interval '3' month - interval '1' day as date
        ) as period_end_date
    from dates
    where
        date_day = month_start_date and extract(month from date_day) in (1, 4, 7, 10)
    union all
    select
        'fiscal_period' as frequency_code,
        calendar_code,
        period_start_date,
        period_end_date
    from fiscal_periods
    union all
    select
        'fiscal_quarter' as frequency_code,
        calendar_code,
        min(period_start_date) as period_start_date,
        max(period_end_date) as period_end_date
    from fiscal_periods
    group by calendar_code, fiscal_year, fiscal_quarter
),

expected as (
    select
        kinds.report_kind_code,
        kinds.partner_code,
        kinds.feed_code,
        calendar_periods.period_start_date,
        calendar_periods.period_end_date,
        kinds.is_of_record,
        kinds.due_days,
        kinds.holiday_calendar_code
    from kinds
    inner join calendar_periods
        on
            kinds.frequency_code = calendar_periods.frequency_code
            and kinds.calendar_code = calendar_periods.calendar_code
            and kinds.expected_from_date <= calendar_periods.period_start_date
            and kinds.expected_to_date > calendar_periods.period_end_date
    where calendar_periods.period_end_date <= {{ as_of_date() }}
),

reported as (
    select
        slices.entity_code as report_kind_code,
        slices.partner_code,
        slices.feed_code,
        slices.period_start_date,
        slices.period_end_date,
        slices.slice_key,
        slices.landed_row_count,
        batches.received_at,
        kinds.is_of_record,
        kinds.due_days,
        kinds.holiday_calendar_code
    from slices
    left join batches on slices.batch_id = batches.batch_id
    left join kinds
        on
            slices.feed_code = kinds.feed_code
            and slices.entity_code = kinds.report_kind_code
),

known_periods as (
    select
        feed_code,
        period_start_date,
        period_end_date
    from expected
    union distinct
    select
        feed_code,
        period_start_date,
        period_end_date
    from reported
),

-- A file that was read again, under another profile, is the same report.
accepted_reports as (
    select
        feed_code,
        state_code,
        period_start_date,
        period_end_date,
        received_at
    from batches
    where state_code in ('landed', 'superseded')
    qualify
        row_number() over (
            partition by
                feed_code,
                coalesce(content_hash, batch_id),
                period_start_date,
                period_end_date
            order by batch_id desc
        ) = 1
),

-- A report of several periods speaks for all of them. A superseded report has come too.
arrivals as (
    select
        known_periods.feed_code,
        known_periods.period_start_date,
        min(accepted_reports.received_at) as first_received_at,
        -- Documents that stand beside one another are one report.
        max(case when accepted_reports.state_code = 'landed' then 1 else 0 end)
        + sum(case when accepted_reports.state_code = 'superseded' then 1 else 0 end)
            as report_count
    from known_periods
    inner join accepted_reports
        on
            known_periods.feed_code = accepted_reports.feed_code
            and known_periods.period_start_date >= accepted_reports.period_start_date
            and known_periods.period_end_date <= accepted_reports.period_end_date
    group by known_periods.feed_code, known_periods.period_start_date
),

-- Of sales a day without a line is a zero, if the report told any: one of stock alone
-- says nothing of them. Stock is what was counted, on the days on which it was.
telling_reports as (
    select batch_id
    from documents
    where entity_code = 'sell_out'
    group by batch_id
),

covered as (
    select
        known_periods.feed_code,
        known_periods.period_start_date,
        min(batches.received_at) as received_at
    from known_periods
    inner join batches
        on
            known_periods.feed_code = batches.feed_code
            and known_periods.period_start_date >= batches.period_start_date
            and known_periods.period_end_date <= batches.period_end_date
    inner join telling_reports on batches.batch_id = telling_reports.batch_id
    where batches.state_code = 'landed'
    group by known_periods.feed_code, known_periods.period_start_date
),

combined as (
    select
        coalesce(expected.report_kind_code, reported.report_kind_code)
            as report_kind_code,
        coalesce(expected.partner_code, reported.partner_code) as partner_code,
        coalesce(expected.feed_code, reported.feed_code) as feed_code,
        coalesce(expected.period_start_date, reported.period_start_date)
            as period_start_date,
        coalesce(expected.period_end_date, reported.period_end_date) as period_end_date,
        coalesce(expected.due_days, reported.due_days, 0) as due_days,
        coalesce(expected.holiday_calendar_code, reported.holiday_calendar_code)
            as holiday_calendar_code,
        -- A feed whose profile is gone counts on.
        coalesce(expected.is_of_record, reported.is_of_record, true) as is_of_record,
        expected.feed_code is not null as is_expected,
        reported.feed_code is not null or covered.received_at is not null
            as is_reported,
        reported.slice_key,
        case
            when reported.feed_code is not null then reported.landed_row_count
            when covered.received_at is not null then 0
        end as landed_row_count,
        coalesce(reported.received_at, covered.received_at) as received_at,
        arrivals.first_received_at,
        coalesce(arrivals.report_count, 0) as report_count
    from expected
    full outer join reported
        on
            expected.report_kind_code = reported.report_kind_code
            and expected.feed_code = reported.feed_code
            and expected.period_start_date = reported.period_start_date
    left join arrivals
        on
            coalesce(expected.feed_code, reported.feed_code) = arrivals.feed_code
            and coalesce(expected.period_start_date, reported.period_start_date)
            = arrivals.period_start_date
    left join covered
        on
            coalesce(expected.report_kind_code, reported.report_kind_code) = 'sell_out'
            and coalesce(expected.feed_code, reported.feed_code) = covered.feed_code
            and coalesce(expected.period_start_date, reported.period_start_date)
            = covered.period_start_date
),

due as (
    select
        combined.*,
        case
            when combined.holiday_calendar_code is null
                then {{ add_days('combined.period_end_date', 'combined.due_days') }}
            else due_days_counted.calendar_date
        end as due_date
    from combined
    left join working_days as days_before
        on
            combined.holiday_calendar_code = days_before.holiday_calendar_code
            and combined.period_end_date = days_before.calendar_date
    left join working_days as due_days_counted
        on
            days_before.holiday_calendar_code = due_days_counted.holiday_calendar_code
            and days_before.working_day_number + combined.due_days
            = due_days_counted.working_day_number
            and due_days_counted.is_working_day
),

final as (
    select
        report_kind_code || '|' || feed_code || '|' || cast(period_start_date as string)
            as reporting_period_id,
        report_kind_code,
        partner_code,
        feed_code,
        period_start_date,
        period_end_date,
        {{ month_of_period('period_start_date', 'period_end_date') }}
            as month_start_date,
        due_date,
        is_of_record,
        is_expected,
        is_reported,
        cast(landed_row_count as bigint) as landed_row_count,
        received_at,
        first_received_at,
        coalesce(
            {{ local_date('coalesce(first_received_at, received_at)') }} > due_date,
            false
        ) as is_late,
        cast(report_count as bigint) as report_count,
        slice_key
    from due
)

select * from final
