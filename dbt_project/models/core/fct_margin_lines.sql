-- Grain: one row per invoice line up to the as-of day; and one per month, partner and
-- channel for what no invoice line can carry (invoice_line_id NULL, product NONE).
-- Additive: invoiced_quantity and amounts. Each level is the former one less its steps.
{%- set cost_steps = programme_cost_steps() %}
with

lines as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

rebates as (
    select * from {{ ref('fct_rebate_lines') }}
),

programme_costs as (
    select * from {{ ref('fct_programme_costs') }}
),

steps as (
    select * from {{ ref('dim_margin_steps') }}
),

rebate_counts as (
    select count(*) as rebate_count
    from rebates
),

-- What no source has ever named is not connected: its amounts are unknown, and not 0.
connections as (
    select
        {% for step in cost_steps -%}
        max(
            case
                when margin_step_code = '{{ step }}' and has_programme_costs then 1
                else 0
            end
        ) as has_{{ step }},
        {% endfor -%}
        max(rebate_counts.rebate_count) as has_rebate
    from steps
    cross join rebate_counts
),

rebates_of_lines as (
    select
        invoice_line_id,
        sum(expected_amount) as rebate_amount
    from rebates
    where invoice_line_id is not null
    group by invoice_line_id
),

costs_of_lines as (
    select
        {% for step in cost_steps -%}
        sum(case when cost_step_code = '{{ step }}' then amount else 0 end)
            as {{ step }}_amount,
        {% endfor -%}
        invoice_line_id
    from programme_costs
    where invoice_line_id is not null
    group by invoice_line_id
),

without_line as (
    select
        {{ month_start('invoice_date') }} as month_start_date,
        partner_code,
        channel_code,
        'rebate' as step_code,
        expected_amount as amount
    from rebates
    where invoice_line_id is null
    union all
    select
        {{ month_start('cost_date') }} as month_start_date,
        partner_code,
        channel_code,
        cost_step_code as step_code,
        amount
    from programme_costs
    where invoice_line_id is null
),

gathered as (
    select
        lines.invoice_line_id as margin_line_id,
        lines.invoice_line_id,
        lines.invoice_number,
        {{ month_start('lines.invoice_date') }} as month_start_date,
        lines.invoice_date,
        lines.partner_code,
        lines.channel_code,
        lines.product_code,
        lines.invoiced_quantity,
        lines.gross_amount as gross_sales_amount,
        lines.contract_discount_amount,
        lines.promotion_discount_amount,
        lines.exception_discount_amount,
        lines.net_amount as invoice_sales_amount,
        coalesce(rebates_of_lines.rebate_amount, 0) as rebate_amount,
        {% for step in cost_steps -%}
        coalesce(costs_of_lines.{{ step }}_amount, 0) as {{ step }}_amount,
        {% endfor -%}
        lines.cost_amount as cost_of_goods_amount,
        {% for part in landed_cost_parts() -%}
        lines.{{ part }}_amount,
        {% endfor -%}
        lines.landed_cost_amount,
        lines.document_net_amount,
        lines.document_currency_code,
        case
            when lines.amount_reason_code is not null then lines.amount_reason_code
            when lines.cost_amount is null then 'cost_unknown'
        end as reason_code,
        lines.cost_correction_code,
        lines.source_batch_id,
        lines.source_file,
        lines.source_row
    from lines
    left join rebates_of_lines
        on lines.invoice_line_id = rebates_of_lines.invoice_line_id
    left join costs_of_lines on lines.invoice_line_id = costs_of_lines.invoice_line_id
    union all
    select
        cast(month_start_date as string) || '|' || partner_code || '|' || channel_code
        || '|NONE' as margin_line_id,
        cast(null as string) as invoice_line_id,
        cast(null as string) as invoice_number,
        month_start_date,
        cast(null as date) as invoice_date,
        partner_code,
        channel_code,
        'NONE' as product_code,
        0 as invoiced_quantity,
        0 as gross_sales_amount,
        0 as contract_discount_amount,
        0 as promotion_discount_amount,
        0 as exception_discount_amount,
        0 as invoice_sales_amount,
        sum(case when step_code = 'rebate' then amount else 0 end) as rebate_amount,
        {% for step in cost_steps -%}
        sum(case when step_code = '{{ step }}' then amount else 0 end)
            as {{ step }}_amount,
        {% endfor -%}
        0 as cost_of_goods_amount,
        {% for part in landed_cost_parts() -%}
        0 as {{ part }}_amount,
        {% endfor -%}
        0 as landed_cost_amount,
        0 as document_net_amount,
        {{ company_currency() }} as document_currency_code,
        cast(null as string) as reason_code,
        cast(null as string) as cost_correction_code,
        cast(null as string) as source_batch_id,
        cast(null as string) as source_file,
        cast(null as bigint) as source_row
    from without_line
    group by month_start_date, partner_code, channel_code
),

-- Until the pocket margin the cost has to be known: unknown, it is not 0.
connected as (
    select
        gathered.margin_line_id,
        gathered.invoice_line_id,
        gathered.invoice_number,
        gathered.month_start_date,
        gathered.invoice_date,
        gathered.partner_code,
        gathered.channel_code,
        gathered.product_code,
        gathered.invoiced_quantity,
        gathered.gross_sales_amount,
        gathered.contract_discount_amount,
        gathered.promotion_discount_amount,
        gathered.exception_discount_amount,
        gathered.invoice_sales_amount,
        case when connections.has_rebate > 0 then gathered.rebate_amount end
            as rebate_amount,
        {% for step in cost_steps -%}
        case when connections.has_{{ step }} > 0 then gathered.{{ step }}_amount end
            as {{ step }}_amount,
        {% endfor -%}
        gathered.cost_of_goods_amount,
        {% for part in landed_cost_parts() -%}
        gathered.{{ part }}_amount,
        {% endfor -%}
        gathered.landed_cost_amount,
        gathered.document_net_amount,
        gathered.document_currency_code,
        gathered.reason_code,
        gathered.cost_correction_code,
        gathered.source_batch_id,
        gathered.source_file,
        gathered.source_row
    from gathered
    cross join connections
),

pocketed as (
    select
        connected.*,
        {{ less_steps('invoice_sales_amount', 'pocket_sales') }} as pocket_sales_amount
    from connected
),

earned as (
    select
        pocketed.*,
        {{ less_steps(
            'pocket_sales_amount - cost_of_goods_amount', 'pocket_margin'
        ) }} as pocket_margin_amount
    from pocketed
),

contributed as (
    select
        earned.*,
        {{ less_steps('pocket_margin_amount', 'channel_contribution') }}
            as channel_contribution_amount
    from earned
),

final as (
    select
        margin_line_id,
        invoice_line_id,
        invoice_number,
        month_start_date,
        invoice_date,
        partner_code,
        channel_code,
        product_code,
        {{ quantity('invoiced_quantity') }} as invoiced_quantity,
        {% for step in all_margin_steps(levels=true) -%}
        {{ amount(step ~ '_amount') }} as {{ step }}_amount,
        {% endfor -%}
        {% for part in landed_cost_parts() -%}
        {{ amount(part ~ '_amount') }} as {{ part }}_amount,
        {% endfor -%}
        {{ company_currency() }} as currency_code,
        {{ amount('document_net_amount') }} as document_net_amount,
        document_currency_code,
        reason_code,
        cost_correction_code,
        source_batch_id,
        source_file,
        source_row
    from contributed
)

select * from final
