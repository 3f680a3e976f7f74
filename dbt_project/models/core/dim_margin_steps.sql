-- Grain: one row per step of the margin, from gross sales to channel contribution.
with

steps as (
    select * from {{ ref('seed_margin_steps') }}
),

programme_costs as (
    select * from {{ ref('fct_programme_costs') }}
),

incurred as (
    select cost_step_code from programme_costs
    group by cost_step_code
),

final as (
    select
        steps.margin_step_code,
        steps.step_order,
        steps.level_code,
        steps.is_level,
        steps.margin_step_name_fr,
        steps.margin_step_name_en,
        -- What no source has ever named is not connected: unknown, and not nothing.
        case
            when
                steps.margin_step_code in (
                    'price_protection',
                    'ship_and_debit',
                    'mdf',
                    'freight',
                    'cash_discount',
                    'commission',
                    'spiff',
                    'training',
                    'channel_staff',
                    'tools'
                )
                then incurred.cost_step_code is not null
        end as has_programme_costs
    from steps
    left join incurred on steps.margin_step_code = incurred.cost_step_code
)

select * from final
