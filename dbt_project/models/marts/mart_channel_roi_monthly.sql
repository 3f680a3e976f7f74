-- Grain: one row per month, channel and partner (level_code partner), and per month and
-- channel (level_code channel, partner_code ALL).
-- Additive within one level: amounts and counts of the month; acquisition_count within
-- one acquisition_base_code, too. Stocks are not additive over months. Rates: sums
-- divided.
{%- set transaction_steps = [
    'price_protection', 'ship_and_debit', 'freight', 'cash_discount'
] -%}
{%- set serving_steps = ['training', 'channel_staff', 'tools'] -%}
{%- set programme_steps = ['rebate', 'mdf', 'commission', 'spiff'] + serving_steps %}
with

lines as (
    select * from {{ ref('fct_margin_lines') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    where status_code <> 'cancelled' and order_date <= {{ as_of_date() }}
),

sales as (
    select * from {{ ref('fct_sell_out') }}
    where customer_key is not null and {{ is_of_record('feed_code', 'sell_out') }}
),

reports as (
    select * from {{ ref('fct_reporting_periods') }}
    where report_kind_code = 'sell_out' and is_of_record and is_reported
),

sell_in as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

stocks as (
    select * from {{ ref('mart_channel_inventory_weekly') }}
    where on_hand_quantity is not null
),

thresholds as (
    select * from {{ ref('dim_thresholds') }}
    where channel_code = '*'
),

line_margins as (
    select
        month_start_date,
        channel_code,
        partner_code,
        max(invoice_date) as last_invoice_date,
        {{ sum_of_lines('invoice_sales_amount', "product_code <> 'NONE'") }}
            as invoice_sales_amount,
        -- A line without cost, or without a rate, has no margin: it is counted, and not
        -- taken at 0.
        {{
            sum_of_lines(
                'invoice_sales_amount - cost_of_goods_amount '
                ~ '- coalesce(landed_cost_amount, 0)',
                "product_code <> 'NONE'"
            )
        }} as gross_margin_amount,
        sum(case when cost_of_goods_amount is null then 1 else 0 end)
            as unknown_cost_line_count,
        sum(case when reason_code = 'rate_missing' then 1 else 0 end)
            as unconverted_line_count,
        {{ sum_of_steps(transaction_steps) }} as transaction_cost_amount,
        {{ sum_of_steps(programme_steps) }} as programme_cost_amount,
        {{ sum_of_steps(serving_steps) }} as cost_to_serve_amount
    from lines
    group by month_start_date, channel_code, partner_code
),

partner_orders as (
    select
        {{ month_start('order_date') }} as month_start_date,
        partner_code,
        channel_code,
        count(distinct order_number) as order_count
    from orders
    group by {{ month_start('order_date') }}, partner_code, channel_code
),

customers as (
    select
        partner_code,
        customer_key,
        min(month_start_date) as first_month_date,
        min_by(channel_code, sale_date) as channel_code
    from sales
    group by partner_code, customer_key
),

-- Who bought in the first month that a partner names its customers in may have bought
-- before: new customers are known from the second month on.
customers_named as (
    select
        partner_code,
        min(first_month_date) as named_from_date
    from customers
    group by partner_code
),

new_customers as (
    select
        partner_code,
        channel_code,
        first_month_date as month_start_date,
        count(*) as new_customer_count
    from customers
    group by partner_code, channel_code, first_month_date
),

product_costs as (
    select
        product_code,
        {{ month_start('invoice_date') }} as valid_from_date,
        max(unit_cost_amount) as unit_cost_amount
    from sell_in
    where unit_cost_amount is not null
    group by product_code, {{ month_start('invoice_date') }}
),

product_cost_ranges as (
    select
        product_code,
        unit_cost_amount,
        {{ range_start(['product_code']) }} as valid_from_date,
        {{ range_end(['product_code']) }} as valid_to_date
    from product_costs
),

stock_weeks as (
    select
        stocks.partner_code,
        stocks.channel_code,
        stocks.week_start_date,
        sum(
            {{ wide('greatest(stocks.on_hand_quantity, 0)') }}
            * product_cost_ranges.unit_cost_amount
        ) as stock_amount
    from stocks
    inner join product_cost_ranges
        on
            stocks.product_code = product_cost_ranges.product_code
            and {{ in_range('stocks.week_start_date', 'product_cost_ranges') }}
    group by stocks.partner_code, stocks.channel_code, stocks.week_start_date
),

-- A week belongs to the month of its Thursday.
stock_months as (
    select
        partner_code,
        channel_code,
        {{ month_start(add_days('week_start_date', 3)) }} as month_start_date,
        sum(stock_amount) as stock_amount,
        count(*) as week_count
    from stock_weeks
    group by
        partner_code,
        channel_code,
        {{ month_start(add_days('week_start_date', 3)) }}
),

-- By the weeks of the month, so that two channels share the stock of one partner.
partner_stocks as (
    select
        partner_code,
        channel_code,
        month_start_date,
        {{
            divide(
                'stock_amount',
                'sum(week_count) over (partition by partner_code, month_start_date)'
            )
        }} as average_stock_amount
    from stock_months
),

beside_lines as (
    select
        month_start_date,
        partner_code,
        channel_code,
        order_count,
        cast(null as bigint) as new_customer_count,
        cast(null as decimal(18, 4)) as average_stock_amount
    from partner_orders
    union all
    select
        month_start_date,
        partner_code,
        channel_code,
        cast(null as bigint) as order_count,
        new_customer_count,
        cast(null as decimal(18, 4)) as average_stock_amount
    from new_customers
    union all
    select
        month_start_date,
        partner_code,
        channel_code,
        cast(null as bigint) as order_count,
        cast(null as bigint) as new_customer_count,
        average_stock_amount
    from partner_stocks
),

connected as (
    select
        min(month_start_date) as first_month_date,
        count(programme_cost_amount) > 0 as has_programme_costs,
        count(cost_to_serve_amount) > 0 as has_serving_costs,
        (select count(*) from orders) > 0 as has_orders
    from line_margins
),

-- Who bought nothing in a month may have ordered, sold and held stock in it. Before the
-- first invoice nobody knows.
idle_months as (
    select
        beside_lines.month_start_date,
        beside_lines.channel_code,
        beside_lines.partner_code
    from beside_lines
    inner join connected
        on beside_lines.month_start_date >= connected.first_month_date
    left join line_margins
        on
            beside_lines.month_start_date = line_margins.month_start_date
            and beside_lines.partner_code = line_margins.partner_code
    where line_margins.partner_code is null
    group by
        beside_lines.month_start_date,
        beside_lines.channel_code,
        beside_lines.partner_code
),

margins as (
    select * from line_margins
    union all
    select
        idle_months.month_start_date,
        idle_months.channel_code,
        idle_months.partner_code,
        cast(null as date) as last_invoice_date,
        0 as invoice_sales_amount,
        0 as gross_margin_amount,
        0 as unknown_cost_line_count,
        0 as unconverted_line_count,
        0 as transaction_cost_amount,
        case when connected.has_programme_costs then 0 end as programme_cost_amount,
        case when connected.has_serving_costs then 0 end as cost_to_serve_amount
    from idle_months
    cross join connected
),

-- A month of which no report has come has no known customers, and not none.
reported_months as (
    select
        margins.partner_code,
        margins.month_start_date
    from margins
    inner join reports
        on
            margins.partner_code = reports.partner_code
            and margins.month_start_date
            between {{ month_start('reports.period_start_date') }}
            and reports.period_end_date
    group by margins.partner_code, margins.month_start_date
),

last_channels as (
    select
        month_start_date,
        partner_code,
        channel_code
    from margins
    qualify
        row_number() over (
            partition by month_start_date, partner_code
            order by last_invoice_date desc nulls last, channel_code asc
        ) = 1
),

-- What stands beside the lines counts once: in the channel that the partner was in, or
-- where nothing was invoiced in that one, in the channel of its last invoice.
counted_beside as (
    select
        beside_lines.month_start_date,
        beside_lines.partner_code,
        coalesce(margins.channel_code, last_channels.channel_code) as channel_code,
        sum(beside_lines.order_count) as order_count,
        sum(beside_lines.new_customer_count) as new_customer_count,
        sum(beside_lines.average_stock_amount) as average_stock_amount
    from beside_lines
    inner join last_channels
        on
            beside_lines.month_start_date = last_channels.month_start_date
            and beside_lines.partner_code = last_channels.partner_code
    left join margins
        on
            beside_lines.month_start_date = margins.month_start_date
            and beside_lines.partner_code = margins.partner_code
            and beside_lines.channel_code = margins.channel_code
    group by
        beside_lines.month_start_date,
        beside_lines.partner_code,
        coalesce(margins.channel_code, last_channels.channel_code)
),

partner_months as (
    select
        margins.*,
        case when connected.has_orders then coalesce(counted_beside.order_count, 0) end
            as order_count,
        margins.month_start_date > customers_named.named_from_date
            as has_named_customers,
        case
            when margins.month_start_date > customers_named.named_from_date
                then
                    coalesce(
                        counted_beside.new_customer_count,
                        case when reported_months.partner_code is not null then 0 end
                    )
        end as new_customer_count,
        counted_beside.average_stock_amount,
        case
            when counted_beside.average_stock_amount is not null
                then margins.gross_margin_amount
        end as stocked_gross_margin_amount
    from margins
    cross join connected
    left join counted_beside
        on
            margins.month_start_date = counted_beside.month_start_date
            and margins.partner_code = counted_beside.partner_code
            and margins.channel_code = counted_beside.channel_code
    left join customers_named
        on margins.partner_code = customers_named.partner_code
    left join reported_months
        on
            margins.month_start_date = reported_months.month_start_date
            and margins.partner_code = reported_months.partner_code
),

placed as (
    select
        'partner' as level_code,
        partner_months.partner_code as placed_partner_code,
        partner_months.*
    from partner_months
    union all
    select
        'channel' as level_code,
        'ALL' as placed_partner_code,
        partner_months.*
    from partner_months
),

levels as (
    select
        level_code,
        month_start_date,
        channel_code,
        placed_partner_code as partner_code,
        sum(invoice_sales_amount) as invoice_sales_amount,
        {{ amount('sum(gross_margin_amount)') }} as gross_margin_amount,
        cast(sum(unknown_cost_line_count) as bigint) as unknown_cost_line_count,
        cast(sum(unconverted_line_count) as bigint) as unconverted_line_count,
        {{ amount('coalesce(sum(transaction_cost_amount), 0)') }}
            as transaction_cost_amount,
        {{ amount('sum(programme_cost_amount)') }} as programme_cost_amount,
        {{ amount('sum(cost_to_serve_amount)') }} as cost_to_serve_amount,
        -- Customers where all partners name them, orders where one does not.
        case
            when count(*) = count(case when has_named_customers then 1 end)
                then 'new_customers'
            else 'orders'
        end as acquisition_base_code,
        cast(
            case
                when count(*) = count(new_customer_count) then sum(new_customer_count)
                when count(*) > count(case when has_named_customers then 1 end)
                    then sum(order_count)
            end as bigint
        ) as acquisition_count,
        {{ amount('sum(average_stock_amount)') }} as average_stock_amount,
        -- What a part of a month has earned says nothing of a year.
        case
            when {{ is_month_over('month_start_date') }}
                then {{ amount('12 * sum(stocked_gross_margin_amount)') }}
        end as annual_gross_margin_amount
    from placed
    group by level_code, month_start_date, channel_code, placed_partner_code
),

-- Costs are those of all lines: with the margin of a part of them they give no
-- contribution.
contributions as (
    select
        levels.*,
        case
            when unconverted_line_count + unknown_cost_line_count = 0
                then {{ amount('gross_margin_amount - transaction_cost_amount') }}
        end as contribution_before_programmes_amount,
        case
            when unconverted_line_count + unknown_cost_line_count = 0
                then {{
                    amount(
                        'gross_margin_amount - transaction_cost_amount '
                        ~ '- coalesce(programme_cost_amount, 0)'
                    )
                }}
        end as channel_contribution_amount
    from levels
),

-- Three months, and the same three of the year before, so that seasons compare.
neighbours as (
    select
        months.level_code,
        months.month_start_date,
        months.channel_code,
        months.partner_code,
        earlier.programme_cost_amount,
        earlier.contribution_before_programmes_amount,
        earlier.unconverted_line_count,
        earlier.unknown_cost_line_count,
        {{ add_months('months.month_start_date', -2) }} <= earlier.month_start_date
            as is_recent,
        {{ add_months('months.month_start_date', -12) }} >= earlier.month_start_date
            as is_former
    from contributions as months
    inner join contributions as earlier
        on
            months.level_code = earlier.level_code
            and months.channel_code = earlier.channel_code
            and months.partner_code = earlier.partner_code
            and months.month_start_date >= earlier.month_start_date
            and {{ add_months('months.month_start_date', -14) }}
            <= earlier.month_start_date
),

rolled as (
    select
        level_code,
        month_start_date,
        channel_code,
        partner_code,
        sum(case when is_recent then programme_cost_amount end)
            as rolling_programme_cost_amount,
        -- Of a part of a margin nobody knows how far it is from that of a year before.
        case
            when
                sum(
                    case
                        when is_recent
                            then unconverted_line_count + unknown_cost_line_count
                    end
                ) = 0
                then sum(
                    case when is_recent then contribution_before_programmes_amount end
                )
        end as rolling_contribution_amount,
        sum(case when is_former then programme_cost_amount end)
            as former_programme_cost_amount,
        sum(case when is_former then contribution_before_programmes_amount end)
            as former_contribution_amount,
        sum(case when is_recent or is_former then unconverted_line_count else 0 end)
            as unconverted_line_count,
        sum(case when is_recent or is_former then unknown_cost_line_count else 0 end)
            as unknown_cost_line_count
    from neighbours
    group by level_code, month_start_date, channel_code, partner_code
),

history as (
    select min(month_start_date) as first_month_date from contributions
),

limits as (
    select
        max(
            case
                when threshold_code = 'marginal_cost_change_min_rate'
                    then threshold_value
            end
        ) as least_change_rate
    from thresholds
),

changes as (
    select
        rolled.*,
        rolling_programme_cost_amount - former_programme_cost_amount
            as programme_cost_change_amount,
        case
            when unconverted_line_count + unknown_cost_line_count = 0
                then rolling_contribution_amount - former_contribution_amount
        end as contribution_change_amount,
        case
            when not {{ is_month_over('rolled.month_start_date') }}
                then 'month_not_over'
            when unconverted_line_count > 0 then 'rate_missing'
            when unknown_cost_line_count > 0 then 'cost_unknown'
            when
                former_contribution_amount is null
                or {{ add_months('rolled.month_start_date', -14) }}
                < history.first_month_date
                then 'history_too_short'
            when
                rolling_programme_cost_amount is null
                or former_programme_cost_amount is null
                then 'programme_costs_not_connected'
            when
                rolling_programme_cost_amount = former_programme_cost_amount
                or abs(rolling_programme_cost_amount - former_programme_cost_amount)
                < limits.least_change_rate
                * {{ wide('abs(former_programme_cost_amount)') }}
                then 'cost_change_too_small'
        end as marginal_return_reason_code
    from rolled
    cross join history
    cross join limits
),

compared as (
    select
        changes.*,
        case
            when marginal_return_reason_code is null
                then {{
                    percent(
                        'contribution_change_amount', 'programme_cost_change_amount'
                    )
                }}
        end as marginal_return_rate
    from changes
),

final as (
    select
        contributions.level_code || '|' || contributions.channel_code
        || '|' || contributions.partner_code
        || '|' || cast(contributions.month_start_date as string) as channel_roi_id,
        contributions.level_code,
        contributions.channel_code,
        contributions.partner_code,
        contributions.month_start_date,
        {{ amount('contributions.invoice_sales_amount') }} as invoice_sales_amount,
        contributions.gross_margin_amount,
        contributions.transaction_cost_amount,
        contributions.contribution_before_programmes_amount,
        contributions.programme_cost_amount,
        contributions.channel_contribution_amount,
        {{
            percent(
                'contributions.channel_contribution_amount',
                positive('contributions.programme_cost_amount')
            )
        }} as roi_rate,
        case
            when contributions.programme_cost_amount is null
                then 'programme_costs_not_connected'
            when contributions.programme_cost_amount <= 0 then 'no_programme_costs'
            when contributions.unconverted_line_count > 0 then 'rate_missing'
            when contributions.unknown_cost_line_count > 0 then 'cost_unknown'
        end as roi_reason_code,
        contributions.unknown_cost_line_count,
        contributions.unconverted_line_count,
        contributions.cost_to_serve_amount,
        {{
            percent(
                'contributions.cost_to_serve_amount',
                positive('contributions.invoice_sales_amount')
            )
        }} as cost_to_serve_rate,
        contributions.acquisition_base_code,
        contributions.acquisition_count,
        {{
            divide(
                'contributions.programme_cost_amount',
                'contributions.acquisition_count'
            )
        }} as acquisition_cost_amount,
        case
            when contributions.programme_cost_amount is null
                then 'programme_costs_not_connected'
            when contributions.acquisition_count = 0 then 'nothing_acquired'
            when contributions.acquisition_count is not null then null
            when contributions.acquisition_base_code = 'orders'
                then 'orders_not_connected'
            else 'not_reported'
        end as acquisition_reason_code,
        contributions.annual_gross_margin_amount,
        {{ amount('contributions.average_stock_amount') }} as average_stock_amount,
        {{
            divide(
                'contributions.annual_gross_margin_amount',
                positive('contributions.average_stock_amount')
            )
        }} as gmroi_ratio,
        case
            when not {{ is_month_over('contributions.month_start_date') }}
                then 'month_not_over'
            when contributions.average_stock_amount is null then 'stock_unknown'
            when contributions.average_stock_amount <= 0 then 'no_stock'
        end as gmroi_reason_code,
        {{ amount('compared.rolling_programme_cost_amount') }}
            as rolling_programme_cost_amount,
        {{ amount('compared.rolling_contribution_amount') }}
            as rolling_contribution_amount,
        {{ amount('compared.programme_cost_change_amount') }}
            as programme_cost_change_amount,
        {{ amount('compared.contribution_change_amount') }}
            as contribution_change_amount,
        compared.marginal_return_rate,
        compared.marginal_return_reason_code,
        case
            when compared.marginal_return_rate is not null
                then cast(
                    rank() over (
                        partition by
                            contributions.level_code, contributions.month_start_date
                        order by compared.marginal_return_rate desc nulls last
                    ) as integer
                )
        end as reallocation_rank,
        {{ company_currency() }} as currency_code
    from contributions
    inner join compared
        on
            contributions.level_code = compared.level_code
            and contributions.month_start_date = compared.month_start_date
            and contributions.channel_code = compared.channel_code
            and contributions.partner_code = compared.partner_code
)

select * from final
