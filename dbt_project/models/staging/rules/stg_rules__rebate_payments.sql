-- Grain: one row per payment or credit of a rebate to a partner.
with

newest as (
    {{ newest_state('rebate_payments') }}
),

final as (
    select
        programme_code,
        partner_code,
        period_start_date,
        payment_date,
        paid_amount,
        reference,
        _source_file as source_file,
        _source_row as source_row
    from newest
)

select * from final
