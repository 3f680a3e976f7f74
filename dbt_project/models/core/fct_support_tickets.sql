-- Grain: one row per after-sales ticket.
-- Additive: tickets, by counting rows; days_to_close.
with

landed as (
    select * from {{ ref('stg_sources__support_tickets') }}
),

final as (
    select
        ticket_number,
        partner_code,
        product_code,
        opened_date,
        {{ month_start('opened_date') }} as month_start_date,
        closed_date,
        reason_code,
        severity_code,
        coalesce(closed_date > {{ as_of_date() }}, true) as is_open,
        case
            when closed_date <= {{ as_of_date() }}
                then cast({{ days_between('opened_date', 'closed_date') }} as integer)
        end as days_to_close,
        slice_key,
        source_batch_id,
        source_file,
        source_row
    from landed
)

select * from final
