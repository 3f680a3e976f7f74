-- Grain: one row per partner, product and complete ISO week.
-- Additive over partners and products; stocks (opening, calculated, reported, gap) are
-- not additive over weeks.
--
-- The roll-forward, calculated = opening + received - returned to us - sold + consumer
-- returns + adjustments, starts from a reported stock, the anchor, and runs until a
-- week whose sales are not known. The next reported stock anchors a new chain. Inside a
-- longer reporting period the chain runs on unseen.
--
-- Replaced from the first touched week on: the week before it stands for its chain. In
-- the order of weeks, so that the checkpoint rewrites the end only.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='week_start_date',
        on_schema_change='fail',
        pre_hook="{{ clear_touched('week_start_date', 'first_week_date') }}"
    )
}}

with

gathered as (
    select * from {{ ref('int_inventory_weeks_gathered') }}
),

weeks as (
    select
        partner_code,
        product_code,
        week_start_date,
        week_end_date,
        week_state_code,
        is_sell_out_reported,
        is_inventory_reported,
        stock_date,
        is_chain_broken,
        reported_day_count,
        received_quantity,
        returned_to_us_quantity,
        sold_quantity,
        consumer_returned_quantity,
        adjusted_quantity,
        net_flow_quantity,
        reported_quantity,
        source_file_count,
        first_source_file,
        last_source_file,
        first_source_row,
        last_source_row,
        first_message_reference,
        last_message_reference,
        first_document_number,
        last_document_number,
        cast(null as date) as former_anchor_date,
        false as is_former
    from gathered
    {%- if is_incremental() %}
    union all
    select
        partner_code,
        product_code,
        week_start_date,
        week_end_date,
        week_state_code,
        is_sell_out_reported,
        is_inventory_reported,
        stock_date,
        true as is_chain_broken,
        reported_day_count,
        received_quantity,
        returned_to_us_quantity,
        sold_quantity,
        consumer_returned_quantity,
        adjusted_quantity,
        {{ quantity(0) }} as net_flow_quantity,
        calculated_quantity as reported_quantity,
        cast(null as bigint) as source_file_count,
        cast(null as string) as first_source_file,
        cast(null as string) as last_source_file,
        cast(null as bigint) as first_source_row,
        cast(null as bigint) as last_source_row,
        cast(null as string) as first_message_reference,
        cast(null as string) as last_message_reference,
        cast(null as string) as first_document_number,
        cast(null as string) as last_document_number,
        anchor_date as former_anchor_date,
        true as is_former
    from {{ this }}
    where week_start_date = {{ add_days(touched_from('first_week_date'), -7) }}
    {%- endif %}
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
countable as (
    select
        chained.*,
        case
            when reported_quantity is not null and week_state_code <> 'running'
                then week_end_date
        end as counted_date
    from chained
),

anchored as (
    select
        countable.*,
        min(counted_date) over chain_weeks as anchor_date,
        min_by(reported_quantity - flow_to_date_quantity, counted_date) over chain_weeks
            as anchor_offset_quantity,
        max(former_anchor_date) over chain_weeks as chain_anchor_date
    from countable
    window chain_weeks as (partition by partner_code, product_code, chain_number)
),

rolled as (
    select
        anchored.*,
        coalesce(week_end_date = anchor_date, false) as is_anchor,
        case
            when week_end_date >= anchor_date and week_state_code <> 'running'
                then anchor_offset_quantity + flow_to_date_quantity
        end as rolled_quantity
    from anchored
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
                then coalesce(compared.chain_anchor_date, compared.anchor_date)
        end as anchor_date,
        compared.source_file_count,
        compared.first_source_file,
        compared.last_source_file,
        compared.first_source_row,
        compared.last_source_row,
        compared.first_message_reference,
        compared.last_message_reference,
        compared.first_document_number,
        compared.last_document_number
    from compared
    left join partners
        on
            compared.partner_code = partners.partner_code
            and {{ in_range('compared.week_end_date', 'partners') }}
    where not compared.is_former
)

select * from final
order by week_start_date nulls last
