-- Grain: one row per month and partner: from its first document or announcement on.
-- Additive: counts, amounts and won_slip_days over partners and months, but for
-- rolling figures and longest_overdue_days. Rates are not additive.
-- An opportunity counts in the month that it was announced for, once that day has
-- passed or it is closed.
with

partner_months as (
    {{ partner_months() }}
),

opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

connected as (
    select count(*) > 0 as has_opportunities from opportunities
),

due as (
    select
        partner_code,
        {{ month_start('expected_date') }} as month_start_date,
        stage_code,
        slip_days,
        announced_amount,
        -- What is neither won nor lost long after its day has bought nothing so far.
        case when stage_code in ('won', 'lost') then bought_amount else 0 end
            as bought_amount
    from opportunities
    where
        partner_code is not null
        and (expected_date < {{ as_of_date() }} or stage_code in ('won', 'lost'))
        and {{ month_start('expected_date') }} <= {{ as_of_date() }}
),

errors as (
    select
        *,
        announced_amount is not null and bought_amount is not null as is_compared,
        announced_amount - bought_amount as error_amount
    from due
),

counted as (
    select
        partner_code,
        month_start_date,
        count(*) as due_count,
        count(case when stage_code = 'won' then 1 end) as won_count,
        count(case when stage_code = 'won' and bought_amount is null then 1 end)
            as unknown_won_count,
        count(case when stage_code = 'lost' then 1 end) as lost_count,
        count(case when stage_code not in ('won', 'lost') then 1 end) as overdue_count,
        max(case when stage_code not in ('won', 'lost') then slip_days end)
            as longest_overdue_days,
        case
            when
                count(case when stage_code = 'won' and slip_days is null then 1 end) = 0
                then coalesce(sum(case when stage_code = 'won' then slip_days end), 0)
        end as won_slip_days,
        count(case when is_compared then 1 end) as compared_count,
        sum(case when is_compared then announced_amount end) as announced_amount,
        sum(case when is_compared then bought_amount end) as bought_amount,
        sum(case when is_compared then error_amount end) as error_amount,
        sum(case when is_compared then abs(error_amount) end) as absolute_error_amount
    from errors
    group by partner_code, month_start_date
),

spine as (
    select
        partner_code,
        month_start_date
    from partner_months
    union distinct
    select
        partner_code,
        month_start_date
    from counted
),

-- Without a source of opportunities nothing is known; with one, a month without
-- an announcement has none.
gathered as (
    select
        spine.partner_code,
        spine.month_start_date,
        counted.longest_overdue_days,
        case
            when counted.partner_code is not null then counted.won_slip_days
            when connected.has_opportunities then 0
        end as won_slip_days,
        {% for column in [
            'due_count', 'won_count', 'unknown_won_count', 'lost_count',
            'overdue_count', 'compared_count', 'announced_amount', 'bought_amount',
            'error_amount', 'absolute_error_amount'
        ] -%}
        case when connected.has_opportunities then coalesce(counted.{{ column }}, 0) end
            as {{ column }},
        {% endfor -%}
        connected.has_opportunities
    from spine
    cross join connected
    left join counted
        on
            spine.partner_code = counted.partner_code
            and spine.month_start_date = counted.month_start_date
),

accumulated as (
    select
        {% for column in [
            'due_count', 'won_count', 'unknown_won_count', 'lost_count',
            'compared_count', 'announced_amount', 'bought_amount', 'error_amount',
            'absolute_error_amount'
        ] -%}
        sum({{ column }}) over twelve_months as rolling_{{ column }},
        {% endfor -%}
        *
    from gathered
    window twelve_months as (
        partition by partner_code
        order by {{ month_number('month_start_date') }}
        range between 11 preceding and current row
    )
),

-- Lost deals are always known to have bought nothing. Without what most of the won ones
-- became, the rest would say that the partner buys little of what it announces.
{% set unknown = '2 * accumulated.unknown_won_count > accumulated.won_count' -%}
{% set rolling_unknown
    = '2 * accumulated.rolling_unknown_won_count > accumulated.rolling_won_count' -%}
{% set measure
    = 'case when not ' ~ unknown ~ ' then accumulated.bought_amount end' -%}
{% set rolling_measure
    = 'case when not ' ~ rolling_unknown
    ~ ' then accumulated.rolling_bought_amount end' -%}
final as (
    select
        cast(accumulated.month_start_date as string) || '|' || accumulated.partner_code
            as partner_forecast_reliability_id,
        accumulated.month_start_date,
        accumulated.partner_code,
        partners.channel_code,
        cast(accumulated.due_count as bigint) as due_count,
        cast(accumulated.won_count as bigint) as won_count,
        cast(accumulated.lost_count as bigint) as lost_count,
        cast(accumulated.overdue_count as bigint) as overdue_count,
        cast(accumulated.longest_overdue_days as bigint) as longest_overdue_days,
        cast(accumulated.won_count + accumulated.lost_count as bigint) as closed_count,
        {{ percent(
            'accumulated.won_count', 'accumulated.won_count + accumulated.lost_count'
        ) }} as conversion_rate,
        cast(accumulated.won_slip_days as bigint) as won_slip_days,
        {{ divide('accumulated.won_slip_days', 'accumulated.won_count') }}
            as mean_slip_days,
        cast(accumulated.compared_count as bigint) as compared_count,
        {{ amount('accumulated.announced_amount') }} as announced_amount,
        {{ amount('accumulated.bought_amount') }} as bought_amount,
        {{ amount('accumulated.error_amount') }} as error_amount,
        {{ amount('accumulated.absolute_error_amount') }} as absolute_error_amount,
        {{ company_currency() }} as currency_code,
        {{ percent('accumulated.absolute_error_amount', measure) }}
            as wape_rate,
        {{ percent('accumulated.error_amount', measure) }}
            as bias_rate,
        {{ percent(
            'accumulated.bought_amount - accumulated.absolute_error_amount',
            measure
        ) }} as reliability_rate,
        case
            when not accumulated.has_opportunities then 'not_connected'
            when accumulated.due_count = 0 then 'nothing_announced'
            when accumulated.compared_count = 0 or {{ unknown }}
                then 'order_or_amount_unknown'
            when accumulated.bought_amount = 0 then 'nothing_bought'
        end as reason_code,
        cast(accumulated.rolling_due_count as bigint) as rolling_due_count,
        cast(accumulated.rolling_compared_count as bigint) as rolling_compared_count,
        {{ amount('accumulated.rolling_announced_amount') }}
            as rolling_announced_amount,
        {{ amount('accumulated.rolling_bought_amount') }} as rolling_bought_amount,
        {{ amount('accumulated.rolling_error_amount') }} as rolling_error_amount,
        {{ amount('accumulated.rolling_absolute_error_amount') }}
            as rolling_absolute_error_amount,
        {{ percent(
            'accumulated.rolling_error_amount', rolling_measure
        ) }} as rolling_bias_rate,
        {{ percent(
            'accumulated.rolling_bought_amount'
            ~ ' - accumulated.rolling_absolute_error_amount',
            rolling_measure
        ) }} as rolling_reliability_rate,
        cast(accumulated.rolling_won_count as bigint) as rolling_won_count,
        cast(accumulated.rolling_won_count + accumulated.rolling_lost_count as bigint)
            as rolling_closed_count,
        {{ percent(
            'accumulated.rolling_won_count',
            'accumulated.rolling_won_count + accumulated.rolling_lost_count'
        ) }} as rolling_conversion_rate,
        case
            when not accumulated.has_opportunities then 'not_connected'
            when accumulated.rolling_due_count = 0 then 'nothing_announced'
            when accumulated.rolling_compared_count = 0 or {{ rolling_unknown }}
                then 'order_or_amount_unknown'
            when accumulated.rolling_bought_amount = 0 then 'nothing_bought'
        end as rolling_reason_code
    from accumulated
    left join partners on accumulated.partner_code = partners.partner_code
)

select * from final
