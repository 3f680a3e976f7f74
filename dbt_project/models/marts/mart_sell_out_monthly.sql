-- Grain: one row per month, partner and product, from the product's first appearance at
-- the partner (bought, sold or in stock) to the as-of date, for partners that report
-- sell-out.
-- Additive: quantities, amounts, line_count. Not additive: the counts of periods and
-- days and coverage_rate, which belong to the partner's month. Quantities are NULL if
-- nothing was reported, 0 where a report does not name the product.
-- Estimates of what was not reported stand in a column of their own, where the company
-- wants them (estimation_months in rules/thresholds.yml).
--
-- Replaced from the first touched month on.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='month_start_date',
        on_schema_change='fail',
        pre_hook="{{ clear_touched('month_start_date', 'first_month_date') }}"
    )
}}
{%- set estimation_months = company_threshold('estimation_months', 0) | int %}

with

sell_out as (
    select * from {{ ref('fct_sell_out_weekly') }}
    where
        {{ is_of_record('feed_code', 'sell_out') }}
        {%- if is_incremental() %}
        and month_start_date >= {{ touched_from('first_month_date') }}
        {%- endif %}
),

periods as (
    select
        *,
        {{ days_between('period_start_date', 'period_end_date') }} + 1 as day_count
    from {{ ref('fct_reporting_periods') }}
    where report_kind_code = 'sell_out' and is_of_record
),

invoices as (
    select * from {{ ref('fct_sell_in') }}
    {%- if is_incremental() %}
    where invoice_date >= {{ touched_from('first_month_date') }}
    {%- endif %}
),

inventory as (
    select * from {{ ref('fct_inventory') }}
    {%- if is_incremental() %}
    where week_end_date >= {{ touched_from('first_month_date') }}
    {%- endif %}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

dates as (
    select * from {{ ref('dim_dates') }}
),

months as (
    select
        month_start_date,
        month_end_date
    from dates
    where
        date_day = month_start_date
        and month_start_date <= {{ as_of_date() }}
        {%- if is_incremental() %}
        and month_start_date >= {{ touched_from('first_month_date') }}
        {%- endif %}
),

sold as (
    select
        month_start_date,
        partner_code,
        product_code,
        sum(sold_quantity) as sold_quantity,
        sum(returned_quantity) as returned_quantity,
        sum(net_quantity) as net_quantity,
        sum(net_amount) as net_amount,
        sum(line_count) as line_count,
        sum(case when resolution_code <> 'resolved' then line_count else 0 end)
            as unresolved_line_count,
        sum(unconverted_line_count) as unconverted_line_count
    from sell_out
    group by month_start_date, partner_code, product_code
),

-- Partners that report no amounts have none, not zero. A month without a line, where it
-- was reported, is worth 0 whatever they report.
amounts as (
    select
        month_start_date,
        partner_code,
        count(net_amount) > 0 as has_amounts
    from sold
    group by month_start_date, partner_code
),

-- A monthly report speaks of as many days as four weekly ones: coverage weighs them by
-- their days.
covered as (
    select
        month_start_date,
        partner_code,
        sum(case when is_expected then 1 else 0 end) as expected_period_count,
        sum(case when is_expected and is_reported then 1 else 0 end)
            as reported_period_count,
        sum(case when is_expected then day_count else 0 end) as expected_day_count,
        sum(case when is_expected and is_reported then day_count else 0 end)
            as reported_day_count,
        sum(case when is_reported then 1 else 0 end) as any_reported_period_count
    from periods
    group by month_start_date, partner_code
),

reporting_partners as (
    select partner_code from covered
    union distinct
    select partner_code from sold
),

appearances as (
    select
        partner_code,
        product_code,
        min(month_start_date) as month_start_date
    from sold
    group by partner_code, product_code
    union all
    select
        partner_code,
        product_code,
        {{ month_start('min(invoice_date)') }} as month_start_date
    from invoices
    group by partner_code, product_code
    union all
    select
        partner_code,
        product_code,
        {{ month_start('min(week_end_date)') }} as month_start_date
    from inventory
    group by partner_code, product_code
    {%- if is_incremental() %}
    union all
    select
        partner_code,
        product_code,
        {{ touched_from('first_month_date') }} as month_start_date
    from {{ this }}
    where month_start_date = {{ touched_from('first_month_date', 1) }}
    {%- endif %}
),

first_appearances as (
    select
        appearances.partner_code,
        appearances.product_code,
        min(appearances.month_start_date) as first_month_date
    from appearances
    inner join reporting_partners
        on appearances.partner_code = reporting_partners.partner_code
    group by appearances.partner_code, appearances.product_code
),

keys as (
    select
        months.month_start_date,
        first_appearances.partner_code,
        first_appearances.product_code
    from first_appearances
    inner join months on first_appearances.first_month_date <= months.month_start_date
    union distinct
    select
        month_start_date,
        partner_code,
        product_code
    from sold
),

joined as (
    select
        keys.month_start_date,
        keys.partner_code,
        partners.channel_code,
        keys.product_code,
        sold.sold_quantity,
        sold.returned_quantity,
        sold.net_quantity,
        sold.net_amount,
        sold.line_count,
        sold.unresolved_line_count,
        sold.unconverted_line_count,
        sold.partner_code is not null as has_lines,
        coalesce(amounts.has_amounts, covered.any_reported_period_count > 0, false)
            as has_amounts,
        coalesce(covered.expected_period_count, 0) as expected_period_count,
        coalesce(covered.reported_period_count, 0) as reported_period_count,
        coalesce(covered.expected_day_count, 0) as expected_day_count,
        coalesce(covered.reported_day_count, 0) as reported_day_count,
        coalesce(covered.any_reported_period_count, 0) > 0 as is_reported
    from keys
    left join sold
        on
            keys.month_start_date = sold.month_start_date
            and keys.partner_code = sold.partner_code
            and keys.product_code = sold.product_code
    left join amounts
        on
            keys.month_start_date = amounts.month_start_date
            and keys.partner_code = amounts.partner_code
    left join covered
        on
            keys.month_start_date = covered.month_start_date
            and keys.partner_code = covered.partner_code
    left join partners
        on
            keys.partner_code = partners.partner_code
            and {{ in_range(last_day('keys.month_start_date'), 'partners') }}
),

described as (
    select
        cast(month_start_date as string) || '|' || partner_code || '|' || product_code
            as sell_out_monthly_id,
        month_start_date,
        partner_code,
        channel_code,
        product_code,
        is_reported,
        case
            when has_lines then {{ quantity('sold_quantity') }}
            when is_reported then {{ quantity(0) }}
        end as sold_quantity,
        case
            when has_lines then {{ quantity('returned_quantity') }}
            when is_reported then {{ quantity(0) }}
        end as returned_quantity,
        case
            when has_lines then {{ quantity('net_quantity') }}
            when is_reported then {{ quantity(0) }}
        end as net_quantity,
        case
            when has_lines then {{ amount('net_amount') }}
            when has_amounts then {{ amount(0) }}
        end as net_amount,
        cast(coalesce(line_count, 0) as bigint) as line_count,
        cast(coalesce(unresolved_line_count, 0) as bigint) as unresolved_line_count,
        cast(coalesce(unconverted_line_count, 0) as bigint) as unconverted_line_count,
        cast(expected_period_count as bigint) as expected_period_count,
        cast(reported_period_count as bigint) as reported_period_count,
        cast(expected_day_count as bigint) as expected_day_count,
        cast(reported_day_count as bigint) as reported_day_count,
        {{ percent('reported_day_count', 'expected_day_count') }} as coverage_rate,
        {{ company_currency() }} as currency_code
    from joined
),

reported_months as (
    select
        month_start_date,
        partner_code,
        product_code,
        sold_quantity,
        unresolved_line_count
    from described
    where {{ estimation_months }} > 0 and coverage_rate = 100
    {%- if is_incremental() %}
    union all
    select
        month_start_date,
        partner_code,
        product_code,
        sold_quantity,
        unresolved_line_count
    from {{ this }}
    where
        {{ estimation_months }} > 0
        and coverage_rate = 100
        and month_start_date
        >= {{ touched_from('first_month_date', estimation_months + 12) }}
        and month_start_date < {{ touched_from('first_month_date') }}
    {%- endif %}
),

-- A part that was sold in a unit which nobody can convert is missing from its month.
whole_months as (
    select *
    from reported_months
    where product_code <> 'UNMATCHED'
    qualify
        max(unresolved_line_count) over (partition by month_start_date, partner_code)
        = 0
),

known_months as (
    select
        month_start_date,
        partner_code,
        product_code,
        sold_quantity
    from whole_months
    where sold_quantity is not null
),

known_partner_months as (
    select
        month_start_date,
        partner_code,
        sum(sold_quantity) as sold_quantity
    from known_months
    group by month_start_date, partner_code
),

gaps as (
    select
        month_start_date,
        partner_code,
        product_code,
        expected_day_count - reported_day_count as missing_day_count,
        expected_day_count,
        cast(
            month_start_date - interval '{{ estimation_months }}' month as date
        ) as first_trailing_date,
        cast(month_start_date - interval '12' month as date) as year_before_date,
        cast(
            month_start_date - interval '{{ estimation_months + 12 }}' month as date
        ) as first_trailing_before_date
    from described
    where {{ estimation_months }} > 0 and reported_period_count < expected_period_count
),

partner_gaps as (
    select
        month_start_date,
        partner_code,
        year_before_date,
        first_trailing_before_date
    from gaps
    group by
        month_start_date, partner_code, year_before_date, first_trailing_before_date
),

trailing_means as (
    select
        gaps.month_start_date,
        gaps.partner_code,
        gaps.product_code,
        max(gaps.missing_day_count) as missing_day_count,
        max(gaps.expected_day_count) as expected_day_count,
        {{ divide('sum(known_months.sold_quantity)', 'count(*)') }} as sold_quantity
    from gaps
    inner join known_months
        on
            gaps.partner_code = known_months.partner_code
            and gaps.product_code = known_months.product_code
            and gaps.first_trailing_date <= known_months.month_start_date
            and gaps.month_start_date > known_months.month_start_date
    group by gaps.month_start_date, gaps.partner_code, gaps.product_code
),

-- The same month of last year against the mean of the months before it.
seasons as (
    select
        partner_gaps.month_start_date,
        partner_gaps.partner_code,
        {{
            divide(
                estimation_months ~ ' * sum(case when before.month_start_date '
                ~ '= partner_gaps.year_before_date then before.sold_quantity end)',
                'sum(case when before.month_start_date '
                ~ '< partner_gaps.year_before_date then before.sold_quantity end)'
            )
        }} as season_factor
    from partner_gaps
    inner join known_partner_months as before
        on
            partner_gaps.partner_code = before.partner_code
            and partner_gaps.first_trailing_before_date <= before.month_start_date
            and partner_gaps.year_before_date >= before.month_start_date
    group by partner_gaps.month_start_date, partner_gaps.partner_code
    having count(*) = {{ estimation_months + 1 }}
),

estimates as (
    select
        trailing_means.month_start_date,
        trailing_means.partner_code,
        trailing_means.product_code,
        {{
            divide(
                'cast(' ~ wide('trailing_means.sold_quantity')
                ~ ' * coalesce(seasons.season_factor, 1) as decimal(18, 4)) * trailing_means.missing_day_count',
                'trailing_means.expected_day_count'
            )
        }} as sold_quantity,
        case
            when seasons.season_factor is null then 'trailing_mean'
            else 'seasonal_trailing_mean'
        end as method_code
    from trailing_means
    left join seasons
        on
            trailing_means.month_start_date = seasons.month_start_date
            and trailing_means.partner_code = seasons.partner_code
),

final as (
    select
        described.*,
        {{ quantity('estimates.sold_quantity') }} as estimated_sold_quantity,
        estimates.method_code as estimation_method_code
    from described
    left join estimates
        on
            described.month_start_date = estimates.month_start_date
            and described.partner_code = estimates.partner_code
            and described.product_code = estimates.product_code
)

select * from final
order by month_start_date nulls last
