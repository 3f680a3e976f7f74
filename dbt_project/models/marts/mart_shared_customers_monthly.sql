-- Grain: one row per month, business customer and partner that sold to it, where two
-- partners or more sold to it in the twelve months that end with it.
-- Additive: quantities, amounts, line counts. Not additive: partner_count.
-- Empty unless the company links business customers across partners (docs/privacy.md).
with

lines as (
    select * from {{ ref('fct_sell_out') }}
    where
        business_customer_key is not null
        and {{ is_of_record('feed_code', 'sell_out') }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

sold as (
    select
        month_start_date,
        business_customer_key,
        partner_code,
        currency_code,
        max(territory_code) as territory_code,
        count(distinct territory_code) as territory_count,
        {{ quantity('sum(net_quantity)') }} as net_quantity,
        {{ amount('sum(net_amount)') }} as net_amount,
        count(*) as line_count,
        count(amount_reason_code) as unconverted_line_count
    from lines
    group by month_start_date, business_customer_key, partner_code, currency_code
),

counted as (
    select
        sold.month_start_date,
        sold.business_customer_key,
        sold.partner_code,
        count(distinct other_sales.partner_code) as partner_count
    from sold
    inner join sold as other_sales
        on
            sold.business_customer_key = other_sales.business_customer_key
            and sold.month_start_date >= other_sales.month_start_date
            and cast(sold.month_start_date - interval '12' month as date)
            < other_sales.month_start_date
    group by sold.month_start_date, sold.business_customer_key, sold.partner_code
),

final as (
    select
        cast(sold.month_start_date as string) || '|' || sold.business_customer_key
        || '|' || sold.partner_code as shared_customer_monthly_id,
        sold.month_start_date,
        sold.business_customer_key,
        sold.partner_code,
        partners.partner_name,
        partners.channel_code,
        case when sold.territory_count = 1 then sold.territory_code end
            as territory_code,
        counted.partner_count,
        sold.net_quantity,
        sold.net_amount,
        sold.currency_code,
        sold.line_count,
        sold.unconverted_line_count
    from sold
    inner join counted
        on
            sold.month_start_date = counted.month_start_date
            and sold.business_customer_key = counted.business_customer_key
            and sold.partner_code = counted.partner_code
    left join partners on sold.partner_code = partners.partner_code
    where counted.partner_count > 1
)

select * from final
