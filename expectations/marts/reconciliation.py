"""Promises on the reconciliation with the ledger: both sides are whole, causes give the difference."""

from __future__ import annotations

from great_expectations.expectations.expectation import Expectation

from expectations.hub import Hub
from expectations.marts.promises import REBUILD
from expectations.terms import Terms
from expectations.vocabulary import Suite, no_finding, no_row_where, one_of, one_row_per

MART = "mart_margin_reconciliation_monthly"
CAUSES = (
    "missing_in_ledger_amount",
    "missing_in_warehouse_amount",
    "other_month_amount",
    "other_partner_amount",
    "other_amount_amount",
    "manual_entry_amount",
    "rounding_amount",
    "corrected_cost_amount",
    "unexplained_amount",
)


def suites(hub: Hub, terms: Terms) -> list[Suite]:
    if not hub.execute("select 1 from ledger.slices where system = 'accounting' and is_live limit 1"):
        return []
    day = terms.as_of_sql
    booked = f"not is_opening and entry_date <= {day}"
    return [
        Suite(
            f"marts.{MART}",
            (
                one_row_per(
                    "measure_code",
                    "month_start_date",
                    "partner_code",
                    severity="critical",
                    message=f"{MART} holds a measure of a partner twice in one month.",
                    remedy=REBUILD,
                ),
                one_of(
                    "status_code",
                    ("agrees", "explained", "unexplained", "not_computed"),
                    severity="critical",
                    remedy=REBUILD,
                ),
                no_row_where(
                    f"difference_amount <> {' + '.join(CAUSES)}",
                    name="causes_give_the_difference",
                    show=("measure_code", "month_start_date", "partner_code", "difference_amount"),
                    severity="critical",
                    message="The causes of a difference with the ledger do not add up to it.",
                    remedy=REBUILD,
                    column="difference_amount",
                ),
                _side(
                    "warehouse_amount",
                    "select date_trunc('month', invoice_date)::date as month_start_date, "
                    "sum(net_amount) as amount from core.fct_sell_in "
                    f"where invoice_date <= {day} and date_trunc('month', invoice_date) in ("
                    f"select month_start_date from core.fct_gl_entries where {booked}) group by 1",
                    "The invoiced side of the reconciliation is not the sell-in of the month.",
                ),
                _side(
                    "ledger_amount",
                    "select month_start_date, -sum(balance_amount) as amount from core.fct_gl_entries "
                    f"where account_class_code in ('revenue', 'price_reduction') and {booked} "
                    "and not is_rebate_accrual group by 1",
                    "The booked side of the reconciliation is not what the ledger has on accounts of sales.",
                ),
                _side(
                    "ledger_amount",
                    "select month_start_date, sum(balance_amount) as amount from core.fct_gl_entries "
                    f"where account_class_code = 'receivable' and {booked} group by 1",
                    "The booked side of the reconciliation is not what customers' accounts have.",
                    measure="receivable",
                ),
                _side(
                    "ledger_amount",
                    "select month_start_date, sum(balance_amount) as amount from core.fct_gl_entries "
                    f"where account_class_code = 'price_reduction' and {booked} "
                    "and is_rebate_accrual group by 1",
                    "The booked side of the reconciliation is not what the ledger accrued for rebates.",
                    measure="rebate_accrual",
                ),
                no_finding(
                    f"""
                    select
                        measure_code,
                        month_start_date,
                        sum(unexplained_amount) as unexplained_amount,
                        case
                            when measure_code = 'cost_of_goods'
                                then coalesce(
                                    (
                                        select ', lines without a cost of '
                                        || string_agg(distinct product_code, ', ' order by product_code)
                                        from core.fct_sell_in
                                        where cost_amount is null and invoice_date <= {day}
                                        and date_trunc('month', invoice_date) = month_start_date
                                    ),
                                    ''
                                )
                            else ''
                        end as without_cost
                    from {{batch}}
                    group by measure_code, month_start_date
                    having abs(sum(unexplained_amount)) > {terms.thresholds.reconciliation_tolerance_amount}
                    order by month_start_date
                    """,
                    name="differences_are_explained",
                    severity="critical",
                    message="The ledger differs by more than the tolerance, and no document says why.",
                    remedy="Give products without a cost one in the ERP. Else look at rules/accounts.yml "
                    "and the entries of the month, or raise reconciliation_tolerance_amount in "
                    "rules/thresholds.yml once it is understood.",
                    found="{measure_code} of {month_start_date}: {unexplained_amount}{without_cost}",
                    column="unexplained_amount",
                ),
            ),
        )
    ]


def _side(column: str, query: str, message: str, *, measure: str = "revenue") -> Expectation:
    """A side of the measure ties to the facts, month by month."""
    return no_finding(
        f"""
        with mart as (
            select month_start_date, sum({column}) as amount
            from {{batch}}
            where measure_code = '{measure}'
            group by month_start_date
        ),
        fact as ({query})
        select
            coalesce(mart.month_start_date, fact.month_start_date) as month_start_date,
            coalesce(mart.amount, 0) - coalesce(fact.amount, 0) as too_much
        from mart
        full join fact on mart.month_start_date = fact.month_start_date
        where coalesce(mart.amount, 0) <> coalesce(fact.amount, 0)
        order by month_start_date
        """,
        name=f"{column}_of_{measure}_ties",
        severity="critical",
        message=message,
        remedy=REBUILD,
        found="{month_start_date}: {too_much} too much",
        column=column,
    )
