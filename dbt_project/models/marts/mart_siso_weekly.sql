-- Grain: one row per complete ISO week, partner and product with a reported or a
-- calculated stock.
-- Additive over partners and products: quantities. Not additive: stocks and gaps over
-- weeks, and gap_rate; the rate of a group is the ratio of its sums.
--
-- Replaced from the first touched week on. A cause is told with hindsight: a stock that
-- turns negative explains the weeks of its chain before. Chains are replaced whole if
-- the touched weeks gave them that cause or took it away: where the stock was negative
-- before them already, the weeks before are explained by it as they were.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='siso_weekly_id',
        on_schema_change='fail',
        pre_hook="{{ clear_touched('week_start_date', 'first_week_date') }}"
    )
}}
{%- set sold_weeks = 12 %}
{%- set recent_weeks = (company_threshold('trailing_sell_out_days', 28) | int) // 7 %}
{%- set weeks_looked_back_upon = [sold_weeks, recent_weeks] | max - 1 %}

with

stock_weeks as (
    select * from {{ ref('fct_inventory') }}
),

negative_chains as (
    select
        partner_code,
        product_code,
        anchor_date,
        min(week_start_date) as first_week_date
    from stock_weeks
    where calculated_quantity < 0
    group by partner_code, product_code, anchor_date
),

{% if is_incremental() -%}
-- What the last run left of it lies before the touched weeks.
explained_before as (
    select
        partner_code,
        product_code,
        anchor_date
    from {{ this }}
    where likely_cause_code = 'missing_sell_in'
    group by partner_code, product_code, anchor_date
),

explained_anew as (
    select
        partner_code,
        product_code,
        anchor_date
    from negative_chains
    where first_week_date >= {{ touched_from('first_week_date') }}
    union
    select
        explained_before.partner_code,
        explained_before.product_code,
        explained_before.anchor_date
    from explained_before
    left join negative_chains
        on
            explained_before.partner_code = negative_chains.partner_code
            and explained_before.product_code = negative_chains.product_code
            and explained_before.anchor_date = negative_chains.anchor_date
    where negative_chains.partner_code is null
),

pairs_read_whole as (
    select
        partner_code,
        product_code
    from explained_anew
    group by partner_code, product_code
),

inventory as (
    select
        stock_weeks.*,
        stock_weeks.week_start_date >= {{ touched_from('first_week_date') }}
        or explained_anew.anchor_date is not null as is_replaced
    from stock_weeks
    left join pairs_read_whole
        on
            stock_weeks.partner_code = pairs_read_whole.partner_code
            and stock_weeks.product_code = pairs_read_whole.product_code
    left join explained_anew
        on
            stock_weeks.partner_code = explained_anew.partner_code
            and stock_weeks.product_code = explained_anew.product_code
            and stock_weeks.anchor_date = explained_anew.anchor_date
    where
        stock_weeks.week_start_date
        >= {{ touched_from('first_week_date', weeks_looked_back_upon) }}
        or pairs_read_whole.partner_code is not null
),
{%- else -%}
inventory as (
    select
        stock_weeks.*,
        true as is_replaced
    from stock_weeks
),
{%- endif %}

periods as (
    select * from {{ ref('fct_reporting_periods') }} where is_of_record
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

thresholds as (
    select * from {{ ref('dim_thresholds') }}
),

shipments as (
    select * from {{ ref('fct_shipments') }} where shipment_type <> 'return'
),

dates as (
    select * from {{ ref('dim_dates') }}
),

causes as (
    select * from {{ ref('dim_gap_causes') }}
),

channel_limits as (
    select
        channel_code,
        {{ threshold('siso_gap_tolerance_rate') }} as gap_tolerance_rate
    from thresholds
    group by channel_code
),

limits as (
    select
        partners.partner_code,
        100 * coalesce(
            partners.siso_gap_tolerance_rate, channel_limits.gap_tolerance_rate
        ) as gap_tolerance_rate
    from partners
    left join channel_limits on partners.channel_code = channel_limits.channel_code
),

weeks as (
    select
        week_start_date,
        week_end_date
    from dates
    where date_day = week_end_date and week_end_date <= {{ as_of_date() }}
),

-- What was under way before the ERP's first shipment, or without any, is not known.
known_shipments as (
    select min(shipment_date) as first_shipment_date from shipments
),

-- Shipped, and not there yet when the week ends.
under_way as (
    select
        weeks.week_start_date,
        shipments.partner_code,
        shipments.product_code,
        sum(shipments.shipped_quantity) as in_transit_quantity
    from shipments
    inner join weeks
        on
            shipments.shipment_date <= weeks.week_end_date
            and shipments.arrival_date > weeks.week_end_date
    group by weeks.week_start_date, shipments.partner_code, shipments.product_code
),

late_weeks as (
    select
        partner_code,
        {{ week_start('period_end_date') }} as week_start_date
    from periods
    where is_late
    group by partner_code, {{ week_start('period_end_date') }}
),

moving as (
    select
        inventory.*,
        sum(inventory.sold_quantity) over (
            partition by inventory.partner_code, inventory.product_code
            order by inventory.week_start_date
            rows between {{ sold_weeks - 1 }} preceding and current row
        ) as trailing_sold_quantity,
        sum(inventory.sold_quantity) over (
            partition by inventory.partner_code, inventory.product_code
            order by inventory.week_start_date
            rows between {{ recent_weeks - 1 }} preceding and current row
        ) as recent_sold_quantity,
        sum(inventory.reported_day_count) over (
            partition by inventory.partner_code, inventory.product_code
            order by inventory.week_start_date
            rows between {{ recent_weeks - 1 }} preceding and current row
        ) as recent_reported_day_count
    from inventory
),

known as (
    select
        moving.*,
        limits.gap_tolerance_rate,
        late_weeks.partner_code is not null as is_report_late,
        abs(moving.gap_rate) <= limits.gap_tolerance_rate as is_gap_tolerated,
        coalesce(
            moving.reported_quantity > 0
            and moving.trailing_sold_quantity > 0
            and moving.recent_sold_quantity = 0
            and moving.recent_reported_day_count >= {{ recent_weeks * 7 }},
            false
        ) as is_stock_standing_still
    from moving
    left join limits on moving.partner_code = limits.partner_code
    left join late_weeks
        on
            moving.partner_code = late_weeks.partner_code
            and moving.week_start_date = late_weeks.week_start_date
    where
        moving.is_replaced
        and (
            moving.reported_quantity is not null
            or moving.calculated_quantity is not null
        )
),

-- All counts of the chains: a gap may be older than what is replaced.
counts as (
    select
        stock_weeks.inventory_id,
        stock_weeks.partner_code,
        stock_weeks.product_code,
        stock_weeks.anchor_date,
        stock_weeks.week_start_date,
        stock_weeks.calculated_quantity,
        stock_weeks.gap_quantity,
        stock_weeks.sold_quantity - stock_weeks.consumer_returned_quantity
            as net_sold_quantity,
        negative_chains.partner_code is not null as is_chain_negative,
        late_weeks.partner_code is not null as is_report_late,
        limits.gap_tolerance_rate,
        -- The gap is 0 at the anchor; a week without a count leaves it as it was.
        stock_weeks.gap_quantity - coalesce(
            lag(stock_weeks.gap_quantity) over (
                partition by
                    stock_weeks.partner_code,
                    stock_weeks.product_code,
                    stock_weeks.anchor_date
                order by stock_weeks.week_start_date
            ),
            0
        ) as gap_change_quantity
    from stock_weeks
    left join limits on stock_weeks.partner_code = limits.partner_code
    left join late_weeks
        on
            stock_weeks.partner_code = late_weeks.partner_code
            and stock_weeks.week_start_date = late_weeks.week_start_date
    left join negative_chains
        on
            stock_weeks.partner_code = negative_chains.partner_code
            and stock_weeks.product_code = negative_chains.product_code
            and stock_weeks.anchor_date = negative_chains.anchor_date
    where stock_weeks.gap_quantity is not null
),

explained as (
    select
        counts.*,
        coalesce(
            100 * abs(gap_change_quantity)
            > gap_tolerance_rate * {{ wide('greatest(calculated_quantity, 1)') }},
            false
        ) as is_gap_new,
        case
            when is_chain_negative and gap_quantity > 0 then 'missing_sell_in'
            -- The gap grew by what was sold, as if it had been deducted twice.
            when
                gap_change_quantity > 0
                and 100 * abs(gap_change_quantity - net_sold_quantity)
                <= gap_tolerance_rate * {{ wide('gap_change_quantity') }}
                then 'duplicate_sell_out'
            when is_report_late then 'late_report'
            when gap_quantity > 0 then 'phantom_stock'
            when gap_quantity < 0 then 'missing_sell_out'
        end as own_cause_code
    from counts
),

numbered as (
    select
        explained.*,
        sum(case when is_gap_new then 1 else 0 end) over (
            partition by partner_code, product_code, anchor_date
            order by week_start_date
            rows between unbounded preceding and current row
        ) as gap_number
    from explained
),

-- A gap that stays keeps the cause of the week in which it came up.
traced as (
    select
        numbered.*,
        max(case when is_gap_new then own_cause_code end) over (
            partition by partner_code, product_code, anchor_date, gap_number
        ) as first_cause_code,
        min(case when is_gap_new then week_start_date end) over (
            partition by partner_code, product_code, anchor_date, gap_number
        ) as first_week_date
    from numbered
),

judged as (
    select
        known.*,
        traced.gap_change_quantity,
        traced.first_week_date,
        case
            when known.is_gap_tolerated = false
                then coalesce(traced.first_cause_code, traced.own_cause_code)
            when known.calculated_quantity < 0 then 'missing_sell_in'
            when known.is_stock_standing_still then 'phantom_stock'
        end as likely_cause_code
    from known
    left join traced on known.inventory_id = traced.inventory_id
),

final as (
    select
        judged.inventory_id as siso_weekly_id,
        judged.week_start_date,
        judged.week_end_date,
        judged.partner_code,
        judged.channel_code,
        judged.product_code,
        judged.opening_quantity,
        judged.received_quantity,
        judged.returned_to_us_quantity,
        judged.sold_quantity,
        judged.consumer_returned_quantity,
        judged.adjusted_quantity,
        case
            when
                known_shipments.first_shipment_date
                <= {{ add_days('judged.week_start_date', 6) }}
                then {{ quantity('coalesce(under_way.in_transit_quantity, 0)') }}
        end as in_transit_quantity,
        judged.calculated_quantity,
        judged.reported_quantity,
        judged.stock_date,
        judged.anchor_date,
        judged.gap_quantity,
        {{ quantity('greatest(judged.calculated_quantity, 1)') }} as gap_base_quantity,
        judged.gap_rate,
        {{ quantity('judged.gap_change_quantity') }} as gap_change_quantity,
        cast(judged.gap_tolerance_rate as decimal(18, 4)) as gap_tolerance_rate,
        judged.is_gap_tolerated,
        case when judged.is_gap_tolerated = false then judged.first_week_date end
            as gap_since_date,
        judged.is_negative_calculated,
        judged.is_report_late,
        judged.is_stock_standing_still,
        judged.likely_cause_code,
        causes.gap_cause_name_fr as likely_cause_name_fr,
        causes.gap_cause_name_en as likely_cause_name_en,
        case
            when judged.gap_quantity is not null then null
            when judged.reported_quantity is null then 'stock_not_reported'
            when judged.calculated_quantity is null then 'sell_out_not_reported'
            else 'anchor'
        end as reason_code
    from judged
    cross join known_shipments
    left join causes on judged.likely_cause_code = causes.gap_cause_code
    left join under_way
        on
            judged.week_start_date = under_way.week_start_date
            and judged.partner_code = under_way.partner_code
            and judged.product_code = under_way.product_code
)

select * from final
order by week_start_date nulls last
