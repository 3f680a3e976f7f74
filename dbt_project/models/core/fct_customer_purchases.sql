-- Grain: one row per slice, month and pseudonymised end customer, where the report
-- names transactions or customers; customer_key is "-" for lines that name none.
-- Additive: counts and amounts.
--
-- Replaced by the same slices as fct_sell_out: baskets and loyalty are read from here,
-- not from all lines.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='slice_key',
        on_schema_change='fail',
        pre_hook="{{ clear_touched_slices('slice_key', 'sell_out') }}"
    )
}}

with

lines as (
    select * from {{ ref('fct_sell_out_lines') }}
    where transaction_id is not null or customer_key is not null
),

{% if is_incremental() -%}
touched_slices as (
    select * from {{ ref('stg_ledger__touched_slices') }}
    where entity_code = 'sell_out'
),

touched_lines as (
    select lines.*
    from lines
    inner join touched_slices
        on
            lines.slice_number = touched_slices.slice_number
            and lines.period_start_date = touched_slices.period_start_date
),
{%- else -%}
touched_lines as (
    select * from lines
),
{%- endif %}

-- One row per transaction, or per day where the line names none: to count these once
-- costs half of what two counts of distinct values cost.
visits as (
    select
        slice_number,
        month_start_date,
        coalesce(customer_key, '-') as customer_key,
        transaction_id,
        case when transaction_id is null then sale_date end as visit_date,
        -- Of a line without an amount, or without a rate, nobody knows the whole.
        case when count(net_amount) = count(*) then sum(net_amount) end as net_amount,
        -- What only came back is no purchase.
        max(case when sold_quantity_in_unit > 0 then 1 else 0 end) as purchase_count,
        count(*) as line_count
    from touched_lines
    group by
        slice_number,
        month_start_date,
        coalesce(customer_key, '-'),
        transaction_id,
        case when transaction_id is null then sale_date end
),

customers as (
    select
        slice_number,
        month_start_date,
        customer_key,
        count(transaction_id) as transaction_count,
        case
            when
                count(transaction_id)
                = count(case when transaction_id is not null then net_amount end)
                then {{ amount(
                    'coalesce(sum('
                    ~ 'case when transaction_id is not null then net_amount end), 0)'
                ) }}
        end as transacted_amount,
        case
            when count(net_amount) = count(*) then {{ amount('sum(net_amount)') }}
        end as net_amount,
        -- Days count where no line names a transaction.
        cast(
            case
                when count(transaction_id) > 0
                    then sum(
                        case when transaction_id is not null then purchase_count end
                    )
                else sum(purchase_count)
            end as bigint
        ) as purchase_count,
        cast(sum(line_count) as bigint) as line_count
    from visits
    group by slice_number, month_start_date, customer_key
),

-- Reports by EDI stand beside one another in a slice.
slices as (
    select
        slice_number,
        slice_key,
        partner_code,
        feed_code,
        period_start_date
    from {{ ref('dim_sell_out_reports') }}
    group by slice_number, slice_key, partner_code, feed_code, period_start_date
),

final as (
    select
        slices.slice_key,
        slices.partner_code,
        slices.feed_code,
        slices.period_start_date,
        customers.month_start_date,
        customers.customer_key,
        {{ company_currency() }} as currency_code,
        customers.transaction_count,
        customers.transacted_amount,
        customers.net_amount,
        customers.purchase_count,
        customers.line_count
    from customers
    left join slices on customers.slice_number = slices.slice_number
)

select * from final
order by period_start_date nulls last, slice_key nulls last
