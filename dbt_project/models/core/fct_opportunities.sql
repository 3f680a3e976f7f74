-- Grain: one row per opportunity that was raised by or with a partner, as the ERP has
-- it now.
-- Additive: announced and ordered quantities and amounts.
with

opportunities as (
    select * from {{ ref('stg_erp__opportunities') }}
),

orders as (
    select * from {{ ref('fct_orders') }} where status_code <> 'cancelled'
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
            as amount_reason_code
    from opportunities
    left join rates
        on
            opportunities.currency_code = rates.currency_code
            and opportunities.created_date = rates.date_day
),

final as (
    select
        converted.opportunity_number,
        converted.partner_code,
        converted.product_code,
        converted.stage_code,
        converted.created_date,
        converted.expected_date,
        converted.closed_date,
        {{
            days_between(
                'converted.expected_date',
                'least(coalesce(converted.closed_date, ' ~ as_of_date() ~ '), '
                ~ as_of_date() ~ ')'
            )
        }} as slip_days,
        {{ quantity('converted.announced_quantity') }} as announced_quantity,
        {{ amount('converted.company_announced_amount') }} as announced_amount,
        {{ company_currency() }} as currency_code,
        converted.announced_amount as document_announced_amount,
        converted.currency_code as document_currency_code,
        converted.amount_reason_code,
        converted.order_number,
        {{ quantity(
            'coalesce(ordered.ordered_quantity, '
            ~ 'case when converted.product_code is null '
            ~ 'then whole_orders.ordered_quantity end)'
        ) }} as ordered_quantity,
        {{ amount(
            'coalesce(ordered.ordered_amount, '
            ~ 'case when converted.product_code is null '
            ~ 'then whole_orders.ordered_amount end)'
        ) }} as ordered_amount,
        converted.source_batch_id,
        converted.source_file,
        converted.source_row
    from converted
    left join ordered
        on
            converted.order_number = ordered.order_number
            and converted.product_code = ordered.product_code
    left join whole_orders on converted.order_number = whole_orders.order_number
)

select * from final
