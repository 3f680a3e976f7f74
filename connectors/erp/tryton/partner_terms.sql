-- Grain: one row per party with customer terms; Tryton keeps the present terms only.
-- A term in several instalments counts with its last one; a month counts 30 days.
with days as (
    select
        line.payment as term_id,
        max(coalesce(delta.days, 0) + 7 * coalesce(delta.weeks, 0) + 30 * coalesce(delta.months, 0)) as payment_term_days
    from account_invoice_payment_term_line as line
    left join account_invoice_payment_term_line_delta as delta on line.id = delta.line
    group by line.payment
),

terms as (
    select
        party,
        min(customer_payment_term) as term_id,
        max(coalesce(write_date, create_date)) as updated_at
    from party_party_payment_term
    where customer_payment_term is not null
    group by party
)

select
    party.code as partner_code,
    '1900-01-01' as valid_from_date,
    '9999-12-31' as valid_to_date,
    coalesce(days.payment_term_days, 0) as payment_term_days,
    terms.updated_at
from terms
inner join party_party as party on terms.party = party.id
left join days on terms.term_id = days.term_id
