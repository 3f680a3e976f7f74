-- Grain: one row per slice of which rows, units or cents were lost or doubled between
-- landing and fct_sell_out. Looks at the slices of the last run; with AVAL_SCOPE=all,
-- and the staging layer built with it, at all of them.
with

touched as (
    select *
    from {{ ref('stg_ledger__touched_slices') }}
    where entity_code = 'sell_out'
),

landed as (
    select
        slice_key,
        count(*) as line_count,
        sum(sold_quantity_in_unit) as sold_quantity,
        sum(returned_quantity_in_unit) as returned_quantity,
        sum(net_amount) as net_amount
    from {{ ref('stg_feeds__sell_out') }}
    group by slice_key
),

facts as (
    select
        lines.slice_key,
        count(*) as line_count,
        sum(lines.sold_quantity_in_unit) as sold_quantity,
        sum(lines.returned_quantity_in_unit) as returned_quantity,
        sum(lines.document_net_amount) as net_amount
    from {{ ref('fct_sell_out') }} as lines
    inner join touched on lines.slice_key = touched.slice_key
    group by lines.slice_key
),

final as (
    select
        touched.slice_key,
        touched.landed_row_count,
        landed.line_count as landed_line_count,
        facts.line_count as fact_line_count
    from touched
    left join landed on touched.slice_key = landed.slice_key
    left join facts on touched.slice_key = facts.slice_key
    where
        touched.landed_row_count <> coalesce(facts.line_count, 0)
        or landed.line_count is distinct from facts.line_count
        or landed.sold_quantity is distinct from facts.sold_quantity
        or landed.returned_quantity is distinct from facts.returned_quantity
        or landed.net_amount is distinct from facts.net_amount
)

select * from final
