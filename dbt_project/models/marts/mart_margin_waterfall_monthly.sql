-- Grain: one row per month, partner, channel and product; product NONE for what no
-- invoice line can carry.
-- Additive: invoiced_quantity, counts and amounts. Rates are not.
{%- set columns = all_margin_steps(levels=true) %}
{%- set parts = landed_cost_parts() %}
with

lines as (
    select * from {{ ref('fct_margin_lines') }}
),

monthly as (
    select
        month_start_date,
        partner_code,
        channel_code,
        product_code,
        sum(invoiced_quantity) as invoiced_quantity,
        {% for step in columns -%}
        sum({{ step }}_amount) as {{ step }}_amount,
        {% endfor -%}
        {% for part in parts -%}
        sum({{ part }}_amount) as {{ part }}_amount,
        {% endfor -%}
        count(invoice_line_id) as line_count,
        sum(case when reason_code = 'rate_missing' then 1 else 0 end)
            as unconverted_line_count,
        sum(case when reason_code = 'cost_unknown' then 1 else 0 end)
            as line_without_cost_count,
        {{ texts_joined_once('cost_correction_code') }} as cost_corrections
    from lines
    group by month_start_date, partner_code, channel_code, product_code
),

-- A sum over lines of which some have no cost is no margin; nor are levels below the
-- invoice what their steps leave where some sales have no rate, for their costs count.
known as (
    select
        month_start_date,
        partner_code,
        channel_code,
        product_code,
        invoiced_quantity,
        {% for step in columns -%}
        {% if step == 'pocket_sales' -%}
        case when unconverted_line_count = 0 then {{ step }}_amount end
            as {{ step }}_amount,
        {% elif step in ['pocket_margin', 'channel_contribution'] -%}
        case
            when line_without_cost_count = 0 and unconverted_line_count = 0
                then {{ step }}_amount
        end as {{ step }}_amount,
        {% else -%}
        {{ step }}_amount,
        {% endif -%}
        {% endfor -%}
        {% for part in parts -%}
        {{ part }}_amount,
        {% endfor -%}
        line_count,
        unconverted_line_count,
        line_without_cost_count,
        cost_corrections
    from monthly
),

final as (
    select
        cast(month_start_date as string) || '|' || partner_code || '|' || channel_code
        || '|' || product_code as margin_waterfall_id,
        month_start_date,
        partner_code,
        channel_code,
        product_code,
        {{ quantity('invoiced_quantity') }} as invoiced_quantity,
        {% for step in columns -%}
        {{ amount(step ~ '_amount') }} as {{ step }}_amount,
        {% endfor -%}
        {% for part in parts -%}
        {{ amount(part ~ '_amount') }} as {{ part }}_amount,
        {% endfor -%}
        {% for step in columns -%}
        {{ percent(step ~ '_amount', positive('gross_sales_amount')) }}
            as {{ step }}_gross_rate,
        {{ percent(step ~ '_amount', positive('invoice_sales_amount')) }}
            as {{ step }}_net_rate,
        {% endfor -%}
        cast(line_count as bigint) as line_count,
        cast(unconverted_line_count as bigint) as unconverted_line_count,
        cast(line_without_cost_count as bigint) as line_without_cost_count,
        cost_corrections,
        case
            when unconverted_line_count > 0 then 'rate_missing'
            when line_without_cost_count > 0 then 'cost_unknown'
            when gross_sales_amount <= 0 then 'no_gross_sales'
            when invoice_sales_amount <= 0 then 'no_invoice_sales'
            {% for step in columns -%}
            when {{ step }}_amount is null then 'steps_not_connected'
            {% endfor %}
        end as reason_code,
        {{ company_currency() }} as currency_code
    from known
)

select * from final
