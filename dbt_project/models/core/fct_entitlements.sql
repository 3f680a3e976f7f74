-- Grain: one row per reward of a rebate tier that is not money x partner and period
-- that reached the tier or is expected to.
with

accruals as (
    select * from {{ ref('fct_rebate_accruals') }}
),

rewards as (
    select * from {{ ref('stg_rules__rebate_entitlements') }}
),

months as (
    select
        rewards.tier_number,
        rewards.entitlement_code,
        rewards.duration_months,
        accruals.programme_code,
        accruals.programme_version_date,
        accruals.period_start_date,
        accruals.partner_code,
        accruals.month_start_date,
        coalesce(accruals.reached_tier_number >= rewards.tier_number, false)
            as is_reached,
        coalesce(accruals.expected_tier_number >= rewards.tier_number, false)
            as is_expected,
        accruals.is_granted
    from accruals
    inner join rewards
        on
            accruals.programme_code = rewards.programme_code
            and accruals.programme_version_date = rewards.valid_from_date
),

summed as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        partner_code,
        tier_number,
        entitlement_code,
        duration_months,
        min(case when is_reached then month_start_date end) as reached_month_date,
        max(case
            when month_start_date = {{ month_start(as_of_date()) }} and is_reached
                then 1
            else 0
        end) as is_reached_now,
        max(case
            when month_start_date = {{ month_start(as_of_date()) }} and is_expected
                then 1
            else 0
        end) as is_expected_now,
        max(case
            when month_start_date = {{ month_start(as_of_date()) }} and is_granted
                then 1
            else 0
        end) as is_granted_now
    from months
    group by all
),

-- It begins with the month after the one in which the tier was reached.
dated as (
    select
        summed.*,
        {{ add_months('reached_month_date', 1) }} as valid_from_date,
        {{ add_months('reached_month_date', 'duration_months + 1') }} as valid_to_date
    from summed
    where reached_month_date is not null or is_expected_now = 1
),

final as (
    select
        programme_code || '|' || cast(programme_version_date as string) || '|'
        || cast(period_start_date as string) || '|' || partner_code || '|'
        || cast(tier_number as string) || '|' || entitlement_code as entitlement_id,
        programme_code,
        programme_version_date,
        period_start_date,
        partner_code,
        tier_number,
        entitlement_code,
        reached_month_date,
        valid_from_date,
        valid_to_date,
        case
            when reached_month_date is null then 'expected'
            when is_reached_now = 0 then 'withdrawn'
            when is_granted_now = 0 then 'withheld'
            when valid_to_date <= {{ as_of_date() }} then 'ended'
            else 'granted'
        end as status_code
    from dated
)

select * from final
