-- Grain: one row per month of sale, partner, reported code, product, unit and currency
-- of sell-out that has no product or no known unit.
-- Additive: amounts and line counts; quantities within one unit only.
with

lines as (
    select * from {{ ref('fct_sell_out_weekly') }}
),

named as (
    select
        lines.*,
        {{ reported_code('lines') }} as reported_code
    from lines
    where lines.resolution_code <> 'resolved'
),

partners as (
    select * from {{ ref('dim_partners') }}
),

added as (
    select
        month_start_date,
        partner_code,
        reported_code,
        product_code,
        resolution_code,
        unit_code,
        currency_code,
        max(unmatched_label) as reported_label,
        min(week_start_date) as first_week_start_date,
        max(week_start_date) as last_week_start_date,
        {{ quantity('sum(sold_quantity_in_unit)') }} as sold_quantity_in_unit,
        {{ quantity('sum(returned_quantity_in_unit)') }} as returned_quantity_in_unit,
        {{ amount('sum(net_amount)') }} as net_amount,
        cast(sum(line_count) as bigint) as line_count
    from named
    group by
        month_start_date,
        partner_code,
        reported_code,
        product_code,
        resolution_code,
        unit_code,
        currency_code
),

final as (
    select
        cast(added.month_start_date as string) || '|' || added.partner_code || '|'
        || added.reported_code || '|' || added.product_code || '|' || added.unit_code
        || '|' || coalesce(added.currency_code, '') as unmatched_product_monthly_id,
        added.month_start_date,
        added.partner_code,
        partners.partner_name,
        partners.channel_code,
        added.reported_code,
        added.reported_label,
        added.product_code,
        added.resolution_code,
        added.unit_code,
        added.sold_quantity_in_unit,
        added.returned_quantity_in_unit,
        added.net_amount,
        added.currency_code,
        added.line_count,
        added.first_week_start_date,
        added.last_week_start_date
    from added
    left join partners
        on added.partner_code = partners.partner_code and partners.is_current
)

select * from final
