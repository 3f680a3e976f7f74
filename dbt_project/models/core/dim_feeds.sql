-- Grain: one row per feed: a partner's report in one layout.
-- Says which feeds count: where the company named a source of record for what a partner
-- reports (rules/partners.yml), its other feeds of the same do not.
with

feeds as (
    select * from {{ ref('stg_rules__feeds') }}
),

partner_rules as (
    select * from {{ ref('stg_rules__partners') }}
),

final as (
    select
        feeds.feed_code,
        feeds.partner_code,
        feeds.frequency_code,
        feeds.calendar_code,
        feeds.reports_sell_out,
        feeds.reports_inventory,
        feeds.reports_sell_out
        and feeds.feed_code
        = coalesce(partner_rules.sell_out_feed_code, feeds.feed_code)
            as is_sell_out_of_record,
        feeds.reports_inventory
        and feeds.feed_code
        = coalesce(partner_rules.inventory_feed_code, feeds.feed_code)
            as is_inventory_of_record,
        feeds.expected_from_date,
        feeds.expected_to_date,
        feeds.due_days,
        feeds.holiday_calendar_code
    from feeds
    left join partner_rules on feeds.partner_code = partner_rules.partner_code
)

select * from final
