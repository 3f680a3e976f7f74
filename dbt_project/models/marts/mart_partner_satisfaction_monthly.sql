-- Grain: one row per month and partner, from the partner's first document on.
-- Additive: counts, sold_quantity and closed_days over partners and months, but for
-- open_ticket_count, which stands at the month's end. Rates are not additive.
-- A flow is known from the first month that its source names to the last one: before
-- and after, NULL is "not reported", never 0.
with

partner_months as (
    {{ partner_months() }}
),

answers as (
    select * from {{ ref('fct_survey_answers') }}
    where answer_date <= {{ as_of_date() }}
),

tickets as (
    select * from {{ ref('fct_support_tickets') }}
    where opened_date <= {{ as_of_date() }}
),

-- Tickets are those of the whole month: units of a part of it are no base for them.
sell_out as (
    select
        month_start_date,
        partner_code,
        sum(sold_quantity) as sold_quantity
    from {{ ref('mart_sell_out_monthly') }}
    where product_code <> 'UNMATCHED' and coverage_rate >= 100
    group by month_start_date, partner_code
    having count(case when unresolved_line_count > 0 then 1 end) = 0
),

limits as (
    select
        channel_code,
        {{ threshold('net_promoter_good_rate') }} * 100 as good_rate,
        {{ threshold('net_promoter_excellent_rate') }} * 100 as excellent_rate
    from {{ ref('dim_thresholds') }}
    group by channel_code
),

answers_known as (
    select
        min(month_start_date) as first_month_date,
        max(month_start_date) as last_month_date
    from answers
),

ticket_events as (
    select
        partner_code,
        month_start_date,
        1 as opened_count,
        0 as closed_count,
        0 as closed_days
    from tickets
    union all
    select
        partner_code,
        {{ month_start('closed_date') }} as month_start_date,
        0 as opened_count,
        1 as closed_count,
        days_to_close as closed_days
    from tickets
    where not is_open
),

tickets_known as (
    select
        min(month_start_date) as first_month_date,
        max(month_start_date) as last_month_date
    from ticket_events
),

answered as (
    select
        {% for subject in ['partner', 'product'] -%}
        count(case when subject_code = '{{ subject }}' then 1 end)
            as {{ subject }}_answer_count,
        {% for class in ['promoter', 'passive', 'detractor'] -%}
        count(
            case
                when
                    subject_code = '{{ subject }}'
                    and answer_class_code = '{{ class }}'
                    then 1
            end
        ) as {{ subject }}_{{ class }}_count,
        {% endfor -%}
        {% endfor -%}
        partner_code,
        month_start_date
    from answers
    group by partner_code, month_start_date
),

supported as (
    select
        partner_code,
        month_start_date,
        sum(opened_count) as opened_count,
        sum(closed_count) as closed_count,
        sum(closed_days) as closed_days
    from ticket_events
    group by partner_code, month_start_date
),

-- The answers of three months: a month has few, and its score jumps.
rolled as (
    select
        partner_months.partner_code,
        partner_months.month_start_date,
        count(*) as rolling_answer_count,
        sum(
            case answers.answer_class_code
                when 'promoter' then 1
                when 'detractor' then -1
                else 0
            end
        ) as rolling_net_promoter_count
    from partner_months
    inner join answers
        on
            partner_months.partner_code = answers.partner_code
            and answers.subject_code = 'partner'
            and answers.month_start_date
            between {{ add_months('partner_months.month_start_date', -2) }}
            and partner_months.month_start_date
    group by partner_months.partner_code, partner_months.month_start_date
),

-- Of all that were ever opened: the ERP's history may begin after that of the tickets.
opened as (
    select
        partner_months.partner_code,
        partner_months.month_start_date,
        count(*) as open_ticket_count
    from partner_months
    inner join tickets
        on
            partner_months.partner_code = tickets.partner_code
            and partner_months.month_end_date >= tickets.opened_date
            and (
                tickets.is_open
                or partner_months.month_end_date < tickets.closed_date
            )
    group by partner_months.partner_code, partner_months.month_start_date
),

gathered as (
    select
        partner_months.*,
        answers_known.first_month_date is not null as has_survey,
        coalesce(
            partner_months.month_start_date between answers_known.first_month_date
            and answers_known.last_month_date,
            false
        ) as is_surveyed,
        tickets_known.first_month_date is not null as has_support,
        coalesce(
            partner_months.month_start_date between tickets_known.first_month_date
            and tickets_known.last_month_date,
            false
        ) as is_supported,
        sell_out.sold_quantity,
        {% for subject in ['partner', 'product'] -%}
        coalesce(answered.{{ subject }}_answer_count, 0)
            as {{ subject }}_answer_count,
        {% for class in ['promoter', 'passive', 'detractor'] -%}
        coalesce(answered.{{ subject }}_{{ class }}_count, 0)
            as {{ subject }}_{{ class }}_count,
        {% endfor -%}
        {% endfor -%}
        coalesce(rolled.rolling_answer_count, 0) as rolling_answer_count,
        coalesce(rolled.rolling_net_promoter_count, 0) as rolling_net_promoter_count,
        coalesce(opened.open_ticket_count, 0) as open_ticket_count,
        coalesce(supported.opened_count, 0) as opened_ticket_count,
        coalesce(supported.closed_count, 0) as closed_ticket_count,
        coalesce(supported.closed_days, 0) as closed_days
    from partner_months
    cross join answers_known
    cross join tickets_known
    left join answered
        on
            partner_months.partner_code = answered.partner_code
            and partner_months.month_start_date = answered.month_start_date
    left join rolled
        on
            partner_months.partner_code = rolled.partner_code
            and partner_months.month_start_date = rolled.month_start_date
    left join opened
        on
            partner_months.partner_code = opened.partner_code
            and partner_months.month_start_date = opened.month_start_date
    left join supported
        on
            partner_months.partner_code = supported.partner_code
            and partner_months.month_start_date = supported.month_start_date
    left join sell_out
        on
            partner_months.partner_code = sell_out.partner_code
            and partner_months.month_start_date = sell_out.month_start_date
),

known as (
    select
        month_start_date,
        partner_code,
        channel_code,
        has_survey,
        is_surveyed,
        has_support,
        is_supported,
        sold_quantity,
        {% for subject in ['partner', 'product'] -%}
        case when is_surveyed then {{ subject }}_answer_count end
            as {{ subject }}_answer_count,
        {% for class in ['promoter', 'passive', 'detractor'] -%}
        case when is_surveyed then {{ subject }}_{{ class }}_count end
            as {{ subject }}_{{ class }}_count,
        {% endfor -%}
        {% endfor -%}
        case when is_surveyed then rolling_answer_count end as rolling_answer_count,
        case when is_surveyed then rolling_net_promoter_count end
            as rolling_net_promoter_count,
        case when is_supported then opened_ticket_count end as opened_ticket_count,
        case when is_supported then closed_ticket_count end as closed_ticket_count,
        case when is_supported then open_ticket_count end as open_ticket_count,
        case when is_supported then closed_days end as closed_days
    from gathered
),

rated as (
    select
        *,
        partner_promoter_count - partner_detractor_count as partner_net_promoter_count,
        product_promoter_count - product_detractor_count as product_net_promoter_count,
        {{ percent(
            'partner_promoter_count - partner_detractor_count', 'partner_answer_count'
        ) }} as partner_net_promoter_score,
        {{ percent('rolling_net_promoter_count', 'rolling_answer_count') }}
            as rolling_net_promoter_score,
        {{ percent(
            'product_promoter_count - product_detractor_count', 'product_answer_count'
        ) }} as product_net_promoter_score
    from known
),

final as (
    select
        cast(rated.month_start_date as string) || '|' || rated.partner_code
            as partner_satisfaction_id,
        rated.month_start_date,
        rated.partner_code,
        rated.channel_code,
        rated.partner_answer_count,
        rated.partner_promoter_count,
        rated.partner_passive_count,
        rated.partner_detractor_count,
        rated.partner_net_promoter_count,
        rated.partner_net_promoter_score,
        cast(rated.rolling_answer_count as bigint) as rolling_answer_count,
        cast(rated.rolling_net_promoter_count as bigint) as rolling_net_promoter_count,
        rated.rolling_net_promoter_score,
        cast(limits.good_rate as decimal(18, 4)) as good_benchmark_score,
        cast(limits.excellent_rate as decimal(18, 4)) as excellent_benchmark_score,
        case
            when rated.rolling_net_promoter_score is null then null
            when rated.rolling_net_promoter_score > limits.excellent_rate
                then 'excellent'
            when rated.rolling_net_promoter_score > limits.good_rate then 'good'
            else 'below'
        end as net_promoter_status_code,
        rated.product_answer_count,
        rated.product_promoter_count,
        rated.product_passive_count,
        rated.product_detractor_count,
        rated.product_net_promoter_count,
        rated.product_net_promoter_score,
        case
            when not rated.has_survey then 'not_connected'
            when not rated.is_surveyed then 'not_reported'
            when rated.partner_answer_count = 0 then 'no_answers'
        end as survey_reason_code,
        cast(rated.opened_ticket_count as bigint) as opened_ticket_count,
        cast(rated.closed_ticket_count as bigint) as closed_ticket_count,
        cast(rated.open_ticket_count as bigint) as open_ticket_count,
        cast(rated.closed_days as bigint) as closed_days,
        {{ divide('rated.closed_days', 'rated.closed_ticket_count') }}
            as mean_days_to_close,
        {{ quantity('rated.sold_quantity') }} as sold_quantity,
        {{ divide('1000 * rated.opened_ticket_count', 'rated.sold_quantity') }}
            as tickets_per_1000_units,
        case
            when not rated.has_support then 'not_connected'
            when not rated.is_supported then 'not_reported'
            when rated.sold_quantity is null then 'sell_out_not_reported'
            when rated.sold_quantity = 0 then 'no_sales'
        end as support_reason_code
    from rated
    left join limits on rated.channel_code = limits.channel_code
)

select * from final
