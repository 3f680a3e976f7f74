{#
    The stock of a partner turns more slowly than in the same three months a year
    before. Judged by months that are over, with sales reported whole and stock known.
#}
{% macro alert_rotation_slowing() -%}
    with

    partners as (
        {{ alert_partners('rotation_slowing', ['drop_rate']) }}
    ),

    months as (
        {{ alert_months() }}
    ),

    known as (
        select
            balances.partner_code,
            balances.month_start_date,
            months.month_end_date,
            sum(balances.sell_out_quantity) as sell_out_quantity,
            sum(balances.average_stock_quantity) as average_stock_quantity
        from {{ ref('mart_channel_balance_monthly') }} as balances
        inner join months on balances.month_start_date = months.month_start_date
        where
            balances.coverage_rate >= 100
            and balances.average_stock_quantity is not null
        group by
            balances.partner_code, balances.month_start_date, months.month_end_date
        having
            count(case when balances.balance_status_code = 'not_reported' then 1 end)
            = 0
    ),

    amounts as (
        select
            partner_code,
            month_start_date,
            sum(net_amount) as net_amount,
            sum(net_quantity) as net_quantity
        from {{ ref('mart_sell_in_monthly') }}
        where unconverted_line_count = 0
        group by partner_code, month_start_date
    ),

    rolled as (
        select
            known.partner_code,
            known.month_start_date,
            known.month_end_date,
            sum(known.sell_out_quantity) over last_three as sell_out_quantity,
            sum(known.average_stock_quantity) over last_three as stock_month_quantity,
            sum(amounts.net_amount) over last_three as net_amount,
            sum(amounts.net_quantity) over last_three as net_quantity,
            count(*) over last_three as month_count,
            {{ month_number('known.month_start_date') }}
            - min({{ month_number('known.month_start_date') }}) over last_three
                as span_months
        from known
        left join amounts
            on
                known.partner_code = amounts.partner_code
                and known.month_start_date = amounts.month_start_date
        window last_three as (
            partition by known.partner_code order by known.month_start_date
            rows between 2 preceding and current row
        )
    ),

    whole as (
        select * from rolled
        where month_count = 3 and span_months = 2 and stock_month_quantity > 0
    ),

    compared as (
        select
            whole.partner_code,
            whole.month_start_date,
            whole.month_end_date,
            partners.drop_rate,
            whole.sell_out_quantity,
            whole.stock_month_quantity,
            former.sell_out_quantity as former_sell_out_quantity,
            former.stock_month_quantity as former_stock_month_quantity,
            whole.net_amount,
            whole.net_quantity
        from whole
        inner join partners on whole.partner_code = partners.partner_code
        inner join whole as former
            on
                whole.partner_code = former.partner_code
                and {{ month_number('whole.month_start_date') }}
                - {{ month_number('former.month_start_date') }} = 12
        where former.sell_out_quantity > 0
    )

    -- The mean stock is a third of the sum over three months.
    select
        'rotation_slowing' as rule_code,
        partner_code,
        '' as item_code,
        month_start_date as period_start_date,
        month_end_date as period_end_date,
        {{ wide('sell_out_quantity') }} * former_stock_month_quantity
        < (1 - drop_rate) * {{ wide('former_sell_out_quantity') }} * stock_month_quantity
            as is_held,
        {{ percent('3 * sell_out_quantity', 'stock_month_quantity') }} as measured_value,
        {{ percent(
            '3 * (1 - drop_rate) * ' ~ wide('former_sell_out_quantity'),
            'former_stock_month_quantity'
        ) }} as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        {{ divide(
            '(stock_month_quantity - '
            ~ divide(
                ['sell_out_quantity', 'former_stock_month_quantity'],
                'former_sell_out_quantity'
            ) ~ ') * ' ~ wide('net_amount'),
            '3 * net_quantity'
        ) }} as at_stake_amount,
        {{ alert_figures([
            ['sell_out_quantity', 'sell_out_quantity'],
            ['stock_month_quantity', 'stock_month_quantity'],
            ['former_sell_out_quantity', 'former_sell_out_quantity'],
            ['former_stock_month_quantity', 'former_stock_month_quantity'],
        ]) }} as figures
    from compared
{%- endmacro %}
