-- Grain: one row per opportunity that was raised by or with a partner, as the ERP has
-- it now.
-- Additive: announced and bought quantities and amounts; ordered ones where one order
-- is no two opportunities.
with

opportunities as (
    select * from {{ ref('stg_erp__opportunities') }}
),

all_orders as (
    select * from {{ ref('fct_orders') }}
),

orders as (
    select * from all_orders where status_code <> 'cancelled'
),

known_orders as (
    select order_number from all_orders group by order_number
),

partners as (
    select * from {{ ref('dim_partners') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

-- What was ordered of it, where the ERP names the order: of the product, or of an
-- announcement without one all that the order holds.
{% set ordered_sums %}
        sum(ordered_quantity) as ordered_quantity,
        sum(net_amount) as ordered_amount,
        sum(document_net_amount) as document_ordered_amount,
        case
            when min(document_currency_code) = max(document_currency_code)
                then min(document_currency_code)
        end as ordered_currency_code
{%- endset -%}
ordered as (
    select
        order_number,
        product_code,
        {{ ordered_sums | trim }}
    from orders
    group by order_number, product_code
    union all
    select
        order_number,
        '' as product_code,
        {{ ordered_sums | trim }}
    from orders
    group by order_number
),

joined as (
    select
        opportunities.*,
        ordered.ordered_quantity,
        ordered.ordered_amount,
        {{ in_company_currency('opportunities.announced_amount', 'opportunities') }}
            as company_announced_amount,
        {{ amount_reason('opportunities.announced_amount', 'opportunities') }}
            as amount_reason_code,
        -- At the rate of what was announced: between two rates nobody misjudged.
        case
            when ordered.ordered_currency_code = opportunities.currency_code
                then {{
                    in_company_currency(
                        'ordered.document_ordered_amount', 'opportunities'
                    )
                }}
            else ordered.ordered_amount
        end as comparable_ordered_amount,
        partners.partner_version_id,
        partners.channel_code,
        known_orders.order_number is not null as is_order_known,
        row_number() over (
            partition by
                opportunities.order_number,
                coalesce(opportunities.product_code, ''),
                opportunities.stage_code = 'won'
            order by opportunities.created_date, opportunities.opportunity_number
        ) as claim_number
    from opportunities
    left join partners
        on
            opportunities.partner_code = partners.partner_code
            and {{ in_range('opportunities.created_date', 'partners') }}
    left join rates
        on
            opportunities.currency_code = rates.currency_code
            and opportunities.created_date = rates.date_day
    left join ordered
        on
            opportunities.order_number = ordered.order_number
            and coalesce(opportunities.product_code, '') = ordered.product_code
    left join known_orders on opportunities.order_number = known_orders.order_number
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
        case
            when stage_code not in ('won', 'lost') or closed_date is not null
                then {{
                    days_between(
                        'expected_date',
                        'least(coalesce(closed_date, ' ~ as_of_date() ~ '), '
                        ~ as_of_date() ~ ')'
                    )
                }}
        end as slip_days,
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
            ~ "when stage_code <> 'won' or not is_order_known then null "
            ~ "when claim_number = 1 then coalesce(ordered_quantity, 0) else 0 end"
        ) }} as bought_quantity,
        {{ amount(
            "case when stage_code = 'lost' then 0 "
            ~ "when stage_code <> 'won' or not is_order_known then null "
            ~ "when ordered_amount is not null and comparable_ordered_amount is null "
            ~ "then null "
            ~ "when claim_number = 1 then coalesce(comparable_ordered_amount, 0) "
            ~ "else 0 end"
        ) }} as bought_amount,
        source_batch_id,
        source_file,
        source_row
    from joined
)

select * from final
