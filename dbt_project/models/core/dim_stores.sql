-- Grain: one row per store that a partner has reported, and range of dates with the
-- same meaning. Every store is a member; own_store_code is UNMATCHED where none of ours
-- is known for it.
-- In this order: GLN, SIRET, our code, what the list says that the partner calls it,
-- the partner's own GLN or SIRET (PARTNER), an accepted match. Two stores of ours that
-- one identifier names match neither.
with

reports as (
    select * from {{ ref('fct_store_reports') }}
),

stores as (
    select * from {{ ref('stg_rules__stores') }}
),

matches as (
    select * from {{ ref('stg_rules__store_matches') }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

seen as (
    select
        store_key,
        min(first_seen_date) as first_seen_date,
        max(last_seen_date) as last_seen_date
    from reports
    group by store_key
),

-- As it was described last.
described as (
    select * from reports
    qualify
        row_number() over (
            partition by store_key
            order by
                case when store_name is null then 1 else 0 end asc,
                last_seen_date desc,
                slice_id desc,
                month_start_date desc
        ) = 1
),

reported as (
    select
        described.store_key,
        described.partner_code,
        described.store_code,
        described.store_name,
        described.store_gln,
        described.store_siret,
        described.store_address,
        described.postal_code,
        described.store_city,
        {{ reported_store('described') }} as reported_store,
        seen.first_seen_date,
        seen.last_seen_date
    from described
    inner join seen on described.store_key = seen.store_key
),

-- A code may be a GLN or a SIRET without a column saying so.
identified as (
    select
        store_key,
        partner_code as reporting_partner_code,
        coalesce(store_gln, store_code) as gln,
        coalesce(store_siret, store_code) as siret,
        store_code,
        reported_store
    from reported
),

exact_claims as (
    select
        identified.store_key,
        identified.reporting_partner_code,
        1 as precedence,
        'gln' as match_code,
        stores.store_code,
        stores.partner_code,
        stores.valid_from_date,
        stores.valid_to_date
    from identified
    inner join stores on identified.gln = stores.gln
    union all
    select
        identified.store_key,
        identified.reporting_partner_code,
        2 as precedence,
        'siret' as match_code,
        stores.store_code,
        stores.partner_code,
        stores.valid_from_date,
        stores.valid_to_date
    from identified
    inner join stores on identified.siret = stores.siret
    -- A partner may number its stores as we number others': our code counts for the
    -- partner that the list names only.
    union all
    select
        identified.store_key,
        identified.reporting_partner_code,
        3 as precedence,
        'own_code' as match_code,
        stores.store_code,
        stores.partner_code,
        stores.valid_from_date,
        stores.valid_to_date
    from identified
    inner join stores
        on
            identified.store_code = stores.store_code
            and identified.reporting_partner_code = stores.partner_code
    union all
    select
        identified.store_key,
        identified.reporting_partner_code,
        4 as precedence,
        'partner_code' as match_code,
        stores.store_code,
        stores.partner_code,
        stores.valid_from_date,
        stores.valid_to_date
    from identified
    inner join stores
        on
            identified.reporting_partner_code = stores.partner_code
            and identified.reported_store = stores.partner_store_code
    -- Partners who report as a whole name themselves as the place.
    union all
    select
        identified.store_key,
        identified.reporting_partner_code,
        5 as precedence,
        'partner_itself' as match_code,
        'PARTNER' as store_code,
        partners.partner_code,
        cast('1900-01-01' as date) as valid_from_date,
        cast('9999-12-31' as date) as valid_to_date
    from identified
    inner join partners
        on identified.gln = partners.gln or identified.siret = partners.siret
),

claims as (
    select
        store_key,
        precedence,
        match_code,
        store_code,
        valid_from_date,
        valid_to_date,
        case
            when partner_code <> reporting_partner_code then partner_code
        end as other_partner_code
    from exact_claims
    union all
    -- The newest decision goes before the others.
    select
        reported.store_key,
        1000000000 - matches.decision_number as precedence,
        'accepted' as match_code,
        matches.store_code,
        matches.valid_from_date,
        matches.valid_to_date,
        cast(null as string) as other_partner_code
    from reported
    inner join matches
        on
            reported.partner_code = matches.partner_code
            and reported.reported_store = matches.reported_code
    where matches.store_code in (select stores.store_code from stores)
),

turning_days as (
    select
        store_key,
        cast('1900-01-01' as date) as turning_date
    from reported
    union distinct
    select
        store_key,
        valid_from_date as turning_date
    from claims
    union distinct
    select
        store_key,
        valid_to_date as turning_date
    from claims
    where valid_to_date < cast('9999-12-31' as date)
),

stretches as (
    select
        store_key,
        turning_date as valid_from_date,
        coalesce(
            lead(turning_date) over (partition by store_key order by turning_date),
            cast('9999-12-31' as date)
        ) as valid_to_date
    from turning_days
),

held_claims as (
    select
        stretches.store_key,
        stretches.valid_from_date,
        stretches.valid_to_date,
        claims.precedence,
        claims.match_code,
        claims.store_code,
        claims.other_partner_code,
        min(
            case when claims.other_partner_code is null then claims.precedence end
        ) over (
            partition by stretches.store_key, stretches.valid_from_date
        ) as best_precedence
    from stretches
    left join claims
        on
            stretches.store_key = claims.store_key
            and {{ in_range('stretches.valid_from_date', 'claims') }}
),

judged as (
    select
        store_key,
        valid_from_date,
        valid_to_date,
        max(case when is_best then match_code end) as match_code,
        min(case when is_best then store_code end) as own_store_code,
        max(case when is_best then store_code end) as last_store_code,
        max(other_partner_code) as other_partner_code
    from (
        select
            held_claims.*,
            precedence = best_precedence and other_partner_code is null as is_best
        from held_claims
    ) as marked_claims
    group by store_key, valid_from_date, valid_to_date
),

resolved as (
    select
        store_key,
        valid_from_date,
        valid_to_date,
        case
            when own_store_code = last_store_code then own_store_code
            else 'UNMATCHED'
        end as own_store_code,
        case
            when own_store_code = last_store_code then match_code
            when own_store_code is not null then 'ambiguous'
            when other_partner_code is not null then 'other_partner'
            else 'unmatched'
        end as match_code,
        other_partner_code
    from judged
),

own_stores as (
    select * from stores
    qualify
        row_number() over (
            partition by store_code order by valid_to_date desc, store_line_number asc
        ) = 1
),

final as (
    select
        resolved.store_key || '|' || cast(resolved.valid_from_date as string)
            as store_version_id,
        resolved.store_key,
        reported.partner_code,
        reported.reported_store,
        reported.store_code,
        reported.store_name,
        reported.store_gln,
        reported.store_siret,
        reported.store_address,
        reported.postal_code,
        reported.store_city,
        resolved.own_store_code,
        case
            when resolved.match_code = 'partner_itself' then partners.partner_name
            else own_stores.store_name
        end as own_store_name,
        own_stores.address as own_store_address,
        own_stores.postal_code as own_store_postal_code,
        own_stores.city as own_store_city,
        resolved.match_code,
        resolved.own_store_code <> 'UNMATCHED' as is_matched,
        resolved.other_partner_code,
        reported.first_seen_date,
        reported.last_seen_date,
        resolved.valid_from_date,
        resolved.valid_to_date,
        {{ in_range(as_of_date(), 'resolved') }} as is_current
    from resolved
    inner join reported on resolved.store_key = reported.store_key
    left join own_stores on resolved.own_store_code = own_stores.store_code
    left join partners on reported.partner_code = partners.partner_code
)

select * from final
