-- Grain: one row per feed that the company expects.
with

newest as (
    {{ newest_state('feeds') }}
),

final as (
    select
        feed_code,
        partner_code,
        frequency_code,
        calendar_code,
        reports_sell_out,
        reports_inventory,
        expected_from_date,
        coalesce(expected_to_date, cast('9999-12-31' as date)) as expected_to_date,
        due_days,
        holiday_calendar_code
    from newest
)

select * from final
