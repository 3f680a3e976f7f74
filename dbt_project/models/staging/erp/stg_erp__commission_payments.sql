-- Grain: one row per commission paid to an agent for one partner, as the ERP has it
-- now.
with

newest as (
    {{ newest_versions('commission_payments', ['payment_number']) }}
),

existing as (
    select * from newest where not _is_deleted
),

final as (
    select
        nullif(trim(payment_number), '') as payment_number,
        nullif(trim(agent_code), '') as agent_code,
        nullif(trim(partner_code), '') as partner_code,
        settled_month_date,
        payment_date,
        paid_amount,
        nullif(trim(currency_code), '') as currency_code,
        updated_at,
        _batch_id as source_batch_id,
        _source_file as source_file,
        _source_row as source_row
    from existing
)

select * from final
