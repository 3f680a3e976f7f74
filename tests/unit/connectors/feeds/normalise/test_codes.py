"""GTINs, units and currencies."""

from __future__ import annotations

from typing import Any

WEEK = "D07/r_2026-W05.csv"
GTIN = {"gtin": "EAN", "product_code": "Ref", "sold_quantity": "Qty"}


def test_a_gtin_is_digits_only(desk: Any) -> None:
    content = 'EAN;Ref;Qty\n3 401-234;;1\n="0340123";;1\nn/a;R1;1\n3,4E+12;;1\n;;1\n'
    desk.take_one(WEEK, content, columns=GTIN)
    assert desk.rows("_source_row, gtin, product_code") == [
        (2, "3401234", None),
        (3, "0340123", None),
        (4, None, "R1"),
    ]
    assert desk.faults("source_row, reason_code") == [(5, "invalid_gtin"), (6, "missing_product")]


def test_units_and_currencies_are_checked(desk: Any) -> None:
    columns = {"product_code": "Ref", "sold_quantity": "Qty", "unit_code": "Unit", "currency_code": "Cur"}
    content = "Ref;Qty;Unit;Cur\nA;1;carton;usd\nB;1;;\nC;1;Tub;€\nD;1;Carton;Euro\n"
    desk.take_one(WEEK, content, columns=columns, units={"Carton": "BOX"})
    assert desk.rows("product_code, unit_code, currency_code") == [("A", "BOX", "USD"), ("B", "PCE", "EUR")]
    assert desk.faults("source_row, reason_code") == [(4, "unknown_unit"), (5, "unknown_currency")]
