-- Grain: one row per month, partner, and product or family with a budget.
with

newest as (
    {{ newest_state('budgets') }}
),

final as (
    select
        month_start_date,
        partner_code,
        product_code,
        family_code,
        invoiced_quantity,
        gross_amount,
        discount_amount,
        rebate_amount,
        programme_amount,
        cost_amount
    from newest
)

select * from final
