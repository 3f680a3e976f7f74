-- Grain: one row per partner: the state of everything as of the day.
-- Not additive: rates, ranks and days.
with

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

grants as (
    select * from {{ ref('dim_partner_territories') }} where is_current
),

segments as (
    select * from {{ ref('fct_partner_segments') }} where is_current
),

orders as (
    select * from {{ ref('fct_orders') }}
    where status_code <> 'cancelled' and ordered_quantity_in_unit > 0
),

balances as (
    select * from {{ ref('mart_channel_balance_monthly') }}
),

stocks as (
    select * from {{ ref('mart_channel_inventory_weekly') }}
),

profits as (
    select * from {{ ref('mart_partner_profitability_monthly') }}
),

returns_on_costs as (
    select * from {{ ref('mart_channel_roi_monthly') }} where level_code = 'partner'
),

rebates as (
    select * from {{ ref('mart_rebate_accruals_monthly') }}
),

report_weeks as (
    select * from {{ ref('mart_reporting_compliance_weekly') }}
),

periods as (
    select * from {{ ref('fct_reporting_periods') }}
),

deals as (
    select * from {{ ref('fct_deal_registrations') }}
),

leads as (
    select * from {{ ref('fct_lead_routings') }}
),

opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

reliabilities as (
    select * from {{ ref('mart_partner_forecast_reliability_monthly') }}
),

satisfaction as (
    select * from {{ ref('mart_partner_satisfaction_monthly') }}
),

trainings as (
    select * from {{ ref('mart_partner_training_monthly') }}
),

conflicts as (
    select * from {{ ref('mart_territory_conflicts') }} where status_code = 'open'
),

alerts as (
    select * from {{ ref('fct_alerts') }} where status_code = 'open'
),

granted as (
    select
        partner_code,
        {{ texts_joined(
            "case when is_exclusive then territory_code "
            ~ "|| case when family_code = '*' then '' else ' ' || family_code end end"
        ) }} as exclusive_territories,
        {{ texts_joined(
            "case when not is_exclusive then territory_code "
            ~ "|| case when family_code = '*' then '' else ' ' || family_code end end"
        ) }} as open_territories,
        count(*) as territory_count
    from grants
    group by partner_code
),

sorted as (
    select
        partner_code,
        {{ texts_joined("scheme_name_fr || ' : ' || segment_name_fr") }}
            as segments_fr,
        {{ texts_joined("scheme_name_en || ': ' || segment_name_en") }}
            as segments_en
    from segments
    group by partner_code
),

order_days as (
    select
        partner_code,
        order_date,
        count(distinct order_number) as order_count
    from orders
    group by partner_code, order_date
),

rhythms as (
    select
        partner_code,
        max(order_date) as last_order_date,
        cast(
            sum(
                case
                    when
                        order_date > {{ add_days(as_of_date(), -365) }}
                        then order_count
                    else 0
                end
            ) as bigint
        ) as order_12_months_count,
        count(
            case when order_date > {{ add_days(as_of_date(), -365) }} then 1 end
        ) as order_day_12_months_count,
        min(
            case
                when order_date > {{ add_days(as_of_date(), -365) }} then order_date
            end
        ) as first_order_12_months_date
    from order_days
    where order_date <= {{ as_of_date() }}
    group by partner_code
),

-- The rhythm is the mean of the days between days with an order, over a year.
paced as (
    select
        rhythms.*,
        case
            when order_day_12_months_count > 1
                then {{ divide(
                    days_between('first_order_12_months_date', 'last_order_date'),
                    'order_day_12_months_count - 1'
                ) }}
        end as mean_days_between_orders
    from rhythms
),

open_orders as (
    select
        partner_code,
        case when count(net_amount) = count(*) then {{ amount('sum(net_amount)') }}
        end as open_order_amount
    from orders
    where status_code = 'open' and order_date <= {{ as_of_date() }}
    group by partner_code
),

-- The newest month whose sell-out is known for all that the partner carries.
reported_months as (
    select
        partner_code,
        month_start_date,
        {{ quantity('sum(sell_in_quantity)') }} as sell_in_quantity,
        {{ quantity('sum(sell_out_quantity)') }} as sell_out_quantity,
        {{ quantity('sum(rolling_sell_in_quantity)') }} as rolling_sell_in_quantity,
        {{ quantity('sum(rolling_sell_out_quantity)') }} as rolling_sell_out_quantity,
        {{ quantity(
            'sum(case when sell_through_b_rate is not null '
            ~ 'then sell_out_quantity end)'
        ) }}
            as sell_through_sold_quantity,
        {{ quantity(
            'sum(case when sell_through_b_rate is not null '
            ~ 'then opening_stock_quantity + received_quantity end)'
        ) }} as sell_through_base_quantity,
        min(rolling_coverage_rate) as coverage_rate
    from balances
    group by partner_code, month_start_date
    having
        count(rolling_sell_out_quantity) > 0
        and count(
            case when rolling_balance_status_code = 'not_reported' then 1 end
        ) = 0
        and count(case when balance_status_code = 'not_reported' then 1 end) = 0
),

newest_balances as (
    select * from reported_months
    qualify
        row_number() over (partition by partner_code order by month_start_date desc) = 1
),

-- Partners count on different days: of each product the newest stock known, if it is
-- not older than five weeks.
newest_stocks as (
    select * from stocks
    where
        on_hand_quantity is not null
        and {{ days_between('week_end_date', as_of_date()) }} < 35
    qualify
        row_number() over (
            partition by partner_code, product_code order by week_start_date desc
        ) = 1
),

stocked as (
    select
        partner_code,
        max(stock_date) as stock_date,
        {{ quantity('sum(on_hand_quantity)') }} as on_hand_quantity,
        {{ divide(
            'sum(case when mean_daily_sell_out_quantity > 0 '
            ~ 'then on_hand_quantity end)',
            'sum(case when mean_daily_sell_out_quantity > 0 '
            ~ 'then 7 * mean_daily_sell_out_quantity end)'
        ) }} as weeks_of_supply,
        count(case when stock_status_code = 'shortage' then 1 end)
            as shortage_product_count,
        count(case when stock_status_code = 'overstock' then 1 end)
            as overstock_product_count
    from newest_stocks
    group by partner_code
),

newest_profits as (
    select * from profits
    where month_start_date <= {{ as_of_date() }}
    qualify
        row_number() over (partition by partner_code order by month_start_date desc) = 1
),

-- Rates of twelve months are those of the sums.
returned as (
    select
        partner_code,
        {{ amount('sum(programme_cost_amount)') }} as programme_cost_12_months_amount,
        {{ amount(
            'case '
            ~ 'when sum(unknown_cost_line_count + unconverted_line_count) > 0 then null '
            ~ 'when count(channel_contribution_amount) = count(*) '
            ~ 'then sum(channel_contribution_amount) end'
        ) }} as contribution_12_months_amount
    from returns_on_costs
    where
        month_start_date > {{ add_months(month_start(as_of_date()), -12) }}
        and month_start_date <= {{ as_of_date() }}
    group by partner_code
),

running_rebates as (
    select * from rebates
    where
        month_start_date = {{ month_start(as_of_date()) }}
        and period_end_date >= {{ as_of_date() }}
),

earned as (
    select
        partner_code,
        case when sum(unvalued_line_count) = 0 then {{ amount('sum(reached_amount)') }}
        end as rebate_reached_amount,
        case when sum(unvalued_line_count) = 0 then {{ amount('sum(expected_amount)') }}
        end as rebate_expected_amount
    from running_rebates
    group by partner_code
),

-- The programme in which the least is missing, as a share of what the tier asks.
nearest_tiers as (
    select * from running_rebates
    where
        next_tier_value > 0
        and unvalued_line_count = 0
        and (
            next_tier_distance > 0
            or (next_tier_distance = 0 and not is_next_tier_included)
        )
    qualify
        row_number() over (
            partition by partner_code
            order by
                {{ divide('next_tier_distance', 'next_tier_value') }} asc,
                programme_code asc,
                group_code asc
        ) = 1
),

reported as (
    select
        partner_code,
        cast(sum(on_time_count) as bigint) as on_time_count,
        cast(sum(due_count) as bigint) as due_count
    from report_weeks
    where week_start_date > {{ add_days(as_of_date(), -365) }}
    group by partner_code
),

-- A report that carries sales and stock is one report.
reports_due as (
    select
        partner_code,
        feed_code,
        period_start_date,
        max(period_end_date) as period_end_date,
        max(due_date) as due_date,
        max(case when is_expected then 1 else 0 end) as is_expected,
        max(case when is_reported then 1 else 0 end) as is_reported
    from periods
    group by partner_code, feed_code, period_start_date
),

owed_reports as (
    select
        partner_code,
        max(case when is_reported = 1 then period_end_date end) as last_reported_date,
        count(
            case
                when
                    is_expected = 1
                    and is_reported = 0
                    and due_date < {{ as_of_date() }}
                    and period_end_date > {{ add_days(as_of_date(), -365) }}
                    then 1
            end
        ) as missing_report_count
    from reports_due
    group by partner_code
),

pipeline as (
    select
        partner_code,
        count(*) as protected_deal_count,
        case
            when count(expected_amount) = count(*)
                then {{ amount('sum(expected_amount)') }}
        end as protected_deal_amount
    from deals
    where protection_code = 'protected' and registered_date <= {{ as_of_date() }}
    group by partner_code
),

announced as (
    select
        partner_code,
        count(*) as open_opportunity_count,
        {{ amount('sum(announced_amount)') }} as open_opportunity_amount,
        count(case when expected_date < {{ as_of_date() }} then 1 end)
            as late_opportunity_count,
        min(case when expected_date >= {{ as_of_date() }} then expected_date end)
            as next_opportunity_date
    from opportunities
    where
        partner_code is not null
        and stage_code in ('open', 'quoted')
        and created_date <= {{ as_of_date() }}
    group by partner_code
),

newest_reliabilities as (
    select * from reliabilities
    where month_start_date <= {{ as_of_date() }}
    qualify
        row_number() over (partition by partner_code order by month_start_date desc) = 1
),

passed as (
    select
        partner_code,
        count(*) as lead_12_months_count,
        count(case when status_code = 'won' then 1 end) as won_lead_12_months_count
    from leads
    where
        partner_code is not null
        and created_date > {{ add_days(as_of_date(), -365) }}
        and created_date <= {{ as_of_date() }}
    group by partner_code
),

newest_satisfaction as (
    select * from satisfaction
    where month_start_date <= {{ as_of_date() }}
    qualify
        row_number() over (partition by partner_code order by month_start_date desc) = 1
),

newest_trainings as (
    select * from trainings
    where month_start_date <= {{ as_of_date() }}
    qualify
        row_number() over (partition by partner_code order by month_start_date desc) = 1
),

alerted as (
    select
        partner_code,
        count(*) as open_alert_count,
        count(case when severity_code = 'critical' then 1 end) as critical_alert_count,
        {{ amount('sum(at_stake_amount)') }} as alert_at_stake_amount
    from alerts
    group by partner_code
),

sides as (
    select
        partner_code,
        conflict_code
    from conflicts
    union all
    select
        other_partner_code as partner_code,
        conflict_code
    from conflicts
),

disputed as (
    select
        partner_code,
        count(*) as open_conflict_count
    from sides
    group by partner_code
),

-- What the ERP does not deliver at all is unknown, not nothing.
connected as (
    select
        (select count(*) from orders) > 0 as has_orders,
        (select count(*) from grants) > 0 as has_grants,
        (select count(*) from deals) > 0 as has_deals,
        (select count(*) from opportunities) > 0 as has_opportunities,
        (select count(*) from leads) > 0 as has_leads,
        (select count(*) from rebates) > 0 as has_rebates
),

final as (
    select
        partners.partner_code,
        partners.partner_name,
        partners.channel_code,
        partners.is_active,
        partners.segment_code,
        sorted.segments_fr,
        sorted.segments_en,
        partners.price_list_code,
        {{ percent('partners.discount_rate', '1') }} as contract_discount_rate,
        partners.payment_term_days,
        partners.transit_days,
        case
            when partners.valid_from_date > cast('1900-01-01' as date)
                then partners.valid_from_date
        end as terms_since_date,
        partners.territory_code as home_territory_code,
        granted.exclusive_territories,
        granted.open_territories,
        case when connected.has_grants then coalesce(granted.territory_count, 0) end
            as territory_count,
        paced.last_order_date,
        {{ days_between('paced.last_order_date', as_of_date()) }}
            as days_since_last_order,
        case when connected.has_orders then coalesce(paced.order_12_months_count, 0) end
            as order_12_months_count,
        {{ amount('paced.mean_days_between_orders') }} as mean_days_between_orders,
        {{ add_days('paced.last_order_date', 'round(paced.mean_days_between_orders)') }}
            as next_order_expected_date,
        case
            when connected.has_orders and open_orders.partner_code is null
                then {{ amount('0') }}
            else open_orders.open_order_amount
        end as open_order_amount,
        newest_balances.month_start_date as balance_month_date,
        newest_balances.rolling_sell_in_quantity,
        newest_balances.rolling_sell_out_quantity,
        {{ percent(
            'newest_balances.rolling_sell_out_quantity',
            'case when newest_balances.rolling_sell_in_quantity > 0 '
            ~ 'then newest_balances.rolling_sell_in_quantity end'
        ) }} as rolling_sell_out_sell_in_rate,
        newest_balances.coverage_rate,
        {{ percent(
            'newest_balances.sell_through_sold_quantity',
            'case when newest_balances.sell_through_base_quantity > 0 '
            ~ 'then newest_balances.sell_through_base_quantity end'
        ) }} as sell_through_b_rate,
        stocked.stock_date,
        stocked.on_hand_quantity,
        stocked.weeks_of_supply,
        stocked.shortage_product_count,
        stocked.overstock_product_count,
        newest_profits.sales_12_months_amount,
        newest_profits.profit_12_months_amount,
        newest_profits.profit_12_months_rate,
        newest_profits.profit_rank,
        newest_profits.abc_code,
        returned.programme_cost_12_months_amount,
        returned.contribution_12_months_amount,
        {{ percent(
            'returned.contribution_12_months_amount',
            'case when returned.programme_cost_12_months_amount > 0 '
            ~ 'then returned.programme_cost_12_months_amount end'
        ) }} as roi_12_months_rate,
        newest_profits.receivable_amount,
        newest_profits.overdue_amount,
        newest_profits.days_sales_outstanding,
        case
            when connected.has_rebates and earned.partner_code is null
                then {{ amount(0) }}
            else earned.rebate_reached_amount
        end as rebate_reached_amount,
        case
            when connected.has_rebates and earned.partner_code is null
                then {{ amount(0) }}
            else earned.rebate_expected_amount
        end as rebate_expected_amount,
        nearest_tiers.programme_name_fr as next_tier_programme_fr,
        nearest_tiers.programme_name_en as next_tier_programme_en,
        case
            when nearest_tiers.form_code = 'loyalty' then 'months'
            else nearest_tiers.measure_code
        end as next_tier_measure_code,
        nearest_tiers.next_tier_value,
        nearest_tiers.next_tier_distance,
        nearest_tiers.is_next_tier_included,
        nearest_tiers.period_end_date as next_tier_until_date,
        reported.on_time_count,
        reported.due_count,
        {{ percent('reported.on_time_count', 'reported.due_count') }}
            as compliance_rate,
        owed_reports.last_reported_date,
        owed_reports.missing_report_count,
        case
            when connected.has_opportunities
                then coalesce(announced.open_opportunity_count, 0)
        end as open_opportunity_count,
        case
            when connected.has_opportunities and announced.partner_code is null
                then {{ amount(0) }}
            else announced.open_opportunity_amount
        end as open_opportunity_amount,
        case
            when connected.has_opportunities
                then coalesce(announced.late_opportunity_count, 0)
        end as late_opportunity_count,
        announced.next_opportunity_date,
        newest_reliabilities.rolling_announced_amount as announced_12_months_amount,
        newest_reliabilities.rolling_bought_amount as bought_12_months_amount,
        newest_reliabilities.rolling_reliability_rate as forecast_reliability_rate,
        newest_reliabilities.rolling_bias_rate as forecast_bias_rate,
        newest_reliabilities.rolling_reason_code as forecast_reason_code,
        case
            when connected.has_deals then coalesce(pipeline.protected_deal_count, 0)
        end
            as protected_deal_count,
        case
            when connected.has_deals and pipeline.partner_code is null
                then {{ amount(0) }}
            else pipeline.protected_deal_amount
        end as protected_deal_amount,
        case when connected.has_leads then coalesce(passed.lead_12_months_count, 0) end
            as lead_12_months_count,
        case
            when connected.has_leads then coalesce(passed.won_lead_12_months_count, 0)
        end
            as won_lead_12_months_count,
        newest_satisfaction.rolling_net_promoter_score,
        newest_satisfaction.rolling_answer_count,
        newest_satisfaction.open_ticket_count,
        newest_trainings.is_certified,
        newest_trainings.certified_to_date,
        coalesce(alerted.open_alert_count, 0) as open_alert_count,
        coalesce(alerted.critical_alert_count, 0) as critical_alert_count,
        case
            when alerted.partner_code is null then 0 else alerted.alert_at_stake_amount
        end as alert_at_stake_amount,
        coalesce(disputed.open_conflict_count, 0) as open_conflict_count,
        {{ company_currency() }} as currency_code,
        {{ as_of_date() }} as as_of_date
    from partners
    cross join connected
    left join sorted on partners.partner_code = sorted.partner_code
    left join granted on partners.partner_code = granted.partner_code
    left join paced on partners.partner_code = paced.partner_code
    left join open_orders on partners.partner_code = open_orders.partner_code
    left join newest_balances
        on partners.partner_code = newest_balances.partner_code
    left join stocked on partners.partner_code = stocked.partner_code
    left join newest_profits on partners.partner_code = newest_profits.partner_code
    left join returned on partners.partner_code = returned.partner_code
    left join earned on partners.partner_code = earned.partner_code
    left join nearest_tiers on partners.partner_code = nearest_tiers.partner_code
    left join reported on partners.partner_code = reported.partner_code
    left join owed_reports on partners.partner_code = owed_reports.partner_code
    left join pipeline on partners.partner_code = pipeline.partner_code
    left join announced on partners.partner_code = announced.partner_code
    left join newest_reliabilities
        on partners.partner_code = newest_reliabilities.partner_code
    left join passed on partners.partner_code = passed.partner_code
    left join newest_satisfaction
        on partners.partner_code = newest_satisfaction.partner_code
    left join newest_trainings
        on partners.partner_code = newest_trainings.partner_code
    left join alerted on partners.partner_code = alerted.partner_code
    left join disputed on partners.partner_code = disputed.partner_code
)

select * from final
