-- Grain: one row per line of the company's list of stores: a store, a partner that
-- reports it, what that partner calls it, and a range of dates.
with

newest as (
    {{ newest_state('stores') }}
),

final as (
    select
        _source_row as store_line_number,
        store_code,
        store_name,
        partner_code,
        partner_store_code,
        gln,
        siret,
        address,
        postal_code,
        city,
        valid_from_date,
        valid_to_date
    from newest
)

select * from final
