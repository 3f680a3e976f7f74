-- Grain: one row per month, partner, and product or family with a budget.
-- Additive: quantity and amounts.
with

budgets as (
    select * from {{ ref('stg_rules__budgets') }}
),

products as (
    select * from {{ ref('stg_erp__products') }}
),

final as (
    select
        cast(budgets.month_start_date as string) || '|' || budgets.partner_code || '|'
        || coalesce(budgets.family_code, products.family_code, 'NONE') || '|'
        || coalesce(budgets.product_code, 'ALL') as budget_id,
        budgets.month_start_date,
        budgets.partner_code,
        coalesce(budgets.family_code, products.family_code, 'NONE') as family_code,
        coalesce(budgets.product_code, 'ALL') as product_code,
        {{ quantity('budgets.invoiced_quantity') }} as invoiced_quantity,
        {{ amount('budgets.gross_amount') }} as gross_amount,
        {{ amount('budgets.discount_amount') }} as discount_amount,
        {{ amount('budgets.rebate_amount') }} as rebate_amount,
        {{ amount('budgets.programme_amount') }} as programme_amount,
        {{ amount('budgets.cost_amount') }} as cost_amount,
        {{ amount(
            'budgets.gross_amount - budgets.discount_amount - budgets.rebate_amount '
            ~ '- budgets.programme_amount - budgets.cost_amount'
        ) }} as pocket_margin_amount,
        {{ company_currency() }} as currency_code
    from budgets
    left join products on budgets.product_code = products.product_code
)

select * from final
