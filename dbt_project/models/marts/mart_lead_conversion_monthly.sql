-- Grain: one row per month in which leads came in, partner that they were passed to,
-- and source.
-- Additive: counts. Not additive: conversion_rate, mean_days_to_close; the rate of a
-- group is the ratio of its sums. A month's leads are a cohort: their outcome comes in
-- later months.
with

leads as (
    select
        *,
        coalesce(source_code, 'unknown') as lead_source_code
    from {{ ref('fct_lead_routings') }}
    where partner_code is not null and created_date <= {{ as_of_date() }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

monthly as (
    select
        month_start_date,
        partner_code,
        lead_source_code,
        count(*) as lead_count,
        sum(case when status_code = 'won' then 1 else 0 end) as won_lead_count,
        sum(case when status_code = 'lost' then 1 else 0 end) as lost_lead_count,
        sum(case when status_code not in ('won', 'lost') then 1 else 0 end)
            as open_lead_count,
        sum({{ days_between('created_date', 'closed_date') }}) as closed_days,
        count(closed_date) as dated_lead_count
    from leads
    group by month_start_date, partner_code, lead_source_code
),

final as (
    select
        monthly.partner_code || '|' || monthly.lead_source_code || '|'
        || cast(monthly.month_start_date as string) as lead_conversion_monthly_id,
        monthly.month_start_date,
        monthly.partner_code,
        partners.channel_code,
        monthly.lead_source_code,
        monthly.lead_count,
        cast(monthly.won_lead_count as bigint) as won_lead_count,
        cast(monthly.lost_lead_count as bigint) as lost_lead_count,
        cast(monthly.open_lead_count as bigint) as open_lead_count,
        {{ percent('monthly.won_lead_count', 'monthly.lead_count') }}
            as conversion_rate,
        monthly.dated_lead_count,
        cast(coalesce(monthly.closed_days, 0) as bigint) as closed_days,
        {{ divide('monthly.closed_days', 'monthly.dated_lead_count') }}
            as mean_days_to_close,
        case
            when monthly.dated_lead_count > 0 then null
            when monthly.won_lead_count + monthly.lost_lead_count > 0
                then 'closing_day_unknown'
            else 'none_closed'
        end as reason_code
    from monthly
    left join partners
        on
            monthly.partner_code = partners.partner_code
            and {{ in_range(last_day('monthly.month_start_date'), 'partners') }}
)

select * from final
