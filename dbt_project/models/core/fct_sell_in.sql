-- Grain: one row per line of a posted invoice or credit note.
-- Additive: quantities and amounts, but for unit prices and unit costs. A price-only
-- credit note moves euros, not units.
with

priced as (
    select * from {{ ref('int_sell_in_priced') }}
),

-- Reductions are compared with what was allowed as on an invoice, so with the sign of
-- a sale: a return takes back what the sale had.
reductions as (
    select
        priced.*,
        case when company_gross_amount < 0 then -1 else 1 end as direction,
        {{ reduction_rounding('priced.currency_code', 'priced') }} as rounding_amount,
        case
            when base_quantity is not null and contract_unit_price_amount is not null
                then 'partner_price'
            when contract_rate is not null then contract_rule_code
            when terms_rate is not null then 'partner_terms'
            else 'erp'
        end as contract_source_code,
        case
            when base_quantity is not null and contract_unit_price_amount is not null
                then contract_price_date
            when contract_rate is not null then contract_rule_version_date
            when terms_rate is not null then terms_date
        end as contract_source_date,
        case
            when base_quantity is not null and contract_unit_price_amount is not null
                then
                    company_gross_amount
                    - {{ product('base_quantity', 'contract_unit_price_amount') }}
            when coalesce(contract_rate, terms_rate) is not null
                then
                    {{
                        product(
                            'company_gross_amount',
                            'coalesce(contract_rate, terms_rate)',
                            'decimal(18, 2)'
                        )
                    }}
            else company_standard_discount_amount
        end as contract_allowed_amount,
        {{
            product(
                'company_gross_amount', 'coalesce(promotion_rate, 0)', 'decimal(18, 2)'
            )
        }} as promotion_allowed_amount
    from priced
),

contracts_taken as (
    select
        reductions.*,
        {{ reduction_taken(
            '(company_gross_amount - company_net_amount)',
            'contract_allowed_amount',
            'rounding_amount'
        ) }} as contract_discount_amount
    from reductions
),

promotions_taken as (
    select
        contracts_taken.*,
        {{ reduction_taken(
            '(company_gross_amount - company_net_amount - contract_discount_amount)',
            'promotion_allowed_amount',
            'rounding_amount'
        ) }} as promotion_discount_amount
    from contracts_taken
),

-- Each part is rounded by itself, so that the parts are the landed cost.
landed as (
    select
        {% for part in landed_cost_parts() -%}
        {{ product('base_quantity', part ~ '_unit_amount') }} as {{ part }}_amount,
        {% endfor -%}
        promotions_taken.*
    from promotions_taken
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
        conditions_date,
        due_date,
        unit_code,
        invoiced_quantity as invoiced_quantity_in_unit,
        base_quantity as invoiced_quantity,
        {{ quantity('case when base_quantity < 0 then 0 else base_quantity end') }}
            as sold_quantity,
        {{ quantity('case when base_quantity < 0 then -base_quantity '
            ~ 'when base_quantity >= 0 then 0 end') }} as credited_quantity,
        list_unit_price_amount,
        contract_unit_price_amount,
        company_gross_amount as gross_amount,
        company_standard_discount_amount as standard_discount_amount,
        company_exceptional_discount_amount as exceptional_discount_amount,
        {{ amount('contract_allowed_amount') }} as contract_allowed_amount,
        {{ amount('promotion_allowed_amount') }} as promotion_allowed_amount,
        contract_discount_amount,
        promotion_discount_amount,
        {{ amount('company_gross_amount - company_net_amount '
            ~ '- contract_discount_amount - promotion_discount_amount') }}
            as exception_discount_amount,
        case when contract_discount_amount <> 0 then contract_source_code end
            as contract_rule_code,
        case when contract_discount_amount <> 0 then contract_source_date end
            as contract_rule_version_date,
        case when promotion_discount_amount <> 0 then promotion_rule_code end
            as promotion_rule_code,
        case when promotion_discount_amount <> 0 then promotion_rule_version_date end
            as promotion_rule_version_date,
        company_net_amount as net_amount,
        {{ company_currency() }} as currency_code,
        gross_amount as document_gross_amount,
        standard_discount_amount as document_standard_discount_amount,
        exceptional_discount_amount as document_exceptional_discount_amount,
        net_amount as document_net_amount,
        currency_code as document_currency_code,
        amount_reason_code,
        unit_cost_amount,
        {{ product('base_quantity', 'unit_cost_amount') }} as cost_amount,
        actual_unit_cost_amount,
        {{ product('base_quantity', 'actual_unit_cost_amount') }} as actual_cost_amount,
        {{ product('base_quantity', 'cost_correction_unit_amount') }}
            as cost_correction_amount,
        cost_correction_code,
        cost_correction_batch_id,
        {{ amount('landed_unit_cost_amount') }} as landed_unit_cost_amount,
        {% for part in landed_cost_parts() -%}
        {{ part }}_amount,
        {% endfor -%}
        {{ amount(landed_cost_parts() | join('_amount + ') ~ '_amount') }}
            as landed_cost_amount,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from landed
)

select * from final
