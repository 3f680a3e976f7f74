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

conditions as (
    select * from {{ ref('int_rebate_conditions_judged') }}
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
        programmes.form_code,
        first_tiers.from_value as first_from_value,
        reached.tier_number as reached_tier_number,
        reached.next_from_value,
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
    inner join steps as first_tiers
        on
            accounts.programme_code = first_tiers.programme_code
            and accounts.programme_version_date = first_tiers.valid_from_date
            and first_tiers.tier_number = 1
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
            as unconditional_amount,
        {{
            to_cents(
                within_limits('expected_rebate', 'expected_tier_number', 'done_share')
            )
        }} as unfinished_amount
    from earned
),

-- Over is over: what is expected then is what was reached. Where something that the
-- programme asks for besides is missing, nothing is due.
due as (
    select
        limited.*,
        conditions.paid_on_time_status_code,
        conditions.reporting_status_code,
        conditions.certified_status_code,
        conditions.minimum_status_code,
        coalesce(conditions.is_granted and conditions.is_complete, true) as is_granted,
        case
            when coalesce(conditions.is_granted and conditions.is_complete, true)
                then limited.unconditional_amount
            else 0
        end as reached_amount,
        case
            when
                not coalesce(
                    conditions.is_granted and case
                        when limited.is_over then conditions.is_complete
                        else conditions.is_expected_complete
                    end,
                    true
                )
                then 0
            when limited.is_over then limited.unconditional_amount
            else limited.unfinished_amount
        end as expected_amount
    from limited
    left join conditions
        on
            limited.programme_code = conditions.programme_code
            and limited.programme_version_date = conditions.programme_version_date
            and limited.period_start_date = conditions.period_start_date
            and limited.account_code = conditions.account_code
            and limited.month_start_date = conditions.month_start_date
),

-- The next tier in what is measured: what is still missing to it is for the year's end.
keyed as (
    select
        due.*,
        due.programme_code || '|' || cast(due.programme_version_date as string) || '|'
        || cast(due.period_start_date as string) || '|' || due.account_code || '|'
        || cast(due.month_start_date as string) as account_month_id,
        case
            when reached_tier_number is null then first_from_value else next_from_value
        end + case when form_code = 'growth' then 1 else 0 end as next_share,
        case when form_code = 'loyalty' then reached_value else measured_value end
            as value_so_far
    from due
),

-- The partners of a group share what it earns by what each has purchased; equally, if
-- that is nothing together.
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

members as (
    select
        keyed.account_month_id,
        member_months.partner_code,
        keyed.purchased_amount as account_amount,
        keyed.reached_amount,
        keyed.expected_amount,
        keyed.unconditional_amount,
        sum(
            case
                when member_months.known_month_date = keyed.month_start_date
                    then member_months.own_amount
                else 0
            end
        ) as own_amount,
        sum(
            case
                when member_months.known_month_date <= keyed.month_start_date
                    then member_months.purchased_quantity
                else 0
            end
        ) as purchased_quantity,
        sum(
            case
                when member_months.known_month_date <= keyed.month_start_date
                    then member_months.purchased_amount
                else 0
            end
        ) as purchased_amount
    from keyed
    inner join member_months
        on
            keyed.programme_code = member_months.programme_code
            and keyed.programme_version_date = member_months.programme_version_date
            and keyed.period_start_date = member_months.period_start_date
            and keyed.account_code = member_months.account_code
    group by all
),

parts as (
    select
        account_month_id || '|reached' as part_id,
        account_month_id,
        partner_code,
        case when account_amount > 0 then purchased_amount else 1 end as weight,
        {{ as_cents('reached_amount') }} as cents
    from members
    union all
    select
        account_month_id || '|expected' as part_id,
        account_month_id,
        partner_code,
        case when account_amount > 0 then purchased_amount else 1 end as weight,
        {{ as_cents('expected_amount') }} as cents
    from members
    union all
    select
        account_month_id || '|unconditional' as part_id,
        account_month_id,
        partner_code,
        case when account_amount > 0 then purchased_amount else 1 end as weight,
        {{ as_cents('unconditional_amount') }} as cents
    from members
),

spread_parts as (
    {{ spread('parts', 'part_id', 'cents', 'weight', 'partner_code') }}
),

member_shares as (
    select
        account_month_id,
        partner_code,
        sum(case when part_id like '%|reached' then share_cents else 0 end)
            as reached_cents,
        sum(case when part_id like '%|expected' then share_cents else 0 end)
            as expected_cents,
        sum(case when part_id like '%|unconditional' then share_cents else 0 end)
            as unconditional_cents
    from spread_parts
    group by account_month_id, partner_code
),

shared as (
    select
        members.account_month_id,
        members.partner_code,
        members.own_amount,
        members.purchased_quantity,
        members.purchased_amount,
        {{ from_cents('member_shares.reached_cents') }} as reached_amount,
        {{ from_cents('member_shares.expected_cents') }} as expected_amount,
        {{ from_cents('member_shares.unconditional_cents') }} as unconditional_amount
    from members
    inner join member_shares
        on
            members.account_month_id = member_shares.account_month_id
            and members.partner_code = member_shares.partner_code
),

by_partner as (
    select
        keyed.*,
        coalesce(shared.partner_code, keyed.account_code) as partner_code,
        case
            when shared.partner_code is not null then substr(keyed.account_code, 7)
        end as group_code,
        coalesce(shared.own_amount, keyed.own_amount) as partner_own_amount,
        coalesce(shared.purchased_quantity, keyed.purchased_quantity)
            as partner_quantity,
        coalesce(shared.purchased_amount, keyed.purchased_amount) as partner_amount,
        coalesce(shared.reached_amount, keyed.reached_amount)
            as partner_reached_amount,
        coalesce(shared.expected_amount, keyed.expected_amount)
            as partner_expected_amount,
        coalesce(shared.unconditional_amount, keyed.unconditional_amount)
            as partner_unconditional_amount
    from keyed
    left join shared on keyed.account_month_id = shared.account_month_id
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
        {{ amount('partner_own_amount') }} as month_own_amount,
        {{ quantity('partner_quantity') }} as base_quantity,
        {{ amount('partner_amount') }} as base_amount,
        {{ amount('value_so_far') }} as measured_value,
        {{ amount('forecast_value') }} as forecast_value,
        forecast_method_code,
        is_over,
        reached_tier_number,
        expected_tier_number,
        {{ amount('next_share * expected_unit') }} as next_tier_value,
        {{ amount('next_share * expected_unit - value_so_far') }} as next_tier_distance,
        paid_on_time_status_code,
        reporting_status_code,
        certified_status_code,
        minimum_status_code,
        is_granted,
        {{ amount('partner_reached_amount') }} as reached_amount,
        {{ amount('partner_expected_amount') }} as expected_amount,
        {{
            amount(
                'partner_expected_amount - coalesce('
                ~ 'lag(partner_expected_amount) over rebate, 0)'
            )
        }} as accrual_amount,
        {{ amount('partner_unconditional_amount - partner_reached_amount') }}
            as withheld_amount,
        {{ company_currency() }} as currency_code
    from by_partner
    window rebate as (
        partition by
            programme_code, programme_version_date, period_start_date, partner_code
        order by month_start_date nulls last
    )
)

select * from final
