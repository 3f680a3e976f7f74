-- Grain: one row per rebate programme and version.
with

newest as (
    {{ newest_state('rebate_programmes') }}
),

final as (
    select
        programme_code,
        valid_from_date,
        valid_to_date,
        programme_name_fr,
        programme_name_en,
        programme_order,
        exclusive_group_code,
        period_months,
        form_code,
        basis_code,
        measure_code,
        is_on_increment,
        cap_amount,
        floor_amount,
        minimum_payment_amount,
        instalment_months,
        paid_on_time_minimum_rate,
        paid_on_time_when_unknown_code,
        reporting_minimum_rate,
        reporting_when_unknown_code,
        certified_when_unknown_code,
        nullif(trim(certification_code), '') as certification_code
    from newest
)

select * from final
