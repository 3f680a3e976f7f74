-- Grain: one row per product and week: past weeks as they were judged at their end
-- (is_projected false), weeks to come as they are expected today.
-- Additive over products and projected weeks: demand, arriving and need quantities (of
-- products of one unit) and need_amount. Stocks are not additive over weeks.
-- A past week sees what was known then: stock, orders, announced deals, supply orders.
with

products as (
    select * from {{ ref('dim_products') }} where is_matched and is_active
),

own_stock as (
    select * from {{ ref('fct_own_stock') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    where status_code <> 'cancelled' and ordered_quantity > 0
),

-- Orders in a unit that nobody can convert are more than is known.
unknown_orders as (
    select
        product_code,
        order_date,
        status_code
    from {{ ref('fct_orders') }}
    where
        status_code <> 'cancelled'
        and ordered_quantity is null
        and ordered_quantity_in_unit > 0
),

deliveries as (
    select
        product_code,
        shipment_date,
        sum(shipped_quantity) as shipped_quantity
    from {{ ref('fct_shipments') }}
    where shipment_type = 'delivery'
    group by product_code, shipment_date
),

-- What was sent of the orders above, whatever article was sent for the one ordered: of
-- an order that is cancelled, or older than those that we know, nothing is owed.
order_deliveries as (
    select
        orders.product_code,
        shipments.shipment_date,
        sum(shipments.shipped_quantity) as shipped_quantity
    from {{ ref('fct_shipments') }} as shipments
    inner join orders
        on
            shipments.order_number = orders.order_number
            and shipments.order_line_number = orders.order_line_number
    where shipments.shipment_type = 'delivery'
    group by orders.product_code, shipments.shipment_date
),

supplies as (
    select * from {{ ref('fct_supply_lines') }}
),

opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

limits as (
    select
        {{ as_of_date() }} as today_date,
        {{ threshold('supply_rate_weeks') }} * 7 as rate_days,
        {{ threshold('supply_horizon_weeks') }} as horizon_weeks,
        {{ threshold('supply_notice_days') }} as notice_days,
        {{ threshold('opportunity_stale_days') }} as stale_days,
        {{ threshold('calibration_deal_count') }} as deal_count
    from {{ ref('dim_thresholds') }}
    where channel_code = '*'
),

connected as (
    select
        (select count(*) from own_stock) > 0 as has_stock,
        (select count(*) from {{ ref('fct_orders') }}) > 0 as has_orders,
        (select count(*) from {{ ref('fct_shipments') }}) > 0 as has_shipments,
        (select count(*) from supplies) > 0 as has_supplies,
        (select count(*) from opportunities) > 0 as has_opportunities,
        (select min(stock_date) from own_stock) as first_stock_date,
        (select min(order_date) from orders) as first_order_date
),

past_days as (
    select
        {{ days_as_rows(
            'coalesce(first_stock_date, ' ~ as_of_date() ~ ')', as_of_date()
        ) }}
    from connected
),

assessments as (
    select
        {{ week_start('date_day') }} as week_start_date,
        date_day as assessed_date,
        date_day = {{ as_of_date() }} as is_today
    from past_days
    where
        date_day = {{ add_days(week_start('date_day'), 6) }}
        or date_day = {{ as_of_date() }}
),

coming_days as (
    select
        {{ days_as_rows(
            'today_date', add_days('today_date', '7 * cast(horizon_weeks as integer)')
        ) }}
    from limits
),

week_numbers as (
    select
        cast(
            floor({{ divide(days_between(as_of_date(), 'date_day'), 7) }}) as integer
        ) as week_number
    from coming_days
    group by
        cast(
            floor({{ divide(days_between(as_of_date(), 'date_day'), 7) }}) as integer
        )
),

-- What was bought of a deal that was announced is not in the rate: it comes with deals.
announced_orders as (
    select
        order_number,
        product_code
    from opportunities
    where order_number is not null and product_code is not null
    group by order_number, product_code
),

ordered as (
    select
        orders.product_code,
        orders.order_date,
        sum(
            case
                when announced_orders.order_number is null
                    then orders.ordered_quantity
                else 0
            end
        ) as rate_quantity,
        sum(orders.net_amount) as net_amount,
        sum(case when orders.net_amount is not null then orders.ordered_quantity end)
            as priced_quantity,
        sum(
            case
                when orders.status_code = 'open'
                    then greatest(orders.ordered_quantity, orders.shipped_quantity)
                else orders.shipped_quantity
            end
        ) as due_quantity
    from orders
    left join announced_orders
        on
            orders.order_number = announced_orders.order_number
            and orders.product_code = announced_orders.product_code
    group by orders.product_code, orders.order_date
),

rates as (
    select
        ordered.product_code,
        assessments.assessed_date,
        sum(ordered.rate_quantity) as rate_quantity,
        sum(ordered.net_amount) as net_amount,
        sum(ordered.priced_quantity) as priced_quantity
    from assessments
    cross join limits
    inner join ordered
        on
            assessments.assessed_date >= ordered.order_date
            and {{ days_between('ordered.order_date', 'assessments.assessed_date') }}
            < limits.rate_days
    group by ordered.product_code, assessments.assessed_date
),

unknown_rates as (
    select
        unknown_orders.product_code,
        assessments.assessed_date
    from assessments
    cross join limits
    inner join unknown_orders
        on
            assessments.assessed_date >= unknown_orders.order_date
            and (
                unknown_orders.status_code = 'open'
                or {{ days_between(
                    'unknown_orders.order_date', 'assessments.assessed_date'
                ) }} < limits.rate_days
            )
    group by unknown_orders.product_code, assessments.assessed_date
),

-- Ordered less shipped, of each product, up to the end of each day with either.
moves as (
    select
        product_code,
        order_date as move_date,
        due_quantity as moved_quantity
    from ordered
    union all
    select
        product_code,
        shipment_date as move_date,
        -shipped_quantity as moved_quantity
    from order_deliveries
),

owed as (
    select
        product_code,
        move_date,
        {{ range_end(['product_code'], 'move_date') }} as next_move_date,
        sum(moved_quantity) over (
            partition by product_code order by move_date
            rows between unbounded preceding and current row
        ) as owed_quantity
    from (
        select
            product_code,
            move_date,
            sum(moved_quantity) as moved_quantity
        from moves
        group by product_code, move_date
    ) as by_day
),

-- A count of the day holds all that moved on it; later moves are added to it.
counted as (
    select
        assessments.assessed_date,
        own_stock.product_code,
        own_stock.stock_date,
        own_stock.on_hand_quantity
    from assessments
    inner join own_stock
        on
            assessments.assessed_date >= own_stock.stock_date
            and assessments.assessed_date < own_stock.next_stock_date
    where {{ days_between('own_stock.stock_date', 'assessments.assessed_date') }} < 35
),

stock_moves as (
    select
        product_code,
        shipment_date as move_date,
        -shipped_quantity as moved_quantity
    from deliveries
    union all
    select
        product_code,
        received_date as move_date,
        received_quantity as moved_quantity
    from supplies
),

moved_since as (
    select
        counted.assessed_date,
        counted.product_code,
        sum(stock_moves.moved_quantity) as moved_quantity
    from counted
    inner join stock_moves
        on
            counted.product_code = stock_moves.product_code
            and counted.stock_date < stock_moves.move_date
            and counted.assessed_date >= stock_moves.move_date
    group by counted.assessed_date, counted.product_code
),

-- What was to come on the day, overdue goods as from the next day on.
arrivals as (
    select
        assessments.assessed_date,
        supplies.product_code,
        greatest(supplies.expected_date, {{ add_days('assessments.assessed_date', 1) }})
            as due_date,
        case
            when supplies.received_date > assessments.assessed_date
                then supplies.received_quantity + supplies.open_quantity
            else supplies.open_quantity
        end as arriving_quantity
    from assessments
    inner join supplies
        on
            assessments.assessed_date >= supplies.ordered_date
            and (
                supplies.is_open
                or assessments.assessed_date < supplies.received_date
            )
    where supplies.expected_date is not null
),

-- What partners bought of what they announced, and how late, over the deals decided in
-- the year before; of those that were seen as quoted, how many more were won. Of a
-- partner of whose won deals nobody knows what most became, the lost ones say nothing.
decided as (
    select
        assessments.assessed_date,
        opportunities.partner_code,
        opportunities.announced_amount,
        opportunities.bought_amount,
        case when opportunities.stage_code = 'won' then 1 else 0 end as won_count,
        case when opportunities.stage_code = 'won' then opportunities.slip_days end
            as won_slip_days,
        opportunities.quoted_date is not null as was_quoted
    from assessments
    inner join opportunities
        on
            assessments.assessed_date >= opportunities.closed_date
            and {{ days_between(
                'opportunities.closed_date', 'assessments.assessed_date'
            ) }} < 365
    where opportunities.announced_amount is not null
    qualify
        opportunities.bought_amount is not null
        and sum(
            case
                when opportunities.stage_code <> 'won' then 0
                when opportunities.bought_amount is null then 1
                else -1
            end
        ) over (partition by assessments.assessed_date, opportunities.partner_code) <= 0
),

experiences as (
    select
        assessed_date,
        partner_code,
        count(*) as deal_count,
        sum(announced_amount) as announced_amount,
        sum(bought_amount) as bought_amount,
        count(won_slip_days) as slip_count,
        sum(won_slip_days) as won_slip_days
    from decided
    group by assessed_date, partner_code
),

common_experiences as (
    select
        assessed_date,
        count(*) as deal_count,
        sum(announced_amount) as announced_amount,
        sum(bought_amount) as bought_amount,
        count(won_slip_days) as slip_count,
        sum(won_slip_days) as won_slip_days,
        sum(won_count) as won_count,
        sum(case when was_quoted then 1 else 0 end) as quoted_count,
        sum(case when was_quoted then won_count else 0 end) as quoted_won_count
    from decided
    group by assessed_date
),

open_deals as (
    select
        assessments.assessed_date,
        opportunities.opportunity_number,
        opportunities.partner_code,
        opportunities.product_code,
        opportunities.expected_date,
        opportunities.announced_quantity,
        coalesce(opportunities.quoted_date <= assessments.assessed_date, false)
            as is_quoted,
        coalesce(
            {{ days_between(
                'opportunities.expected_date', 'assessments.assessed_date'
            ) }} > limits.stale_days,
            false
        ) as is_stale,
        limits.deal_count as least_deal_count
    from assessments
    cross join limits
    inner join opportunities
        on
            assessments.assessed_date >= opportunities.created_date
            and (
                opportunities.closed_date is null
                or assessments.assessed_date < opportunities.closed_date
            )
    where
        opportunities.product_code is not null
        and opportunities.announced_quantity is not null
        and opportunities.expected_date is not null
        and (
            opportunities.closed_date is not null
            or opportunities.stage_code not in ('won', 'lost')
        )
),

calibrated as (
    select
        deals.assessed_date,
        deals.product_code,
        deals.announced_quantity,
        deals.is_stale,
        greatest(
            {{ add_days(
                'deals.expected_date',
                'round(greatest(coalesce(case '
                ~ 'when own.deal_count >= deals.least_deal_count then '
                ~ divide('own.won_slip_days', 'own.slip_count')
                ~ ' else ' ~ divide('common.won_slip_days', 'common.slip_count')
                ~ ' end, 0), 0))'
            ) }},
            {{ add_days('deals.assessed_date', 1) }}
        ) as due_date,
        coalesce(
            case
                when own.deal_count >= deals.least_deal_count
                    then {{ divide('own.bought_amount', 'own.announced_amount') }}
                when common.deal_count >= deals.least_deal_count
                    then {{ divide('common.bought_amount', 'common.announced_amount') }}
            end,
            1
        ) as bought_share,
        coalesce(
            case
                when deals.is_quoted and common.quoted_count >= deals.least_deal_count
                    then {{ divide(
                        'cast(common.quoted_won_count * common.deal_count as double)',
                        'common.quoted_count * common.won_count'
                    ) }}
            end,
            1
        ) as stage_share
    from open_deals as deals
    left join experiences as own
        on
            deals.assessed_date = own.assessed_date
            and deals.partner_code = own.partner_code
    left join common_experiences as common
        on deals.assessed_date = common.assessed_date
),

expected as (
    select
        assessed_date,
        product_code,
        announced_quantity,
        is_stale,
        due_date,
        case
            when is_stale then 0
            else {{ amount(
                wide(amount(wide('announced_quantity') ~ ' * bought_share'))
                ~ ' * stage_share'
            ) }}
        end as expected_quantity
    from calibrated
),

pipelines as (
    select
        assessed_date,
        product_code,
        sum(announced_quantity) as announced_quantity,
        sum(case when is_stale then announced_quantity else 0 end) as stale_quantity,
        sum(expected_quantity) as pipeline_quantity
    from expected
    group by assessed_date, product_code
),

-- The rate rests on the time since the first order, or since the launch.
ages as (
    select
        assessments.assessed_date,
        products.product_code,
        {{ days_between(
            'greatest(connected.first_order_date, '
            ~ 'coalesce(products.launch_date, connected.first_order_date))',
            'assessments.assessed_date'
        ) }} + 1 as age_days
    from assessments
    cross join connected
    cross join products
),

positions as (
    select
        assessments.week_start_date,
        assessments.assessed_date,
        assessments.is_today,
        products.product_code,
        products.supply_lead_days,
        limits.horizon_weeks,
        limits.notice_days,
        connected.has_stock,
        connected.has_orders,
        connected.has_shipments,
        connected.has_supplies,
        connected.has_opportunities,
        counted.stock_date,
        counted.on_hand_quantity + coalesce(moved_since.moved_quantity, 0)
            as on_hand_quantity,
        -- Of what is ordered and what has left, neither is known without the other.
        case
            when connected.has_orders and connected.has_shipments
                then greatest(coalesce(owed.owed_quantity, 0), 0)
        end as committed_quantity,
        case
            when connected.has_orders
                then {{ divide(
                    'coalesce(rates.rate_quantity, 0)',
                    'least(limits.rate_days, greatest(ages.age_days, 7))'
                ) }}
        end as daily_rate_quantity,
        coalesce(2 * ages.age_days >= limits.rate_days, false) as has_history,
        unknown_rates.product_code is not null as has_unknown_orders,
        {{ divide('rates.net_amount', 'rates.priced_quantity') }} as unit_price_amount,
        pipelines.announced_quantity,
        pipelines.stale_quantity,
        pipelines.pipeline_quantity
    from assessments
    cross join limits
    cross join connected
    cross join products
    inner join ages
        on
            assessments.assessed_date = ages.assessed_date
            and products.product_code = ages.product_code
    left join counted
        on
            assessments.assessed_date = counted.assessed_date
            and products.product_code = counted.product_code
    left join moved_since
        on
            assessments.assessed_date = moved_since.assessed_date
            and products.product_code = moved_since.product_code
    left join owed
        on
            products.product_code = owed.product_code
            and assessments.assessed_date >= owed.move_date
            and assessments.assessed_date < owed.next_move_date
    left join rates
        on
            assessments.assessed_date = rates.assessed_date
            and products.product_code = rates.product_code
    left join unknown_rates
        on
            assessments.assessed_date = unknown_rates.assessed_date
            and products.product_code = unknown_rates.product_code
    left join pipelines
        on
            assessments.assessed_date = pipelines.assessed_date
            and products.product_code = pipelines.product_code
    where assessments.is_today or counted.product_code is not null
),

-- Of a past week only what an order placed then could still have changed.
projected as (
    select
        positions.*,
        numbers.week_number,
        {{ add_days(
            week_start(add_days('positions.assessed_date', 1)),
            '7 * numbers.week_number'
        ) }} as projected_week_date,
        case
            when numbers.week_number = 0
                then 7 - {{ days_between(
                    week_start(add_days('positions.assessed_date', 1)),
                    add_days('positions.assessed_date', 1)
                ) }}
            else 7
        end as day_count
    from positions
    inner join week_numbers as numbers
        on
            positions.horizon_weeks > numbers.week_number
            and (
                positions.is_today
                or numbers.week_number * 7
                <= positions.supply_lead_days + positions.notice_days
            )
),

arriving as (
    select
        assessed_date,
        product_code,
        {{ week_start('due_date') }} as projected_week_date,
        sum(arriving_quantity) as arriving_quantity
    from arrivals
    group by assessed_date, product_code, {{ week_start('due_date') }}
),

asked as (
    select
        assessed_date,
        product_code,
        {{ week_start('due_date') }} as projected_week_date,
        sum(expected_quantity) as asked_quantity
    from expected
    group by assessed_date, product_code, {{ week_start('due_date') }}
),

weekly as (
    select
        projected.*,
        {{ quantity(wide('projected.daily_rate_quantity') ~ ' * projected.day_count') }}
            as rate_quantity,
        {{ quantity('coalesce(asked.asked_quantity, 0)') }} as asked_quantity,
        coalesce(arriving.arriving_quantity, 0) as arriving_quantity
    from projected
    left join arriving
        on
            projected.assessed_date = arriving.assessed_date
            and projected.product_code = arriving.product_code
            and projected.projected_week_date = arriving.projected_week_date
    left join asked
        on
            projected.assessed_date = asked.assessed_date
            and projected.product_code = asked.product_code
            and projected.projected_week_date = asked.projected_week_date
),

closed as (
    select
        *,
        {{ quantity('rate_quantity + asked_quantity') }} as demand_quantity,
        {{ amount(
            'on_hand_quantity - committed_quantity '
            ~ '+ sum(arriving_quantity - rate_quantity - asked_quantity) over ('
            ~ 'partition by assessed_date, product_code order by week_number '
            ~ 'rows between unbounded preceding and current row)'
        ) }} as closing_quantity
    from weekly
),

-- Goods arrive at the beginning of their week and are asked for evenly.
missing as (
    select
        *,
        max(case when closing_quantity < 0 then -closing_quantity else 0 end) over (
            partition by assessed_date, product_code order by week_number
            rows between unbounded preceding and current row
        ) as missing_quantity,
        case
            when closing_quantity < 0 and demand_quantity > 0
                then {{ add_days(
                    'greatest(projected_week_date, '
                    ~ add_days('assessed_date', 1) ~ ')',
                    'floor(' ~ divide(
                        'day_count * greatest(closing_quantity + demand_quantity, 0)',
                        'demand_quantity'
                    ) ~ ')'
                ) }}
        end as empty_date
    from closed
),

needed as (
    select
        *,
        missing_quantity - lag(missing_quantity, 1, 0) over (
            partition by assessed_date, product_code order by week_number
        ) as need_quantity
    from missing
),

judged as (
    select
        assessed_date,
        product_code,
        case
            when
                max(on_hand_quantity - committed_quantity) <= 0
                and max(demand_quantity) > 0
                then assessed_date
            else min(empty_date)
        end as shortage_date,
        -- What is owed already is missing, whatever may come.
        max(
            case
                when
                    projected_week_date
                    <= {{ add_days(
                        'assessed_date', 'supply_lead_days + notice_days'
                    ) }}
                    then greatest(
                        missing_quantity, committed_quantity - on_hand_quantity
                    )
            end
        ) as shortage_quantity
    from missing
    group by assessed_date, product_code
),

unit_costs as (
    select
        product_code,
        unit_cost_amount
    from {{ ref('fct_sell_in') }}
    where
        invoice_type = 'invoice' and unit_cost_amount is not null
        and invoice_date <= {{ as_of_date() }}
    qualify
        row_number() over (
            partition by product_code
            order by invoice_date desc, invoice_line_id desc
        ) = 1
),

-- Past weeks have one row each, the weeks to come those that were projected today.
placed as (
    select
        week_start_date,
        cast(null as integer) as week_number,
        assessed_date,
        product_code
    from positions
    where
        assessed_date = {{ add_days('week_start_date', 6) }}
        and stock_date is not null
    union all
    select
        projected_week_date as week_start_date,
        week_number,
        assessed_date,
        product_code
    from projected
    where is_today
),

gathered as (
    select
        placed.week_start_date,
        placed.week_number is not null as is_projected,
        positions.assessed_date,
        positions.product_code,
        positions.supply_lead_days,
        positions.notice_days,
        positions.has_stock,
        positions.has_orders,
        positions.has_shipments,
        positions.has_supplies,
        positions.has_opportunities,
        positions.has_history,
        positions.has_unknown_orders,
        positions.stock_date,
        positions.on_hand_quantity,
        positions.committed_quantity,
        positions.daily_rate_quantity,
        positions.unit_price_amount,
        positions.announced_quantity,
        positions.stale_quantity,
        positions.pipeline_quantity,
        case
            when positions.on_hand_quantity is not null then judged.shortage_date
        end as shortage_date,
        case
            when positions.on_hand_quantity - positions.committed_quantity is not null
                then judged.shortage_quantity
        end as shortage_quantity,
        needed.rate_quantity,
        needed.asked_quantity,
        needed.demand_quantity,
        case when positions.has_supplies then needed.arriving_quantity end
            as arriving_quantity,
        needed.closing_quantity,
        case when needed.closing_quantity is not null then needed.need_quantity end
            as need_quantity,
        unit_costs.unit_cost_amount
    from placed
    inner join positions
        on
            placed.assessed_date = positions.assessed_date
            and placed.product_code = positions.product_code
    left join judged
        on
            placed.assessed_date = judged.assessed_date
            and placed.product_code = judged.product_code
    left join needed
        on
            placed.assessed_date = needed.assessed_date
            and placed.product_code = needed.product_code
            and placed.week_number = needed.week_number
    left join unit_costs on placed.product_code = unit_costs.product_code
),

judged_by_what_is_known as (
    select
        *,
        case
            when on_hand_quantity - committed_quantity is null then null
            when not has_history then null
            when not is_projected and supply_lead_days is null then null
            when shortage_date is null then 'covered'
            when shortage_date = assessed_date then 'short'
            when
                {{ days_between('assessed_date', 'shortage_date') }}
                <= supply_lead_days + notice_days
                then 'order_now'
            else 'shortage_foreseen'
        end as supply_status_code
    from gathered
),

final as (
    select
        product_code || '|' || cast(week_start_date as string) as pipeline_supply_id,
        week_start_date,
        product_code,
        is_projected,
        assessed_date,
        stock_date,
        {{ quantity('on_hand_quantity') }} as on_hand_quantity,
        {{ quantity('committed_quantity') }} as committed_quantity,
        {{ quantity('on_hand_quantity - committed_quantity') }} as available_quantity,
        daily_rate_quantity,
        {%- for column in [
            'announced_quantity', 'stale_quantity', 'pipeline_quantity'
        ] %}
        case
            when has_opportunities then {{ quantity('coalesce(' ~ column ~ ', 0)') }}
        end as {{ column }},
        {%- endfor %}
        cast(supply_lead_days as integer) as supply_lead_days,
        {{ quantity('rate_quantity') }} as demand_rate_quantity,
        case
            when has_opportunities then {{ quantity('asked_quantity') }}
        end as demand_pipeline_quantity,
        {{ quantity('demand_quantity') }} as demand_quantity,
        {{ quantity('arriving_quantity') }} as arriving_quantity,
        {{ quantity('closing_quantity') }} as closing_quantity,
        {{ amount(
            wide('case when closing_quantity < 0 then 0 else closing_quantity end')
            ~ ' * unit_cost_amount'
        ) }} as closing_stock_amount,
        {{ quantity('need_quantity') }} as need_quantity,
        {{ amount(wide('need_quantity') ~ ' * unit_cost_amount') }} as need_amount,
        case
            when need_quantity > 0
                then {{ add_days('week_start_date', '-supply_lead_days') }}
        end as need_order_date,
        {{ amount('unit_cost_amount') }} as unit_cost_amount,
        shortage_date,
        {{ add_days('shortage_date', '-supply_lead_days') }} as order_by_date,
        {{ quantity('shortage_quantity') }} as shortage_quantity,
        {{ amount(wide('shortage_quantity') ~ ' * unit_price_amount') }}
            as shortage_amount,
        {{ company_currency() }} as currency_code,
        case
            when supply_status_code not in ('short', 'order_now') and has_unknown_orders
                then null
            else supply_status_code
        end as supply_status_code,
        case
            when not has_stock then 'stock_not_connected'
            when on_hand_quantity is null then 'stock_not_counted'
            when not has_orders then 'orders_not_connected'
            when not has_shipments then 'shipments_not_connected'
            when not has_history then 'history_too_short'
            when has_unknown_orders and supply_status_code not in ('short', 'order_now')
                then 'unit_unknown'
            when not has_supplies then 'arrivals_not_connected'
            when supply_lead_days is null then 'lead_time_unknown'
        end as reason_code
    from judged_by_what_is_known
)

select * from final
