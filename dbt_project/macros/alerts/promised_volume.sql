{#
    A deal that a partner announced has neither come nor been given up long after it was
    expected. It ends when the deal is won or lost; of one of which nobody says when it
    was, nothing is told.
#}
{% macro alert_promised_volume() -%}
    with

    deals as (
        select
            opportunities.*,
            partners.grace_days,
            {{ add_days('opportunities.expected_date', 'partners.grace_days') }}
                as known_date
        from {{ ref('fct_opportunities') }} as opportunities
        inner join (
            {{ alert_partners('promised_volume', ['grace_days']) }}
        ) as partners
            on opportunities.partner_code = partners.partner_code
        where opportunities.expected_date is not null
    ),

    overdue as (
        select * from deals
        where
            known_date <= {{ as_of_date() }}
            and (
                closed_date > known_date
                or (closed_date is null and stage_code not in ('won', 'lost'))
            )
    ),

    states as (
        select
            overdue.*,
            known_date as state_date,
            true as is_held
        from overdue
        union all
        select
            overdue.*,
            closed_date as state_date,
            false as is_held
        from overdue
        where closed_date <= {{ as_of_date() }}
    )

    select
        'promised_volume' as rule_code,
        partner_code,
        opportunity_number as item_code,
        state_date as period_start_date,
        state_date as period_end_date,
        is_held,
        slip_days as measured_value,
        grace_days as limit_value,
        cast(null as decimal(18, 3)) as at_stake_quantity,
        announced_amount as at_stake_amount,
        {{ alert_figures([
            ['product_code', 'product_code'],
            ['announced_quantity', 'announced_quantity'],
            ['ordered_quantity', 'ordered_quantity'],
            ['expected_date', 'expected_date'],
        ]) }} as figures
    from states
{%- endmacro %}
