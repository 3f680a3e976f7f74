-- Grain: one row per partner with rules of its own.
with

newest as (
    {{ newest_state('partners') }}
),

final as (
    select
        partner_code,
        siso_gap_tolerance_rate,
        sell_out_feed_code,
        inventory_feed_code
    from newest
)

select * from final
