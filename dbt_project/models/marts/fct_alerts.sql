-- Grain: one row per alert: rule, subject, and run of consecutive periods in which the
-- condition held.
-- Additive: at_stake_amount of open alerts within one rule; rules may count the same
-- euro twice.
-- Derived from history alone: a warehouse built anew gives the same alerts.
with

rules as (
    select * from {{ ref('dim_alert_rules') }}
),

limits as (
    select
        rule_code,
        channel_code,
        max(case when limit_code = 'severity' then limit_value end) as severity_number,
        max(case when limit_code = 'period_count' then limit_value end) as period_count,
        max(case when limit_code = 'min_stake_amount' then limit_value end)
            as min_stake_amount
    from {{ ref('dim_alert_limits') }}
    group by rule_code, channel_code
),

lapses as (
    select limit_value as lapse_days
    from {{ ref('dim_alert_limits') }}
    where rule_code = '*' and limit_code = 'lapse_days' and channel_code = '*'
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

purchases as (
    select
        partner_code,
        product_code as item_code,
        invoice_date,
        sum(net_amount) as net_amount,
        sum(invoiced_quantity) as invoiced_quantity
    from {{ ref('fct_sell_in') }}
    where invoice_type = 'invoice' and net_amount is not null
    group by partner_code, product_code, invoice_date
    union all
    select
        partner_code,
        '' as item_code,
        invoice_date,
        sum(net_amount) as net_amount,
        sum(invoiced_quantity) as invoiced_quantity
    from {{ ref('fct_sell_in') }}
    where invoice_type = 'invoice' and net_amount is not null
    group by partner_code, invoice_date
),

mutes as (
    select * from {{ ref('dim_alert_mutes') }}
),

conditions as (
    {{ alert_conditions() }}
),

ruled as (
    select
        conditions.*,
        partners.channel_code,
        rules.is_periodic,
        rules.stake_kind_code,
        rules.covered_by_rule_code,
        limits.severity_number,
        limits.period_count,
        limits.min_stake_amount,
        lapses.lapse_days
    from conditions
    inner join rules on conditions.rule_code = rules.rule_code
    left join partners on conditions.partner_code = partners.partner_code
    inner join limits
        on
            conditions.rule_code = limits.rule_code
            and coalesce(partners.channel_code, '*') = limits.channel_code
    cross join lapses
),

-- Units are worth what the partner paid for them in the year before; units of all
-- products what it paid for a unit of any.
prices as (
    select
        ruled.partner_code,
        ruled.item_code,
        ruled.period_end_date,
        sum(purchases.net_amount) as net_amount,
        sum(purchases.invoiced_quantity) as invoiced_quantity
    from (
        select
            partner_code,
            item_code,
            period_end_date
        from ruled
        where is_held and at_stake_quantity is not null
        group by partner_code, item_code, period_end_date
    ) as ruled
    inner join purchases
        on
            ruled.partner_code = purchases.partner_code
            and ruled.item_code = purchases.item_code
            and ruled.period_end_date >= purchases.invoice_date
            and {{
                days_between('purchases.invoice_date', 'ruled.period_end_date')
            }} < 365
    group by ruled.partner_code, ruled.item_code, ruled.period_end_date
),

-- Subjects for whom the condition never held have no alert. Millions of weeks are
-- sorted by subject, and a number sorts faster than three texts.
concerned as (
    select
        rule_code,
        partner_code,
        item_code,
        row_number() over (order by rule_code, partner_code, item_code)
            as subject_number
    from ruled
    where is_held
    group by rule_code, partner_code, item_code
),

-- What is at stake while a condition holds; no other row is asked for it.
valued as (
    select
        concerned.subject_number,
        ruled.rule_code,
        ruled.partner_code,
        ruled.item_code,
        ruled.period_start_date,
        ruled.period_end_date,
        ruled.is_held,
        ruled.is_periodic,
        ruled.covered_by_rule_code,
        ruled.period_count,
        ruled.min_stake_amount,
        ruled.lapse_days,
        {{ amount(
            'case when not ruled.is_held then null '
            ~ 'when ruled.at_stake_quantity is null then ruled.at_stake_amount else '
            ~ divide(
                ['ruled.at_stake_quantity', 'prices.net_amount'],
                'prices.invoiced_quantity'
            ) ~ ' end'
        ) }} as stake_amount
    from ruled
    inner join concerned
        on
            ruled.rule_code = concerned.rule_code
            and ruled.partner_code = concerned.partner_code
            and ruled.item_code = concerned.item_code
    left join prices
        on
            ruled.partner_code = prices.partner_code
            and ruled.item_code = prices.item_code
            and ruled.period_end_date = prices.period_end_date
),

weighed as (
    select
        subject_number,
        rule_code,
        partner_code,
        item_code,
        period_start_date,
        period_end_date,
        is_held and coalesce(stake_amount >= min_stake_amount, true) as is_held,
        stake_amount,
        is_periodic,
        covered_by_rule_code,
        period_count,
        lapse_days
    from valued
),

-- While one rule tells of a partner, those that it covers do not tell the same again.
covering_rules as (
    select * from weighed
    where rule_code in (select rules.covered_by_rule_code from rules)
),

covering_periods as (
    {{ alert_islands('covering_rules') }}
),

covering as (
    select
        rule_code,
        partner_code,
        min(case when held_number >= period_count then period_end_date end)
            as first_seen_date,
        case
            when count(case when not is_held then 1 end) = 0
                then cast('9999-12-31' as date)
            else
                greatest(
                    min(case when not is_held then period_end_date end),
                    max(case when is_held then period_end_date end)
                )
        end as resolved_date
    from covering_periods
    where island_number > 0
    group by rule_code, partner_code, subject_number, island_number
),

covered as (
    select
        weighed.subject_number,
        weighed.period_start_date
    from weighed
    inner join covering
        on
            weighed.covered_by_rule_code = covering.rule_code
            and weighed.partner_code = covering.partner_code
            and weighed.period_end_date >= covering.first_seen_date
            and weighed.period_end_date < covering.resolved_date
    where weighed.is_held
    group by weighed.subject_number, weighed.period_start_date
),

uncovered as (
    select
        weighed.subject_number,
        weighed.period_start_date,
        weighed.period_end_date,
        weighed.is_held and covered.subject_number is null as is_held,
        weighed.stake_amount,
        weighed.is_periodic,
        weighed.period_count,
        weighed.lapse_days
    from weighed
    left join covered
        on
            weighed.subject_number = covered.subject_number
            and weighed.period_start_date = covered.period_start_date
),

periods as (
    {{ alert_islands('uncovered') }}
),

runs as (
    select
        subject_number,
        island_number,
        min(case when is_held then period_start_date end) as since_date,
        max(case when is_held then period_start_date end) as last_start_date,
        min(case when held_number >= period_count then period_end_date end)
            as first_seen_date,
        max(case when is_held then period_end_date end) as last_held_date,
        min(case when not is_held then period_end_date end) as ended_date,
        sum(case when is_held then 1 else 0 end) as held_period_count,
        sum(case when is_held then stake_amount end) as total_stake_amount
    from periods
    where island_number > 0
    group by subject_number, island_number
    having max(held_number - period_count) >= 0
),

-- What ends it may have been known before: a report that comes after the next one is
-- late on the day on which it comes, and over.
alerts as (
    select
        runs.*,
        concerned.rule_code,
        concerned.partner_code,
        concerned.item_code,
        case
            when ended_date is not null then greatest(ended_date, last_held_date)
        end as resolved_date
    from runs
    inner join concerned on runs.subject_number = concerned.subject_number
),

judged as (
    select
        alerts.*,
        newest.channel_code,
        newest.severity_number,
        newest.measured_value,
        newest.limit_value,
        newest.figures,
        newest.is_periodic,
        case newest.stake_kind_code
            when 'sum' then alerts.total_stake_amount
            else weighed.stake_amount
        end as at_stake_amount,
        case
            when
                newest.is_periodic
                and coalesce(
                    {{ days_between('alerts.last_held_date', 'alerts.resolved_date') }},
                    {{ days_between('alerts.last_held_date', as_of_date()) }}
                ) > newest.lapse_days
                then {{ add_days('alerts.last_held_date', 'newest.lapse_days') }}
        end as lapsed_date,
        alerts.partner_code
        || case when alerts.item_code = '' then '' else '|' || alerts.item_code end
            as subject_code
    from alerts
    inner join ruled as newest
        on
            alerts.rule_code = newest.rule_code
            and alerts.partner_code = newest.partner_code
            and alerts.item_code = newest.item_code
            and alerts.last_start_date = newest.period_start_date
    inner join weighed
        on
            alerts.subject_number = weighed.subject_number
            and alerts.last_start_date = weighed.period_start_date
),

muted as (
    select
        judged.rule_code,
        judged.subject_code,
        max(mutes.muted_until_date) as muted_until_date,
        max(mutes.mute_number) as mute_number
    from (
        select
            rule_code,
            subject_code
        from judged
        group by rule_code, subject_code
    ) as judged
    inner join mutes
        on
            mutes.rule_code in ('*', judged.rule_code)
            and mutes.subject_code in ('*', judged.subject_code)
            and mutes.muted_until_date > {{ as_of_date() }}
    group by judged.rule_code, judged.subject_code
),

final as (
    select
        judged.rule_code || '|' || judged.subject_code || '|'
        || cast(judged.since_date as string) as alert_id,
        judged.rule_code,
        rules.rule_name_fr,
        rules.rule_name_en,
        case cast(judged.severity_number as integer)
            when 1 then 'critical'
            when 2 then 'warning'
            else 'notice'
        end as severity_code,
        cast(judged.severity_number as integer) as severity_number,
        rules.subject_kind_code,
        judged.subject_code,
        judged.partner_code,
        judged.channel_code,
        case when rules.subject_kind_code = 'product' then judged.item_code end
            as product_code,
        nullif(judged.item_code, '') as item_code,
        case
            when judged.lapsed_date is not null then 'lapsed'
            when judged.resolved_date is not null then 'resolved'
            when muted.rule_code is not null then 'muted'
            else 'open'
        end as status_code,
        judged.since_date,
        judged.first_seen_date,
        case
            when judged.lapsed_date is not null then judged.last_held_date
            when judged.resolved_date is not null then judged.last_held_date
            when judged.is_periodic then judged.last_held_date
            else {{ as_of_date() }}
        end as last_seen_date,
        coalesce(judged.lapsed_date, judged.resolved_date) as resolved_date,
        case
            when judged.lapsed_date is null and judged.resolved_date is null
                then muted.muted_until_date
        end as muted_until_date,
        case
            when judged.lapsed_date is null and judged.resolved_date is null
                then mutes.mute_reason
        end as mute_reason,
        cast(judged.held_period_count as bigint) as held_period_count,
        {{ amount('judged.measured_value') }} as measured_value,
        {{ amount('judged.limit_value') }} as limit_value,
        rules.unit_code,
        judged.figures,
        {{ amount('round(judged.at_stake_amount, 2)') }} as at_stake_amount,
        {{ company_currency() }} as currency_code,
        case when judged.at_stake_amount is null then 'not_valued' end
            as reason_code,
        rules.measure_fr,
        rules.measure_en,
        rules.stake_fr,
        rules.stake_en,
        rules.action_fr,
        rules.action_en
    from judged
    inner join rules on judged.rule_code = rules.rule_code
    left join muted
        on
            judged.rule_code = muted.rule_code
            and judged.subject_code = muted.subject_code
    left join mutes on muted.mute_number = mutes.mute_number
)

select * from final
