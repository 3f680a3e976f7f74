-- Grain: one row per rebate programme, version and period x partner x month from the
-- period's first one to the as-of date's.
-- Amounts and quantities are sums since the period began, as they were known at the
-- month's end: not additive over months.
with

programmes as (
    select * from {{ ref('stg_rules__rebate_programmes') }}
),

tiers as (
    select * from {{ ref('stg_rules__rebate_tiers') }}
),

purchases as (
    select * from {{ ref('int_rebate_purchases_qualified') }}
    where is_measured and not is_last_year
),

accounts as (
    select * from {{ ref('int_rebate_accounts_accumulated') }}
),

neighbours as (
    select
        tiers.*,
        lead(from_value) over tier as next_from_value,
        lead(is_from_included) over tier as is_next_included,
        lag(from_value) over tier as former_from_value,
        lag(reward_value) over tier as former_reward_value
    from tiers
    window tier as (
        partition by programme_code, valid_from_date
        order by tier_number nulls last
    )
),

-- What the tiers below give together, for tiers that are paid slice by slice.
steps as (
    select
        neighbours.*,
        sum(
            case
                when reward_kind_code = 'amount' then coalesce(former_reward_value, 0)
                else
                    (from_value - coalesce(former_from_value, from_value))
                    * coalesce(former_reward_value, 0)
            end
        ) over (
            partition by programme_code, valid_from_date
            order by tier_number nulls last
        ) as lower_tiers_reward
    from neighbours
),

earned as (
    select
        accounts.*,
        programmes.cap_amount,
        programmes.floor_amount,
        programmes.minimum_payment_amount,
        reached.tier_number as reached_tier_number,
        expected.tier_number as expected_tier_number,
        {{
            rebate_so_far(
                'reached', 'accounts.measured_value', '1',
                'accounts.last_year_part_amount'
            )
        }} as reached_rebate,
        {{
            rebate_so_far(
                'expected', 'accounts.forecast_value', 'accounts.done_share',
                'accounts.last_year_whole_amount * accounts.done_share'
            )
        }} as expected_rebate
    from accounts
    inner join programmes
        on
            accounts.programme_code = programmes.programme_code
            and accounts.programme_version_date = programmes.valid_from_date
    left join steps as reached
        on
            accounts.programme_code = reached.programme_code
            and accounts.programme_version_date = reached.valid_from_date
            and {{
                is_highest_tier(
                    'reached', 'accounts.reached_value', 'accounts.reached_unit'
                )
            }}
    left join steps as expected
        on
            accounts.programme_code = expected.programme_code
            and accounts.programme_version_date = expected.valid_from_date
            and {{
                is_highest_tier(
                    'expected', 'accounts.expected_value', 'accounts.expected_unit'
                )
            }}
),

limited as (
    select
        earned.*,
        {{ to_cents(within_limits('reached_rebate', 'reached_tier_number', '1')) }}
            as reached_amount,
        {{
            to_cents(
                within_limits('expected_rebate', 'expected_tier_number', 'done_share')
            )
        }} as unfinished_amount
    from earned
),

-- Over is over: what is expected then is what was reached.
due as (
    select
        limited.*,
        case when is_over then reached_amount else unfinished_amount end
            as expected_amount
    from limited
),

member_months as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        account_code,
        partner_code,
        known_month_date,
        sum(
            case
                when known_month_date = counted_month_date then purchased_amount else 0
            end
        ) as own_amount,
        sum(purchased_quantity) as purchased_quantity,
        sum(purchased_amount) as purchased_amount
    from purchases
    where account_code <> partner_code
    group by all
),

-- The partners of a group share what the group earns by what each has purchased.
members as (
    select
        due.programme_code,
        due.programme_version_date,
        due.period_start_date,
        due.account_code,
        member_months.partner_code,
        due.month_start_date,
        sum(
            case
                when member_months.known_month_date = due.month_start_date
                    then member_months.own_amount
                else 0
            end
        ) as own_amount,
        sum(
            case
                when member_months.known_month_date <= due.month_start_date
                    then member_months.purchased_quantity
                else 0
            end
        ) as purchased_quantity,
        sum(
            case
                when member_months.known_month_date <= due.month_start_date
                    then member_months.purchased_amount
                else 0
            end
        ) as purchased_amount
    from due
    inner join member_months
        on
            due.programme_code = member_months.programme_code
            and due.programme_version_date = member_months.programme_version_date
            and due.period_start_date = member_months.period_start_date
            and due.account_code = member_months.account_code
    group by all
),

shares as (
    select
        due.*,
        members.partner_code,
        members.own_amount as partner_own_amount,
        members.purchased_quantity as partner_quantity,
        members.purchased_amount as partner_amount,
        due.programme_code || '|' || cast(due.programme_version_date as string) || '|'
        || cast(due.period_start_date as string) || '|' || due.account_code || '|'
        || cast(due.month_start_date as string) as account_month_id,
        {{
            share_in_cents(
                'due.reached_amount', 'members.purchased_amount', 'due.purchased_amount'
            )
        }} as reached_share,
        {{
            share_in_cents(
                'due.expected_amount',
                'members.purchased_amount',
                'due.purchased_amount'
            )
        }} as expected_share
    from due
    inner join members
        on
            due.programme_code = members.programme_code
            and due.programme_version_date = members.programme_version_date
            and due.period_start_date = members.period_start_date
            and due.account_code = members.account_code
            and due.month_start_date = members.month_start_date
),

by_partner as (
    select
        programme_code,
        programme_version_date,
        period_start_date,
        period_end_date,
        account_code as partner_code,
        cast(null as string) as group_code,
        month_start_date,
        own_amount,
        purchased_quantity,
        purchased_amount,
        measured_value,
        forecast_value,
        forecast_method_code,
        is_over,
        reached_tier_number,
        expected_tier_number,
        reached_unit,
        expected_unit,
        reached_amount,
        expected_amount
    from due
    where account_code not like 'group|%'
    union all
    select
        programme_code,
        programme_version_date,
        period_start_date,
        period_end_date,
        partner_code,
        substr(account_code, 7) as group_code,
        month_start_date,
        partner_own_amount as own_amount,
        partner_quantity as purchased_quantity,
        partner_amount as purchased_amount,
        measured_value,
        forecast_value,
        forecast_method_code,
        is_over,
        reached_tier_number,
        expected_tier_number,
        reached_unit,
        expected_unit,
        {{
            allocated(
                'reached_amount', 'reached_share', 'account_month_id', 'partner_code'
            )
        }} as reached_amount,
        {{
            allocated(
                'expected_amount', 'expected_share', 'account_month_id', 'partner_code'
            )
        }} as expected_amount
    from shares
),

final as (
    select
        programme_code || '|' || cast(programme_version_date as string) || '|'
        || cast(period_start_date as string) || '|' || partner_code || '|'
        || cast(month_start_date as string) as rebate_accrual_id,
        programme_code,
        programme_version_date,
        period_start_date,
        period_end_date,
        partner_code,
        group_code,
        month_start_date,
        {{ amount('own_amount') }} as month_own_amount,
        {{ quantity('purchased_quantity') }} as base_quantity,
        {{ amount('purchased_amount') }} as base_amount,
        {{ amount('measured_value') }} as measured_value,
        {{ amount('forecast_value') }} as forecast_value,
        forecast_method_code,
        is_over,
        reached_tier_number,
        expected_tier_number,
        reached_amount,
        expected_amount,
        {{ company_currency() }} as currency_code
    from by_partner
)

select * from final
