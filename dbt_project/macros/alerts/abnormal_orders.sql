{#
    A month's orders lie far from what is usual for the partner. The season is taken out
    by what all other partners ordered in the same month; usual is the median of the
    twelve months before, far is counted in median absolute deviations. A month without
    orders is no_order's; of one with an order without a rate of exchange nobody knows.
#}
{% macro alert_abnormal_orders() -%}
    with

    partners as (
        {{ alert_partners('abnormal_orders', ['deviation_factor', 'deviation_rate']) }}
    ),

    months as (
        {{ alert_months() }}
    ),

    ordered as (
        select
            partner_code,
            {{ month_start('order_date') }} as month_start_date,
            sum(net_amount) as ordered_amount,
            count(net_amount) = count(*) as is_known
        from {{ ref('fct_orders') }}
        where status_code <> 'cancelled'
        group by partner_code, {{ month_start('order_date') }}
    ),

    seasoned as (
        select
            partner_code,
            month_start_date,
            ordered_amount,
            is_known,
            sum(ordered_amount) over (partition by month_start_date) - ordered_amount
                as others_amount
        from ordered
    ),

    shares as (
        select
            partner_code,
            month_start_date,
            ordered_amount,
            others_amount,
            {{ quotient('ordered_amount', 'others_amount') }} as share_of_others
        from seasoned
        where is_known and others_amount > 0 and ordered_amount > 0
    ),

    former_months as (
        select
            shares.partner_code,
            shares.month_start_date,
            former.share_of_others
        from shares
        inner join shares as former
            on
                shares.partner_code = former.partner_code
                and shares.month_start_date > former.month_start_date
                and {{ month_number('shares.month_start_date') }}
                - {{ month_number('former.month_start_date') }} <= 12
    ),

    usual as (
        select
            partner_code,
            month_start_date,
            median(share_of_others) as usual_share
        from former_months
        group by partner_code, month_start_date
        having count(*) >= 9
    ),

    spreads as (
        select
            usual.partner_code,
            usual.month_start_date,
            usual.usual_share,
            1.4826 * median(abs(former_months.share_of_others - usual.usual_share))
                as spread_share
        from usual
        inner join former_months
            on
                usual.partner_code = former_months.partner_code
                and usual.month_start_date = former_months.month_start_date
        group by usual.partner_code, usual.month_start_date, usual.usual_share
    ),

    judged as (
        select
            shares.partner_code,
            shares.month_start_date,
            months.month_end_date,
            partners.deviation_factor,
            partners.deviation_rate,
            shares.ordered_amount,
            shares.share_of_others,
            spreads.usual_share,
            spreads.spread_share,
            {{
                amount(
                    'spreads.usual_share * cast(shares.others_amount as double)'
                )
            }}
                as usual_amount
        from shares
        inner join partners on shares.partner_code = partners.partner_code
        inner join months on shares.month_start_date = months.month_start_date
        inner join spreads
            on
                shares.partner_code = spreads.partner_code
                and shares.month_start_date = spreads.month_start_date
    )

    select
        'abnormal_orders' as rule_code,
        partner_code,
        '' as item_code,
        month_start_date as period_start_date,
        month_end_date as period_end_date,
        abs(share_of_others - usual_share) > deviation_factor * spread_share
        and abs(share_of_others - usual_share) > deviation_rate * usual_share as is_held,
        ordered_amount as measured_value,
        usual_amount as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        abs(ordered_amount - usual_amount) as at_stake_amount,
        {{ alert_figures([
            ['ordered_amount', 'ordered_amount'],
            ['usual_amount', 'usual_amount'],
        ]) }} as figures
    from judged
{%- endmacro %}
