-- Grain: one row per conflict between two partners: sales in the other's exclusive
-- territory, two grants that overlap, one deal registered twice, a lead that belonged
-- to the partner who is exclusive.
-- Not additive across kinds: one sale may be at stake in several conflicts.
with

-- Each read of the sales is one of its own: a CTE that is read twice would be written
-- aside whole, be it that nobody is exclusive anywhere.
placed_sales as (
    select * from {{ ref('fct_sell_out') }}
    where
        territory_code is not null
        and sale_date <= {{ as_of_date() }}
        and {{ is_of_record('feed_code', 'sell_out') }}
),

store_sales as (
    select * from {{ ref('fct_sell_out') }}
    where
        postal_code is null
        and sale_date <= {{ as_of_date() }}
        and {{ is_of_record('feed_code', 'sell_out') }}
),

shipments as (
    select * from {{ ref('fct_shipments') }}
    where
        ship_to_territory_code is not null
        and shipment_date <= {{ as_of_date() }}
),

sell_in as (
    select * from {{ ref('fct_sell_in') }}
),

registrations as (
    select * from {{ ref('fct_deal_registrations') }}
    where registered_date <= {{ as_of_date() }}
),

leads as (
    select * from {{ ref('fct_lead_routings') }}
    where created_date <= {{ as_of_date() }}
),

stores as (
    select * from {{ ref('dim_stores') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

partners as (
    select * from {{ ref('dim_partners') }} where is_current
),

territories as (
    select * from {{ ref('dim_territories') }}
),

grants as (
    select * from {{ ref('dim_partner_territories') }}
),

rules as (
    select * from {{ ref('dim_territory_rules') }}
),

decisions as (
    select * from {{ ref('dim_territory_decisions') }}
),

limits as (
    select
        {{ territory_limit('tolerated_share_rate') }},
        {{ territory_limit('resolved_after_days') }},
        max(
            case when rules.rule_code = 'exclusivity_binds' then rules.rule_text end
        ) as exclusivity_binds
    from rules
),

ancestors as (
    {{ territories_with_what_they_lie_in('territories') }}
),

exclusive_grants as (
    select * from grants where is_exclusive
),

-- Only what lies where somebody is exclusive, and comes from partners whom that binds,
-- can be in conflict: of a long history of sales nothing else is gathered.
guarded as (
    select ancestors.territory_code
    from ancestors
    inner join exclusive_grants
        on ancestors.unit_code = exclusive_grants.territory_code
    union distinct
    select ancestors.unit_code as territory_code
    from ancestors
    inner join exclusive_grants
        on ancestors.territory_code = exclusive_grants.territory_code
),

bound_partners as (
    select
        partners.partner_code,
        partners.channel_code,
        partners.country_code
    from partners
    cross join limits
    where
        limits.exclusivity_binds = 'everyone'
        or partners.channel_code in (
            select exclusive_grants.channel_code from exclusive_grants
        )
),

-- Stores in guarded places, by the postal code that the partner or our own list gives.
guarded_stores as (
    select
        stores.store_key,
        stores.valid_from_date,
        stores.valid_to_date,
        bound_partners.partner_code,
        bound_partners.country_code,
        coalesce(stores.postal_code, stores.own_store_postal_code) as postal_code
    from stores
    inner join bound_partners on stores.partner_code = bound_partners.partner_code
    inner join guarded
        on
            {{
                territory_code(
                    'bound_partners.country_code',
                    'coalesce(stores.postal_code, stores.own_store_postal_code)'
                )
            }} = guarded.territory_code
    where coalesce(stores.postal_code, stores.own_store_postal_code) is not null
),

-- What the reports say of places: the line's postal code, else that of its store.
sold_lines as (
    select
        placed_sales.partner_code,
        placed_sales.product_code,
        placed_sales.sale_date,
        bound_partners.country_code,
        placed_sales.postal_code,
        placed_sales.net_quantity,
        placed_sales.net_amount,
        placed_sales.source_file,
        placed_sales.source_row
    from placed_sales
    inner join guarded on placed_sales.territory_code = guarded.territory_code
    inner join bound_partners on placed_sales.partner_code = bound_partners.partner_code
    union all
    select
        store_sales.partner_code,
        store_sales.product_code,
        store_sales.sale_date,
        guarded_stores.country_code,
        guarded_stores.postal_code,
        store_sales.net_quantity,
        store_sales.net_amount,
        store_sales.source_file,
        store_sales.source_row
    from store_sales
    inner join guarded_stores
        on
            store_sales.partner_code = guarded_stores.partner_code
            and store_sales.store_key = guarded_stores.store_key
            and {{ in_range('store_sales.sale_date', 'guarded_stores') }}
),

sold as (
    select
        'sell_out' as flow_code,
        sold_lines.partner_code,
        products.family_code,
        sold_lines.sale_date as flow_date,
        {{ territory_code('sold_lines.country_code', 'sold_lines.postal_code') }}
            as territory_code,
        {{ postal_unit('sold_lines.country_code', 'sold_lines.postal_code') }}
            as postal_unit,
        sold_lines.source_file,
        min(sold_lines.source_row) as first_row,
        max(sold_lines.source_row) as last_row,
        sum(sold_lines.net_quantity) as net_quantity,
        sum(sold_lines.net_amount) as net_amount,
        count(*) as line_count
    from sold_lines
    inner join products on sold_lines.product_code = products.product_code
    group by
        sold_lines.partner_code,
        products.family_code,
        sold_lines.sale_date,
        sold_lines.country_code,
        sold_lines.postal_code,
        sold_lines.source_file
),

-- What an order line cost per unit, for goods that were shipped elsewhere.
unit_prices as (
    select
        order_number,
        order_line_number,
        {{ divide('sum(net_amount)', 'sum(invoiced_quantity)') }} as unit_amount
    from sell_in
    where order_number is not null and invoice_type = 'invoice'
    group by order_number, order_line_number
),

shipped as (
    select
        'sell_in' as flow_code,
        shipments.partner_code,
        products.family_code,
        shipments.shipment_date as flow_date,
        shipments.ship_to_territory_code as territory_code,
        {{
            postal_unit(
                'shipments.ship_to_country_code', 'shipments.ship_to_postal_code'
            )
        }} as postal_unit,
        shipments.shipment_number as source_file,
        cast(null as bigint) as first_row,
        cast(null as bigint) as last_row,
        sum(shipments.signed_quantity) as net_quantity,
        sum({{ wide('shipments.signed_quantity') }} * unit_prices.unit_amount)
            as net_amount,
        count(*) as line_count
    from shipments
    inner join guarded on shipments.ship_to_territory_code = guarded.territory_code
    inner join bound_partners on shipments.partner_code = bound_partners.partner_code
    inner join products on shipments.product_code = products.product_code
    left join unit_prices
        on
            shipments.order_number = unit_prices.order_number
            and shipments.order_line_number = unit_prices.order_line_number
    group by
        shipments.partner_code,
        products.family_code,
        shipments.shipment_date,
        shipments.ship_to_territory_code,
        shipments.ship_to_country_code,
        shipments.ship_to_postal_code,
        shipments.shipment_number
),

flows as (
    select * from sold
    where territory_code in (select guarded.territory_code from guarded)
    union all
    select * from shipped
),

places as (
    select
        territory_code,
        postal_unit
    from flows
    group by territory_code, postal_unit
),

place_units as (
    select
        territory_code,
        postal_unit,
        postal_unit as unit_code
    from places
    union all
    select
        places.territory_code,
        places.postal_unit,
        ancestors.unit_code
    from places
    inner join ancestors on places.territory_code = ancestors.territory_code
),

-- Where a partner may sell: it has a grant there, exclusive or not.
permitted as (
    select
        flows.partner_code,
        flows.family_code,
        flows.flow_date,
        flows.postal_unit,
        true as is_permitted
    from flows
    inner join place_units on flows.postal_unit = place_units.postal_unit
    inner join grants
        on
            place_units.unit_code = grants.territory_code
            and flows.partner_code = grants.partner_code
            and {{ in_range('flows.flow_date', 'grants') }}
            and {{ families_meet('flows.family_code', 'grants.family_code') }}
    group by
        flows.partner_code, flows.family_code, flows.flow_date, flows.postal_unit
),

breaches as (
    select
        flows.*,
        exclusive_grants.partner_code as other_partner_code,
        exclusive_grants.territory_code as granted_territory_code,
        exclusive_grants.family_code as granted_family_code,
        exclusive_grants.valid_from_date as rule_date,
        exclusive_grants.valid_to_date as rule_end_date
    from flows
    cross join limits
    inner join bound_partners on flows.partner_code = bound_partners.partner_code
    inner join place_units on flows.postal_unit = place_units.postal_unit
    inner join exclusive_grants
        on
            place_units.unit_code = exclusive_grants.territory_code
            and flows.partner_code <> exclusive_grants.partner_code
            and {{ in_range('flows.flow_date', 'exclusive_grants') }}
            and {{ families_meet('flows.family_code', 'exclusive_grants.family_code') }}
            and (
                limits.exclusivity_binds = 'everyone'
                or bound_partners.channel_code = exclusive_grants.channel_code
            )
    left join permitted
        on
            flows.partner_code = permitted.partner_code
            and flows.family_code is not distinct from permitted.family_code
            and flows.flow_date = permitted.flow_date
            and flows.postal_unit = permitted.postal_unit
    where permitted.is_permitted is null
),

summed_sales as (
    select
        flow_code,
        partner_code,
        other_partner_code,
        granted_territory_code as territory_code,
        granted_family_code as family_code,
        rule_date,
        max(rule_end_date) as rule_end_date,
        min(flow_date) as first_date,
        max(flow_date) as last_date,
        {{ quantity('sum(net_quantity)') }} as net_quantity,
        {{ amount('sum(net_amount)') }} as at_stake_amount,
        cast(sum(line_count) as bigint) as evidence_count,
        count(distinct source_file) as source_count,
        min_by(
            source_file || coalesce('#' || cast(first_row as string), ''),
            cast(flow_date as string) || source_file
            || lpad(coalesce(cast(first_row as string), ''), 18, '0')
        ) as first_evidence,
        max_by(
            source_file || coalesce('#' || cast(last_row as string), ''),
            cast(flow_date as string) || source_file
            || lpad(coalesce(cast(last_row as string), ''), 18, '0')
        ) as last_evidence
    from breaches
    group by
        flow_code,
        partner_code,
        other_partner_code,
        granted_territory_code,
        granted_family_code,
        rule_date
),

all_sales as (
    select
        'sell_out' as flow_code,
        partner_code,
        sale_date as flow_date,
        sum(net_quantity) as net_quantity
    from {{ ref('fct_sell_out') }}
    where
        {{ is_of_record('feed_code', 'sell_out') }}
        and partner_code in (select summed_sales.partner_code from summed_sales)
    group by partner_code, sale_date
    union all
    select
        'sell_in' as flow_code,
        partner_code,
        shipment_date as flow_date,
        sum(signed_quantity) as net_quantity
    from {{ ref('fct_shipments') }}
    where partner_code in (select summed_sales.partner_code from summed_sales)
    group by partner_code, shipment_date
),

whole_sales as (
    select
        summed_sales.flow_code,
        summed_sales.partner_code,
        summed_sales.other_partner_code,
        summed_sales.territory_code,
        summed_sales.family_code,
        summed_sales.rule_date,
        {{ quantity('sum(all_sales.net_quantity)') }} as partner_net_quantity
    from summed_sales
    inner join all_sales
        on
            summed_sales.flow_code = all_sales.flow_code
            and summed_sales.partner_code = all_sales.partner_code
            and summed_sales.first_date <= all_sales.flow_date
            and summed_sales.last_date >= all_sales.flow_date
    group by
        summed_sales.flow_code,
        summed_sales.partner_code,
        summed_sales.other_partner_code,
        summed_sales.territory_code,
        summed_sales.family_code,
        summed_sales.rule_date
),

sales_conflicts as (
    select
        summed_sales.flow_code || '_in_exclusive_territory' as kind_code,
        summed_sales.flow_code || '_in_exclusive_territory|'
        || summed_sales.partner_code || '|' || summed_sales.other_partner_code || '|'
        || summed_sales.territory_code || '|' || summed_sales.family_code || '|'
        || cast(summed_sales.rule_date as string) as conflict_code,
        summed_sales.partner_code,
        summed_sales.other_partner_code,
        summed_sales.territory_code,
        summed_sales.family_code,
        summed_sales.rule_date,
        summed_sales.first_date,
        summed_sales.last_date,
        summed_sales.net_quantity,
        summed_sales.at_stake_amount,
        whole_sales.partner_net_quantity,
        {{ percent('summed_sales.net_quantity', 'whole_sales.partner_net_quantity') }}
            as partner_share_rate,
        summed_sales.evidence_count,
        summed_sales.source_count,
        summed_sales.first_evidence,
        summed_sales.last_evidence,
        cast(null as string) as match_code,
        cast(null as decimal(9, 6)) as match_score_rate,
        true as is_certain,
        case
            when summed_sales.rule_end_date <= {{ as_of_date() }} then 'resolved'
            when
                {{ add_days('summed_sales.last_date', 'limits.resolved_after_days') }}
                < {{ as_of_date() }}
                then 'resolved'
            when
                summed_sales.net_quantity
                <= {{ wide('whole_sales.partner_net_quantity') }}
                * limits.tolerated_share_rate
                then 'within_tolerance'
            else 'open'
        end as found_status_code
    from summed_sales
    cross join limits
    left join whole_sales
        on
            summed_sales.flow_code = whole_sales.flow_code
            and summed_sales.partner_code = whole_sales.partner_code
            and summed_sales.other_partner_code = whole_sales.other_partner_code
            and summed_sales.territory_code = whole_sales.territory_code
            and summed_sales.family_code = whole_sales.family_code
            and summed_sales.rule_date = whole_sales.rule_date
),

-- The grant that came later, or of two that began together the later partner code, goes
-- against the other; the territory is the smaller one of the two.
crossed_grants as (
    select
        later.partner_code,
        earlier.partner_code as other_partner_code,
        later.partner_territory_id as later_grant_id,
        earlier.partner_territory_id as earlier_grant_id,
        case
            when earlier_units.unit_code is not null then earlier.territory_code
            else later.territory_code
        end as territory_code,
        case
            when later.family_code = '*' then earlier.family_code else later.family_code
        end
            as family_code,
        later.valid_from_date as first_date,
        case
            when earlier.valid_to_date < later.valid_to_date then earlier.valid_to_date
            else later.valid_to_date
        end as end_date
    from exclusive_grants as later
    cross join limits
    inner join exclusive_grants as earlier
        on
            later.partner_code <> earlier.partner_code
            and later.valid_from_date < earlier.valid_to_date
            and later.valid_to_date > earlier.valid_from_date
            and (
                later.valid_from_date > earlier.valid_from_date
                or (
                    later.valid_from_date = earlier.valid_from_date
                    and later.partner_code > earlier.partner_code
                )
            )
            and {{ families_meet('later.family_code', 'earlier.family_code') }}
            and (
                limits.exclusivity_binds = 'everyone'
                or later.channel_code = earlier.channel_code
            )
    left join ancestors as later_units
        on
            later.territory_code = later_units.territory_code
            and earlier.territory_code = later_units.unit_code
    left join ancestors as earlier_units
        on
            earlier.territory_code = earlier_units.territory_code
            and later.territory_code = earlier_units.unit_code
    where later_units.unit_code is not null or earlier_units.unit_code is not null
),

sold_in_overlaps as (
    select
        crossed_grants.later_grant_id,
        crossed_grants.earlier_grant_id,
        {{ quantity('sum(flows.net_quantity)') }} as net_quantity,
        {{ amount('sum(flows.net_amount)') }} as at_stake_amount,
        max(flows.flow_date) as last_flow_date
    from crossed_grants
    inner join place_units on crossed_grants.territory_code = place_units.unit_code
    inner join flows
        on
            place_units.postal_unit = flows.postal_unit
            and flows.flow_code = 'sell_out'
            and flows.partner_code in (
                crossed_grants.partner_code, crossed_grants.other_partner_code
            )
            and crossed_grants.first_date <= flows.flow_date
            and crossed_grants.end_date > flows.flow_date
            and {{ families_meet('flows.family_code', 'crossed_grants.family_code') }}
    group by crossed_grants.later_grant_id, crossed_grants.earlier_grant_id
),

overlap_conflicts as (
    select
        'overlapping_grants' as kind_code,
        'overlapping_grants|' || crossed_grants.partner_code || '|'
        || crossed_grants.other_partner_code
        || '|'
        || crossed_grants.territory_code
        || '|'
        || crossed_grants.family_code
        || '|'
        || cast(crossed_grants.first_date as string)
            as conflict_code,
        crossed_grants.partner_code,
        crossed_grants.other_partner_code,
        crossed_grants.territory_code,
        crossed_grants.family_code,
        crossed_grants.first_date as rule_date,
        crossed_grants.first_date,
        case
            when crossed_grants.end_date <= {{ as_of_date() }}
                then {{ add_days('crossed_grants.end_date', -1) }}
        end as last_date,
        sold_in_overlaps.net_quantity,
        sold_in_overlaps.at_stake_amount,
        {{ quantity('null') }} as partner_net_quantity,
        {{ amount('null') }} as partner_share_rate,
        cast(2 as bigint) as evidence_count,
        cast(1 as bigint) as source_count,
        crossed_grants.earlier_grant_id as first_evidence,
        crossed_grants.later_grant_id as last_evidence,
        cast(null as string) as match_code,
        cast(null as decimal(9, 6)) as match_score_rate,
        true as is_certain,
        case
            when crossed_grants.end_date <= {{ as_of_date() }} then 'resolved' else
                'open'
        end
            as found_status_code
    from crossed_grants
    left join sold_in_overlaps
        on
            crossed_grants.later_grant_id = sold_in_overlaps.later_grant_id
            and crossed_grants.earlier_grant_id = sold_in_overlaps.earlier_grant_id
),

-- One deal told twice: the greater of the two amounts is at stake.
deal_conflicts as (
    select
        'deal_registered_twice' as kind_code,
        'deal_registered_twice|' || later.first_registration_number || '|'
        || later.registration_number as conflict_code,
        later.partner_code,
        later.first_partner_code as other_partner_code,
        coalesce(later.territory_code, earlier.territory_code) as territory_code,
        coalesce(later.family_code, earlier.family_code, '*') as family_code,
        earlier.registered_date as rule_date,
        later.registered_date as first_date,
        coalesce(later.closed_date, later.registered_date) as last_date,
        {{ quantity('null') }} as net_quantity,
        case
            when later.expected_amount is null then earlier.expected_amount
            when earlier.expected_amount > later.expected_amount
                then earlier.expected_amount
            else later.expected_amount
        end as at_stake_amount,
        {{ quantity('null') }} as partner_net_quantity,
        {{ amount('null') }} as partner_share_rate,
        cast(2 as bigint) as evidence_count,
        cast(1 as bigint) as source_count,
        later.first_registration_number as first_evidence,
        later.registration_number as last_evidence,
        later.match_code,
        later.match_score_rate,
        later.is_match_certain and not later.is_tied as is_certain,
        case
            when
                later.protection_code in ('second', 'tied', 'to_confirm')
                then 'open'
            when later.status_code = 'won' then 'open'
            else 'resolved'
        end as found_status_code
    from registrations as later
    inner join registrations as earlier
        on later.first_registration_number = earlier.registration_number
),

lead_conflicts as (
    select
        'lead_of_exclusive_partner' as kind_code,
        'lead_of_exclusive_partner|' || lead_number as conflict_code,
        partner_code,
        exclusive_partner_code as other_partner_code,
        territory_code,
        coalesce(family_code, '*') as family_code,
        rule_date,
        created_date as first_date,
        coalesce(closed_date, created_date) as last_date,
        {{ quantity('null') }} as net_quantity,
        {{ amount('null') }} as at_stake_amount,
        {{ quantity('null') }} as partner_net_quantity,
        {{ amount('null') }} as partner_share_rate,
        cast(1 as bigint) as evidence_count,
        cast(1 as bigint) as source_count,
        lead_number as first_evidence,
        lead_number as last_evidence,
        cast(null as string) as match_code,
        cast(null as decimal(9, 6)) as match_score_rate,
        true as is_certain,
        case
            when closed_date <= {{ as_of_date() }} then 'resolved' else 'open'
        end as found_status_code
    from leads
    where
        not is_routed_by_rule
        and routed_partner_code = exclusive_partner_code
),

gathered as (
    select * from sales_conflicts
    union all
    select * from overlap_conflicts
    union all
    select * from deal_conflicts
    union all
    select * from lead_conflicts
),

final as (
    select
        gathered.conflict_code,
        gathered.kind_code,
        case gathered.kind_code
            when 'sell_out_in_exclusive_territory'
                then 'Revente dans le territoire exclusif d''un autre'
            when 'sell_in_in_exclusive_territory'
                then 'Livraison dans le territoire exclusif d''un autre'
            when 'overlapping_grants' then 'Exclusivités qui se chevauchent'
            when 'deal_registered_twice' then 'Affaire enregistrée deux fois'
            else 'Prospect confié à un autre que l''exclusif'
        end as kind_name_fr,
        case gathered.kind_code
            when 'sell_out_in_exclusive_territory'
                then 'Resale in another''s exclusive territory'
            when 'sell_in_in_exclusive_territory'
                then 'Delivery into another''s exclusive territory'
            when 'overlapping_grants' then 'Overlapping exclusive grants'
            when 'deal_registered_twice' then 'Deal registered twice'
            else 'Lead passed to another than the exclusive partner'
        end as kind_name_en,
        gathered.partner_code,
        partners.partner_name,
        gathered.other_partner_code,
        other_partners.partner_name as other_partner_name,
        gathered.territory_code,
        territories.territory_name,
        gathered.family_code,
        gathered.first_date,
        gathered.last_date,
        gathered.net_quantity,
        gathered.partner_net_quantity,
        gathered.partner_share_rate,
        gathered.at_stake_amount,
        {{ company_currency() }} as currency_code,
        case
            when gathered.at_stake_amount is not null then null
            when gathered.kind_code = 'overlapping_grants' then 'no_place_reported'
            when gathered.kind_code = 'sell_in_in_exclusive_territory'
                then 'not_invoiced'
            else 'no_amount'
        end as at_stake_reason_code,
        gathered.evidence_count,
        gathered.source_count,
        gathered.first_evidence,
        gathered.last_evidence,
        gathered.match_code,
        gathered.match_score_rate,
        gathered.is_certain,
        case gathered.kind_code
            when 'deal_registered_twice' then 'protection_days'
            when 'lead_of_exclusive_partner' then 'routing'
            else 'exclusive_grant'
        end as rule_code,
        gathered.rule_date,
        case
            when decisions.conflict_code is not null then 'decided'
            else gathered.found_status_code
        end as status_code,
        decisions.decision_code,
        decisions.decided_by,
        decisions.decided_date,
        decisions.decision_reason
    from gathered
    left join partners on gathered.partner_code = partners.partner_code
    left join partners as other_partners
        on gathered.other_partner_code = other_partners.partner_code
    left join territories on gathered.territory_code = territories.territory_code
    left join decisions on gathered.conflict_code = decisions.conflict_code
)

select * from final
