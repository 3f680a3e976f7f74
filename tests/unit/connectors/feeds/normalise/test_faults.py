"""Values that a profile does not allow."""

from __future__ import annotations

from typing import Any

WEEK = "D07/r_2026-W05.csv"


def test_a_negative_sale_is_a_fault_unless_the_profile_says_what_it_means(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;Amount\nA;-2;\n").reasons == {"negative_quantity": 1}


def test_an_empty_quantity_is_a_fault_unless_it_means_zero(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;Amount\nA;;\n").reasons == {"missing_quantity": 1}
