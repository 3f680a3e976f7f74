-- Grain: one row per event of an agent's commission: earned on an invoice line, clawed
-- back on a credit note's line, or paid.
-- Additive: amounts. Agents and rates are those of the invoice's date; a credit note
-- takes back from who earned, whatever was assigned since.
with

lines as (
    select * from {{ ref('fct_sell_in') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

assignments as (
    select * from {{ ref('stg_erp__commission_assignments') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

units as (
    {{ territories_with_what_they_lie_in('territories') }}
),

-- The smallest of the assigned territories in which a partner is comes first.
territories_assigned as (
    select
        assignments.*,
        units.territory_code as partner_territory_code,
        case territories.territory_level_code
            when 'departement' then 2
            when 'region' then 3
            else 4
        end as precedence
    from assignments
    inner join units on assignments.territory_code = units.unit_code
    inner join territories on units.unit_code = territories.territory_code
    where assignments.partner_code = '*'
),

commission_rates as (
    select * from {{ ref('stg_rules__commission_rates') }}
),

agent_payments as (
    select * from {{ ref('stg_erp__commission_payments') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

documents as (
    {{ invoices_of('lines') }}
),

invoices_settled as (
    {{ invoices_settled('documents') }}
),

lines_dated as (
    select
        lines.invoice_line_id,
        lines.invoice_number,
        lines.invoice_type,
        lines.partner_code,
        lines.channel_code,
        lines.product_code,
        lines.invoice_date,
        lines.net_amount,
        lines.source_batch_id,
        lines.source_file,
        lines.source_row,
        partners.territory_code,
        products.family_code,
        coalesce(lines.original_invoice_number, lines.invoice_number)
            as earning_invoice_number,
        coalesce(documents.invoice_date, lines.invoice_date) as earning_date,
        lines.invoice_type = 'credit_note' and documents.invoice_number is null
            as is_of_no_invoice
    from lines
    left join documents on lines.original_invoice_number = documents.invoice_number
    inner join partners
        on
            lines.partner_code = partners.partner_code
            and {{ in_range(
                'coalesce(documents.invoice_date, lines.invoice_date)', 'partners'
            ) }}
    left join products on lines.product_code = products.product_code
),

lines_assigned as (
    select
        lines_dated.*,
        assignments.agent_code,
        assignments.agent_name,
        assignments.plan_code,
        assignments.split_rate,
        assignments.valid_from_date as assigned_from_date,
        1 as precedence
    from lines_dated
    inner join assignments
        on
            lines_dated.partner_code = assignments.partner_code
            and {{ in_range('lines_dated.earning_date', 'assignments') }}
    union all
    select
        lines_dated.*,
        territories_assigned.agent_code,
        territories_assigned.agent_name,
        territories_assigned.plan_code,
        territories_assigned.split_rate,
        territories_assigned.valid_from_date as assigned_from_date,
        territories_assigned.precedence
    from lines_dated
    inner join territories_assigned
        on
            lines_dated.territory_code = territories_assigned.partner_territory_code
            and {{ in_range('lines_dated.earning_date', 'territories_assigned') }}
),

-- Who is assigned to the partner comes before who is assigned to its territory.
lines_attributed as (
    select * from lines_assigned
    qualify min(precedence) over (partition by invoice_line_id) = precedence
),

lines_rated as (
    select
        lines_attributed.*,
        coalesce(own_rates.basis_code, general_rates.basis_code) as basis_code,
        coalesce(own_rates.commission_rate, general_rates.commission_rate)
            as commission_rate,
        coalesce(own_rates.valid_from_date, general_rates.valid_from_date)
            as plan_version_date,
        invoices_settled.settled_date
    from lines_attributed
    left join commission_rates as own_rates
        on
            lines_attributed.plan_code = own_rates.plan_code
            and lines_attributed.family_code = own_rates.family_code
            and {{ in_range('lines_attributed.earning_date', 'own_rates') }}
    left join commission_rates as general_rates
        on
            lines_attributed.plan_code = general_rates.plan_code
            and general_rates.family_code = '*'
            and {{ in_range('lines_attributed.earning_date', 'general_rates') }}
    left join invoices_settled
        on lines_attributed.earning_invoice_number = invoices_settled.invoice_number
),

final as (
    select
        invoice_line_id || '|' || agent_code
        || '|' || cast(assigned_from_date as string) as commission_id,
        case when invoice_type = 'credit_note' then 'clawed_back' else 'earned' end
            as event_code,
        agent_code,
        agent_name,
        partner_code,
        channel_code,
        product_code,
        invoice_line_id,
        invoice_number,
        invoice_date as event_date,
        case
            when basis_code = 'invoiced' or is_of_no_invoice then invoice_date
            when settled_date > invoice_date then settled_date
            when settled_date is not null then invoice_date
        end as due_date,
        plan_code,
        plan_version_date,
        basis_code,
        net_amount as basis_amount,
        commission_rate,
        split_rate,
        {{
            to_the_cent(
                wide('net_amount') ~ ' * (commission_rate * split_rate)'
            )
        }} as commission_amount,
        cast(null as decimal(18, 4)) as paid_amount,
        {{ company_currency() }} as currency_code,
        case
            when net_amount is null then 'rate_missing'
            when commission_rate is null then 'plan_without_rate'
        end as commission_reason_code,
        source_batch_id,
        source_file,
        source_row
    from lines_rated
    union all
    select
        'paid|' || agent_payments.payment_number as commission_id,
        'paid' as event_code,
        agent_payments.agent_code,
        cast(null as string) as agent_name,
        agent_payments.partner_code,
        partners.channel_code,
        cast(null as string) as product_code,
        cast(null as string) as invoice_line_id,
        cast(null as string) as invoice_number,
        agent_payments.settled_month_date as event_date,
        agent_payments.payment_date as due_date,
        cast(null as string) as plan_code,
        cast(null as date) as plan_version_date,
        cast(null as string) as basis_code,
        cast(null as decimal(18, 4)) as basis_amount,
        cast(null as decimal(9, 6)) as commission_rate,
        cast(null as decimal(9, 6)) as split_rate,
        cast(null as decimal(18, 4)) as commission_amount,
        {{
            to_the_cent(
                in_company_currency('agent_payments.paid_amount', 'agent_payments')
            )
        }} as paid_amount,
        {{ company_currency() }} as currency_code,
        {{ amount_reason('agent_payments.paid_amount', 'agent_payments') }}
            as commission_reason_code,
        agent_payments.source_batch_id,
        agent_payments.source_file,
        agent_payments.source_row
    from agent_payments
    left join partners
        on
            agent_payments.partner_code = partners.partner_code
            and {{ in_range('agent_payments.payment_date', 'partners') }}
    left join rates
        on
            agent_payments.currency_code = rates.currency_code
            and agent_payments.payment_date = rates.date_day
)

select * from final
