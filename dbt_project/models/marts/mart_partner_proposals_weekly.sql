-- Grain: one row per partner, product and kind of proposal, as of the running week.
-- Additive within a kind: proposed_quantity, proposed_amount.
-- A stock that is older than five weeks, or that does not agree with what was delivered
-- and sold, proposes nothing; nor is a product reordered of which nobody knows how much
-- is on order or under way, as without orders or shipments.
with

doubts as (
    select siso_weekly_id
    from {{ ref('mart_siso_weekly') }}
    where is_gap_tolerated = false
),

-- What was counted within a week is the stock of that day; what was calculated holds
-- all that arrived in the week.
dated as (
    select
        channel_inventory_weekly_id,
        partner_code,
        product_code,
        week_start_date,
        case when on_hand_source_code = 'reported' then stock_date else week_end_date
        end as counted_date,
        on_hand_quantity,
        mean_daily_sell_out_quantity,
        weeks_of_supply
    from {{ ref('mart_channel_inventory_weekly') }}
    where stock_status_code <> 'not_reported' and on_hand_quantity >= 0
),

stocks as (
    select newest.*
    from (
        select * from dated
        where {{ days_between('counted_date', as_of_date()) }} <= 35
        qualify
            row_number() over (
                partition by partner_code, product_code order by week_start_date desc
            ) = 1
    ) as newest
    left join doubts on newest.channel_inventory_weekly_id = doubts.siso_weekly_id
    where doubts.siso_weekly_id is null
),

shipments as (
    select * from {{ ref('fct_shipments') }}
    where shipment_type <> 'return' and shipment_date <= {{ as_of_date() }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    where status_code <> 'cancelled' and order_date <= {{ as_of_date() }}
),

invoices as (
    select * from {{ ref('fct_sell_in') }}
    where invoice_type = 'invoice' and invoice_date <= {{ as_of_date() }}
),

products as (
    select * from {{ ref('dim_products') }} where is_active
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current and is_active
),

thresholds as (
    select * from {{ ref('dim_thresholds') }}
),

limits as (
    select
        channel_code,
        {{ threshold('min_weeks_of_supply_weeks') }} as min_weeks,
        {{ threshold('target_weeks_of_supply_weeks') }} as target_weeks,
        {{ threshold('max_weeks_of_supply_weeks') }} as max_weeks,
        {{ threshold('launch_days') }} as launch_days
    from thresholds
    group by channel_code
),

lead_times as (
    select
        partner_code,
        ceil({{ divide(
            'sum(' ~ days_between('order_date', 'last_delivery_date') ~ ')', 'count(*)'
        ) }}) as lead_time_days
    from orders
    where
        last_delivery_date is not null
        and last_delivery_date <= {{ as_of_date() }}
        and {{ days_between('order_date', as_of_date()) }} < 365
    group by partner_code
),

shipped_lines as (
    select
        order_number,
        order_line_number,
        sum(shipped_quantity) as shipped_quantity
    from shipments
    where order_number is not null
    group by order_number, order_line_number
),

-- A line that is closed may still have a shipment to come.
open_orders as (
    select
        orders.partner_code,
        orders.product_code,
        sum(
            case
                when orders.status_code = 'open'
                    then greatest(orders.ordered_quantity, orders.shipped_quantity)
                else orders.shipped_quantity
            end
            - coalesce(shipped_lines.shipped_quantity, 0)
        ) as on_order_quantity,
        count(
            case
                when orders.status_code = 'open' and orders.ordered_quantity is null
                    then 1
            end
        ) as unknown_order_count
    from orders
    left join shipped_lines
        on
            orders.order_number = shipped_lines.order_number
            and orders.order_line_number = shipped_lines.order_line_number
    group by orders.partner_code, orders.product_code
),

-- The packing of the partner's newest order of the product.
packs as (
    select
        partner_code,
        product_code,
        {{ divide_quantity('ordered_quantity', 'ordered_quantity_in_unit') }}
            as pack_quantity
    from orders
    where ordered_quantity_in_unit > 0
    qualify
        row_number() over (
            partition by partner_code, product_code
            order by order_date desc, order_line_id desc
        ) = 1
),

connected as (
    select
        (select count(*) from orders) > 0 and (select count(*) from shipments) > 0
            as is_under_way_known
),

last_orders as (
    select
        partner_code,
        product_code,
        max(order_date) as last_order_date
    from orders
    group by partner_code, product_code
),

prices as (
    select
        partner_code,
        product_code,
        sum(net_amount) as net_amount,
        sum(case when net_amount is not null then invoiced_quantity end)
            as invoiced_quantity
    from invoices
    where {{ days_between('invoice_date', as_of_date()) }} < 365
    group by partner_code, product_code
),

arriving as (
    select
        stocks.partner_code,
        stocks.product_code,
        sum(shipments.shipped_quantity) as arriving_quantity
    from stocks
    inner join shipments
        on
            stocks.partner_code = shipments.partner_code
            and stocks.product_code = shipments.product_code
            and stocks.counted_date < shipments.arrival_date
    group by stocks.partner_code, stocks.product_code
),

-- What is there today: the stock, what has come since or is on its way, what is
-- ordered, less what was sold since at the recent rate.
positions as (
    select
        stocks.partner_code,
        stocks.product_code,
        stocks.counted_date as stock_date,
        stocks.on_hand_quantity,
        stocks.mean_daily_sell_out_quantity,
        stocks.weeks_of_supply,
        case
            when connected.is_under_way_known
                then
                    coalesce(arriving.arriving_quantity, 0)
                    + coalesce(open_orders.on_order_quantity, 0)
        end as under_way_quantity,
        case
            when connected.is_under_way_known
                then greatest(
                    stocks.on_hand_quantity
                    + coalesce(arriving.arriving_quantity, 0)
                    + coalesce(open_orders.on_order_quantity, 0)
                    - stocks.mean_daily_sell_out_quantity
                    * {{ days_between('stocks.counted_date', as_of_date()) }},
                    0
                )
        end as available_quantity,
        coalesce(open_orders.unknown_order_count, 0) as unknown_order_count,
        case
            when connected.is_under_way_known
                then coalesce(lead_times.lead_time_days, 0)
        end as lead_time_days,
        coalesce(packs.pack_quantity, 1) as pack_quantity,
        last_orders.last_order_date,
        prices.net_amount,
        prices.invoiced_quantity,
        limits.min_weeks,
        limits.target_weeks,
        limits.max_weeks
    from stocks
    cross join connected
    inner join partners on stocks.partner_code = partners.partner_code
    inner join products on stocks.product_code = products.product_code
    inner join limits on partners.channel_code = limits.channel_code
    left join lead_times on stocks.partner_code = lead_times.partner_code
    left join arriving
        on
            stocks.partner_code = arriving.partner_code
            and stocks.product_code = arriving.product_code
    left join open_orders
        on
            stocks.partner_code = open_orders.partner_code
            and stocks.product_code = open_orders.product_code
    left join packs
        on
            stocks.partner_code = packs.partner_code
            and stocks.product_code = packs.product_code
    left join last_orders
        on
            stocks.partner_code = last_orders.partner_code
            and stocks.product_code = last_orders.product_code
    left join prices
        on
            stocks.partner_code = prices.partner_code
            and stocks.product_code = prices.product_code
    where stocks.mean_daily_sell_out_quantity > 0
),

levelled as (
    select
        positions.*,
        mean_daily_sell_out_quantity * (lead_time_days + 7 * min_weeks)
            as reorder_level_quantity,
        mean_daily_sell_out_quantity * (lead_time_days + 7 * target_weeks)
            as target_quantity,
        on_hand_quantity - mean_daily_sell_out_quantity * 7 * max_weeks
            as excess_quantity
    from positions
),

reorders as (
    select
        'reorder' as proposal_kind_code,
        levelled.*,
        ceil({{ divide('target_quantity - available_quantity', 'pack_quantity') }})
        * pack_quantity as proposed_quantity,
        last_order_date as cause_date
    from levelled
    where
        available_quantity < reorder_level_quantity
        and pack_quantity > 0
        and unknown_order_count = 0
),

promotions as (
    select
        'promotion' as proposal_kind_code,
        levelled.*,
        excess_quantity as proposed_quantity,
        last_order_date as cause_date
    from levelled
    where excess_quantity > 0
),

families_bought as (
    select
        invoices.partner_code,
        products.family_code
    from invoices
    inner join products on invoices.product_code = products.product_code
    where {{ days_between('invoices.invoice_date', as_of_date()) }} < 365
    group by invoices.partner_code, products.family_code
),

products_bought as (
    select
        partner_code,
        product_code
    from invoices
    group by partner_code, product_code
),

novelties as (
    select
        products.product_code,
        products.launch_date,
        families_bought.partner_code
    from products
    inner join families_bought on products.family_code = families_bought.family_code
    inner join partners on families_bought.partner_code = partners.partner_code
    inner join limits on partners.channel_code = limits.channel_code
    left join last_orders
        on
            families_bought.partner_code = last_orders.partner_code
            and products.product_code = last_orders.product_code
    left join products_bought
        on
            families_bought.partner_code = products_bought.partner_code
            and products.product_code = products_bought.product_code
    where
        products.launch_date <= {{ as_of_date() }}
        and {{
            days_between('products.launch_date', as_of_date())
        }} < limits.launch_days
        and last_orders.last_order_date is null
        and products_bought.partner_code is null
),

proposals as (
    select
        proposal_kind_code,
        partner_code,
        product_code,
        stock_date,
        on_hand_quantity,
        under_way_quantity,
        available_quantity,
        mean_daily_sell_out_quantity,
        weeks_of_supply,
        lead_time_days,
        target_quantity,
        pack_quantity,
        proposed_quantity,
        net_amount,
        invoiced_quantity,
        cause_date
    from reorders
    union all
    select
        proposal_kind_code,
        partner_code,
        product_code,
        stock_date,
        on_hand_quantity,
        under_way_quantity,
        available_quantity,
        mean_daily_sell_out_quantity,
        weeks_of_supply,
        lead_time_days,
        target_quantity,
        pack_quantity,
        proposed_quantity,
        net_amount,
        invoiced_quantity,
        cause_date
    from promotions
    union all
    select
        'novelty' as proposal_kind_code,
        partner_code,
        product_code,
        cast(null as date) as stock_date,
        null as on_hand_quantity,
        null as under_way_quantity,
        null as available_quantity,
        null as mean_daily_sell_out_quantity,
        null as weeks_of_supply,
        null as lead_time_days,
        null as target_quantity,
        null as pack_quantity,
        null as proposed_quantity,
        null as net_amount,
        null as invoiced_quantity,
        launch_date as cause_date
    from novelties
),

final as (
    select
        proposal_kind_code || '|' || partner_code || '|' || product_code
            as partner_proposal_id,
        proposal_kind_code,
        {{ week_start(as_of_date()) }} as week_start_date,
        partner_code,
        product_code,
        stock_date,
        {{ quantity('on_hand_quantity') }} as on_hand_quantity,
        {{ quantity('under_way_quantity') }} as under_way_quantity,
        {{ quantity('available_quantity') }} as available_quantity,
        {{ amount('mean_daily_sell_out_quantity') }} as mean_daily_sell_out_quantity,
        {{ amount('weeks_of_supply') }} as weeks_of_supply,
        cast(lead_time_days as integer) as lead_time_days,
        {{ quantity('target_quantity') }} as target_quantity,
        {{ quantity('pack_quantity') }} as pack_quantity,
        {{ quantity('proposed_quantity') }} as proposed_quantity,
        {{ divide(['proposed_quantity', 'net_amount'], 'invoiced_quantity') }}
            as proposed_amount,
        {{ company_currency() }} as currency_code,
        cause_date,
        case
            when proposal_kind_code = 'novelty' then 'not_bought_yet'
            when coalesce(invoiced_quantity, 0) <= 0 then 'price_unknown'
        end as reason_code
    from proposals
)

select * from final
