-- Grain: one row per line of a posted invoice or credit note.
-- Additive: quantities and amounts. A price-only credit note moves euros, not units.
with

lines as (
    select * from {{ ref('stg_erp__invoice_lines') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

costs as (
    select * from {{ ref('stg_erp__product_costs') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

joined as (
    select
        lines.*,
        {{
            in_base_units(
                'lines.invoiced_quantity', unit_numerator(), unit_denominator()
            )
        }} as base_quantity,
        partners.partner_version_id,
        partners.channel_code,
        costs.unit_cost_amount,
        {{ in_company_currency('lines.gross_amount', 'lines') }}
            as company_gross_amount,
        {{ in_company_currency('lines.standard_discount_amount', 'lines') }}
            as company_standard_discount_amount,
        {{ in_company_currency('lines.exceptional_discount_amount', 'lines') }}
            as company_exceptional_discount_amount,
        {{ in_company_currency('lines.net_amount', 'lines') }} as company_net_amount,
        {{ amount_reason('lines.net_amount', 'lines') }} as amount_reason_code
    from lines
    {{ unit_joins('lines', 'invoice_date') }}
    left join partners
        on
            lines.partner_code = partners.partner_code
            and {{ in_range('lines.invoice_date', 'partners') }}
    left join costs
        on
            lines.product_code = costs.product_code
            and {{ in_range('lines.invoice_date', 'costs') }}
    left join rates
        on
            lines.currency_code = rates.currency_code
            and lines.invoice_date = rates.date_day
),

final as (
    select
        invoice_number || '|' || invoice_line_number as invoice_line_id,
        invoice_number,
        invoice_line_number,
        invoice_type,
        credit_reason_code,
        original_invoice_number,
        order_number,
        order_line_number,
        partner_code,
        partner_version_id,
        channel_code,
        product_code,
        invoice_date,
        due_date,
        unit_code,
        invoiced_quantity as invoiced_quantity_in_unit,
        base_quantity as invoiced_quantity,
        {{ quantity('case when base_quantity < 0 then 0 else base_quantity end') }}
            as sold_quantity,
        {{ quantity('case when base_quantity < 0 then -base_quantity '
            ~ 'when base_quantity >= 0 then 0 end') }} as credited_quantity,
        company_gross_amount as gross_amount,
        company_standard_discount_amount as standard_discount_amount,
        company_exceptional_discount_amount as exceptional_discount_amount,
        company_net_amount as net_amount,
        {{ company_currency() }} as currency_code,
        gross_amount as document_gross_amount,
        standard_discount_amount as document_standard_discount_amount,
        exceptional_discount_amount as document_exceptional_discount_amount,
        net_amount as document_net_amount,
        currency_code as document_currency_code,
        amount_reason_code,
        unit_cost_amount,
        {{ amount('base_quantity * unit_cost_amount') }} as cost_amount,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from joined
)

select * from final
