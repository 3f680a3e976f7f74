-- Grain: one row per opportunity that was raised by or with a partner, as the ERP has
-- it now.
-- Additive: announced and bought quantities and amounts; ordered ones where one order
-- is no two opportunities.
with

opportunities as (
    select * from {{ ref('stg_erp__opportunities') }}
),

orders as (
    select * from {{ ref('fct_orders') }} where status_code <> 'cancelled'
),

partners as (
    select * from {{ ref('dim_partners') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

-- What was ordered of it, where the ERP names the order.
ordered as (
    select
        order_number,
        product_code,
        sum(ordered_quantity) as ordered_quantity,
        sum(net_amount) as ordered_amount
    from orders
    group by order_number, product_code
),

whole_orders as (
    select
        order_number,
        sum(ordered_quantity) as ordered_quantity,
        sum(ordered_amount) as ordered_amount
    from ordered
    group by order_number
),

converted as (
    select
        opportunities.*,
        {{ in_company_currency('opportunities.announced_amount', 'opportunities') }}
            as company_announced_amount,
        {{ amount_reason('opportunities.announced_amount', 'opportunities') }}
            as amount_reason_code,
        partners.partner_version_id,
        partners.channel_code
    from opportunities
    left join partners
        on
            opportunities.partner_code = partners.partner_code
            and {{ in_range('opportunities.created_date', 'partners') }}
    left join rates
        on
            opportunities.currency_code = rates.currency_code
            and opportunities.created_date = rates.date_day
),

joined as (
    select
        converted.*,
        coalesce(
            ordered.ordered_quantity,
            case
                when converted.product_code is null
                    then whole_orders.ordered_quantity
            end
        ) as ordered_quantity,
        coalesce(
            ordered.ordered_amount,
            case
                when converted.product_code is null then whole_orders.ordered_amount
            end
        ) as ordered_amount,
        row_number() over (
            partition by converted.order_number, coalesce(converted.product_code, '')
            order by converted.created_date, converted.opportunity_number
        ) as claim_number
    from converted
    left join ordered
        on
            converted.order_number = ordered.order_number
            and converted.product_code = ordered.product_code
    left join whole_orders on converted.order_number = whole_orders.order_number
),

-- Two announcements that became one order bought it once.
final as (
    select
        opportunity_number,
        partner_code,
        partner_version_id,
        channel_code,
        product_code,
        stage_code,
        stage_since_date,
        quoted_date,
        created_date,
        first_expected_date,
        expected_date,
        {{ days_between('first_expected_date', 'expected_date') }} as postponed_days,
        closed_date,
        {{
            days_between(
                'expected_date',
                'least(coalesce(closed_date, ' ~ as_of_date() ~ '), '
                ~ as_of_date() ~ ')'
            )
        }} as slip_days,
        coalesce(
            stage_code not in ('won', 'lost') and expected_date < {{ as_of_date() }},
            false
        ) as is_overdue,
        {{ quantity('first_announced_quantity') }} as first_announced_quantity,
        {{ quantity('announced_quantity') }} as announced_quantity,
        {{ amount('company_announced_amount') }} as announced_amount,
        {{ company_currency() }} as currency_code,
        announced_amount as document_announced_amount,
        currency_code as document_currency_code,
        amount_reason_code,
        order_number,
        {{ quantity('ordered_quantity') }} as ordered_quantity,
        {{ amount('ordered_amount') }} as ordered_amount,
        {{ quantity(
            "case when stage_code = 'lost' then 0 "
            ~ "when stage_code <> 'won' or order_number is null then null "
            ~ "when claim_number = 1 then coalesce(ordered_quantity, 0) else 0 end"
        ) }} as bought_quantity,
        {{ amount(
            "case when stage_code = 'lost' then 0 "
            ~ "when stage_code <> 'won' or order_number is null then null "
            ~ "when claim_number = 1 then coalesce(ordered_amount, 0) else 0 end"
        ) }} as bought_amount,
        source_batch_id,
        source_file,
        source_row
    from joined
)

select * from final
