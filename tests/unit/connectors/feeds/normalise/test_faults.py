"""Values that a profile does not allow."""

from __future__ import annotations

from typing import Any

WEEK = "D07/r_2026-W05.csv"


def test_a_negative_sale_is_a_fault_unless_the_profile_says_what_it_means(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;Amount\nA;-2;\n").reasons == {"negative_quantity": 1}


def test_an_empty_quantity_is_a_fault_unless_it_means_zero(desk: Any) -> None:
    assert desk.take_one(WEEK, "Ref;Qty;Amount\nA;;\n").reasons == {"missing_quantity": 1}


def test_a_row_that_adds_up_others_is_held_back_and_what_only_begins_like_one_is_not(desk: Any) -> None:
    columns = {"partner_product_code": "Ref", "gtin": "EAN", "store_code": "Shop", "sold_quantity": "Qty"}
    rows = (
        "A;;Somme;1\nTOTAL-5W30;;Lyon;2\nSummer;;Total Access;4\nTotal Quartz;3401234567890;Lyon;8\n"
        "Total Quartz 9000;;Lyon;16\n"
        "Total;;;15\nTotal 2026;;;15\nSous-total rayon 3;;Lyon;15\nA;;Total général;15\nsomme A :;;Lyon;1\n"
    )
    outcome = desk.take_one("D07/r_2026-W05.csv", f"Ref;EAN;Shop;Qty\n{rows}", columns=columns)
    assert [row for (row,) in desk.rows("_source_row")] == [2, 3, 4, 5, 6]
    assert outcome.reasons == {"total_row": 5}
    assert desk.faults("source_row, column_name") == [
        (7, "Ref"),
        (8, "Ref"),
        (9, "Ref"),
        (10, "Shop"),
        (11, "Ref"),
    ]


def test_a_row_that_adds_up_the_rows_of_a_code_is_held_back(desk: Any) -> None:
    """Excel writes the key before the word or behind it, by language, where it inserts subtotals."""
    rows = (
        "R1;1\nR1;2\nR1 Total;3\nTotal R1;3\nR2;4\nr 2 Summe;4\nR2 Ergebnis :;4\nTotal Quartz 9000;8\n"
        "5W30 TOTAL;16\nGesamtergebnis;31\n"
    )
    outcome = desk.take_one(
        WEEK,
        f"Ref;Qty\n{rows}",
        columns={"partner_product_code": "Ref", "sold_quantity": "Qty"},
        max_quarantined_share=1,
    )
    assert outcome.reasons == {"total_row": 4}
    assert [row for (row,) in desk.faults("source_row")] == [4, 5, 8, 11]
    assert [row for (row,) in desk.rows("_source_row")] == [2, 3, 6, 7, 9, 10]


def test_a_total_that_the_profile_names_is_skipped(desk: Any) -> None:
    skipped = [{"header": "Ref", "pattern": "^Total"}]
    outcome = desk.take_one("D07/r_2026-W05.csv", "Ref;Qty;Amount\nA;1;2\nTotal;1;2\n", skip_rows=skipped)
    assert (outcome.rows_accepted, outcome.rows_skipped, outcome.reasons) == (1, 1, {})
