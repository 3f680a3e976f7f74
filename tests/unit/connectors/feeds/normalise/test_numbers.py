"""Texts to exact decimals: marks, signs, tax, affixes."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import Any

import openpyxl
import pytest

WEEK = "D07/r_2026-W05.csv"


@pytest.mark.parametrize(
    ("marks", "numbers"),
    [
        (
            {"decimal_mark": ","},
            {
                "12": "12", "1,5": "1.5", ",5": "0.5", "-3": "-3", "3-": "-3", "- 3": "-3", "+3": "3",
                "\u22123": "-3", "\u00a0 7 ": "7", "0,0005": "0.001", "-0,0005": "-0.001", "0,00049": "0",
            },
        ),
        ({"decimal_mark": "."}, {"1.5": "1.5", "-.5": "-0.5"}),
        (
            {"decimal_mark": ",", "thousands_mark": " "},
            {"1 234 567,5": "1234567.5", "1\u00a0234,5": "1234.5", "-1\u202f234": "-1234", "1234": "1234"},
        ),
        ({"decimal_mark": ",", "thousands_mark": "."}, {"1.234,5": "1234.5", "1234,5-": "-1234.5"}),
        ({"decimal_mark": ".", "thousands_mark": ","}, {"1,234.5": "1234.5"}),
        ({"decimal_mark": ".", "thousands_mark": "'"}, {"1\u2019234.5": "1234.5", "1'234": "1234"}),
        ({"decimal_mark": ",", "parentheses_are_negative": True}, {"(12,5)": "-12.5", "12,5": "12.5"}),
    ],
)  # fmt: skip
def test_a_number_is_read_by_the_marks_of_the_profile(
    desk: Any, marks: dict[str, Any], numbers: dict[str, str]
) -> None:
    content = "Ref;Qty;Amount\n" + "".join(f"A;{written};\n" for written in numbers)
    desk.take_one(WEEK, content, sold_is_net=True, **marks)
    assert [row[0] for row in desk.rows("sold_quantity")] == [Decimal(value) for value in numbers.values()]


def test_what_is_no_number_of_the_profile_is_never_guessed(desk: Any) -> None:
    wrong = [
        "x", "1.5", "1 234", "12,34,5", "1,", "--1", "-1-", "(1)", "1e3", "1_0", "'12", "=1+1",
        "=cmd|' /C calc'!A0", "12 pcs", "NaN", "inf", "999999999999999999", "\u0661",
    ]  # fmt: skip
    outcome = desk.take_one(WEEK, "Ref;Qty;Amount\n" + "".join(f"A;{written};\n" for written in wrong))
    assert outcome.reasons == {"unparseable_number": len(wrong)}
    assert desk.faults("source_row, value") == [(row, written) for row, written in enumerate(wrong, start=2)]


def test_an_amount_with_tax_is_divided_exactly_and_rounded_half_up(desk: Any) -> None:
    # 10 / 1.055 = 9.478672…; 0.00006330 / 1.055 = 0.00006 exactly; 120 / 1.055 = 113.744075…; 0.05275 /
    # 1.055 = 0.05
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;1;10\nB;1;-10\nC;1;120\nD;1;0,05275\n", tax_rate=0.055)
    assert [row[0] for row in desk.rows("net_amount")] == [
        Decimal("9.4787"),
        Decimal("-9.4787"),
        Decimal("113.7441"),
        Decimal("0.0500"),
    ]


def test_an_amount_without_tax_keeps_four_decimals(desk: Any) -> None:
    desk.take_one(WEEK, "Ref;Qty;Amount\nA;1;1,23455\nB;1;-1,23455\n")
    assert desk.rows("net_amount") == [(Decimal("1.2346"),), (Decimal("-1.2346"),)]


def test_signs_and_units_around_a_number_are_left_out_only_if_the_profile_names_them(desk: Any) -> None:
    content = "Ref;Qty;Amount\nA;12 pcs;1 250,50 €\nB;3 PCS;€ 4\nC;5 kg;1\n"
    outcome = desk.take_one(WEEK, content, number_affixes=["€", "pcs"], thousands_mark=" ")
    assert desk.rows("sold_quantity, net_amount") == [(12, Decimal("1250.5")), (3, 4)]
    assert desk.faults("source_row, value") == [(4, "5 kg")]
    assert outcome.reasons == {"unparseable_number": 1}


@pytest.mark.parametrize("affix", ["-", "−", "- €", "(", "1", "", " €", "+", ",", "€-"])
def test_a_part_of_a_number_is_no_affix(profile: Any, affix: str) -> None:
    """`-` as an affix, to be rid of dashes that stand for zero, made 3 sold of -3 returned."""
    with pytest.raises(ValueError, match="signs and words that say nothing"):
        profile(number_affixes=[affix])


DASHES = "Ref;Qty;Amount\nA;-;- €\nB;–;-€\nC;—;€ -\nD;-3;-2 €\nE;4;-\n"


def test_a_dash_alone_is_an_empty_cell(desk: Any) -> None:
    settings = {"number_affixes": ["€"], "negative_sold_is_return": True}
    outcome = desk.take_one(WEEK, DASHES, **settings)
    assert outcome.reasons == {"missing_quantity": 3}
    assert desk.rows("sold_quantity, returned_quantity, net_amount") == [(0, 3, -2), (4, 0, None)]


def test_a_dash_alone_is_zero_where_empty_is(desk: Any) -> None:
    settings = {"number_affixes": ["€"], "negative_sold_is_return": True, "empty_is_zero": True}
    assert desk.take_one(WEEK, DASHES, **settings).reasons == {}
    assert [row[0] for row in desk.rows("sold_quantity")] == [0, 0, 0, 0, 4]


def test_a_dash_in_a_wide_column_is_an_empty_cell(desk: Any) -> None:
    wide = [{"metric": "sold_quantity", "pattern": r"^(?P<store_code>Lyon|Nice)$"}]
    content = "Ref;Lyon;Nice\nA;1;-\n"
    outcome = desk.take_one(WEEK, content, columns={"partner_product_code": "Ref"}, wide=wide)
    assert outcome.reasons == {}
    assert desk.rows("store_code, sold_quantity") == [("Lyon", 1)]


def test_a_swiss_dash_behind_a_whole_number_is_an_affix(desk: Any) -> None:
    content = "Ref;Qty;Amount\nA;12;CHF 1'200.-\nB;3;-4.–\nC;1;5 pc(s)\n"
    settings = {"number_affixes": ["CHF", ".-", ".–", "pc(s)", "m2"], "thousands_mark": "'"}
    desk.take_one(WEEK, content, **settings, decimal_mark=".", negative_sold_is_return=True)
    assert desk.rows("net_amount") == [(1200,), (-4,), (5,)]


MARKED = {
    "(7,20 €)": "-7.2", "(€ 7,20)": "-7.2", "(7,20) €": "-7.2", "€ (7,20)": "-7.2", "-€ 5": "-5",
    "5,00- €": "-5", "5 €-": "-5", "( 1 250,50 € )": "-1250.5", "€5": "5",
}  # fmt: skip


def test_a_mark_of_currency_may_stand_within_parentheses_and_behind_a_sign(desk: Any) -> None:
    content = "Ref;Qty;Amount\n" + "".join(f"A;1;{written}\n" for written in MARKED)
    settings = {"number_affixes": ["€"], "thousands_mark": " ", "parentheses_are_negative": True}
    assert desk.take_one(WEEK, content, **settings).reasons == {}
    assert [row[0] for row in desk.rows("net_amount")] == [Decimal(value) for value in MARKED.values()]


def test_parentheses_of_a_workbook_are_read_like_those_of_a_text(desk: Any, profile: Any) -> None:
    book = openpyxl.Workbook()
    for row in (["Ref", "Qty", "Amount"], ["A", 1, "(7,20 €)"], ["B", 1, -3.5]):
        book.active.append(row)
    target = BytesIO()
    book.save(target)
    settings = {"container": {"kind": "excel"}, "number_affixes": ["€"], "parentheses_are_negative": True}
    desk.put("D07/r_2026-W05.xlsx", target.getvalue())
    (outcome,) = desk.take(sales=profile(**settings)).files
    assert (outcome.state, outcome.reasons) == ("landed", {})
    assert desk.rows("net_amount") == [(Decimal("-7.2"),), (Decimal("-3.5"),)]


def test_parentheses_around_a_mark_are_a_fault_where_the_profile_does_not_read_them(desk: Any) -> None:
    outcome = desk.take_one(WEEK, "Ref;Qty;Amount\nA;1;(7,20 €)\n", number_affixes=["€"])
    assert desk.faults("source_row, value") == [(2, "(7,20 €)")]
    assert outcome.reasons == {"unparseable_number": 1}
