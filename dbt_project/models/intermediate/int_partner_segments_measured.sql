-- Grain: one row per scheme of segments, partner and month at whose end the partner is
-- looked at, from its first invoice on.
-- Figures are in the unit of the scheme's bounds: shares, 0.5 = 50 %, or amounts.
{%- set of_reports = "('sell_through_rate', 'business_customer_rate')" %}
with

schemes as (
    select * from {{ ref('stg_rules__segment_schemes') }}
),

sell_in as (
    select
        partner_code,
        {{ month_start('invoice_date') }} as month_start_date,
        net_amount
    from {{ ref('fct_sell_in') }}
),

margin_lines as (
    select * from {{ ref('fct_margin_lines') }}
),

inventory as (
    select * from {{ ref('fct_inventory') }}
),

sell_out as (
    select * from {{ ref('fct_sell_out') }}
    where {{ is_of_record('feed_code', 'sell_out') }}
),

periods as (
    select
        *,
        {{ days_between('period_start_date', 'period_end_date') }} + 1 as day_count
    from {{ ref('fct_reporting_periods') }}
    where report_kind_code = 'sell_out' and is_of_record
),

partners as (
    select * from {{ ref('dim_partners') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

limits as (
    select
        channel_code,
        {{ threshold('coverage_min_rate') }} as coverage_min_rate
    from {{ ref('dim_thresholds') }}
    group by channel_code
),

-- Whole months only.
months as (
    select
        month_start_date,
        {{ add_months('month_start_date', 1) }} as effective_date
    from {{ ref('dim_dates') }}
    where
        date_day = month_start_date
        and {{ add_months('month_start_date', 1) }} <= {{ as_of_date() }}
),

-- Facts are read only for what a scheme measures.
wanted as (
    select measure_code
    from schemes
    group by measure_code
),

coverage as (
    select
        partner_code,
        month_start_date,
        sum(case when is_expected then day_count else 0 end) as expected_day_count,
        sum(case when is_expected and is_reported then day_count else 0 end)
            as reported_day_count
    from periods
    group by partner_code, month_start_date
),

revenues as (
    select
        wanted.measure_code,
        sell_in.partner_code,
        sell_in.month_start_date,
        {{ amount('sum(sell_in.net_amount)') }} as numerator,
        cast(null as decimal(18, 4)) as denominator,
        count(*) - count(sell_in.net_amount) as unknown_count
    from sell_in
    inner join wanted on wanted.measure_code = 'revenue'
    group by wanted.measure_code, sell_in.partner_code, sell_in.month_start_date
),

margins as (
    select
        wanted.measure_code,
        margin_lines.partner_code,
        margin_lines.month_start_date,
        {{ amount('sum(margin_lines.pocket_margin_amount)') }} as numerator,
        {{ amount('sum(margin_lines.invoice_sales_amount)') }} as denominator,
        count(*) - count(margin_lines.pocket_margin_amount) as unknown_count
    from margin_lines
    inner join wanted on wanted.measure_code in ('margin', 'margin_rate')
    group by
        wanted.measure_code, margin_lines.partner_code, margin_lines.month_start_date
),

-- A stock counted at a month's end belongs to that month, as in
-- mart_channel_balance_monthly.
stock_weeks as (
    select
        wanted.measure_code,
        inventory.partner_code,
        inventory.product_code,
        inventory.week_start_date,
        {{ month_start(
            'least(inventory.stock_date, '
            ~ add_days('inventory.week_start_date', 3) ~ ')'
        ) }} as month_start_date,
        inventory.received_quantity,
        inventory.sold_quantity
        - coalesce(inventory.consumer_returned_quantity, 0) as net_quantity,
        coalesce(inventory.reported_quantity, inventory.calculated_quantity)
            as on_hand_quantity
    from inventory
    inner join wanted on wanted.measure_code = 'sell_through_rate'
),

last_weeks as (
    select
        stock_weeks.*,
        row_number() over (
            partition by partner_code, product_code, month_start_date
            order by week_start_date desc
        ) as position_number
    from stock_weeks
),

stock_months as (
    select
        measure_code,
        partner_code,
        product_code,
        month_start_date,
        case when count(received_quantity) = count(*) then sum(received_quantity) end
            as received_quantity,
        sum(net_quantity) as net_quantity,
        max(case when position_number = 1 then on_hand_quantity end)
            as closing_quantity
    from last_weeks
    group by measure_code, partner_code, product_code, month_start_date
),

opened as (
    select
        stock_months.*,
        lag(closing_quantity) over (
            partition by partner_code, product_code order by month_start_date
        ) as opening_quantity
    from stock_months
),

-- Months that are not reported in full are left out on both sides (like for like).
sell_throughs as (
    select
        opened.measure_code,
        opened.partner_code,
        opened.month_start_date,
        {{ amount('sum(opened.net_quantity)') }} as numerator,
        {{ amount('sum(opened.opening_quantity + opened.received_quantity)') }}
            as denominator,
        0 as unknown_count
    from opened
    inner join coverage
        on
            opened.partner_code = coverage.partner_code
            and opened.month_start_date = coverage.month_start_date
            and coverage.expected_day_count = coverage.reported_day_count
    where
        opened.net_quantity is not null
        and opened.opening_quantity is not null
        and opened.received_quantity is not null
    group by opened.measure_code, opened.partner_code, opened.month_start_date
),

customers as (
    select
        wanted.measure_code,
        sell_out.partner_code,
        sell_out.month_start_date,
        {{ amount('count(sell_out.business_customer_key)') }} as numerator,
        {{ amount('count(*)') }} as denominator,
        0 as unknown_count
    from sell_out
    inner join wanted on wanted.measure_code = 'business_customer_rate'
    where
        coalesce(sell_out.customer_key, sell_out.business_customer_key) is not null
    group by wanted.measure_code, sell_out.partner_code, sell_out.month_start_date
),

measured as (
    select * from revenues
    union all
    select * from margins
    union all
    select * from sell_throughs
    union all
    select * from customers
),

first_months as (
    select
        partner_code,
        min(month_start_date) as first_month_date
    from sell_in
    group by partner_code
),

history as (
    select min(first_month_date) as history_month_date from first_months
),

looked_at as (
    select
        schemes.scheme_code,
        schemes.valid_from_date as rule_version_date,
        schemes.measure_code,
        schemes.method_code,
        schemes.window_months,
        schemes.hysteresis_value,
        schemes.hysteresis_months,
        first_months.partner_code,
        first_months.first_month_date,
        history.history_month_date,
        months.month_start_date,
        months.effective_date
    from schemes
    cross join first_months
    cross join history
    inner join months
        on
            first_months.first_month_date <= months.month_start_date
            and {{ in_range('months.effective_date', 'schemes') }}
),

windowed as (
    select
        looked_at.scheme_code,
        looked_at.partner_code,
        looked_at.month_start_date,
        sum(measured.numerator) as numerator,
        sum(measured.denominator) as denominator,
        sum(measured.unknown_count) as unknown_count
    from looked_at
    inner join measured
        on
            looked_at.measure_code = measured.measure_code
            and looked_at.partner_code = measured.partner_code
            and looked_at.month_start_date >= measured.month_start_date
            and {{
                add_months('looked_at.month_start_date', '-looked_at.window_months')
            }}
            < measured.month_start_date
    group by
        looked_at.scheme_code, looked_at.partner_code, looked_at.month_start_date
),

covered as (
    select
        looked_at.scheme_code,
        looked_at.partner_code,
        looked_at.month_start_date,
        sum(coverage.expected_day_count) as expected_day_count,
        sum(coverage.reported_day_count) as reported_day_count
    from looked_at
    inner join coverage
        on
            looked_at.partner_code = coverage.partner_code
            and looked_at.month_start_date >= coverage.month_start_date
            and {{
                add_months('looked_at.month_start_date', '-looked_at.window_months')
            }}
            < coverage.month_start_date
    where looked_at.measure_code in {{ of_reports }}
    group by
        looked_at.scheme_code, looked_at.partner_code, looked_at.month_start_date
),

joined as (
    select
        looked_at.*,
        windowed.numerator,
        windowed.denominator,
        {{ divide('covered.reported_day_count', 'covered.expected_day_count') }}
            as coverage_rate,
        case
            when looked_at.method_code = 'attribute' then null
            when windowed.unknown_count > 0 and looked_at.measure_code = 'revenue'
                then 'rate_missing'
            when windowed.unknown_count > 0 then 'cost_unknown'
            when
                looked_at.measure_code in {{ of_reports }}
                and coalesce(covered.expected_day_count, 0) = 0
                then 'not_reported'
            when
                looked_at.measure_code in {{ of_reports }}
                and covered.reported_day_count
                < limits.coverage_min_rate * covered.expected_day_count
                then 'coverage_too_low'
            when looked_at.measure_code in ('revenue', 'margin') then null
            -- A report without any business customer does not tell them apart.
            when
                looked_at.measure_code = 'business_customer_rate'
                and coalesce(windowed.numerator, 0) = 0
                then 'customers_not_reported'
            when coalesce(windowed.denominator, 0) > 0 then null
            when looked_at.measure_code = 'margin_rate' then 'no_invoice_sales'
            else 'stock_not_reported'
        end as reason_code,
        case looked_at.measure_code
            when 'territory' then partners.territory_code
            when 'region'
                then coalesce(territories.region_name, territories.territory_name)
            when 'country' then partners.country_code
            when 'channel' then partners.channel_code
            when 'erp_segment' then partners.segment_code
        end as attribute_value
    from looked_at
    left join windowed
        on
            looked_at.scheme_code = windowed.scheme_code
            and looked_at.partner_code = windowed.partner_code
            and looked_at.month_start_date = windowed.month_start_date
    left join covered
        on
            looked_at.scheme_code = covered.scheme_code
            and looked_at.partner_code = covered.partner_code
            and looked_at.month_start_date = covered.month_start_date
    left join partners
        on
            looked_at.partner_code = partners.partner_code
            and {{ in_range('looked_at.effective_date', 'partners') }}
    left join limits on coalesce(partners.channel_code, '*') = limits.channel_code
    left join territories on partners.territory_code = territories.territory_code
),

valued as (
    select
        joined.*,
        case
            when method_code = 'attribute' or reason_code is not null then null
            when measure_code in ('revenue', 'margin') then coalesce(numerator, 0)
            else {{ divide('numerator', 'denominator') }}
        end as measured_value
    from joined
),

ranked as (
    select
        valued.*,
        sum(greatest(measured_value, 0)) over (
            partition by scheme_code, month_start_date
            order by measured_value desc nulls last, partner_code asc
            rows between unbounded preceding and current row
        ) - greatest(measured_value, 0) as larger_partners_value,
        sum(greatest(measured_value, 0)) over (
            partition by scheme_code, month_start_date
        ) as all_partners_value
    from valued
),

figured as (
    select
        ranked.*,
        cast(
            case
                when measured_value is null then null
                when method_code = 'value' then measured_value
                when method_code = 'cumulated_share'
                    then {{ divide('larger_partners_value', 'all_partners_value') }}
            end as decimal(18, 6)
        ) as figure_value
    from ranked
),

final as (
    select
        scheme_code,
        partner_code,
        month_start_date,
        effective_date,
        rule_version_date,
        measure_code,
        method_code,
        window_months,
        hysteresis_value,
        hysteresis_months,
        first_month_date,
        history_month_date,
        cast(measured_value as decimal(18, 4)) as measured_value,
        figure_value,
        coverage_rate,
        attribute_value,
        case
            when reason_code is not null then reason_code
            when method_code = 'cumulated_share' and figure_value is null
                then 'no_sales'
        end as reason_code
    from figured
)

select * from final
