-- Grain: one row per partner, product and month in which the product was invoiced,
-- credited with goods, or both.
-- Additive: quantities. Not additive: the rates; the rate of a group is the ratio of
-- its sums.
-- The rate of the period sets what came back in a month against what was sold in it,
-- and can exceed 100 %; the rate of the cohort sets what has come back since of what
-- was sold in the month.
with

sell_in as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

thresholds as (
    select * from {{ ref('dim_thresholds') }}
),

limits as (
    select
        channel_code,
        100 * {{ threshold('max_return_rate') }} as max_return_rate
    from thresholds
    group by channel_code
),

partners as (
    select * from {{ ref('dim_partners') }}
),

invoices as (
    select
        invoice_number,
        min(invoice_date) as invoice_date
    from sell_in
    where invoice_type = 'invoice'
    group by invoice_number
),

movements as (
    select
        {{ month_start('invoice_date') }} as month_start_date,
        partner_code,
        product_code,
        sold_quantity,
        credited_quantity as returned_quantity,
        {{ quantity(0) }} as cohort_returned_quantity,
        {{ quantity(0) }} as unattributed_quantity
    from sell_in
    union all
    select
        {{ month_start('coalesce(invoices.invoice_date, credits.invoice_date)') }}
            as month_start_date,
        credits.partner_code,
        credits.product_code,
        {{ quantity(0) }} as sold_quantity,
        {{ quantity(0) }} as returned_quantity,
        case
            when invoices.invoice_number is not null
                then credits.credited_quantity
            else {{ quantity(0) }}
        end as cohort_returned_quantity,
        case
            when invoices.invoice_number is null
                then credits.credited_quantity
            else {{ quantity(0) }}
        end as unattributed_quantity
    from sell_in as credits
    left join invoices on credits.original_invoice_number = invoices.invoice_number
    where credits.invoice_type = 'credit_note' and credits.credited_quantity <> 0
),

monthly as (
    select
        month_start_date,
        partner_code,
        product_code,
        sum(sold_quantity) as sold_quantity,
        sum(returned_quantity) as returned_quantity,
        sum(cohort_returned_quantity) as cohort_returned_quantity,
        sum(unattributed_quantity) as unattributed_quantity
    from movements
    group by month_start_date, partner_code, product_code
    having
        sum(sold_quantity) <> 0
        or sum(returned_quantity) <> 0
        or sum(cohort_returned_quantity) <> 0
),

placed as (
    select
        monthly.*,
        partners.channel_code,
        limits.max_return_rate,
        {{ percent('monthly.returned_quantity', 'monthly.sold_quantity') }}
            as return_rate,
        {{ percent('monthly.cohort_returned_quantity', 'monthly.sold_quantity') }}
            as cohort_return_rate
    from monthly
    left join partners
        on
            monthly.partner_code = partners.partner_code
            and {{ in_range(last_day('monthly.month_start_date'), 'partners') }}
    left join limits on partners.channel_code = limits.channel_code
),

final as (
    select
        partner_code || '|' || product_code || '|' || cast(month_start_date as string)
            as returns_monthly_id,
        month_start_date,
        partner_code,
        channel_code,
        product_code,
        {{ quantity('sold_quantity') }} as sold_quantity,
        {{ quantity('returned_quantity') }} as returned_quantity,
        return_rate,
        {{ quantity('cohort_returned_quantity') }} as cohort_returned_quantity,
        cohort_return_rate,
        {{ quantity('unattributed_quantity') }} as unattributed_quantity,
        cast(max_return_rate as decimal(18, 4)) as max_return_rate,
        case
            when cohort_return_rate < max_return_rate then 'good'
            when cohort_return_rate is not null then 'poor'
        end as return_status_code,
        case when sold_quantity <= 0 then 'nothing_sold' end as reason_code
    from placed
)

select * from final
