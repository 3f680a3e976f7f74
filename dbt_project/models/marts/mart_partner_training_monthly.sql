-- Grain: one row per month and partner, from the partner's first document on.
-- Additive: counts of the month over partners. State columns stand at the month's end,
-- of the as-of month on the as-of day, and are not additive.
-- Trainings are a register: a month without one is 0 from its first month on, and a
-- certification holds until its end.
with

partner_months as (
    {{ partner_months() }}
),

trainings as (
    select * from {{ ref('fct_trainings') }}
    where training_date <= {{ as_of_date() }}
),

limits as (
    select
        channel_code,
        cast({{ threshold('certification_expiring_days') }} as integer)
            as expiring_days
    from {{ ref('dim_thresholds') }}
    group by channel_code
),

known as (
    select min(month_start_date) as first_month_date from trainings
),

-- Who is named counts once a month, who is only counted as often as it says.
trained as (
    select
        partner_code,
        month_start_date,
        count(*) as attendance_count,
        count(distinct participant_key)
        + sum(case when participant_key is null then people_count else 0 end)
            as trained_people_count,
        count(case when result_code = 'passed' then 1 end) as passed_count,
        count(case when result_code in ('passed', 'failed') then 1 end)
            as examined_count
    from trainings
    group by partner_code, month_start_date
),

-- Who becomes a partner may be trained before it buys anything.
trained_in_a_year as (
    select
        partner_months.partner_code,
        partner_months.month_start_date,
        count(*) as attendance_12_months_count
    from partner_months
    inner join trainings
        on
            partner_months.partner_code = trainings.partner_code
            and trainings.month_start_date
            between {{ add_months('partner_months.month_start_date', -11) }}
            and partner_months.month_start_date
    group by partner_months.partner_code, partner_months.month_start_date
),

certified as (
    select
        partner_months.partner_code,
        partner_months.month_start_date,
        count(
            case
                when trainings.certified_to_date > partner_months.month_end_date then 1
            end
        ) as valid_count,
        max(trainings.certified_to_date) as certified_to_date
    from partner_months
    inner join trainings
        on
            partner_months.partner_code = trainings.partner_code
            and partner_months.month_end_date >= trainings.certified_from_date
    group by partner_months.partner_code, partner_months.month_start_date
),

gathered as (
    select
        partner_months.*,
        known.first_month_date is not null as has_trainings,
        coalesce(partner_months.month_start_date >= known.first_month_date, false)
            as is_known,
        coalesce(trained.attendance_count, 0) as attendance_count,
        coalesce(trained_in_a_year.attendance_12_months_count, 0)
            as attendance_12_months_count,
        coalesce(trained.trained_people_count, 0) as trained_people_count,
        coalesce(trained.passed_count, 0) as passed_count,
        coalesce(trained.examined_count, 0) as examined_count,
        coalesce(certified.valid_count, 0) > 0 as is_certified,
        certified.certified_to_date
    from partner_months
    cross join known
    left join trained
        on
            partner_months.partner_code = trained.partner_code
            and partner_months.month_start_date = trained.month_start_date
    left join trained_in_a_year
        on
            partner_months.partner_code = trained_in_a_year.partner_code
            and partner_months.month_start_date = trained_in_a_year.month_start_date
    left join certified
        on
            partner_months.partner_code = certified.partner_code
            and partner_months.month_start_date = certified.month_start_date
),

final as (
    select
        cast(gathered.month_start_date as string)
        || '|' || gathered.partner_code as partner_training_id,
        gathered.month_start_date,
        gathered.month_end_date,
        gathered.partner_code,
        gathered.channel_code,
        cast(case when is_known then attendance_count end as bigint)
            as attendance_count,
        cast(case when is_known then trained_people_count end as bigint)
            as trained_people_count,
        cast(case when is_known then attendance_12_months_count end as bigint)
            as attendance_12_months_count,
        cast(case when is_known then passed_count end as bigint) as passed_count,
        cast(case when is_known then examined_count end as bigint) as examined_count,
        case when is_known then {{ percent('passed_count', 'examined_count') }} end
            as passed_rate,
        case when is_known then is_certified end as is_certified,
        case when is_known then certified_to_date end as certified_to_date,
        case
            when is_known and is_certified
                then cast(
                    {{ days_between('month_end_date', 'certified_to_date') }} as integer
                )
        end as certified_days_left,
        case
            when not is_known then null
            when
                is_certified
                and {{ days_between('month_end_date', 'certified_to_date') }}
                <= limits.expiring_days
                then 'expiring'
            when is_certified then 'certified'
            when certified_to_date is not null then 'expired'
            else 'never_certified'
        end as certification_status_code,
        case
            when not has_trainings then 'not_connected'
            when not is_known then 'not_reported'
        end as reason_code
    from gathered
    left join limits on gathered.channel_code = limits.channel_code
)

select * from final
