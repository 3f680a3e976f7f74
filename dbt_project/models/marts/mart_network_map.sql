-- Grain: one row per partner and territory that it has today (a partner without one has
-- one row, and so has each French departement that nobody has).
-- Not additive: figures of a partner repeat on each of its territories.
{%- set inconsistencies = {
    'has_overlap': {
        'fr': 'exclusivités qui se chevauchent', 'en': 'overlapping exclusives'
    },
    'sells_in_others_territory': {
        'fr': "vend dans le territoire exclusif d''un autre",
        'en': "sells in another''s exclusive territory"
    },
    'is_without_territory': {'fr': 'sans territoire', 'en': 'no territory'},
    'is_unassigned': {
        'fr': 'territoire sans partenaire', 'en': 'territory without a partner'
    },
    'has_unruled_terms': {
        'fr': 'conditions différentes du segment sans règle',
        'en': 'terms differ from the segment without a rule'
    },
    'earns_below_its_share': {
        'fr': "part du résultat inférieure à la moitié de celle du chiffre d''affaires",
        'en': 'share of profit below half of its share of sales'
    }
} %}

with

partners as (
    select * from {{ ref('dim_partners') }} where is_current and is_active
),

grants as (
    select territories_granted.*
    from {{ ref('dim_partner_territories') }} as territories_granted
    inner join partners on territories_granted.partner_code = partners.partner_code
    where territories_granted.is_current
),

territories as (
    select * from {{ ref('dim_territories') }}
),

profits as (
    select * from {{ ref('mart_partner_profitability_monthly') }}
),

sell_in as (
    select * from {{ ref('fct_sell_in') }}
    where
        invoice_date > {{ add_days(as_of_date(), -365) }}
        and invoice_date <= {{ as_of_date() }}
),

conflicts as (
    select * from {{ ref('mart_territory_conflicts') }} where status_code = 'open'
),

ancestors as (
    {{ territories_with_what_they_lie_in('territories') }}
),

newest_profits as (
    select * from profits
    where month_start_date <= {{ as_of_date() }}
    qualify
        row_number() over (partition by partner_code order by month_start_date desc) = 1
),

-- Shares among the partners that earned or lost anything in the year.
shares as (
    select
        newest_profits.partner_code,
        newest_profits.sales_12_months_amount,
        newest_profits.profit_12_months_amount,
        newest_profits.profit_12_months_rate,
        {{ percent(
            'newest_profits.sales_12_months_amount',
            positive('sum(newest_profits.sales_12_months_amount) over ()')
        ) }} as sales_share_rate,
        {{ percent(
            'newest_profits.profit_12_months_amount',
            positive('sum(newest_profits.profit_12_months_amount) over ()')
        ) }} as profit_share_rate,
        case
            when newest_profits.sales_12_months_amount is not null
                then cast(
                    row_number() over (
                        order by
                            newest_profits.sales_12_months_amount desc nulls last,
                            newest_profits.partner_code asc nulls last
                    ) as integer
                )
        end as sales_rank,
        newest_profits.profit_rank
    from newest_profits
    inner join partners on newest_profits.partner_code = partners.partner_code
),

-- Who has a rule of its own in rules/discounts.yml differs for a reason.
ruled as (
    select
        partner_code,
        max(
            case
                when contract_rule_code not in ('partner_terms', 'partner_price', 'erp')
                    then 1
                else 0
            end
        ) as has_contract_rule
    from sell_in
    group by partner_code
),

counted_terms as (
    select
        channel_code,
        segment_code,
        discount_rate,
        payment_term_days,
        count(*) as partner_count
    from partners
    where discount_rate is not null and segment_code is not null
    group by channel_code, segment_code, discount_rate, payment_term_days
),

-- The terms that most partners of the channel and segment have, if two or more have
-- them.
usual_terms as (
    select * from counted_terms
    where partner_count > 1
    qualify
        row_number() over (
            partition by channel_code, segment_code
            order by
                partner_count desc,
                discount_rate asc nulls last,
                payment_term_days asc nulls last
        ) = 1
),

sellers_elsewhere as (
    select partner_code
    from conflicts
    where kind_code like '%_in_exclusive_territory'
    group by partner_code
),

overlapped_territories as (
    select
        partner_code,
        territory_code,
        family_code
    from conflicts
    where kind_code = 'overlapping_grants'
    union all
    select
        other_partner_code as partner_code,
        territory_code,
        family_code
    from conflicts
    where kind_code = 'overlapping_grants'
),

overlapped as (
    select grants.partner_territory_id
    from overlapped_territories
    inner join ancestors
        on overlapped_territories.territory_code = ancestors.territory_code
    inner join grants
        on
            overlapped_territories.partner_code = grants.partner_code
            and ancestors.unit_code = grants.territory_code
            and {{
                families_meet('overlapped_territories.family_code', 'grants.family_code')
            }}
    where grants.is_exclusive
    group by grants.partner_territory_id
),

covered as (
    select ancestors.territory_code
    from ancestors
    inner join grants on ancestors.unit_code = grants.territory_code
    group by ancestors.territory_code
),

-- Departements of which a part is granted by postal code are not without a partner.
partly_covered as (
    select ancestors.unit_code as territory_code
    from grants
    inner join ancestors on grants.territory_code = ancestors.territory_code
    group by ancestors.unit_code
),

unassigned as (
    select territories.territory_code
    from territories
    left join covered on territories.territory_code = covered.territory_code
    left join partly_covered
        on territories.territory_code = partly_covered.territory_code
    where
        territories.territory_level_code = 'departement'
        and covered.territory_code is null
        and partly_covered.territory_code is null
        and (select count(*) from grants) > 0
),

channels_with_grants as (
    select channel_code
    from grants
    group by channel_code
),

joined as (
    select
        partners.partner_code,
        partners.partner_name,
        partners.channel_code,
        partners.segment_code,
        grants.territory_code,
        grants.family_code,
        grants.is_exclusive,
        grants.valid_from_date as granted_from_date,
        partners.discount_rate,
        partners.payment_term_days,
        partners.price_list_code,
        usual_terms.discount_rate as usual_discount_rate,
        usual_terms.payment_term_days as usual_payment_term_days,
        shares.sales_12_months_amount,
        shares.sales_share_rate,
        shares.sales_rank,
        shares.profit_12_months_amount,
        shares.profit_12_months_rate,
        shares.profit_share_rate,
        shares.profit_rank,
        overlapped.partner_territory_id is not null as has_overlap,
        sellers_elsewhere.partner_code is not null as sells_in_others_territory,
        grants.territory_code is null and channels_with_grants.channel_code is not null
            as is_without_territory,
        coalesce(
            coalesce(ruled.has_contract_rule, 0) = 0
            and usual_terms.discount_rate is not null
            and (
                partners.discount_rate <> usual_terms.discount_rate
                or partners.payment_term_days <> usual_terms.payment_term_days
            ),
            false
        ) as has_unruled_terms,
        coalesce(2 * shares.profit_share_rate < shares.sales_share_rate, false)
            as earns_below_its_share
    from partners
    left join grants on partners.partner_code = grants.partner_code
    left join usual_terms
        on
            partners.channel_code = usual_terms.channel_code
            and partners.segment_code = usual_terms.segment_code
    left join shares on partners.partner_code = shares.partner_code
    left join ruled on partners.partner_code = ruled.partner_code
    left join sellers_elsewhere
        on partners.partner_code = sellers_elsewhere.partner_code
    left join overlapped
        on grants.partner_territory_id = overlapped.partner_territory_id
    left join channels_with_grants
        on partners.channel_code = channels_with_grants.channel_code
),

mapped as (
    select
        joined.*,
        false as is_unassigned
    from joined
    union all
    select
        cast(null as string) as partner_code,
        cast(null as string) as partner_name,
        cast(null as string) as channel_code,
        cast(null as string) as segment_code,
        territory_code,
        cast(null as string) as family_code,
        cast(null as boolean) as is_exclusive,
        cast(null as date) as granted_from_date,
        cast(null as decimal(9, 6)) as discount_rate,
        cast(null as integer) as payment_term_days,
        cast(null as string) as price_list_code,
        cast(null as decimal(9, 6)) as usual_discount_rate,
        cast(null as integer) as usual_payment_term_days,
        {{ amount('null') }} as sales_12_months_amount,
        {{ amount('null') }} as sales_share_rate,
        cast(null as integer) as sales_rank,
        {{ amount('null') }} as profit_12_months_amount,
        {{ amount('null') }} as profit_12_months_rate,
        {{ amount('null') }} as profit_share_rate,
        cast(null as integer) as profit_rank,
        false as has_overlap,
        false as sells_in_others_territory,
        false as is_without_territory,
        false as has_unruled_terms,
        false as earns_below_its_share,
        true as is_unassigned
    from unassigned
),

final as (
    select
        coalesce(mapped.partner_code, '') || '|' || coalesce(mapped.territory_code, '')
        || '|' || coalesce(mapped.family_code, '') as network_map_id,
        mapped.partner_code,
        mapped.partner_name,
        mapped.channel_code,
        mapped.segment_code,
        mapped.territory_code,
        territories.territory_name,
        territories.region_name,
        mapped.family_code,
        mapped.is_exclusive,
        mapped.granted_from_date,
        mapped.price_list_code,
        {{ percent('mapped.discount_rate', '1') }} as contract_discount_rate,
        mapped.payment_term_days,
        {{ percent('mapped.usual_discount_rate', '1') }} as usual_discount_rate,
        mapped.usual_payment_term_days,
        mapped.sales_12_months_amount,
        mapped.sales_share_rate,
        mapped.sales_rank,
        mapped.profit_12_months_amount,
        mapped.profit_12_months_rate,
        mapped.profit_share_rate,
        mapped.profit_rank,
        {{ company_currency() }} as currency_code,
        mapped.has_overlap,
        mapped.sells_in_others_territory,
        mapped.is_without_territory,
        mapped.is_unassigned,
        mapped.has_unruled_terms,
        mapped.earns_below_its_share,
        cast(
            {% for flag in inconsistencies -%}
            {% if not loop.first %}+ {% endif -%}
            case when mapped.{{ flag }} then 1 else 0 end
            {% endfor -%}
            as integer
        ) as inconsistency_count,
    {% for language in ['fr', 'en'] -%}
    nullif(
        substr(
                {% for flag, words in inconsistencies.items() -%}
            {% if not loop.first %}|| {% endif -%}
            case
                when mapped.{{ flag }} then '; {{ words[language] }}' else ''
            end
            {% endfor -%},
            3
        ),
        ''
    ) as inconsistencies_{{ language }}{% if not loop.last %},{% endif %}
    {% endfor %}
    from mapped
    left join territories on mapped.territory_code = territories.territory_code
)

select * from final
