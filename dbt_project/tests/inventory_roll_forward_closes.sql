-- Grain: one row per partner, product and week whose roll-forward does not close, or
-- does not begin where the former week ended.
with

weeks as (
    select
        fct_inventory.*,
        lag(calculated_quantity) over (
            partition by partner_code, product_code order by week_start_date
        ) as former_calculated_quantity
    from {{ ref('fct_inventory') }} as fct_inventory
),

final as (
    select *
    from weeks
    where
        (
            is_anchor
            and (calculated_quantity <> reported_quantity or gap_quantity is not null)
        )
        or (
            calculated_quantity is not null
            and not is_anchor
            and (
                calculated_quantity
                <> opening_quantity + received_quantity - returned_to_us_quantity
                - sold_quantity + consumer_returned_quantity + adjusted_quantity
                or former_calculated_quantity <> opening_quantity
            )
        )
        or gap_quantity <> reported_quantity - calculated_quantity
        or (calculated_quantity is not null and anchor_date is null)
)

select * from final
