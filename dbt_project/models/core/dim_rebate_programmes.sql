-- Grain: one row per rebate programme and version.
with

programmes as (
    select * from {{ ref('stg_rules__rebate_programmes') }}
),

final as (
    select
        programme_code || '|' || cast(valid_from_date as string)
            as programme_version_id,
        programme_code,
        valid_from_date as programme_version_date,
        valid_to_date,
        programme_name_fr,
        programme_name_en,
        form_code,
        basis_code,
        measure_code,
        period_months,
        instalment_months,
        programme_order,
        exclusive_group_code
    from programmes
)

select * from final
