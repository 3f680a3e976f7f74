-- Grain: one row per line of a posted invoice or credit note.
-- Additive: quantities and amounts. A price-only credit note moves euros, not units.
with

lines as (
    select * from {{ ref('stg_erp__invoice_lines') }}
),

units as (
    select * from {{ ref('int_product_units_completed') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

costs as (
    select * from {{ ref('stg_erp__product_costs') }}
),

joined as (
    select
        lines.*,
        {{ quantity('lines.invoiced_quantity * units.base_quantity') }}
            as base_quantity,
        partners.partner_version_id,
        partners.channel_code,
        costs.unit_cost_amount
    from lines
    left join units
        on lines.product_code = units.product_code and lines.unit_code = units.unit_code
    left join partners
        on
            lines.partner_code = partners.partner_code
            and {{ in_range('lines.invoice_date', 'partners') }}
    left join costs
        on
            lines.product_code = costs.product_code
            and {{ in_range('lines.invoice_date', 'costs') }}
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
        gross_amount,
        standard_discount_amount,
        exceptional_discount_amount,
        net_amount,
        currency_code,
        unit_cost_amount,
        {{ amount('base_quantity * unit_cost_amount') }} as cost_amount,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from joined
)

select * from final
