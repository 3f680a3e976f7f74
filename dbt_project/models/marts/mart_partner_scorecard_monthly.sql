-- Grain: one row per month, partner and theme; whole months, in which the partner had
-- bought something within twelve months.
-- Not additive, but points_value and the changes over the themes of a partner's month:
-- they sum to total_score and total_change. Totals, ranks and medians stand beside
-- each theme.
-- Figures are in the unit of the rules: shares, 0.8 = 80 %.
{%- set months_in_window = 3 %}
with

themes as (
    select * from {{ ref('dim_scorecard_themes') }}
),

targets as (
    select * from {{ ref('dim_targets') }}
),

segments as (
    select * from {{ ref('fct_partner_segments') }}
),

sell_in as (
    select
        month_start_date,
        partner_code,
        sum(net_amount) as net_amount,
        sum(invoice_count) as invoice_count,
        sum(unconverted_line_count) as unconverted_line_count
    from {{ ref('mart_sell_in_monthly') }}
    group by month_start_date, partner_code
),

-- Of months that are reported in full; a month with a hole is no lower month, nor is
-- one with a sale in a unit that nobody can convert.
sell_out as (
    select
        month_start_date,
        partner_code,
        sum(net_quantity) as net_quantity
    from {{ ref('mart_sell_out_monthly') }}
    where product_code <> 'UNMATCHED' and coverage_rate >= 100 and is_reported
    group by month_start_date, partner_code
    having count(case when unresolved_line_count > 0 then 1 end) = 0
),

balances as (
    select
        month_start_date,
        partner_code,
        sum(case when average_stock_quantity is not null then sell_out_quantity end)
            as rotated_quantity,
        sum(case when sell_out_quantity is not null then average_stock_quantity end)
            as average_stock_quantity,
        sum(case when opening_stock_quantity is not null then sell_out_quantity end)
            as sold_quantity,
        sum(
            case
                when sell_out_quantity is not null
                    then opening_stock_quantity + received_quantity
            end
        ) as available_quantity
    from {{ ref('mart_channel_balance_monthly') }}
    where coverage_rate >= 100
    group by month_start_date, partner_code
    having
        count(
            case
                when
                    balance_status_code = 'not_reported'
                    and sell_out_quantity is not null
                    then 1
            end
        ) = 0
),

-- A week belongs to the month of its Thursday.
stocks as (
    select
        {{ month_start(add_days('week_start_date', 3)) }} as month_start_date,
        partner_code,
        sum(case when stock_status_code = 'normal' then 1 else 0 end) as healthy_count,
        sum(
            case
                when stock_status_code = 'not_reported' then 0
                when stock_status_code = 'no_movement' and on_hand_quantity = 0 then 0
                else 1
            end
        ) as known_count,
        sum(case when stock_status_code = 'not_reported' then 1 else 0 end)
            as unknown_count
    from {{ ref('mart_channel_inventory_weekly') }}
    group by {{ month_start(add_days('week_start_date', 3)) }}, partner_code
),

profits as (
    select * from {{ ref('mart_partner_profitability_monthly') }}
),

receivables as (
    select * from {{ ref('mart_receivables_monthly') }}
),

reports as (
    select
        {{ month_start(add_days('week_start_date', 3)) }} as month_start_date,
        partner_code,
        sum(on_time_count) as on_time_count,
        sum(due_count) as due_count
    from {{ ref('mart_reporting_compliance_weekly') }}
    group by {{ month_start(add_days('week_start_date', 3)) }}, partner_code
),

reliabilities as (
    select * from {{ ref('mart_partner_forecast_reliability_monthly') }}
),

surveys as (
    select * from {{ ref('mart_partner_satisfaction_monthly') }}
),

trainings as (
    select * from {{ ref('mart_partner_training_monthly') }}
),

months as (
    select
        month_start_date,
        month_end_date
    from {{ ref('dim_dates') }}
    where date_day = month_start_date and month_end_date <= {{ as_of_date() }}
),

first_purchases as (
    select
        partner_code,
        min(month_start_date) as first_month_date
    from sell_in
    where invoice_count > 0
    group by partner_code
),

history as (
    select min(first_month_date) as history_month_date from first_purchases
),

partner_months as (
    select
        months.month_start_date,
        months.month_end_date,
        sell_in.partner_code,
        {{ add_months('months.month_start_date', 1 - months_in_window) }}
            as window_month_date,
        sum(sell_in.net_amount) as revenue_12_months_amount,
        sum(sell_in.unconverted_line_count) as unconverted_line_count
    from months
    inner join sell_in
        on
            months.month_start_date >= sell_in.month_start_date
            and {{ add_months('months.month_start_date', -12) }}
            < sell_in.month_start_date
    group by months.month_start_date, months.month_end_date, sell_in.partner_code
    having sum(sell_in.invoice_count) > 0
),

partners as (
    select
        partner_months.*,
        first_purchases.first_month_date,
        history.history_month_date,
        cast(
            median(
                case
                    when partner_months.unconverted_line_count = 0
                        then cast(partner_months.revenue_12_months_amount as double)
                end
            ) over (partition by partner_months.month_start_date) as decimal(18, 4)
        ) as median_revenue_amount
    from partner_months
    inner join first_purchases
        on partner_months.partner_code = first_purchases.partner_code
    cross join history
),

volumes as (
    select
        month_start_date,
        partner_code,
        'revenue_to_median_rate' as measure_code,
        revenue_12_months_amount as numerator_value,
        median_revenue_amount as denominator_value,
        cast(null as decimal(18, 4)) as coverage_rate,
        case when unconverted_line_count > 0 then 'rate_missing' end as reason_code
    from partners
),

peer_schemes as (
    select
        valid_from_date,
        valid_to_date,
        max(peer_scheme_code) as peer_scheme_code
    from themes
    group by valid_from_date, valid_to_date
),

-- The segment in which a partner ended the month.
placed as (
    select
        partners.*,
        segments.segment_code,
        segments.segment_name_fr,
        segments.segment_name_en
    from partners
    left join peer_schemes as rules
        on {{ in_range('partners.month_start_date', 'rules') }}
    left join segments
        on
            partners.partner_code = segments.partner_code
            and rules.peer_scheme_code = segments.scheme_code
            and {{ in_range('partners.month_end_date', 'segments') }}
),

-- A partner's own target comes before its segment's.
aimed as (
    select
        placed.month_start_date,
        placed.partner_code,
        targets.measure_code,
        targets.target_value,
        case when targets.partner_code is not null then 'partner' else 'segment' end
            as target_source_code
    from placed
    inner join targets
        on
            placed.month_start_date = targets.month_start_date
            and (
                placed.partner_code = targets.partner_code
                or placed.segment_code = targets.segment_code
            )
    qualify
        row_number() over (
            partition by
                placed.month_start_date, placed.partner_code, targets.measure_code
            order by case when targets.partner_code is not null then 1 else 2 end
        ) = 1
),

-- A partner's own target is one before its first purchase too.
targeted as (
    select
        month_start_date,
        partner_code,
        target_value
    from targets
    where partner_code is not null and measure_code = 'sell_in_amount'
    union all
    select
        month_start_date,
        partner_code,
        target_value
    from aimed
    where target_source_code = 'segment' and measure_code = 'sell_in_amount'
),

-- Only months with a target count on either side, and of those before the ERP's first
-- invoice nobody knows what was bought.
attainments as (
    select
        placed.month_start_date,
        placed.partner_code,
        'revenue_to_target_rate' as measure_code,
        sum(coalesce(sell_in.net_amount, 0)) as numerator_value,
        sum(targeted.target_value) as denominator_value,
        {{ percent('count(targeted.month_start_date)', months_in_window) }}
            as coverage_rate,
        case when sum(sell_in.unconverted_line_count) > 0 then 'rate_missing' end
            as reason_code
    from placed
    inner join targeted
        on
            placed.partner_code = targeted.partner_code
            and targeted.month_start_date
            between placed.window_month_date and placed.month_start_date
            and placed.history_month_date <= targeted.month_start_date
    left join sell_in
        on
            targeted.partner_code = sell_in.partner_code
            and targeted.month_start_date = sell_in.month_start_date
    group by placed.month_start_date, placed.partner_code
),

-- Against the same months a year before; who did not buy yet then has no growth.
sell_in_growths as (
    select
        partners.month_start_date,
        partners.partner_code,
        'sell_in_growth_rate' as measure_code,
        sum(
            case
                when partners.window_month_date <= sell_in.month_start_date
                    then sell_in.net_amount
                else 0
            end
        ) as numerator_value,
        sum(
            case
                when partners.window_month_date > sell_in.month_start_date
                    then sell_in.net_amount
                else 0
            end
        ) as denominator_value,
        cast(null as decimal(18, 4)) as coverage_rate,
        case
            when sum(sell_in.unconverted_line_count) > 0 then 'rate_missing'
            when
                {{ add_months('partners.window_month_date', -12) }}
                < partners.history_month_date
                then 'history_too_short'
            when
                {{ add_months('partners.window_month_date', -12) }}
                < partners.first_month_date
                then 'new_partner'
        end as reason_code
    from partners
    inner join sell_in
        on
            partners.partner_code = sell_in.partner_code
            and (
                sell_in.month_start_date
                between partners.window_month_date and partners.month_start_date
                or sell_in.month_start_date
                between {{ add_months('partners.window_month_date', -12) }}
                and {{ add_months('partners.month_start_date', -12) }}
            )
    group by
        partners.month_start_date,
        partners.partner_code,
        partners.window_month_date,
        partners.history_month_date,
        partners.first_month_date
),

-- Like for like: months that were reported in full in both years.
sell_out_growths as (
    select
        partners.month_start_date,
        partners.partner_code,
        'sell_out_growth_rate' as measure_code,
        sum(sell_out.net_quantity) as numerator_value,
        sum(former.net_quantity) as denominator_value,
        {{ percent('count(former.net_quantity)', months_in_window) }} as coverage_rate,
        cast(null as string) as reason_code
    from partners
    inner join sell_out
        on
            partners.partner_code = sell_out.partner_code
            and sell_out.month_start_date
            between partners.window_month_date and partners.month_start_date
    inner join sell_out as former
        on
            sell_out.partner_code = former.partner_code
            and sell_out.month_start_date
            = {{ add_months('former.month_start_date', 12) }}
    group by partners.month_start_date, partners.partner_code
),

-- The mean month, times three: units sold in a quarter over the average stock.
rotations as (
    select
        partners.month_start_date,
        partners.partner_code,
        'stock_rotation_rate' as measure_code,
        {{ months_in_window }} * sum(balances.rotated_quantity) as numerator_value,
        sum(balances.average_stock_quantity) as denominator_value,
        {{ percent('count(balances.rotated_quantity)', months_in_window) }}
            as coverage_rate,
        cast(null as string) as reason_code
    from partners
    inner join balances
        on
            partners.partner_code = balances.partner_code
            and balances.month_start_date
            between partners.window_month_date and partners.month_start_date
            and balances.average_stock_quantity is not null
    group by partners.month_start_date, partners.partner_code
),

sell_throughs as (
    select
        partners.month_start_date,
        partners.partner_code,
        'sell_through_rate' as measure_code,
        sum(balances.sold_quantity) as numerator_value,
        sum(balances.available_quantity) as denominator_value,
        {{ percent('count(balances.sold_quantity)', months_in_window) }}
            as coverage_rate,
        cast(null as string) as reason_code
    from partners
    inner join balances
        on
            partners.partner_code = balances.partner_code
            and balances.month_start_date
            between partners.window_month_date and partners.month_start_date
            and balances.available_quantity is not null
    group by partners.month_start_date, partners.partner_code
),

healths as (
    select
        partners.month_start_date,
        partners.partner_code,
        'healthy_stock_rate' as measure_code,
        sum(stocks.healthy_count) as numerator_value,
        sum(stocks.known_count) as denominator_value,
        {{ percent(
            'sum(stocks.known_count)', 'sum(stocks.known_count + stocks.unknown_count)'
        ) }} as coverage_rate,
        case when sum(stocks.known_count) = 0 then 'stock_not_reported' end
            as reason_code
    from partners
    inner join stocks
        on
            partners.partner_code = stocks.partner_code
            and stocks.month_start_date
            between partners.window_month_date and partners.month_start_date
    group by partners.month_start_date, partners.partner_code
),

{% for measure, amount_column in [
    ('pocket_margin_rate', 'pocket_margin_amount'), ('profit_rate', 'profit_amount')
] -%}
{{ measure }}s as (
    select
        partners.month_start_date,
        partners.partner_code,
        '{{ measure }}' as measure_code,
        sum(profits.{{ amount_column }}) as numerator_value,
        sum(profits.invoice_sales_amount) as denominator_value,
        cast(null as decimal(18, 4)) as coverage_rate,
        case
            when count(profits.{{ amount_column }}) = count(*) then null
            when
                count(
                    case when profits.reason_code = 'rate_missing' then 1 end
                ) > 0
                then 'rate_missing'
            else 'cost_unknown'
        end as reason_code
    from partners
    inner join profits
        on
            partners.partner_code = profits.partner_code
            and profits.month_start_date
            between partners.window_month_date and partners.month_start_date
    group by partners.month_start_date, partners.partner_code
),

{% endfor -%}
-- Who owes nothing has nothing overdue.
payments as (
    select
        partners.month_start_date,
        partners.partner_code,
        'overdue_rate' as measure_code,
        case
            when receivables.closing_amount > 0
                then greatest(receivables.overdue_amount, 0)
            when receivables.closing_amount <= 0 then 0
        end as numerator_value,
        case
            when receivables.closing_amount > 0 then receivables.closing_amount
            when receivables.closing_amount <= 0 then 1
        end as denominator_value,
        cast(null as decimal(18, 4)) as coverage_rate,
        case when receivables.closing_amount is null then receivables.reason_code end
            as reason_code
    from partners
    inner join receivables
        on
            partners.partner_code = receivables.partner_code
            and partners.month_start_date = receivables.month_start_date
),

compliances as (
    select
        partners.month_start_date,
        partners.partner_code,
        'compliance_rate' as measure_code,
        sum(reports.on_time_count) as numerator_value,
        sum(reports.due_count) as denominator_value,
        cast(null as decimal(18, 4)) as coverage_rate,
        case when sum(reports.due_count) = 0 then 'not_due' end as reason_code
    from partners
    inner join reports
        on
            partners.partner_code = reports.partner_code
            and reports.month_start_date
            between partners.window_month_date and partners.month_start_date
    group by partners.month_start_date, partners.partner_code
),

-- 1 - WAPE of what was announced for twelve months.
forecasts as (
    select
        partners.month_start_date,
        partners.partner_code,
        'forecast_reliability_rate' as measure_code,
        reliabilities.rolling_bought_amount
        - reliabilities.rolling_absolute_error_amount as numerator_value,
        reliabilities.rolling_bought_amount as denominator_value,
        {{ percent(
            'reliabilities.rolling_compared_count', 'reliabilities.rolling_due_count'
        ) }} as coverage_rate,
        reliabilities.rolling_reason_code as reason_code
    from partners
    inner join reliabilities
        on
            partners.partner_code = reliabilities.partner_code
            and partners.month_start_date = reliabilities.month_start_date
),

satisfactions as (
    select
        partners.month_start_date,
        partners.partner_code,
        'net_promoter_rate' as measure_code,
        surveys.rolling_net_promoter_count as numerator_value,
        surveys.rolling_answer_count as denominator_value,
        cast(null as decimal(18, 4)) as coverage_rate,
        case
            when surveys.rolling_answer_count > 0 then null
            else coalesce(surveys.survey_reason_code, 'no_answers')
        end as reason_code
    from partners
    inner join surveys
        on
            partners.partner_code = surveys.partner_code
            and partners.month_start_date = surveys.month_start_date
),

-- Who is certified has all, who has at least been trained within a year has half.
certifications as (
    select
        partners.month_start_date,
        partners.partner_code,
        'certification_rate' as measure_code,
        case
            when trainings.is_certified then 1
            when trainings.attendance_12_months_count > 0 then 0.5
            when trainings.reason_code is null then 0
        end as numerator_value,
        1 as denominator_value,
        cast(null as decimal(18, 4)) as coverage_rate,
        trainings.reason_code
    from partners
    inner join trainings
        on
            partners.partner_code = trainings.partner_code
            and partners.month_start_date = trainings.month_start_date
),

gathered as (
    {% for figures in [
        'volumes', 'attainments', 'sell_in_growths', 'sell_out_growths', 'rotations',
        'sell_throughs', 'healths', 'pocket_margin_rates', 'profit_rates', 'payments',
        'forecasts', 'compliances', 'satisfactions', 'certifications'
    ] -%}
    select
        month_start_date,
        partner_code,
        measure_code,
        {{ amount('numerator_value') }} as numerator_value,
        {{ amount('denominator_value') }} as denominator_value,
        coverage_rate,
        reason_code
    from {{ figures }}
    {%- if not loop.last %}
    union all
    {% endif -%}
    {% endfor %}
),

-- A growth is what the ratio is above 1.
figured as (
    select
        *,
        case
            when reason_code is not null then null
            when denominator_value <= 0 then null
            else
                {{ divide('numerator_value', 'denominator_value') }}
                - case
                    when
                        measure_code in ('sell_in_growth_rate', 'sell_out_growth_rate')
                        then 1
                    else 0
                end
        end as figure_value
    from gathered
),

scored as (
    select
        placed.month_start_date,
        placed.partner_code,
        placed.segment_code,
        placed.segment_name_fr,
        placed.segment_name_en,
        themes.theme_code,
        themes.theme_number,
        themes.theme_name_fr,
        themes.theme_name_en,
        themes.measure_code,
        themes.theme_weight,
        themes.zero_value,
        themes.full_value,
        themes.benchmark_value,
        themes.minimum_weight_rate,
        themes.minimum_partner_count,
        themes.trend_points,
        figured.numerator_value,
        figured.denominator_value,
        figured.figure_value,
        figured.coverage_rate,
        case
            when figured.reason_code is not null then figured.reason_code
            when figured.figure_value is not null then null
            when figured.partner_code is not null then 'no_base'
            when
                themes.theme_code = 'growth'
                and {{ add_months('placed.month_start_date', -12) }}
                < placed.history_month_date
                then 'history_too_short'
            when
                themes.theme_code = 'growth'
                and {{ add_months('placed.month_start_date', -12) }}
                < placed.first_month_date
                then 'new_partner'
            when themes.measure_code = 'sell_in_growth_rate' then 'no_base'
            when themes.theme_code in ('growth', 'sell_out', 'stock_health')
                then 'not_reported'
            when themes.theme_code = 'reporting' then 'not_expected'
            when themes.theme_code = 'volume' then 'no_target'
            else 'not_connected'
        end as reason_code,
        least(
            greatest(
                {{ divide(
                    '100 * (figured.figure_value - themes.zero_value)',
                    'themes.full_value - themes.zero_value'
                ) }},
                0
            ),
            100
        ) as clamped_score,
        aimed.target_value,
        aimed.target_source_code
    from placed
    inner join themes on {{ in_range('placed.month_start_date', 'themes') }}
    left join figured
        on
            placed.month_start_date = figured.month_start_date
            and placed.partner_code = figured.partner_code
            and themes.measure_code = figured.measure_code
    left join aimed
        on
            placed.month_start_date = aimed.month_start_date
            and placed.partner_code = aimed.partner_code
            and themes.measure_code = aimed.measure_code
),

-- The weights of themes without a score fall to the others.
weighted as (
    select
        *,
        case when figure_value is not null then clamped_score end as score_value,
        case when figure_value is not null then theme_weight else 0 end
            as scored_weight,
        sum(case when figure_value is not null then theme_weight else 0 end) over (
            partition by month_start_date, partner_code
        ) as covered_weight,
        sum(theme_weight) over (partition by month_start_date, partner_code)
            as all_weight
    from scored
),

-- Points are rounded as running sums, so that they add up to the total.
running as (
    select
        *,
        coalesce(
            covered_weight >= minimum_weight_rate * all_weight and covered_weight > 0,
            false
        ) as has_total,
        sum(coalesce(score_value, 0) * scored_weight) over (
            partition by month_start_date, partner_code
            order by theme_number
            rows between unbounded preceding and current row
        ) as running_weighted_score
    from weighted
),

pointed as (
    select
        *,
        case
            when has_total then
                {{ divide('running_weighted_score', 'covered_weight') }}
                - {{ divide(
                    'running_weighted_score - coalesce(score_value, 0) * scored_weight',
                    'covered_weight'
                ) }}
        end as points_value
    from running
),

compared as (
    select
        current_month.*,
        former.score_value as former_score_value,
        former.figure_value as former_figure_value,
        current_month.points_value - former.points_value as change_points,
        case
            when current_month.has_total and former.has_total
                then coalesce(
                    {{ divide(
                        '(current_month.score_value - former.score_value) '
                        ~ '* current_month.scored_weight',
                        'current_month.covered_weight'
                    ) }},
                    0
                )
        end as change_by_score_points
    from pointed as current_month
    left join pointed as former
        on
            current_month.partner_code = former.partner_code
            and current_month.theme_code = former.theme_code
            and current_month.month_start_date
            = {{ add_months('former.month_start_date', 1) }}
),

totals as (
    select
        month_start_date,
        partner_code,
        segment_code,
        minimum_partner_count,
        trend_points,
        sum(points_value) as total_score,
        sum(change_points) as total_change,
        {{ percent('max(covered_weight)', 'max(all_weight)') }} as covered_weight_rate
    from compared
    group by
        month_start_date,
        partner_code,
        segment_code,
        minimum_partner_count,
        trend_points
),

ranked as (
    select
        *,
        case
            when total_score is not null
                then rank() over (
                    partition by month_start_date order by total_score desc nulls last
                )
        end as total_rank,
        count(total_score) over (partition by month_start_date) as ranked_count,
        count(total_score) over (partition by month_start_date, segment_code)
            as segment_ranked_count,
        median(cast(total_score as double)) over (
            partition by month_start_date, segment_code
        ) as segment_median_total
    from totals
),

former_totals as (
    select
        ranked.month_start_date,
        ranked.partner_code,
        max(
            case
                when
                    ranked.month_start_date
                    = {{ add_months('former.month_start_date', 1) }}
                    then former.total_score
            end
        ) as former_total_score,
        {{ divide('sum(former.total_score)', 'count(former.total_score)') }}
            as former_mean_score
    from ranked
    inner join totals as former
        on
            ranked.partner_code = former.partner_code
            and former.month_start_date
            between {{ add_months('ranked.month_start_date', -3) }}
            and {{ add_months('ranked.month_start_date', -1) }}
    group by ranked.month_start_date, ranked.partner_code
),

peers as (
    select
        month_start_date,
        segment_code,
        theme_code,
        count(score_value) as scored_partner_count,
        median(cast(figure_value as double)) as median_value,
        median(cast(score_value as double)) as median_score
    from weighted
    group by month_start_date, segment_code, theme_code
),

final as (
    select
        cast(compared.month_start_date as string) || '|' || compared.partner_code || '|'
        || compared.theme_code as partner_scorecard_id,
        compared.month_start_date,
        compared.partner_code,
        compared.segment_code,
        compared.segment_name_fr,
        compared.segment_name_en,
        compared.theme_code,
        compared.theme_number,
        compared.theme_name_fr,
        compared.theme_name_en,
        compared.measure_code,
        compared.numerator_value,
        compared.denominator_value,
        cast(compared.figure_value as decimal(18, 4)) as figure_value,
        cast(compared.former_figure_value as decimal(18, 4)) as former_figure_value,
        compared.coverage_rate,
        compared.reason_code,
        cast(compared.score_value as decimal(18, 4)) as score_value,
        {{ percent('compared.theme_weight', 'compared.all_weight') }} as weight_rate,
        case
            when compared.has_total
                then {{ percent('compared.scored_weight', 'compared.covered_weight') }}
        end as counted_weight_rate,
        cast(compared.points_value as decimal(18, 4)) as points_value,
        cast(compared.change_points as decimal(18, 4)) as change_points,
        cast(
            case
                when compared.change_points is not null
                    then compared.change_by_score_points
            end as decimal(18, 4)
        ) as change_by_score_points,
        cast(compared.change_points - compared.change_by_score_points as decimal(18, 4))
            as change_by_weight_points,
        compared.benchmark_value,
        case
            when compared.full_value > compared.zero_value
                then compared.figure_value >= compared.benchmark_value
            else compared.figure_value <= compared.benchmark_value
        end as is_benchmark_met,
        cast(compared.target_value as decimal(18, 6)) as target_value,
        compared.target_source_code,
        case
            when compared.full_value > compared.zero_value
                then compared.figure_value >= compared.target_value
            else compared.figure_value <= compared.target_value
        end as is_target_met,
        cast(
            case
                when peers.scored_partner_count >= compared.minimum_partner_count
                    then peers.median_value
            end as decimal(18, 4)
        ) as segment_median_value,
        cast(
            case
                when peers.scored_partner_count >= compared.minimum_partner_count
                    then peers.median_score
            end as decimal(18, 4)
        ) as segment_median_score,
        cast(peers.scored_partner_count as bigint) as segment_scored_partner_count,
        cast(ranked.total_score as decimal(18, 4)) as total_score,
        cast(former_totals.former_total_score as decimal(18, 4)) as former_total_score,
        cast(ranked.total_change as decimal(18, 4)) as total_change,
        ranked.covered_weight_rate,
        case when ranked.total_score is null then 'too_few_themes' end
            as total_reason_code,
        cast(ranked.total_rank as bigint) as total_rank,
        cast(ranked.ranked_count as bigint) as ranked_partner_count,
        cast(
            case
                when ranked.segment_ranked_count >= ranked.minimum_partner_count
                    then ranked.segment_median_total
            end as decimal(18, 4)
        ) as segment_median_total_score,
        case
            when ranked.total_score - former_totals.former_mean_score is null then null
            when
                ranked.total_score - former_totals.former_mean_score
                >= ranked.trend_points
                then 'up'
            when
                ranked.total_score - former_totals.former_mean_score
                <= -ranked.trend_points
                then 'down'
            else 'steady'
        end as trend_code
    from compared
    inner join ranked
        on
            compared.month_start_date = ranked.month_start_date
            and compared.partner_code = ranked.partner_code
    left join former_totals
        on
            compared.month_start_date = former_totals.month_start_date
            and compared.partner_code = former_totals.partner_code
    left join peers
        on
            compared.month_start_date = peers.month_start_date
            and compared.theme_code = peers.theme_code
            and coalesce(compared.segment_code, '') = coalesce(peers.segment_code, '')
)

select * from final
