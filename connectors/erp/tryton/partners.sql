-- Grain: one row per party that bought, was invoiced or was delivered.
-- Tryton knows no channels: a party category named like a channel gives it, else regional_distributor.
with traders as (
    select party as party_id from sale_sale
    union
    select party from account_invoice where type = 'out'
    union
    select customer from stock_shipment_out
    union
    select customer from stock_shipment_out_return
),

identifiers as (
    select
        party as party_id,
        min(case when type = 'fr_siret' then replace(code, ' ', '') end) as siret,
        min(case when type = 'eu_vat' then replace(code, ' ', '') end) as vat_number
    from party_identifier
    where active
    group by party
),

channels as (
    select
        link.party as party_id,
        min(lower(category.name)) as channel_code
    from "party_party-party_category" as link
    inner join party_category as category on link.category = category.id
    where lower(category.name) in ('regional_distributor', 'trade_counter', 'online_reseller', 'direct')
    group by link.party
),

segments as (
    select
        link.party as party_id,
        min(category.name) as segment_code
    from "party_party-party_category" as link
    inner join party_category as category on link.category = category.id
    where lower(category.name) not in ('regional_distributor', 'trade_counter', 'online_reseller', 'direct')
    group by link.party
),

addresses as (
    select
        address.party as party_id,
        address.postal_code,
        address.city,
        country.code as country_code,
        row_number() over (
            partition by address.party
            order by coalesce(address.sequence, 999999), address.id
        ) as position
    from party_address as address
    left join country_country as country on address.country = country.id
    where address.active
)

select
    party.code as partner_code,
    coalesce(party.name, party.code) as partner_name,
    coalesce(channels.channel_code, 'regional_distributor') as channel_code,
    segments.segment_code,
    identifiers.siret,
    identifiers.vat_number,
    addresses.country_code,
    addresses.postal_code,
    addresses.city,
    (
        select currency.code
        from company_company as company
        inner join currency_currency as currency on company.currency = currency.id
        where company.id = (select min(id) from company_company)
    ) as currency_code,
    party.active as is_active,
    party.create_date as created_date,
    coalesce(party.write_date, party.create_date) as updated_at
from traders
inner join party_party as party on traders.party_id = party.id
left join identifiers on party.id = identifiers.party_id
left join channels on party.id = channels.party_id
left join segments on party.id = segments.party_id
left join addresses on party.id = addresses.party_id and addresses.position = 1
