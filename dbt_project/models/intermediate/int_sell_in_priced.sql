-- Grain: one row per line of a posted invoice or credit note, in base units and in the
-- company's currency, with prices, costs and allowed discounts as they stood.
-- Costs are those of the line's date, or what the company has corrected them to. Prices
-- and discounts are those of the sale: a credit note has the conditions of the invoice
-- that it names.
with

lines as (
    select * from {{ ref('stg_erp__invoice_lines') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

products as (
    select * from {{ ref('stg_erp__products') }}
),

list_prices as (
    select * from {{ ref('stg_erp__product_prices') }}
),

contract_prices as (
    select * from {{ ref('stg_erp__partner_prices') }}
),

costs as (
    select * from {{ ref('stg_erp__product_costs') }}
),

corrections as (
    select * from {{ ref('stg_rules__cost_corrections') }}
),

landed_costs as (
    select * from {{ ref('stg_erp__landed_cost_elements') }}
),

discount_rules as (
    select * from {{ ref('int_discount_rules_resolved') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

landed_cost_batches as (
    select count(*) as batch_count
    from {{ ref('stg_ledger__batches') }}
    where system_code = 'erp' and source_name = 'landed_cost_elements'
),

landed_cost_moments as (
    select
        product_code,
        valid_from_date as moment_date
    from landed_costs
    union distinct
    select
        product_code,
        valid_to_date as moment_date
    from landed_costs
),

landed_cost_periods as (
    select
        product_code,
        moment_date as valid_from_date,
        {{ range_end(['product_code'], 'moment_date') }} as valid_to_date
    from landed_cost_moments
),

landed_unit_costs as (
    select
        periods.product_code,
        periods.valid_from_date,
        periods.valid_to_date,
        {% for part in landed_cost_parts() -%}
        cast(sum({{ cost_of_part(part, 'landed_costs') }}) as decimal(18, 4))
            as {{ part }}_unit_amount,
        {% endfor -%}
        {{ amount('sum(landed_costs.unit_cost_amount)') }} as unit_cost_amount
    from landed_cost_periods as periods
    inner join landed_costs
        on
            periods.product_code = landed_costs.product_code
            and {{ in_range('periods.valid_from_date', 'landed_costs') }}
    group by periods.product_code, periods.valid_from_date, periods.valid_to_date
),

credited_invoices as (
    select
        invoice_number,
        min(invoice_date) as invoice_date
    from lines
    where
        invoice_number in (
            select credit_notes.original_invoice_number
            from lines as credit_notes
            where credit_notes.original_invoice_number is not null
        )
    group by invoice_number
),

dated as (
    select
        lines.*,
        coalesce(credited_invoices.invoice_date, lines.invoice_date) as conditions_date
    from lines
    left join credited_invoices
        on lines.original_invoice_number = credited_invoices.invoice_number
),

parts_converted as (
    select
        dated.*,
        {{
            in_base_units(
                'dated.invoiced_quantity', unit_numerator(), unit_denominator()
            )
        }} as base_quantity,
        {{ in_company_currency('dated.gross_amount', 'dated') }}
            as converted_gross_amount,
        {{ in_company_currency('dated.standard_discount_amount', 'dated') }}
            as company_standard_discount_amount,
        {{ in_company_currency('dated.exceptional_discount_amount', 'dated') }}
            as company_exceptional_discount_amount,
        {{ in_company_currency('dated.net_amount', 'dated') }} as company_net_amount,
        {{ amount_reason('dated.net_amount', 'dated') }} as amount_reason_code,
        rates.company_per_euro,
        rates.currency_per_euro,
        products.family_code
    from dated
    {{ unit_joins('dated', 'invoice_date') }}
    left join products on dated.product_code = products.product_code
    left join rates
        on
            dated.currency_code = rates.currency_code
            and dated.invoice_date = rates.date_day
),

-- What adds up in the document's currency does in ours: each part is rounded by itself,
-- and the gross amount is what they make.
converted as (
    select
        *,
        case
            when
                gross_amount
                = net_amount + standard_discount_amount + exceptional_discount_amount
                then {{
                    amount(
                        'company_net_amount + company_standard_discount_amount '
                        ~ '+ company_exceptional_discount_amount'
                    )
                }}
            else converted_gross_amount
        end as company_gross_amount
    from parts_converted
),

final as (
    select
        converted.*,
        partners.partner_version_id,
        partners.channel_code,
        conditions.segment_code,
        conditions.discount_rate as terms_rate,
        conditions.valid_from_date as terms_date,
        {{ price_in_company_currency('list_prices', 'converted') }}
            as list_unit_price_amount,
        {{ price_in_company_currency('contract_prices', 'converted') }}
            as contract_unit_price_amount,
        contract_prices.valid_from_date as contract_price_date,
        contracts.rule_code as contract_rule_code,
        contracts.rule_version_date as contract_rule_version_date,
        contracts.discount_rate as contract_rate,
        promotions.rule_code as promotion_rule_code,
        promotions.rule_version_date as promotion_rule_version_date,
        promotions.discount_rate as promotion_rate,
        coalesce(corrections.unit_cost_amount, costs.unit_cost_amount)
            as unit_cost_amount,
        coalesce(corrections.actual_unit_cost_amount, costs.actual_unit_cost_amount)
            as actual_unit_cost_amount,
        case
            when corrections.unit_cost_amount is not null
                then corrections.unit_cost_amount - coalesce(costs.unit_cost_amount, 0)
        end as cost_correction_unit_amount,
        corrections.correction_code as cost_correction_code,
        corrections.known_batch_id as cost_correction_batch_id,
        {% for part in landed_cost_parts() -%}
        case
            when landed_cost_batches.batch_count > 0
                then coalesce(landed_unit_costs.{{ part }}_unit_amount, 0)
        end as {{ part }}_unit_amount,
        {% endfor -%}
        case
            when landed_cost_batches.batch_count > 0
                then coalesce(landed_unit_costs.unit_cost_amount, 0)
        end as landed_unit_cost_amount
    from converted
    cross join landed_cost_batches
    left join partners
        on
            converted.partner_code = partners.partner_code
            and {{ in_range('converted.invoice_date', 'partners') }}
    left join partners as conditions
        on
            converted.partner_code = conditions.partner_code
            and {{ in_range('converted.conditions_date', 'conditions') }}
    left join list_prices
        on
            converted.product_code = list_prices.product_code
            and conditions.price_list_code = list_prices.price_list_code
            and {{ in_range('converted.conditions_date', 'list_prices') }}
    left join contract_prices
        on
            converted.partner_code = contract_prices.partner_code
            and converted.product_code = contract_prices.product_code
            and {{ in_range('converted.conditions_date', 'contract_prices') }}
    left join discount_rules as contracts
        on
            contracts.rule_kind_code = 'contract'
            and converted.partner_code = contracts.partner_code
            and coalesce(conditions.segment_code, '') = contracts.segment_code
            and coalesce(converted.family_code, '') = contracts.family_code
            and {{ in_range('converted.conditions_date', 'contracts') }}
            and abs(converted.base_quantity) >= contracts.from_quantity
            and abs(converted.base_quantity) < contracts.to_quantity
    left join discount_rules as promotions
        on
            promotions.rule_kind_code = 'promotion'
            and converted.partner_code = promotions.partner_code
            and coalesce(conditions.segment_code, '') = promotions.segment_code
            and coalesce(converted.family_code, '') = promotions.family_code
            and {{ in_range('converted.conditions_date', 'promotions') }}
            and abs(converted.base_quantity) >= promotions.from_quantity
            and abs(converted.base_quantity) < promotions.to_quantity
    left join costs
        on
            converted.product_code = costs.product_code
            and {{ in_range('converted.invoice_date', 'costs') }}
    left join corrections
        on
            converted.product_code = corrections.product_code
            and {{ in_range('converted.invoice_date', 'corrections') }}
    left join landed_unit_costs
        on
            converted.product_code = landed_unit_costs.product_code
            and {{ in_range('converted.invoice_date', 'landed_unit_costs') }}
)

select * from final
