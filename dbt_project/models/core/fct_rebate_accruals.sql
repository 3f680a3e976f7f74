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
    select
        *,
        {{ level_columns('reached_value', 'reached_unit', 'reached') }},
        {{ level_columns('expected_value', 'expected_unit', 'expected') }}
    from {{ ref('int_rebate_accounts_accumulated') }}
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

growth as (
    select
        programme_code,
        valid_from_date,
        {{ rebate_version_key('programmes', 'valid_from_date') }} as version_key,
        case when form_code = 'growth' then 1 else 0 end as whole_share
    from programmes
),

-- A step begins at its share of the unit; next_value is that where the unit is 1. To
-- round decimals of 128 bits takes DuckDB a microsecond each, so it is done here, once.
-- Below the first tier there is a step too, so that every account stands on one. Tiers
-- of growth say how much more than last year's purchases.
stairs as (
    select
        steps.programme_code,
        steps.valid_from_date,
        growth.version_key,
        steps.tier_number,
        steps.from_value,
        steps.reward_kind_code,
        steps.reward_value,
        steps.lower_tiers_reward,
        steps.from_value + growth.whole_share as from_share,
        steps.is_from_included,
        steps.next_from_value + growth.whole_share as next_share,
        steps.is_next_included,
        cast(steps.from_value + growth.whole_share as double) as from_level,
        cast(steps.next_from_value + growth.whole_share as double) as next_level,
        {{ amount('steps.next_from_value + growth.whole_share') }} as next_value
    from steps
    inner join growth
        on
            steps.programme_code = growth.programme_code
            and steps.valid_from_date = growth.valid_from_date
    union all
    select
        steps.programme_code,
        steps.valid_from_date,
        growth.version_key,
        null as tier_number,
        null as from_value,
        null as reward_kind_code,
        null as reward_value,
        null as lower_tiers_reward,
        null as from_share,
        null as is_from_included,
        steps.from_value + growth.whole_share as next_share,
        steps.is_from_included as is_next_included,
        null as from_level,
        cast(steps.from_value + growth.whole_share as double) as next_level,
        {{ amount('steps.from_value + growth.whole_share') }} as next_value
    from steps
    inner join growth
        on
            steps.programme_code = growth.programme_code
            and steps.valid_from_date = growth.valid_from_date
    where steps.tier_number = 1
),

-- The two stairs are found by different names of the version: by the same one DuckDB
-- pairs them first, and each row of an account meets 16 pairs of steps.
earned as (
    select
        accounts.account_number,
        accounts.programme_code,
        accounts.programme_version_date,
        accounts.period_start_date,
        accounts.period_end_date,
        accounts.account_code,
        accounts.period_key,
        accounts.month_start_date,
        accounts.own_amount,
        accounts.purchased_quantity,
        accounts.purchased_amount,
        accounts.unvalued_line_count,
        accounts.measured_value,
        accounts.forecast_value,
        accounts.is_over,
        accounts.forecast_method_code,
        accounts.done_share,
        programmes.cap_amount,
        programmes.floor_amount,
        programmes.minimum_payment_amount,
        reached.tier_number as reached_tier_number,
        expected.tier_number as expected_tier_number,
        -- The next tier in what is measured.
        case
            when accounts.expected_unit = 1 then reached.next_value
            else {{ amount('reached.next_share * accounts.expected_unit') }}
        end as next_tier_value,
        reached.is_next_included as is_next_tier_included,
        case
            when programmes.form_code = 'loyalty' then accounts.reached_value
            else accounts.measured_value
        end as value_so_far,
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
    inner join stairs as reached
        on
            accounts.programme_code = reached.programme_code
            and accounts.programme_version_date = reached.valid_from_date
    inner join stairs as expected on accounts.version_key = expected.version_key
    where
        {{ is_highest_tier('reached', 'reached') }}
        and {{ is_highest_tier('expected', 'expected') }}
),

limited as (
    select
        earned.*,
        {{
            decimal_to_cents(
                within_limits('reached_rebate', 'reached_tier_number', '1')
            )
        }} as unconditional_amount,
        {{
            decimal_to_cents(
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

-- The partners of a group share what it earns by what each has purchased; equally, if
-- that is nothing together.
group_due as (
    select * from due where {{ is_group('account_code') }}
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
    where {{ is_group('account_code') }}
    group by all
),

members as (
    select
        group_due.account_number,
        group_due.month_start_date,
        member_months.partner_code,
        group_due.purchased_amount as account_amount,
        group_due.reached_amount,
        group_due.expected_amount,
        group_due.unconditional_amount,
        sum(
            case
                when member_months.known_month_date = group_due.month_start_date
                    then member_months.own_amount
                else 0
            end
        ) as own_amount,
        sum(
            case
                when member_months.known_month_date <= group_due.month_start_date
                    then member_months.purchased_quantity
                else 0
            end
        ) as purchased_quantity,
        sum(
            case
                when member_months.known_month_date <= group_due.month_start_date
                    then member_months.purchased_amount
                else 0
            end
        ) as purchased_amount
    from group_due
    inner join member_months
        on
            group_due.programme_code = member_months.programme_code
            and group_due.programme_version_date = member_months.programme_version_date
            and group_due.period_start_date = member_months.period_start_date
            and group_due.account_code = member_months.account_code
    group by all
),

parts as (
    {% for part in ['reached', 'expected', 'unconditional'] -%}
    select
        '{{ part }}' as part_code,
        account_number,
        month_start_date,
        partner_code,
        case when account_amount > 0 then purchased_amount else 1 end as weight,
        {{ as_cents(part ~ '_amount') }} as cents
    from members
    {% if not loop.last -%}
    union all
    {% endif -%}
    {%- endfor %}
),

spread_parts as (
    {{
        spread(
            'parts', 'account_number, month_start_date, part_code', 'cents', 'weight',
            'partner_code'
        )
    }}
),

member_shares as (
    select
        account_number,
        month_start_date,
        partner_code,
        sum(case when part_code = 'reached' then share_cents else 0 end)
            as reached_cents,
        sum(case when part_code = 'expected' then share_cents else 0 end)
            as expected_cents,
        sum(case when part_code = 'unconditional' then share_cents else 0 end)
            as unconditional_cents
    from spread_parts
    group by account_number, month_start_date, partner_code
),

shared as (
    select
        members.account_number,
        members.month_start_date,
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
            members.account_number = member_shares.account_number
            and members.month_start_date = member_shares.month_start_date
            and members.partner_code = member_shares.partner_code
),

{%- set kept = [
    'account_number',
    'period_key',
    'programme_code',
    'programme_version_date',
    'period_start_date',
    'period_end_date',
    'month_start_date',
    'unvalued_line_count',
    'value_so_far',
    'forecast_value',
    'forecast_method_code',
    'is_over',
    'reached_tier_number',
    'expected_tier_number',
    'next_tier_value',
    'is_next_tier_included',
    'paid_on_time_status_code',
    'reporting_status_code',
    'certified_status_code',
    'minimum_status_code',
    'is_granted',
] %}
{%- set shared_out = [
    'own_amount',
    'purchased_quantity',
    'purchased_amount',
    'reached_amount',
    'expected_amount',
    'unconditional_amount',
] %}

by_partner as (
    select
        {% for column in kept + shared_out -%}
        {{ column }},
        {% endfor -%}
        account_code as partner_code,
        cast(null as string) as group_code
    from due
    where not {{ is_group('account_code') }}
    union all
    select
        {% for column in kept -%}
        group_due.{{ column }},
        {% endfor -%}
        {% for column in shared_out -%}
        shared.{{ column }},
        {% endfor -%}
        shared.partner_code,
        substr(group_due.account_code, 7) as group_code
    from group_due
    inner join shared
        on
            group_due.account_number = shared.account_number
            and group_due.month_start_date = shared.month_start_date
),

-- An account has a row for every month, so the former one is found by its day: a window
-- would carry all columns through a sort.
former as (
    select
        account_number,
        partner_code,
        {{ add_months('month_start_date', 1) }} as month_start_date,
        expected_amount
    from by_partner
),

final as (
    select
        by_partner.period_key || '|' || by_partner.partner_code || '|'
        || cast(by_partner.month_start_date as string) as rebate_accrual_id,
        by_partner.programme_code,
        by_partner.programme_version_date,
        by_partner.period_start_date,
        {{ add_days('by_partner.period_end_date', -1) }} as period_end_date,
        by_partner.partner_code,
        by_partner.group_code,
        by_partner.month_start_date,
        {{ amount('by_partner.own_amount') }} as month_own_amount,
        {{ quantity('by_partner.purchased_quantity') }} as base_quantity,
        {{ amount('by_partner.purchased_amount') }} as base_amount,
        by_partner.unvalued_line_count,
        {{ amount('by_partner.value_so_far') }} as measured_value,
        {{ amount('by_partner.forecast_value') }} as forecast_value,
        by_partner.forecast_method_code,
        by_partner.is_over,
        by_partner.reached_tier_number,
        by_partner.expected_tier_number,
        by_partner.next_tier_value,
        {{ amount('by_partner.next_tier_value - by_partner.value_so_far') }}
            as next_tier_distance,
        case
            when by_partner.next_tier_value is not null
                then by_partner.is_next_tier_included
        end as is_next_tier_included,
        by_partner.paid_on_time_status_code,
        by_partner.reporting_status_code,
        by_partner.certified_status_code,
        by_partner.minimum_status_code,
        by_partner.is_granted,
        {{ amount('by_partner.reached_amount') }} as reached_amount,
        {{ amount('by_partner.expected_amount') }} as expected_amount,
        {{
            amount(
                'by_partner.expected_amount - coalesce(former.expected_amount, 0)'
            )
        }} as accrual_amount,
        {{ amount('by_partner.unconditional_amount - by_partner.reached_amount') }}
            as withheld_amount,
        {{ company_currency() }} as currency_code
    from by_partner
    left join former
        on
            by_partner.account_number = former.account_number
            and by_partner.partner_code = former.partner_code
            and by_partner.month_start_date = former.month_start_date
)

select * from final
