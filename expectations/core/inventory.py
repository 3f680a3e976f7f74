"""Promises on channel inventory: the roll-forward closes, and reported stocks are those that landed."""

from __future__ import annotations

from typing import Final

from great_expectations.expectations.expectation import Expectation

from expectations.core.documents import REBUILD
from expectations.core.ledgered import holds_what_the_ledger_says
from expectations.terms import SELL_OUT_OF_RECORD
from expectations.vocabulary import Suite, filled, no_finding, no_row_where, one_row_per, refers_to

KEY: Final = ("partner_code", "product_code", "week_start_date")
SHOWN: Final = (*KEY, "strftime(week_start_date, '%Y-%m') as month")


def suites() -> list[Suite]:
    return [
        Suite("intermediate.int_inventory_reported", (_holds_what_the_ledger_says(),)),
        Suite("core.fct_inventory", _of_weeks()),
    ]


def _holds_what_the_ledger_says() -> Expectation:
    return holds_what_the_ledger_says(
        "feeds",
        "inventory",
        {"quantity_total": "sum(on_hand_quantity_in_unit)"},
        rows="sum(line_count)",
        message="The reported stocks are not what partners reported: lines are doubled, lost or changed.",
    )


def _of_weeks() -> tuple[Expectation, ...]:
    return (
        one_row_per(
            *KEY,
            severity="critical",
            message="fct_inventory holds a partner's product twice in one week: its stock counts twice.",
            remedy=REBUILD,
            month="week_start_date",
        ),
        filled("inventory_id", *KEY, severity="critical", remedy=REBUILD),
        *(
            refers_to(column, table, column, severity="critical", remedy="`aval run --full-refresh`.")
            for column, table in (
                ("partner_code", "core.dim_partners"),
                ("product_code", "core.dim_products"),
            )
        ),
        no_row_where(
            "not is_anchor and calculated_quantity is distinct from opening_quantity "
            "+ coalesce(received_quantity, 0) "
            "- coalesce(returned_to_us_quantity, 0) - coalesce(sold_quantity, 0) "
            "+ coalesce(consumer_returned_quantity, 0) + coalesce(adjusted_quantity, 0)",
            name="roll_forward_closes",
            show=(
                *SHOWN,
                "opening_quantity",
                "received_quantity",
                "returned_to_us_quantity",
                "sold_quantity",
                "consumer_returned_quantity",
                "adjusted_quantity",
                "calculated_quantity",
            ),
            severity="critical",
            message="Opening stock, receipts, returns, sell-out and adjustments do not add up to the "
            "calculated stock.",
            remedy=REBUILD,
            column="calculated_quantity",
        ),
        no_finding(
            """
            with chained as (
                select
                    partner_code,
                    product_code,
                    week_start_date,
                    opening_quantity,
                    lag(calculated_quantity) over in_time as former_quantity,
                    lag(week_start_date) over in_time as former_date,
                    strftime(week_start_date, '%Y-%m') as month
                from {batch}
                window in_time as (partition by partner_code, product_code order by week_start_date)
            )
            select * from chained
            where opening_quantity <> former_quantity and former_date = week_start_date - 7
            """,
            name="opening_is_the_former_closing",
            severity="critical",
            message="A week's opening stock is not the calculated stock of the week before.",
            remedy=REBUILD,
            found="{partner_code}, {product_code}, week of {week_start_date}: {opening_quantity} instead of "
            "{former_quantity}",
            column="opening_quantity",
        ),
        no_row_where(
            "is_anchor and calculated_quantity is distinct from reported_quantity",
            name="anchors_are_reported_stocks",
            show=(*SHOWN, "calculated_quantity", "reported_quantity"),
            severity="critical",
            message="A roll-forward starts from another stock than the one that was reported.",
            remedy=REBUILD,
            column="calculated_quantity",
        ),
        _moves_with(
            "receipts_are_the_arrived_shipments",
            "received_quantity",
            """
            select
                partner_code,
                product_code,
                cast(date_trunc('week', arrival_date) as date) as week_start_date,
                sum(shipped_quantity) as moved
            from core.fct_shipments
            where shipment_type = 'delivery'
                and arrival_date >= (select min(week_start_date) from {batch})
            group by all
            """,
            "Stock received is not what was shipped and arrived in that week.",
        ),
        _moves_with(
            "sales_are_the_reported_ones",
            "sold_quantity",
            f"""
            with telling as (
                select
                    partner_code,
                    week_start_date,
                    min(week_start_date) filter (where week_state_code <> 'running') over (
                        partition by partner_code
                        order by week_start_date
                        rows between current row and unbounded following
                    ) as telling_week_date
                from intermediate.int_sell_out_weeks_covered
            )
            select
                sold.partner_code,
                sold.product_code,
                telling.telling_week_date as week_start_date,
                sum(sold.sold_quantity) as moved
            from core.fct_sell_out_weekly as sold
            inner join telling
                on sold.partner_code = telling.partner_code
                and sold.week_start_date = telling.week_start_date
            where {SELL_OUT_OF_RECORD}
                and telling.telling_week_date >= (select min(week_start_date) from {{batch}})
            group by all
            """,
            "Units sold in the roll-forward are not those of the reported sell-out of that week and of those "
            "that are told with it.",
        ),
        no_row_where(
            "not is_anchor and gap_quantity is distinct from reported_quantity - calculated_quantity",
            name="gap_is_reported_less_calculated",
            show=(*SHOWN, "reported_quantity", "calculated_quantity", "gap_quantity"),
            severity="critical",
            message="The gap is not reported less calculated stock.",
            remedy=REBUILD,
            column="gap_quantity",
        ),
        no_row_where(
            "is_negative_calculated <> (calculated_quantity < 0)",
            name="negative_stock_is_flagged",
            show=(*SHOWN, "calculated_quantity"),
            severity="critical",
            message="A negative calculated stock is not flagged as such.",
            remedy=REBUILD,
            column="is_negative_calculated",
        ),
    )


def _moves_with(name: str, column: str, flows: str, message: str) -> Expectation:
    """The flow of each week that has one is the sum of the fact it comes from (`flows`, as `moved`)."""
    return no_finding(
        f"""
        with flows as ({flows}),
        compared as (
            select
                week.partner_code,
                week.product_code,
                week.week_start_date,
                strftime(week.week_start_date, '%Y-%m') as month,
                week.{column} as in_inventory,
                coalesce(flows.moved, 0) as in_fact
            from {{batch}} as week
            left join flows
                on week.partner_code = flows.partner_code
                and week.product_code = flows.product_code
                and week.week_start_date = flows.week_start_date
        )
        select * from compared where in_inventory <> in_fact
        """,
        name=name,
        severity="critical",
        message=message,
        remedy=REBUILD,
        found="{partner_code}, {product_code}, week of {week_start_date}: {in_inventory} instead of "
        "{in_fact}",
        column=column,
    )
