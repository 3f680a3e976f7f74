-- Grain: one row per deal that a partner registered.
-- Additive: expected_amount and document_expected_amount, though a deal that two
-- partners registered is one deal.
-- Who came first goes before: `first_registration_number` is the registration of
-- another partner for the same customer and family whose protection was running.
with

registrations as (
    select * from {{ ref('stg_erp__deal_registrations') }}
),

rules as (
    select * from {{ ref('stg_rules__territory_rules') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

limits as (
    select
        {{ territory_limit('protection_days') }},
        {{ territory_limit('certain_score_rate') }},
        {{ territory_limit('likely_score_rate') }}
    from rules
),

dated as (
    select
        registrations.*,
        {{ local_date('registrations.registered_at') }} as registered_date,
        {{ local_date('registrations.closed_at') }} as closed_date,
        {{
            add_days_to_instant(
                'registrations.registered_at', 'limits.protection_days'
            )
        }} as window_end_at,
        limits.certain_score_rate,
        limits.likely_score_rate
    from registrations
    cross join limits
),

-- A deal that is given up protects nobody any more; one that is won does to the end.
guarded as (
    select
        dated.*,
        case
            when
                status_code in ('lost', 'withdrawn', 'rejected')
                and closed_at < window_end_at
                then closed_at
            else window_end_at
        end as protected_until_at
    from dated
),

alike as (
    select
        registration_number,
        {{ lines_as_rows('alike_registrations') }} as alike_line
    from registrations
    where alike_registrations is not null
),

-- What says that two registrations are of one customer; the surest first.
matches as (
    select
        earlier.registration_number as first_number,
        later.registration_number,
        1 as match_order,
        'siret' as match_code,
        cast(1 as decimal(9, 6)) as match_score_rate
    from guarded as later
    inner join guarded as earlier on later.site_customer_key = earlier.site_customer_key
    union all
    select
        earlier.registration_number as first_number,
        later.registration_number,
        2 as match_order,
        'company' as match_code,
        cast(1 as decimal(9, 6)) as match_score_rate
    from guarded as later
    inner join guarded as earlier
        on later.company_customer_key = earlier.company_customer_key
    union all
    -- Firms of a group share a domain: numbers that name two companies say more.
    select
        earlier.registration_number as first_number,
        later.registration_number,
        3 as match_order,
        'domain' as match_code,
        cast(1 as decimal(9, 6)) as match_score_rate
    from guarded as later
    inner join guarded as earlier
        on later.domain_customer_key = earlier.domain_customer_key
    where
        later.company_customer_key is null
        or earlier.company_customer_key is null
        or later.company_customer_key = earlier.company_customer_key
    union all
    select
        substr(alike_line, 6) as first_number,
        registration_number,
        4 as match_order,
        'name' as match_code,
        cast(substr(alike_line, 1, 4) as decimal(9, 6)) as match_score_rate
    from alike
),

firsts as (
    select
        later.registration_number,
        earlier.registration_number as first_registration_number,
        earlier.partner_code as first_partner_code,
        earlier.registered_at as first_registered_at,
        earlier.protected_until_at as first_protected_until_at,
        earlier.status_code as first_status_code,
        matches.match_code,
        matches.match_score_rate,
        matches.match_score_rate >= later.certain_score_rate as is_match_certain,
        later.registered_at = earlier.registered_at as is_tied
    from matches
    inner join guarded as later
        on matches.registration_number = later.registration_number
    inner join guarded as earlier on matches.first_number = earlier.registration_number
    where
        later.partner_code <> earlier.partner_code
        and {{ families_meet('later.family_code', 'earlier.family_code') }}
        and matches.match_score_rate >= later.likely_score_rate
        and (
            earlier.registered_at < later.registered_at
            or (
                earlier.registered_at = later.registered_at
                and earlier.registration_number < later.registration_number
            )
        )
        and later.registered_at < earlier.protected_until_at
    qualify
        row_number() over (
            partition by later.registration_number
            order by
                case
                    when matches.match_score_rate >= later.certain_score_rate then 0
                    else 1
                end asc,
                earlier.registered_at asc,
                earlier.registration_number asc,
                matches.match_order asc
        ) = 1
),

joined as (
    select
        guarded.*,
        firsts.first_registration_number,
        firsts.first_partner_code,
        firsts.first_registered_at,
        firsts.first_protected_until_at,
        firsts.first_status_code,
        firsts.match_code,
        firsts.match_score_rate,
        firsts.is_match_certain,
        firsts.is_tied,
        {{ in_company_currency('guarded.expected_amount', 'guarded') }}
            as company_expected_amount,
        {{ amount_reason('guarded.expected_amount', 'guarded') }} as amount_reason_code
    from guarded
    left join firsts on guarded.registration_number = firsts.registration_number
    left join rates
        on
            guarded.currency_code = rates.currency_code
            and guarded.registered_date = rates.date_day
),

final as (
    select
        registration_number,
        partner_code,
        registered_at,
        registered_date,
        family_code,
        country_code,
        postal_code,
        {{ territory_code('country_code', 'postal_code') }} as territory_code,
        {{ amount('company_expected_amount') }} as expected_amount,
        {{ company_currency() }} as currency_code,
        expected_amount as document_expected_amount,
        currency_code as document_currency_code,
        amount_reason_code,
        status_code,
        closed_at,
        closed_date,
        protected_until_at,
        case
            when closed_date <= {{ as_of_date() }} then 'closed'
            when {{ local_date('protected_until_at') }} <= {{ as_of_date() }}
                then 'expired'
            when
                first_registration_number is null
                or {{ local_date('first_protected_until_at') }} <= {{ as_of_date() }}
                then 'protected'
            when not is_match_certain then 'to_confirm'
            when is_tied then 'tied'
            else 'second'
        end as protection_code,
        first_registration_number,
        first_partner_code,
        first_registered_at,
        first_protected_until_at,
        first_status_code,
        match_code,
        match_score_rate,
        is_match_certain,
        is_tied,
        site_customer_key,
        company_customer_key,
        domain_customer_key,
        source_batch_id,
        source_file,
        source_row
    from joined
)

select * from final
