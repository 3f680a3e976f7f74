-- Grain: one row per month and partner, from its first margin or balance to the as-of
-- month: a month without sales is one of its twelve months, too.
-- Additive: amounts of the month. Balances over months, rates, days, ranks and sums
-- over 12 months are not.
with

margins as (
    select * from {{ ref('mart_margin_waterfall_monthly') }}
),

receivables as (
    select * from {{ ref('mart_receivables_monthly') }}
    where reason_code is distinct from 'payments_not_connected'
),

months as (
    select
        month_start_date,
        count(*) as day_count
    from {{ ref('dim_dates') }}
    where date_day <= {{ as_of_date() }}
    group by month_start_date
),

financing as (
    select
        {{ threshold('financing_annual_rate') }} as financing_annual_rate
    from {{ ref('dim_thresholds') }}
    where channel_code = '*'
),

by_partner as (
    select
        month_start_date,
        partner_code,
        {{ sum_of_lines('invoice_sales_amount', "product_code <> 'NONE'") }}
            as invoice_sales_amount,
        case
            when count(pocket_sales_amount) = count(*) then sum(pocket_sales_amount)
        end as pocket_sales_amount,
        case
            when count(pocket_margin_amount) = count(*) then sum(pocket_margin_amount)
        end as pocket_margin_amount,
        case
            when count(channel_contribution_amount) = count(*)
                then sum(channel_contribution_amount)
        end as channel_contribution_amount,
        sum(unconverted_line_count) as unconverted_line_count
    from margins
    group by month_start_date, partner_code
),

first_months as (
    select
        partner_code,
        min(month_start_date) as first_month_date
    from (
        select
            month_start_date,
            partner_code
        from by_partner
        union all
        select
            month_start_date,
            partner_code
        from receivables
    ) as known_months
    group by partner_code
),

financed as (
    select
        months.month_start_date,
        first_months.partner_code,
        case
            when by_partner.partner_code is null then 0
            else by_partner.invoice_sales_amount
        end as invoice_sales_amount,
        case
            when by_partner.partner_code is null then 0
            else by_partner.pocket_sales_amount
        end as pocket_sales_amount,
        case
            when by_partner.partner_code is null then 0
            else by_partner.pocket_margin_amount
        end as pocket_margin_amount,
        case
            when by_partner.partner_code is null then 0
            else by_partner.channel_contribution_amount
        end as channel_contribution_amount,
        coalesce(by_partner.unconverted_line_count, 0) as unconverted_line_count,
        {{ divide('receivables.opening_amount + receivables.closing_amount', '2') }}
            as average_receivable_amount,
        receivables.closing_amount as receivable_amount,
        receivables.partner_code is not null as has_receivables,
        receivables.overdue_amount,
        receivables.days_sales_outstanding,
        financing.financing_annual_rate,
        months.day_count
    from first_months
    inner join months on first_months.first_month_date <= months.month_start_date
    cross join financing
    left join by_partner
        on
            months.month_start_date = by_partner.month_start_date
            and first_months.partner_code = by_partner.partner_code
    left join receivables
        on
            months.month_start_date = receivables.month_start_date
            and first_months.partner_code = receivables.partner_code
),

costed as (
    select
        *,
        {{
            divide(
                ['average_receivable_amount', 'financing_annual_rate', 'day_count'],
                '365'
            )
        }} as financing_cost_amount
    from financed
),

profitable as (
    select
        *,
        channel_contribution_amount
        - case when has_receivables then financing_cost_amount else 0 end
            as profit_amount
    from costed
),

yearly as (
    select
        current_month.month_start_date,
        current_month.partner_code,
        -- Sales without a rate may be most of what the partner bought.
        case
            when sum(former.unconverted_line_count) = 0
                then sum(former.invoice_sales_amount)
        end as sales_12_months_amount,
        case
            when count(former.profit_amount) = count(*)
                then sum(former.profit_amount)
        end as profit_12_months_amount
    from profitable as current_month
    inner join profitable as former
        on
            current_month.partner_code = former.partner_code
            and current_month.month_start_date >= former.month_start_date
            and current_month.month_start_date
            < cast(former.month_start_date + interval '12' month as date)
    group by current_month.month_start_date, current_month.partner_code
),

ranked as (
    select
        *,
        row_number() over (
            partition by month_start_date
            order by profit_12_months_amount desc nulls last, partner_code asc
        ) as profit_rank,
        sum(sales_12_months_amount) over (
            partition by month_start_date
            order by sales_12_months_amount desc nulls last, partner_code asc
            rows between unbounded preceding and current row
        ) - sales_12_months_amount as larger_partners_amount,
        sum(sales_12_months_amount) over (partition by month_start_date)
            as all_partners_amount
    from yearly
),

final as (
    select
        cast(profitable.month_start_date as string) || '|' || profitable.partner_code
            as partner_profitability_id,
        profitable.month_start_date,
        profitable.partner_code,
        {{ amount('profitable.invoice_sales_amount') }} as invoice_sales_amount,
        {{ amount('profitable.pocket_sales_amount') }} as pocket_sales_amount,
        {{ amount('profitable.pocket_margin_amount') }} as pocket_margin_amount,
        {{
            percent(
                'profitable.pocket_margin_amount',
                positive('profitable.invoice_sales_amount')
            )
        }} as pocket_margin_rate,
        {{ amount('profitable.channel_contribution_amount') }}
            as channel_contribution_amount,
        {{ amount('profitable.average_receivable_amount') }}
            as average_receivable_amount,
        {{ amount('profitable.financing_cost_amount') }} as financing_cost_amount,
        {{ amount('profitable.profit_amount') }} as profit_amount,
        {{
            percent(
                'profitable.profit_amount', positive('profitable.invoice_sales_amount')
            )
        }} as profit_rate,
        {{ amount('profitable.receivable_amount') }} as receivable_amount,
        {{ amount('profitable.overdue_amount') }} as overdue_amount,
        profitable.days_sales_outstanding,
        {{ amount('ranked.sales_12_months_amount') }} as sales_12_months_amount,
        {{ amount('ranked.profit_12_months_amount') }} as profit_12_months_amount,
        {{
            percent(
                'ranked.profit_12_months_amount',
                positive('ranked.sales_12_months_amount')
            )
        }} as profit_12_months_rate,
        case
            when ranked.profit_12_months_amount is not null
                then cast(ranked.profit_rank as integer)
        end as profit_rank,
        case
            when ranked.sales_12_months_amount is null then null
            when ranked.sales_12_months_amount <= 0 then 'C'
            when
                ranked.larger_partners_amount < 0.8 * ranked.all_partners_amount
                then 'A'
            when
                ranked.larger_partners_amount < 0.95 * ranked.all_partners_amount
                then 'B'
            else 'C'
        end as abc_code,
        case
            when profitable.unconverted_line_count > 0 then 'rate_missing'
            when profitable.channel_contribution_amount is null then 'cost_unknown'
            when not profitable.has_receivables then 'receivables_not_connected'
            when profitable.financing_cost_amount is null then 'rate_missing'
            when profitable.invoice_sales_amount <= 0 then 'no_invoice_sales'
        end as reason_code,
        {{ company_currency() }} as currency_code
    from profitable
    inner join ranked
        on
            profitable.month_start_date = ranked.month_start_date
            and profitable.partner_code = ranked.partner_code
)

select * from final
