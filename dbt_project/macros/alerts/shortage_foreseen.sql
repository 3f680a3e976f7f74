{#
    At the recent rate of sales and arrivals, the partner's stock ends within the
    horizon. By partner, over all products whose stock is known: the single ones that
    run low are told by stock_below_threshold.
#}
{% macro alert_shortage_foreseen() -%}
    with

    partners as (
        {{ alert_partners('shortage_foreseen', ['horizon_weeks', 'rate_weeks']) }}
    ),

    weeks as (
        select
            stocks.partner_code,
            stocks.week_start_date,
            stocks.week_end_date,
            min(partners.horizon_weeks) as horizon_weeks,
            min(partners.rate_weeks) as rate_weeks,
            sum(
                stocks.on_hand_quantity
                + coalesce(balances.in_transit_quantity, 0)
                + coalesce(arrived.arrived_quantity, 0)
            ) as available_quantity
        from {{ ref('mart_channel_inventory_weekly') }} as stocks
        inner join {{ ref('mart_siso_weekly') }} as balances
            on stocks.channel_inventory_weekly_id = balances.siso_weekly_id
        left join (
            {{ alert_arrived_since_the_count() }}
        ) as arrived
            on stocks.channel_inventory_weekly_id = arrived.channel_inventory_weekly_id
        inner join partners on stocks.partner_code = partners.partner_code
        where stocks.stock_status_code <> 'not_reported'
        group by stocks.partner_code, stocks.week_start_date, stocks.week_end_date
    ),

    states as (
        select
            partner_code,
            week_start_date,
            max(week_state_code) as week_state_code
        from {{ ref('fct_inventory') }}
        group by partner_code, week_start_date
    ),

    -- What a longer period sold stands in the week in which it ends, so what arrived in
    -- it is held against that week.
    settled as (
        select
            partner_code,
            week_start_date,
            min(
                case when week_state_code <> 'running' then week_start_date end
            ) over (
                partition by partner_code order by week_start_date
                rows between current row and unbounded following
            ) as settled_week_date
        from states
    ),

    spans as (
        select
            partner_code,
            settled_week_date,
            count(*) as week_count
        from settled
        where settled_week_date is not null
        group by partner_code, settled_week_date
    ),

    products as (
        select
            inventory.partner_code,
            inventory.product_code,
            settled.settled_week_date,
            sum(inventory.received_quantity - inventory.returned_to_us_quantity)
                as received_quantity,
            max(
                case
                    when inventory.week_start_date = settled.settled_week_date
                        then inventory.sold_quantity
                        - inventory.consumer_returned_quantity
                end
            ) as sold_quantity,
            max(
                case
                    when inventory.week_start_date = settled.settled_week_date
                        then coalesce(
                            inventory.reported_quantity, inventory.calculated_quantity
                        )
                end
            ) as on_hand_quantity
        from {{ ref('fct_inventory') }} as inventory
        inner join settled
            on
                inventory.partner_code = settled.partner_code
                and inventory.week_start_date = settled.week_start_date
        where settled.settled_week_date is not null
        group by
            inventory.partner_code, inventory.product_code, settled.settled_week_date
    ),

    -- Without a report, or in a unit that nobody can convert, neither what was sold nor
    -- what arrived counts; nor of a product whose stock is not known.
    moves as (
        select
            products.partner_code,
            products.settled_week_date,
            min(spans.week_count) as week_count,
            sum(products.sold_quantity) as sold_quantity,
            sum(products.received_quantity) as received_quantity
        from products
        inner join spans
            on
                products.partner_code = spans.partner_code
                and products.settled_week_date = spans.settled_week_date
        where
            products.sold_quantity is not null
            and products.on_hand_quantity is not null
            and products.received_quantity is not null
        group by products.partner_code, products.settled_week_date
    ),

    -- Of less than half of the weeks there is no rate to judge by.
    rates as (
        select
            current_week.partner_code,
            current_week.week_start_date,
            current_week.week_end_date,
            current_week.horizon_weeks,
            current_week.available_quantity,
            sum(moves.week_count) as known_weeks,
            sum(moves.sold_quantity) as sold_quantity,
            sum(moves.received_quantity) as received_quantity
        from weeks as current_week
        inner join moves
            on
                current_week.partner_code = moves.partner_code
                and current_week.week_start_date >= moves.settled_week_date
                and {{ days_between(
                    'moves.settled_week_date', 'current_week.week_start_date'
                ) }} < current_week.rate_weeks * 7
        group by
            current_week.partner_code,
            current_week.week_start_date,
            current_week.week_end_date,
            current_week.horizon_weeks,
            current_week.rate_weeks,
            current_week.available_quantity
        having sum(moves.week_count) * 2 >= current_week.rate_weeks
    )

    select
        'shortage_foreseen' as rule_code,
        partner_code,
        '' as item_code,
        week_start_date as period_start_date,
        week_end_date as period_end_date,
        coalesce(
            sold_quantity > received_quantity
            and {{ wide('available_quantity') }} * known_weeks
            < {{ wide('sold_quantity - received_quantity') }} * horizon_weeks,
            false
        ) as is_held,
        {{ divide(
            ['available_quantity', 'known_weeks'], 'sold_quantity - received_quantity'
        ) }} as measured_value,
        horizon_weeks as limit_value,
        {{ divide(
            wide('sold_quantity - received_quantity') ~ ' * horizon_weeks - '
            ~ wide('available_quantity') ~ ' * known_weeks',
            'known_weeks'
        ) }} as at_stake_quantity,
        cast(null as decimal(18, 4)) as at_stake_amount,
        {{ alert_figures([
            ['available_quantity', 'available_quantity'],
            ['sold_quantity', 'sold_quantity'],
            ['received_quantity', 'received_quantity'],
        ]) }} as figures
    from rates
{%- endmacro %}
