-- Grain: one row per adjustment of a partner's stock.
with

newest as (
    {{ newest_state('stock_adjustments') }}
),

final as (
    select
        _source_row as adjustment_number,
        partner_code,
        product_code,
        adjustment_date,
        adjusted_quantity,
        reason
    from newest
)

select * from final
