"""Facts keep a document that is dated after the as-of day; months count it from its day on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from .conftest import Company

pytestmark = pytest.mark.slow

MODELS = (
    "+mart_sell_in_monthly +mart_margin_waterfall_monthly +mart_channel_balance_monthly "
    "+mart_channel_roi_monthly +mart_margin_reconciliation_monthly +fct_margin_lines +int_weeks_touched "
    "+int_*_used +mart_channel_inventory_weekly"
)
"""What a month is told by, and what a run remembers to do only what changed."""

MONTHS = {
    "mart_sell_in_monthly": "sum(ordered_quantity), sum(shipped_quantity), sum(net_amount)",
    "mart_margin_waterfall_monthly": "sum(invoiced_quantity), sum(tools_amount), sum(pocket_margin_amount)",
    "mart_channel_balance_monthly": "sum(sell_in_quantity)",
    "mart_channel_roi_monthly": (
        "sum(invoice_sales_amount), sum(programme_cost_amount), sum(acquisition_count)"
    ),
}


def an_invoice(number: str, day: str, quantity: int) -> dict[str, object]:
    return {
        "invoice_number": number,
        "partner_code": "D01",
        "invoice_date": day,
        "product_code": "P1",
        "invoiced_quantity": quantity,
        "gross_amount": 10 * quantity,
        "net_amount": 10 * quantity,
    }


def an_order(number: str, day: str, quantity: int) -> dict[str, object]:
    return {
        "order_number": number,
        "partner_code": "D01",
        "order_date": day,
        "product_code": "P1",
        "ordered_quantity": quantity,
    }


def a_shipment(number: str, day: str, quantity: int) -> dict[str, object]:
    return {
        "shipment_number": number,
        "partner_code": "D01",
        "shipment_date": day,
        "product_code": "P1",
        "shipped_quantity": quantity,
    }


def a_cost(number: str, day: str, amount: int) -> dict[str, object]:
    return {
        "cost_number": number,
        "cost_step_code": "tools",
        "cost_date": day,
        "partner_code": "D01",
        "cost_amount": amount,
        "currency_code": "EUR",
    }


def stock_the_company(company: Company) -> None:
    """Documents of 10 March, of 25 March, and of April."""
    days = {"A": ("2026-03-10", 10), "B": ("2026-03-25", 3), "C": ("2026-04-02", 100)}
    company.erp("partners", [{"partner_code": "D01", "partner_name": "Un"}])
    company.erp("products", [{"product_code": "P1", "product_name": "Pompe"}])
    company.erp(
        "product_costs", [{"product_code": "P1", "valid_from_date": "2026-01-01", "unit_cost_amount": "4"}]
    )
    company.erp("order_lines", [an_order(number, *what) for number, what in days.items()])
    company.erp("shipment_lines", [a_shipment(number, *what) for number, what in days.items()])
    company.erp("invoice_lines", [an_invoice(number, *what) for number, what in days.items()])
    company.erp("programme_costs", [a_cost(number, *what) for number, what in days.items()])
    company.rules("feeds", [{"feed_code": "d01_w", "partner_code": "D01"}])


def months(company: Company) -> dict[str, list[tuple[Any, ...]]]:
    """By mart what each month says; of the two levels of ROI that of partners."""
    return {
        mart: company.query(
            f"select month_start_date, {sums} from marts.{mart} "
            + ("where level_code = 'partner' " if mart == "mart_channel_roi_monthly" else "")
            + "group by month_start_date order by month_start_date"
        )
        for mart, sums in MONTHS.items()
    }


def test_a_document_counts_from_its_day_on_and_an_increment_is_a_full_refresh(company: Company) -> None:
    stock_the_company(company)
    march, april = date(2026, 3, 1), date(2026, 4, 1)

    company.build(MODELS, scope="all", as_of=date(2026, 3, 17))
    company.published()
    assert company.query("select sum(net_amount) from core.fct_sell_in") == [(Decimal(1130),)]
    # Of 100 invoiced 40 are cost, and 10 the tools of the tenth.
    assert months(company) == {
        "mart_sell_in_monthly": [(march, 10, 10, 100)],
        "mart_margin_waterfall_monthly": [(march, 10, 10, 60)],
        "mart_channel_balance_monthly": [(march, 10)],
        "mart_channel_roi_monthly": [(march, 100, 10, 1)],
    }

    company.build(MODELS, as_of=date(2026, 3, 25))
    company.published()
    assert months(company) == {
        "mart_sell_in_monthly": [(march, 13, 13, 130)],
        "mart_margin_waterfall_monthly": [(march, 13, 13, 78)],
        "mart_channel_balance_monthly": [(march, 13)],
        "mart_channel_roi_monthly": [(march, 130, 13, 2)],
    }

    company.build(MODELS, as_of=date(2026, 4, 2))
    company.published()
    increment = months(company)
    assert increment["mart_sell_in_monthly"] == [(march, 13, 13, 130), (april, 100, 100, 1000)]
    company.build(MODELS, scope="all", as_of=date(2026, 4, 2))
    assert months(company) == increment
