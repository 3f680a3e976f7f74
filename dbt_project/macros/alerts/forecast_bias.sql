{#
    A partner buys far less, or far more, than it announces: over the deals that were
    decided in twelve months, what it bought of what it had announced. A deal that is
    still open says nothing yet (promised_volume tells of it); a month with too few
    decided deals is not judged, nor one in which nobody knows what most of the won ones
    became: lost ones, which are always known, would be all that is left.
#}
{% macro alert_forecast_bias() -%}
    with

    partners as (
        {{ alert_partners('forecast_bias', ['low_rate', 'high_rate', 'deal_count']) }}
    ),

    months as (
        {{ alert_months() }}
    ),

    decided as (
        select
            partner_code,
            {{ month_number('closed_date') }} as month_number,
            case when bought_amount is not null then announced_amount end
                as announced_amount,
            bought_amount,
            case
                when stage_code <> 'won' then 0
                when bought_amount is null then 1
                else -1
            end as unknown_less_known
        from {{ ref('fct_opportunities') }}
        where closed_date is not null and announced_amount is not null
    ),

    rolled as (
        select
            partners.partner_code,
            months.month_start_date,
            months.month_end_date,
            partners.low_rate,
            partners.high_rate,
            partners.deal_count as least_deal_count,
            count(decided.bought_amount) as deal_count,
            {{ amount('sum(decided.announced_amount)') }} as announced_amount,
            {{ amount('sum(decided.bought_amount)') }} as bought_amount
        from months
        inner join decided
            on
                {{ month_number('months.month_start_date') }}
                - decided.month_number between 0 and 11
        inner join partners on decided.partner_code = partners.partner_code
        group by
            partners.partner_code,
            months.month_start_date,
            months.month_end_date,
            partners.low_rate,
            partners.high_rate,
            partners.deal_count
        having sum(decided.unknown_less_known) <= 0
    )

    select
        'forecast_bias' as rule_code,
        partner_code,
        '' as item_code,
        month_start_date as period_start_date,
        month_end_date as period_end_date,
        bought_amount < low_rate * {{ wide('announced_amount') }}
        or bought_amount > high_rate * {{ wide('announced_amount') }} as is_held,
        {{ percent('bought_amount', 'announced_amount') }} as measured_value,
        100 * case when bought_amount > announced_amount then high_rate else low_rate end
            as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        abs(announced_amount - bought_amount) as at_stake_amount,
        {{ alert_figures([
            ['deal_count', 'deal_count'],
            ['announced_amount', 'announced_amount'],
            ['bought_amount', 'bought_amount'],
        ]) }} as figures
    from rolled
    where deal_count >= least_deal_count and announced_amount > 0
{%- endmacro %}
