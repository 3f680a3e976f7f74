{#
    A conflict between two partners that nobody has decided: sales in another's exclusive
    territory, grants that overlap, a deal registered twice, a lead that went elsewhere.
    It ends when a person decides it, or when it is over; a grant that is entered ahead of
    its first day conflicts from that day on.
#}
{% macro alert_territory_conflict() -%}
    with

    conflicts as (
        select conflicts.*
        from {{ ref('mart_territory_conflicts') }} as conflicts
        inner join (
            {{ alert_partners('territory_conflict') }}
        ) as partners
            on conflicts.partner_code = partners.partner_code
        where
            conflicts.status_code <> 'within_tolerance'
            and conflicts.first_date <= {{ as_of_date() }}
    ),

    states as (
        select
            conflicts.*,
            first_date as state_date,
            true as is_held
        from conflicts
        union all
        select
            conflicts.*,
            greatest(
                coalesce(decided_date, last_date, {{ as_of_date() }}),
                {{ add_days('first_date', 1) }}
            ) as state_date,
            false as is_held
        from conflicts
        where status_code <> 'open'
    )

    select
        'territory_conflict' as rule_code,
        partner_code,
        conflict_code as item_code,
        state_date as period_start_date,
        state_date as period_end_date,
        is_held,
        partner_share_rate as measured_value,
        cast(null as decimal(18, 4)) as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        at_stake_amount,
        {{ alert_figures([
            ['kind_code', 'kind_code'],
            ['other_partner_code', 'other_partner_code'],
            ['territory_code', 'territory_code'],
            ['evidence_count', 'evidence_count'],
            ['first_evidence', 'first_evidence'],
            ['last_evidence', 'last_evidence'],
        ]) }} as figures
    from states
{%- endmacro %}
