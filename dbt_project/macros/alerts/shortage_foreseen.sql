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
            sum(stocks.on_hand_quantity + balances.in_transit_quantity)
                as available_quantity,
            sum(stocks.sold_quantity - stocks.consumer_returned_quantity)
                as sold_quantity,
            sum(stocks.received_quantity - stocks.returned_to_us_quantity)
                as received_quantity,
            count(*) as product_count
        from {{ ref('mart_channel_inventory_weekly') }} as stocks
        inner join {{ ref('mart_siso_weekly') }} as balances
            on stocks.channel_inventory_weekly_id = balances.siso_weekly_id
        inner join partners on stocks.partner_code = partners.partner_code
        where stocks.stock_status_code <> 'not_reported'
        group by stocks.partner_code, stocks.week_start_date, stocks.week_end_date
    ),

    -- Weeks of a partner that reports by month hold what the month before them sold.
    rates as (
        select
            current_week.partner_code,
            current_week.week_start_date,
            current_week.week_end_date,
            current_week.horizon_weeks,
            current_week.rate_weeks,
            current_week.available_quantity,
            sum(moves.sold_quantity) as sold_quantity,
            sum(moves.received_quantity) as received_quantity
        from weeks as current_week
        inner join (
            select
                partner_code,
                week_start_date,
                sum(sold_quantity - consumer_returned_quantity) as sold_quantity,
                sum(received_quantity - returned_to_us_quantity) as received_quantity
            from {{ ref('mart_channel_inventory_weekly') }}
            group by partner_code, week_start_date
        ) as moves
            on
                current_week.partner_code = moves.partner_code
                and current_week.week_start_date >= moves.week_start_date
                and {{ days_between(
                    'moves.week_start_date', 'current_week.week_start_date'
                ) }} < current_week.rate_weeks * 7
        group by
            current_week.partner_code,
            current_week.week_start_date,
            current_week.week_end_date,
            current_week.horizon_weeks,
            current_week.rate_weeks,
            current_week.available_quantity
    )

    select
        'shortage_foreseen' as rule_code,
        partner_code,
        '' as item_code,
        week_start_date as period_start_date,
        week_end_date as period_end_date,
        coalesce(
            sold_quantity > received_quantity
            and {{ wide('available_quantity') }} * rate_weeks
            < {{ wide('sold_quantity - received_quantity') }} * horizon_weeks,
            false
        ) as is_held,
        {{ divide(
            ['available_quantity', 'rate_weeks'], 'sold_quantity - received_quantity'
        ) }} as measured_value,
        horizon_weeks as limit_value,
        {{ divide(
            wide('sold_quantity - received_quantity') ~ ' * horizon_weeks - '
            ~ wide('available_quantity') ~ ' * rate_weeks',
            'rate_weeks'
        ) }} as at_stake_quantity,
        cast(null as decimal(18, 4)) as at_stake_amount,
        {{ alert_figures([
            ['available_quantity', 'available_quantity'],
            ['sold_quantity', 'sold_quantity'],
            ['received_quantity', 'received_quantity'],
        ]) }} as figures
    from rates
{%- endmacro %}
