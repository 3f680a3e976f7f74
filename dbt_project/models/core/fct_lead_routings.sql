-- Grain: one row per lead: who got it, and who should have by the rules of its day.
-- Additive: leads, by counting rows. Not additive: candidate_count.
with

leads as (
    select * from {{ ref('stg_erp__leads') }}
),

rules as (
    select * from {{ ref('stg_rules__territory_rules') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

erp_partners as (
    select * from {{ ref('stg_erp__partners') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

grants as (
    select * from {{ ref('dim_partner_territories') }}
),

orders as (
    select
        valid_from_date,
        valid_to_date,
        {% for place in [1, 2, 3, 4] -%}
        max(
            case
                when rule_code = 'routing_criterion' and rule_order = {{ place }}
                    then rule_text
            end
        ) as criterion_{{ place }},
        {% endfor -%}
        max(case when rule_code = 'routing_load_days' then rule_value end) as load_days
    from rules
    where rule_code like 'routing_%'
    group by valid_from_date, valid_to_date
),

located as (
    select
        leads.*,
        {{ territory_code('leads.country_code', 'leads.postal_code') }}
            as lead_territory_code,
        {{ postal_unit('leads.country_code', 'leads.postal_code') }}
            as lead_postal_unit,
        orders.valid_from_date as rule_date,
        orders.criterion_1,
        orders.criterion_2,
        orders.criterion_3,
        orders.criterion_4,
        orders.load_days
    from leads
    left join orders
        on
            leads.created_date >= orders.valid_from_date
            and leads.created_date < orders.valid_to_date
),

ruled as (
    select * from located
    where rule_date is not null and lead_territory_code is not null
),

ancestors as (
    {{ territories_with_what_they_lie_in('territories') }}
),

lead_units as (
    select
        lead_number,
        lead_postal_unit as unit_code
    from ruled
    union distinct
    select
        ruled.lead_number,
        ancestors.unit_code
    from ruled
    inner join ancestors on ruled.lead_territory_code = ancestors.territory_code
),

granted as (
    select
        ruled.lead_number,
        grants.partner_code,
        max(case when grants.is_exclusive then 1 else 0 end) as is_exclusive
    from ruled
    inner join lead_units on ruled.lead_number = lead_units.lead_number
    inner join grants
        on
            lead_units.unit_code = grants.territory_code
            and {{ in_range('ruled.created_date', 'grants') }}
            and {{ families_meet('ruled.family_code', 'grants.family_code') }}
    group by ruled.lead_number, grants.partner_code
),

-- Where a partner has a grant for a part of the lead's region.
near as (
    select
        ruled.lead_number,
        grants.partner_code
    from ruled
    inner join territories as lead_territories
        on ruled.lead_territory_code = lead_territories.territory_code
    inner join territories as grant_territories
        on lead_territories.region_code = grant_territories.region_code
    inner join grants
        on
            grant_territories.territory_code = grants.territory_code
            and {{ in_range('ruled.created_date', 'grants') }}
            and {{ families_meet('ruled.family_code', 'grants.family_code') }}
    group by ruled.lead_number, grants.partner_code
),

segments as (
    select
        rule_text as segment_code,
        rule_order as segment_order,
        valid_from_date as rule_date
    from rules
    where rule_code = 'routing_segment'
),

channels as (
    select
        rule_text as channel_code,
        valid_from_date as rule_date
    from rules
    where rule_code = 'routing_channel'
),

candidates as (
    select
        ruled.lead_number,
        ruled.criterion_1,
        ruled.criterion_2,
        ruled.criterion_3,
        ruled.criterion_4,
        partners.partner_code,
        coalesce(granted.is_exclusive, 0) as is_exclusive,
        1 - coalesce(granted.is_exclusive, 0) as exclusive_rank,
        case
            when granted.partner_code is not null then 0
            when near.partner_code is not null then 1
            when partners.country_code = ruled.country_code then 2
            else 3
        end as distance_rank,
        coalesce(segments.segment_order, 999) as segment_rank,
        coalesce(ruled.load_days, 0) as load_days,
        ruled.created_date
    from ruled
    inner join channels on ruled.rule_date = channels.rule_date
    inner join partners
        on
            channels.channel_code = partners.channel_code
            and partners.is_active
            and {{ in_range('ruled.created_date', 'partners') }}
    inner join erp_partners
        on
            partners.partner_code = erp_partners.partner_code
            and coalesce(erp_partners.created_date, cast('1900-01-01' as date))
            <= ruled.created_date
    left join granted
        on
            ruled.lead_number = granted.lead_number
            and partners.partner_code = granted.partner_code
    left join near
        on
            ruled.lead_number = near.lead_number
            and partners.partner_code = near.partner_code
    left join segments
        on
            ruled.rule_date = segments.rule_date
            and partners.segment_code = segments.segment_code
),

loads as (
    select
        candidates.lead_number,
        candidates.partner_code,
        count(*) as load_rank
    from candidates
    inner join leads as other_leads
        on
            candidates.partner_code = other_leads.partner_code
            and candidates.created_date > other_leads.created_date
            and {{ add_days('other_leads.created_date', 'candidates.load_days') }}
            >= candidates.created_date
    group by candidates.lead_number, candidates.partner_code
),

ranked as (
    select
        candidates.*,
        {% for place in [1, 2, 3, 4] -%}
        case candidates.criterion_{{ place }}
            when 'exclusive' then candidates.exclusive_rank
            when 'distance' then candidates.distance_rank
            when 'segment' then candidates.segment_rank
            when 'load' then coalesce(loads.load_rank, 0)
            else 0
        end as rank_{{ place }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from candidates
    left join loads
        on
            candidates.lead_number = loads.lead_number
            and candidates.partner_code = loads.partner_code
),

-- The criterion that decided is the first on which the next best one is behind.
chosen as (
    select
        lead_number,
        partner_code as routed_partner_code,
        {% for place in [1, 2, 3, 4] -%}
        criterion_{{ place }},
        rank_{{ place }},
        lead(rank_{{ place }}) over in_order as next_rank_{{ place }},
        {% endfor -%}
        lead(partner_code) over in_order as next_partner_code,
        row_number() over in_order as candidate_number,
        count(*) over (partition by lead_number) as candidate_count
    from ranked
    window in_order as (
        partition by lead_number
        order by
            rank_1 asc nulls last,
            rank_2 asc nulls last,
            rank_3 asc nulls last,
            rank_4 asc nulls last,
            partner_code asc nulls last
    )
),

routed as (
    select
        lead_number,
        routed_partner_code,
        candidate_count,
        case
            when next_partner_code is null then 'only_candidate'
            {% for place in [1, 2, 3, 4] -%}
            when rank_{{ place }} <> next_rank_{{ place }} then criterion_{{ place }}
            {% endfor -%}
            else 'partner_code'
        end as routing_code
    from chosen
    where candidate_number = 1
),

exclusives as (
    select
        lead_number,
        min(partner_code) as exclusive_partner_code
    from granted
    where is_exclusive = 1
    group by lead_number
),

final as (
    select
        located.lead_number,
        located.created_date,
        {{ month_start('located.created_date') }} as month_start_date,
        located.source_code,
        located.status_code,
        located.closed_date,
        located.family_code,
        located.country_code,
        located.postal_code,
        located.lead_territory_code as territory_code,
        located.partner_code,
        located.rule_date,
        routed.routed_partner_code,
        routed.routing_code,
        routed.candidate_count,
        exclusives.exclusive_partner_code,
        case
            when located.partner_code is not null
                then located.partner_code = routed.routed_partner_code
        end as is_routed_by_rule,
        case
            when located.rule_date is null then 'no_rule'
            when located.lead_territory_code is null then 'no_place'
            when routed.routed_partner_code is null then 'no_candidate'
            when located.partner_code is null then 'not_passed'
        end as reason_code,
        located.source_batch_id,
        located.source_file,
        located.source_row
    from located
    left join routed on located.lead_number = routed.lead_number
    left join exclusives on located.lead_number = exclusives.lead_number
)

select * from final
