-- Grain: one row per partner, product and complete ISO week, from the product's first
-- appearance at the partner (arrived, sold or in stock) to the as-of date; from then on
-- it stays in the grid, so that a product that is absent from a report counts as zero.
-- Of the weeks that this run replaces.
-- depends_on: {{ ref('int_weeks_touched') }}
{#- In a unit test the reference is a fixture, which is in no schema. #}
{%- set is_rolled = ref('dim_dates').schema and not rolls_from_the_beginning() %}
{%- if is_rolled %}{% set from_week = touched_from('first_week_date') %}{% endif %}

with

shipments as (
    select * from {{ ref('fct_shipments') }}
),

sell_out as (
    select * from {{ ref('fct_sell_out_weekly') }}
    where
        product_code <> 'UNMATCHED' and {{ is_of_record('feed_code', 'sell_out') }}
),

stocks as (
    select * from {{ ref('int_inventory_reported') }}
    where
        product_code <> 'UNMATCHED' and {{ is_of_record('feed_code', 'inventory') }}
),

covered_weeks as (
    select * from {{ ref('int_sell_out_weeks_covered') }}
),

periods as (
    select * from {{ ref('fct_reporting_periods') }}
    where report_kind_code = 'inventory' and is_of_record
),

feeds as (
    select * from {{ ref('dim_feeds') }} where is_inventory_of_record
),

batches as (
    select * from {{ ref('stg_ledger__batches') }} where system_code = 'feeds'
),

adjustments as (
    select * from {{ ref('stg_rules__stock_adjustments') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

weeks as (
    select
        week_start_date,
        week_end_date
    from dates
    where
        date_day = week_end_date
        and week_end_date <= {{ as_of_date() }}
        {%- if is_rolled %}
        and week_start_date >= {{ from_week }}
        {%- endif %}
),

moved as (
    select
        partner_code,
        product_code,
        {{ week_start('arrival_date') }} as week_start_date,
        sum(case when shipment_type = 'return' then 0 else shipped_quantity end)
            as received_quantity,
        sum(case when shipment_type = 'return' then shipped_quantity else 0 end)
            as returned_to_us_quantity
    from shipments
    {%- if is_rolled %}
    where arrival_date >= {{ from_week }}
    {%- endif %}
    group by partner_code, product_code, {{ week_start('arrival_date') }}
),

-- What arrived before the ERP's first shipment, or where it delivers none, is not
-- known, and not nothing.
known_receipts as (
    select min(arrival_date) as first_arrival_date
    from shipments
),

adjusted as (
    select
        partner_code,
        product_code,
        {{ week_start('adjustment_date') }} as week_start_date,
        sum(adjusted_quantity) as adjusted_quantity
    from adjustments
    group by partner_code, product_code, {{ week_start('adjustment_date') }}
),

sold as (
    select
        sell_out.partner_code,
        sell_out.product_code,
        sell_out.week_start_date,
        sum(sell_out.sold_quantity) as sold_quantity,
        sum(sell_out.returned_quantity) as consumer_returned_quantity,
        sum(
            case
                when sell_out.resolution_code <> 'resolved' then sell_out.line_count
                else 0
            end
        ) as unresolved_line_count,
        count(feeds.feed_code) > 0 as is_told_with_stock
    from sell_out
    left join feeds on sell_out.feed_code = feeds.feed_code
    {%- if is_rolled %}
    where sell_out.week_start_date >= {{ from_week }}
    {%- endif %}
    group by
        sell_out.partner_code, sell_out.product_code, sell_out.week_start_date
),

-- Of two feeds the one by month tells on its last day: what the other one told since
-- its day before is told with it, so that the week's figure stands for the month.
telling_weeks as (
    select
        partner_code,
        week_start_date,
        min(case when week_state_code <> 'running' then week_start_date end) over (
            partition by partner_code
            order by week_start_date
            rows between current row and unbounded following
        ) as telling_week_date
    from covered_weeks
    qualify week_state_code = 'running'
),

carried as (
    select
        sold.partner_code,
        sold.product_code,
        telling_weeks.telling_week_date as week_start_date,
        sum(sold.sold_quantity) as sold_quantity,
        sum(sold.consumer_returned_quantity) as consumer_returned_quantity,
        sum(sold.unresolved_line_count) as unresolved_line_count
    from sold
    inner join telling_weeks
        on
            sold.partner_code = telling_weeks.partner_code
            and sold.week_start_date = telling_weeks.week_start_date
    group by
        sold.partner_code, sold.product_code, telling_weeks.telling_week_date
),

-- Of several counts in a week the last one of each feed counts.
counts as (
    select
        stocks.partner_code,
        stocks.feed_code,
        stocks.product_code,
        stocks.on_hand_quantity,
        stocks.source_file,
        stocks.first_source_row,
        stocks.last_source_row,
        stocks.first_message_reference,
        stocks.last_message_reference,
        stocks.first_document_number,
        stocks.last_document_number,
        stocks.stock_date,
        {{ week_start('stocks.stock_date') }} as week_start_date,
        coalesce(batches.quarantined_row_count, 0) as quarantined_row_count,
        max(stocks.stock_date) over (
            partition by stocks.feed_code, {{ week_start('stocks.stock_date') }}
        ) as last_stock_date
    from stocks
    left join batches on stocks.source_batch_id = batches.batch_id
),

counted as (
    select
        partner_code,
        product_code,
        week_start_date,
        max(stock_date) as stock_date,
        -- Counted in a unit that nobody knows: what is there is not known either.
        case when count(on_hand_quantity) = count(*) then sum(on_hand_quantity) end
            as reported_quantity,
        count(distinct source_file) as source_file_count,
        min(source_file) as first_source_file,
        max(source_file) as last_source_file,
        -- Rows of several files make no range.
        case when min(source_file) = max(source_file) then min(first_source_row) end
            as first_source_row,
        case when min(source_file) = max(source_file) then max(last_source_row) end
            as last_source_row,
        min(first_message_reference) as first_message_reference,
        max(last_message_reference) as last_message_reference,
        min(first_document_number) as first_document_number,
        max(last_document_number) as last_document_number
    from counts
    where stock_date = last_stock_date
    group by partner_code, product_code, week_start_date
),

first_counted as (
    select
        partner_code,
        product_code,
        min(week_start_date) as first_counted_week_date
    from counted
    group by partner_code, product_code
),

-- A report without a line is a count as well: nothing is left.
count_days as (
    select
        partner_code,
        feed_code,
        {{ week_start('period_end_date') }} as week_start_date,
        period_end_date as stock_date,
        cast(null as string) as source_file,
        0 as quarantined_row_count
    from periods
    where is_reported and landed_row_count = 0
    union all
    select
        partner_code,
        feed_code,
        week_start_date,
        stock_date,
        source_file,
        quarantined_row_count
    from counts
    where stock_date = last_stock_date
),

-- Feeds of which each tells a part of a partner's stock: without one of them the whole
-- is not known.
silent_weeks as (
    select
        feeds.partner_code,
        weeks.week_start_date
    from feeds
    inner join weeks
        on
            feeds.expected_from_date <= weeks.week_start_date
            and feeds.expected_to_date > weeks.week_end_date
    left join count_days
        on
            feeds.feed_code = count_days.feed_code
            and weeks.week_start_date = count_days.week_start_date
    where count_days.feed_code is null
    group by feeds.partner_code, weeks.week_start_date
),

counted_weeks as (
    select
        count_days.partner_code,
        count_days.week_start_date,
        max(count_days.stock_date) as stock_date,
        min(count_days.source_file) as first_source_file,
        max(count_days.source_file) as last_source_file,
        max(count_days.quarantined_row_count) > 0 as has_quarantined_rows
    from count_days
    left join silent_weeks
        on
            count_days.partner_code = silent_weeks.partner_code
            and count_days.week_start_date = silent_weeks.week_start_date
    where silent_weeks.partner_code is null
    group by count_days.partner_code, count_days.week_start_date
),

appearances as (
    select
        partner_code,
        product_code,
        week_start_date
    from moved
    union all
    select
        partner_code,
        product_code,
        week_start_date
    from sold
    union all
    select
        partner_code,
        product_code,
        week_start_date
    from adjusted
    union all
    select
        partner_code,
        product_code,
        week_start_date
    from counted
    {%- if is_rolled %}
    union all
    select
        partner_code,
        product_code,
        week_start_date
    from {{ built('core', 'fct_inventory') }}
    where week_start_date = {{ add_days(from_week, -7) }}
    {%- endif %}
),

first_appearances as (
    select
        partner_code,
        product_code,
        min(week_start_date) as first_week_date
    from appearances
    group by partner_code, product_code
),

-- Joined by the days between: by a plain comparison DuckDB takes the grid for smaller
-- than what is joined to it, and holds it in memory, whole, once for each join.
grid as (
    select
        first_appearances.partner_code,
        first_appearances.product_code,
        weeks.week_start_date,
        weeks.week_end_date
    from first_appearances
    inner join weeks
        on {{ days_between(
            'first_appearances.first_week_date', 'weeks.week_start_date'
        ) }} >= 0
),

gathered as (
    select
        grid.partner_code,
        grid.product_code,
        grid.week_start_date,
        grid.week_end_date,
        coalesce(covered_weeks.week_state_code, 'not_expected') as week_state_code,
        coalesce(covered_weeks.reported_day_count, 0) as reported_day_count,
        counted_weeks.partner_code is not null as is_inventory_reported,
        counted_weeks.stock_date,
        coalesce(known_receipts.first_arrival_date <= grid.week_end_date, false)
            as has_known_receipts,
        coalesce(moved.received_quantity, 0) as received_quantity,
        coalesce(moved.returned_to_us_quantity, 0) as returned_to_us_quantity,
        coalesce(adjusted.adjusted_quantity, 0) as adjusted_quantity,
        {%- for figure in [
            'sold_quantity', 'consumer_returned_quantity', 'unresolved_line_count'
        ] %}
        case
            when covered_weeks.week_state_code = 'running' then 0
            else coalesce(sold.{{ figure }}, 0) + coalesce(carried.{{ figure }}, 0)
        end as {{ figure }},
        {%- endfor %}
        case
            when counted_weeks.partner_code is null then null
            when counted.partner_code is not null then counted.reported_quantity
            -- Listed with its sales and without a stock, or perhaps in a row that is
            -- held back.
            when sold.is_told_with_stock or counted_weeks.has_quarantined_rows then null
            -- Absent from a stock report that listed it before: nothing left.
            when first_counted.first_counted_week_date < grid.week_start_date then 0
        end as reported_quantity,
        coalesce(
            counted_weeks.partner_code is not null
            and (
                counted.partner_code is not null
                or first_counted.first_counted_week_date < grid.week_start_date
            ),
            false
        ) as has_source,
        cast(coalesce(counted.source_file_count, 0) as bigint) as source_file_count,
        coalesce(counted.first_source_file, counted_weeks.first_source_file)
            as first_source_file,
        coalesce(counted.last_source_file, counted_weeks.last_source_file)
            as last_source_file,
        counted.first_source_row,
        counted.last_source_row,
        counted.first_message_reference,
        counted.last_message_reference,
        counted.first_document_number,
        counted.last_document_number
    from grid
    cross join known_receipts
    left join covered_weeks
        on
            grid.partner_code = covered_weeks.partner_code
            and grid.week_start_date = covered_weeks.week_start_date
    left join counted_weeks
        on
            grid.partner_code = counted_weeks.partner_code
            and grid.week_start_date = counted_weeks.week_start_date
    left join moved
        on
            grid.partner_code = moved.partner_code
            and grid.product_code = moved.product_code
            and grid.week_start_date = moved.week_start_date
    left join adjusted
        on
            grid.partner_code = adjusted.partner_code
            and grid.product_code = adjusted.product_code
            and grid.week_start_date = adjusted.week_start_date
    left join sold
        on
            grid.partner_code = sold.partner_code
            and grid.product_code = sold.product_code
            and grid.week_start_date = sold.week_start_date
    left join carried
        on
            grid.partner_code = carried.partner_code
            and grid.product_code = carried.product_code
            and grid.week_start_date = carried.week_start_date
    left join counted
        on
            grid.partner_code = counted.partner_code
            and grid.product_code = counted.product_code
            and grid.week_start_date = counted.week_start_date
    left join first_counted
        on
            grid.partner_code = first_counted.partner_code
            and grid.product_code = first_counted.product_code
),

final as (
    select
        partner_code,
        product_code,
        week_start_date,
        week_end_date,
        week_state_code,
        week_state_code = 'reported' as is_sell_out_reported,
        is_inventory_reported,
        stock_date,
        -- Sales that are not known as a whole are unknown, whatever part of them came
        -- in.
        week_state_code in ('missing', 'not_expected')
        or unresolved_line_count > 0
        or not has_known_receipts as is_chain_broken,
        case
            when week_state_code = 'reported' and unresolved_line_count = 0
                then reported_day_count
            else 0
        end as reported_day_count,
        case when has_known_receipts then {{ quantity('received_quantity') }} end
            as received_quantity,
        case when has_known_receipts then {{ quantity('returned_to_us_quantity') }} end
            as returned_to_us_quantity,
        {{ quantity('adjusted_quantity') }} as adjusted_quantity,
        case
            when week_state_code = 'reported' and unresolved_line_count = 0
                then {{ quantity('sold_quantity') }}
        end as sold_quantity,
        case
            when week_state_code = 'reported' and unresolved_line_count = 0
                then {{ quantity('consumer_returned_quantity') }}
        end as consumer_returned_quantity,
        {{
            quantity(
                'received_quantity - returned_to_us_quantity - sold_quantity '
                ~ '+ consumer_returned_quantity + adjusted_quantity'
            )
        }} as net_flow_quantity,
        {{ quantity('reported_quantity') }} as reported_quantity,
        case when has_source then source_file_count end as source_file_count,
        case when has_source then first_source_file end as first_source_file,
        case when has_source then last_source_file end as last_source_file,
        case when has_source then first_source_row end as first_source_row,
        case when has_source then last_source_row end as last_source_row,
        case when has_source then first_message_reference end
            as first_message_reference,
        case when has_source then last_message_reference end as last_message_reference,
        case when has_source then first_document_number end as first_document_number,
        case when has_source then last_document_number end as last_document_number
    from gathered
)

select * from final
