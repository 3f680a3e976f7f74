-- Grain: one row per source cost up to the as-of day and invoice line that carries it;
-- one row without a line where no line can carry the cost.
-- Additive: amount. The rows of a source cost sum to it, to the cent.
with

lines as (
    select * from {{ ref('fct_sell_in') }} where invoice_date <= {{ as_of_date() }}
),

shipments_and_returns as (
    select * from {{ ref('fct_shipments') }}
),

shipments as (
    select * from shipments_and_returns
    where shipment_type = 'delivery' and order_number is not null
),

partners as (
    select * from {{ ref('dim_partners') }}
),

claims as (
    select * from {{ ref('fct_programme_claims') }}
),

cash_discounts as (
    select * from {{ ref('fct_cash_discounts') }}
),

commissions as (
    select * from {{ ref('fct_commissions') }}
    where
        event_code in ('earned', 'clawed_back')
        and event_date <= {{ as_of_date() }}
),

booked_costs as (
    select * from {{ ref('stg_erp__programme_costs') }}
),

allocation_keys as (
    select * from {{ ref('stg_rules__allocation_keys') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

-- Whose the documents are that costs name: where no line can carry such a cost (of a
-- credit note, a return, a delivery that is not invoiced), it is still that partner's.
invoices_named as (
    select
        invoice_number,
        min(partner_code) as partner_code,
        min(channel_code) as channel_code
    from lines
    where
        invoice_number in (
            select invoice_number from booked_costs where invoice_number is not null
        )
    group by invoice_number
),

shipments_named as (
    select
        shipment_number,
        min(partner_code) as partner_code,
        min(channel_code) as channel_code
    from shipments_and_returns
    where
        shipment_number in (
            select shipment_number from booked_costs where shipment_number is not null
        )
    group by shipment_number
),

gathered as (
    select
        'claim|' || claim_number as programme_cost_id,
        cost_step_code,
        cost_date,
        partner_code,
        channel_code,
        product_code,
        invoice_number,
        cast(null as string) as shipment_number,
        cost_amount as amount,
        coalesce(agreement_code, budget_code) as rule_code,
        coalesce(agreement_version_date, budget_version_date) as rule_version_date,
        source_batch_id,
        source_file,
        source_row
    from claims
    union all
    select
        'cash_discount|' || invoice_number as programme_cost_id,
        'cash_discount' as cost_step_code,
        cost_date,
        partner_code,
        channel_code,
        cast(null as string) as product_code,
        invoice_number,
        cast(null as string) as shipment_number,
        cost_amount as amount,
        term_code as rule_code,
        term_version_date as rule_version_date,
        source_batch_id,
        source_file,
        source_row
    from cash_discounts
    where cost_date is not null
    union all
    select
        'cost|' || booked_costs.cost_number as programme_cost_id,
        booked_costs.cost_step_code,
        booked_costs.cost_date,
        coalesce(
            booked_costs.partner_code,
            invoices_named.partner_code,
            shipments_named.partner_code
        ) as partner_code,
        coalesce(
            partners.channel_code,
            booked_costs.channel_code,
            invoices_named.channel_code,
            shipments_named.channel_code
        ) as channel_code,
        booked_costs.product_code,
        booked_costs.invoice_number,
        booked_costs.shipment_number,
        {{
            to_the_cent(
                in_company_currency('booked_costs.cost_amount', 'booked_costs')
            )
        }} as amount,
        cast(null as string) as rule_code,
        cast(null as date) as rule_version_date,
        booked_costs.source_batch_id,
        booked_costs.source_file,
        booked_costs.source_row
    from booked_costs
    left join partners
        on
            booked_costs.partner_code = partners.partner_code
            and {{ in_range('booked_costs.cost_date', 'partners') }}
    left join invoices_named
        on booked_costs.invoice_number = invoices_named.invoice_number
    left join shipments_named
        on booked_costs.shipment_number = shipments_named.shipment_number
    left join rates
        on
            booked_costs.currency_code = rates.currency_code
            and booked_costs.cost_date = rates.date_day
),

costs as (
    select
        gathered.programme_cost_id,
        gathered.cost_step_code,
        gathered.cost_date,
        {{ month_start('gathered.cost_date') }} as month_start_date,
        gathered.partner_code,
        gathered.channel_code,
        gathered.product_code,
        gathered.invoice_number,
        gathered.shipment_number,
        gathered.amount,
        gathered.source_batch_id,
        gathered.source_file,
        gathered.source_row,
        row_number() over (order by gathered.programme_cost_id) as cost_number,
        {{ as_cents('gathered.amount') }} as cost_cents,
        case
            when gathered.invoice_number is not null then 'invoice'
            when gathered.shipment_number is not null then 'shipment'
            when gathered.partner_code is not null then 'partner'
            when gathered.channel_code is not null then 'channel'
            else 'company'
        end as scope_code,
        case
            when
                gathered.invoice_number is not null
                or gathered.shipment_number is not null
                then 'direct'
            else coalesce(allocation_keys.allocation_key_code, 'net_amount')
        end as allocation_key_code,
        case
            when
                gathered.rule_code is null
                and gathered.invoice_number is null
                and gathered.shipment_number is null
                and allocation_keys.allocation_key_code is not null
                then 'allocation/' || gathered.cost_step_code
            else gathered.rule_code
        end as rule_code,
        case
            when
                gathered.rule_code is null
                and gathered.invoice_number is null
                and gathered.shipment_number is null
                then allocation_keys.valid_from_date
            else gathered.rule_version_date
        end as rule_version_date
    from gathered
    left join allocation_keys
        on
            gathered.cost_step_code = allocation_keys.cost_step_code
            and {{ in_range('gathered.cost_date', 'allocation_keys') }}
    where
        (gathered.amount is null or gathered.amount <> 0)
        and gathered.cost_date <= {{ as_of_date() }}
),

invoiced_lines as (
    select
        invoice_line_id,
        invoice_number,
        order_number,
        order_line_number,
        partner_code,
        channel_code,
        product_code,
        invoice_date,
        {{ month_start('invoice_date') }} as month_start_date,
        net_amount,
        sold_quantity
    from lines
    where invoice_type = 'invoice' and net_amount > 0
),

-- The lines that invoice a shipment: the first of each order line from its day on.
shipments_invoiced as (
    select
        shipments.shipment_number,
        invoiced_lines.invoice_line_id
    from costs
    inner join shipments on costs.shipment_number = shipments.shipment_number
    inner join invoiced_lines
        on
            shipments.order_number = invoiced_lines.order_number
            and shipments.order_line_number = invoiced_lines.order_line_number
            and shipments.shipment_date <= invoiced_lines.invoice_date
    qualify
        row_number() over (
            partition by costs.cost_number, shipments.shipment_line_id
            order by invoiced_lines.invoice_date, invoiced_lines.invoice_line_id
        ) = 1
),

lines_shipped as (
    select
        shipments_invoiced.shipment_number,
        invoiced_lines.*
    from (
        select
            shipment_number,
            invoice_line_id
        from shipments_invoiced
        group by shipment_number, invoice_line_id
    ) as shipments_invoiced
    inner join invoiced_lines
        on shipments_invoiced.invoice_line_id = invoiced_lines.invoice_line_id
),

-- One join per scope, each by equality: a join with alternatives would compare every
-- cost of a month with every line of it.
carried as (
    {{ carried_by('invoice', 'invoiced_lines', ['invoice_number']) }}
    union all
    {{ carried_by('shipment', 'lines_shipped', ['shipment_number']) }}
    union all
    {{ carried_by('partner', 'invoiced_lines', ['month_start_date', 'partner_code']) }}
    union all
    {{ carried_by('channel', 'invoiced_lines', ['month_start_date', 'channel_code']) }}
    union all
    {{ carried_by('company', 'invoiced_lines', ['month_start_date']) }}
),

weighed as (
    select
        cost_number,
        cost_cents,
        invoice_line_id,
        partner_code,
        channel_code,
        product_code,
        case allocation_key_code
            when 'partners' then partner_code
            when 'orders' then coalesce(order_number, invoice_number)
            else ''
        end as group_code,
        {{
            amount(
                "case allocation_key_code when 'units' then sold_quantity "
                ~ "when 'lines' then 1 else net_amount end"
            )
        }} as weight
    from carried
),

carriers as (
    select * from weighed
    where weight > 0
),

-- A key that counts partners or orders gives each the same, and spreads that over its
-- lines by their net amount.
carrier_groups as (
    select
        cost_number,
        group_code,
        min(cost_cents) as cost_cents,
        1 as weight
    from carriers
    group by cost_number, group_code
),

groups_spread as (
    {{ spread('carrier_groups', 'cost_number', 'cost_cents', 'weight', 'group_code') }}
),

carriers_in_groups as (
    select
        carriers.cost_number,
        carriers.group_code,
        carriers.invoice_line_id,
        carriers.partner_code,
        carriers.channel_code,
        carriers.product_code,
        carriers.weight,
        groups_spread.share_cents as group_cents
    from carriers
    inner join groups_spread
        on
            carriers.cost_number = groups_spread.cost_number
            and carriers.group_code = groups_spread.group_code
),

lines_spread as (
    {{
        spread(
            'carriers_in_groups',
            'cost_number, group_code',
            'group_cents',
            'weight',
            'invoice_line_id'
        )
    }}
),

shares as (
    select
        cost_number,
        invoice_line_id,
        partner_code,
        channel_code,
        product_code,
        {{ from_cents('share_cents') }} as amount
    from lines_spread
    where share_cents <> 0
    union all
    select
        costs.cost_number,
        cast(null as string) as invoice_line_id,
        coalesce(costs.partner_code, 'NONE') as partner_code,
        coalesce(costs.channel_code, 'NONE') as channel_code,
        'NONE' as product_code,
        costs.amount
    from costs
    left join groups_spread on costs.cost_number = groups_spread.cost_number
    where groups_spread.cost_number is null
),

final as (
    select
        costs.programme_cost_id,
        costs.cost_step_code,
        costs.cost_date,
        shares.partner_code,
        shares.channel_code,
        shares.product_code,
        shares.invoice_line_id,
        shares.amount,
        {{ company_currency() }} as currency_code,
        costs.rule_code,
        costs.rule_version_date,
        costs.allocation_key_code,
        costs.source_batch_id,
        costs.source_file,
        costs.source_row
    from shares
    inner join costs on shares.cost_number = costs.cost_number
    union all
    select
        'commission|' || commission_id as programme_cost_id,
        'commission' as cost_step_code,
        event_date as cost_date,
        partner_code,
        channel_code,
        product_code,
        invoice_line_id,
        commission_amount as amount,
        currency_code,
        plan_code as rule_code,
        plan_version_date as rule_version_date,
        'direct' as allocation_key_code,
        source_batch_id,
        source_file,
        source_row
    from commissions
    -- One without a rate of exchange is a cost of unknown amount, as any other.
    where commission_amount <> 0 or commission_reason_code = 'rate_missing'
)

select * from final
