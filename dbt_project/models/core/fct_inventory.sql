-- Grain: one row per partner, product and complete ISO week.
-- Additive over partners and products; stocks (opening, calculated, reported, gap) are
-- not additive over weeks.
--
-- The roll-forward, calculated = opening + received - returned to us - sold + consumer
-- returns + adjustments, starts from a reported stock, the anchor, and runs until a
-- week whose sales are not known. The next reported stock anchors a new chain. Inside a
-- longer reporting period the chain runs on unseen.
with

weeks as (
    select * from {{ ref('int_inventory_weeks_gathered') }}
),

partners as (
    select * from {{ ref('dim_partners') }}
),

chained as (
    select
        weeks.*,
        sum(case when is_chain_broken then 1 else 0 end) over (
            partition by partner_code, product_code
            order by week_start_date
            rows between unbounded preceding and current row
        ) as chain_number,
        sum(net_flow_quantity) over (
            partition by partner_code, product_code
            order by week_start_date
            rows between unbounded preceding and current row
        ) as flow_to_date_quantity
    from weeks
),

-- A stock counted while a sell-out period runs cannot be an anchor: the sales that the
-- period will report lie on both sides of it.
anchored as (
    select
        chained.*,
        min(
            case
                when reported_quantity is not null and week_state_code <> 'running'
                    then week_end_date
            end
        ) over (
            partition by partner_code, product_code, chain_number
        ) as anchor_date
    from chained
),

offset_from_anchor as (
    select
        anchored.*,
        max(
            case
                when week_end_date = anchor_date
                    then reported_quantity - flow_to_date_quantity
            end
        ) over (
            partition by partner_code, product_code, chain_number
        ) as anchor_offset_quantity
    from anchored
),

rolled as (
    select
        offset_from_anchor.*,
        coalesce(week_end_date = anchor_date, false) as is_anchor,
        case
            when week_end_date >= anchor_date and week_state_code <> 'running'
                then anchor_offset_quantity + flow_to_date_quantity
        end as rolled_quantity
    from offset_from_anchor
),

compared as (
    select
        rolled.*,
        case
            when is_anchor
                then lag(rolled_quantity) over (
                    partition by partner_code, product_code order by week_start_date
                )
            else rolled_quantity - net_flow_quantity
        end as opening_quantity,
        case when not is_anchor then reported_quantity - rolled_quantity end
            as gap_quantity
    from rolled
),

final as (
    select
        compared.partner_code || '|' || compared.product_code || '|'
        || cast(compared.week_start_date as string) as inventory_id,
        compared.partner_code,
        partners.channel_code,
        compared.product_code,
        compared.week_start_date,
        compared.week_end_date,
        compared.week_state_code,
        compared.is_sell_out_reported,
        compared.is_inventory_reported,
        compared.stock_date,
        compared.is_anchor,
        compared.reported_day_count,
        {{ quantity('compared.opening_quantity') }} as opening_quantity,
        compared.received_quantity,
        compared.returned_to_us_quantity,
        compared.sold_quantity,
        compared.consumer_returned_quantity,
        compared.adjusted_quantity,
        {{ quantity('compared.rolled_quantity') }} as calculated_quantity,
        compared.reported_quantity,
        {{ quantity('compared.gap_quantity') }} as gap_quantity,
        {{ percent('compared.gap_quantity', 'greatest(compared.rolled_quantity, 1)') }}
            as gap_rate,
        coalesce(compared.rolled_quantity < 0, false) as is_negative_calculated,
        case
            when compared.week_end_date >= compared.anchor_date
                then compared.anchor_date
        end as anchor_date
    from compared
    left join partners
        on
            compared.partner_code = partners.partner_code
            and {{ in_range('compared.week_end_date', 'partners') }}
)

select * from final
