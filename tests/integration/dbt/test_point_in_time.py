"""A figure of the past never moves because a cost, a price or a discount was changed today."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from .conftest import Company

pytestmark = pytest.mark.slow

FIGURES = """
    invoice_number, product_code, list_unit_price_amount, contract_unit_price_amount, unit_cost_amount,
    landed_cost_amount, contract_allowed_amount, contract_discount_amount, exception_discount_amount
"""
CHANGED_AT = "2026-03-20 10:00:00"


def an_invoice(number: str, day: str, product: str) -> dict[str, Any]:
    return {
        "invoice_number": number,
        "invoice_line_number": product,
        "partner_code": "D01",
        "invoice_date": day,
        "product_code": product,
        "invoiced_quantity": 10,
        "gross_amount": 100,
        "standard_discount_amount": 20,
        "exceptional_discount_amount": 5,
        "net_amount": 75,
    }


def priced(product: str, first: str, amount: str, **more: str) -> dict[str, Any]:
    return {"product_code": product, "valid_from_date": first, "unit_price_amount": amount, **more}


def costed(product: str, first: str, amount: str, **more: str) -> dict[str, Any]:
    return {"product_code": product, "valid_from_date": first, "unit_cost_amount": amount, **more}


def sell_in(company: Company, where: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(company.warehouse), read_only=True) as connection:
        query = f"select {FIGURES} from core.fct_sell_in where {where} order by invoice_number, product_code"
        return connection.sql(query).fetchall()


def test_what_changes_today_moves_no_figure_of_the_past(company: Company) -> None:
    company.erp("partners", [{"partner_code": "D01", "partner_name": "Un"}])
    terms = {"partner_code": "D01", "valid_from_date": "2025-01-01", "price_list_code": "L"}
    company.erp("partner_terms", [{**terms, "discount_rate": "0.20"}])
    company.erp("products", [{"product_code": code, "product_name": code} for code in ("P1", "P2", "P3")])
    company.erp(
        "product_costs",
        [
            costed("P1", "2025-01-01", "4", updated_at="2025-12-01 08:00:00"),
            costed("P2", "2025-01-01", "5"),
            costed("P3", "2025-01-01", "6"),
            costed("P3", "2026-02-01", "7"),
        ],
    )
    company.erp("product_prices", [priced(code, "2025-01-01", "10") for code in ("P1", "P2", "P3")])
    company.erp("partner_prices", [priced("P3", "2026-01-01", "7.5", partner_code="D01")])
    company.erp("landed_cost_elements", [costed("P1", "2025-01-01", "0.3")])
    days = {"I1": "2026-01-10", "I2": "2026-02-10", "I3": "2026-03-19"}
    lines = [an_invoice(n, day, code) for n, day in days.items() for code in ("P1", "P2", "P3")]
    company.erp("invoice_lines", lines)
    company.build("+fct_sell_in", scope="all")
    former = sell_in(company, "true")
    assert [row[4] for row in former] == [4, 5, 6, 4, 5, 7, 4, 5, 7]

    # A column more, read anew: no change of the row, so it holds from its beginning.
    known = {"updated_at": "2025-12-01 08:00:00", "actual_unit_cost_amount": "4.2"}
    company.erp("product_costs", [costed("P1", "2025-01-01", "4", **known)])
    changed = {"updated_at": CHANGED_AT}
    # Restated rows, with the same first day as before; a new range that begins in the past; a range deleted.
    company.erp("product_costs", [costed("P1", "2025-01-01", "40", **changed)])
    company.erp("product_costs", [costed("P2", "2026-02-01", "50", **changed)])
    company.erp("product_costs", [costed("P3", "2026-02-01", "7")], deleted=True)
    company.erp("product_prices", [priced("P1", "2025-01-01", "11", **changed)])
    company.erp("partner_terms", [{**terms, "discount_rate": "0.25", **changed}])
    company.erp("partner_prices", [priced("P2", "2026-01-01", "8", partner_code="D01", **changed)])
    company.erp("landed_cost_elements", [costed("P2", "2025-01-01", "0.9", **changed)])
    later = [an_invoice("I4", "2026-03-25", code) for code in ("P1", "P2", "P3")]
    company.erp("invoice_lines", later)
    company.build("+fct_sell_in", scope="all")

    assert sell_in(company, "invoice_number <> 'I4'") == former
    with duckdb.connect(str(company.warehouse), read_only=True) as connection:
        actual = connection.sql(
            "select actual_cost_amount from core.fct_sell_in where product_code = 'P1' order by invoice_date"
        ).fetchall()
    assert actual == [(42,), (42,), (42,), (None,)]
    ten, half = Decimal(10), Decimal("7.5")
    assert sell_in(company, "invoice_number = 'I4'") == [
        # 25 % of 100 are allowed now; costs and prices are the new ones.
        ("I4", "P1", 11, None, 40, 3, 25, 25, 0),
        ("I4", "P2", ten, 8, 50, 9, 20, 20, 5),
        # The deletion was found on 1 April, after this invoice: its cost holds until then.
        ("I4", "P3", ten, half, 7, 0, 25, 25, 0),
    ]
