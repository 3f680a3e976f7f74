"""Reports by EDI: what the segments say, whoever writes them, and what a message does to those before it."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.feeds.intake.check import check_file
from connectors.feeds.intake.outcomes import FileOutcome
from connectors.feeds.profile import Profile
from tests.samples import FIXTURES, sample

from .conftest import Desk
from .edi_files import Edi, a_line, a_message, a_profile, an_interchange, x12


@pytest.fixture
def edi(desk: Desk) -> Edi:
    return Edi(desk)


PLAIN = an_interchange(
    a_message(
        "LOC+162+S1::9", *a_line(1, "4006381333931", "QTY+153:5:PCE", "QTY+61:1:PCE", "MOA+203:40.5"),
        "LOC+162+S2::9", *a_line(2, "4006381333931", "QTY+153:2:PCE"),
    )
)  # fmt: skip
PLAIN_ROWS = [
    ("S1", "4006381333931", Decimal(5), Decimal(1)),
    ("S2", "4006381333931", Decimal(2), Decimal(0)),
]


# --- the same report, as other senders write it ---


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("'", "'\n"),
        PLAIN.replace("'", "'\r\n"),
        PLAIN.replace("'", "'\r\r\n"),
        PLAIN.replace("'", "'\r\n    "),
        "\ufeff".encode().decode("latin-1") + PLAIN,
        "UNA:+.? '" + PLAIN,
        "UNA:+.  '" + PLAIN,
        "UNA:+.? '\r\n" + PLAIN.replace("'", "'\r\n"),
        "UNA#|,! ~" + PLAIN.replace(":", "#").replace("+", "|").replace("'", "~").replace("40.5", "40,5"),
        PLAIN.replace("'", "\n"),
        PLAIN.replace("UNH", "unh").replace("LIN+", "lin+").replace("QTY", "qty"),
        "\r\n".join(PLAIN[i : i + 80] for i in range(0, len(PLAIN), 80)),
        PLAIN[PLAIN.index("UNH") : PLAIN.index("UNZ")],
        PLAIN.replace("UNT+12+1", "UNT+99+7").replace("UNZ+1", "UNZ+3"),
    ],
)  # fmt: skip
def test_separators_line_ends_and_envelopes_do_not_change_a_report(edi: Edi, content: str) -> None:
    outcome = edi.take("a.edi", content)
    assert outcome.state == "landed", outcome.reason
    assert edi.sold() == PLAIN_ROWS
    assert edi.sold("net_amount")[0] == (Decimal("40.5"),)


def test_released_separators_are_text(edi: Edi) -> None:
    content = an_interchange(
        a_message("LOC+162+S?+1??::9", "LIN+1++4006381333931:EN", "IMD+F++:::Joint d?'eau 3?:4", "QTY+153:1")
    )
    edi.take("a.edi", content)
    assert edi.sold("store_code, product_label") == [("S+1?", "Joint d'eau 3:4")]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("UNOC", "latin-1"), ("UNOY", "utf-8"), ("UNOA", "cp1252"), ("UNOB", "utf-8"), ("UNOL", "iso8859-15")],
)
def test_character_set_of_the_interchange(edi: Edi, charset: str, encoding: str) -> None:
    text = an_interchange(a_message("LIN+1++4006381333931:EN", "IMD+F++:::Évier", "QTY+153:1"))
    edi.take("a.edi", text.replace("UNOC", charset).encode(encoding))
    assert edi.sold("product_label") == [("Évier",)]


def test_bytes_outside_the_declared_character_set_reject_the_file(edi: Edi) -> None:
    text = an_interchange(a_message("LIN+1++4006381333931:EN", "IMD+F++:::Évier", "QTY+153:1"))
    outcome = edi.take("a.edi", text.replace("UNOC", "UNOY").encode("latin-1"))
    assert (outcome.state, outcome.reason_code) == ("rejected", "undecodable_bytes")


def test_interchanges_of_one_file_may_have_separators_of_their_own(edi: Edi) -> None:
    other = PLAIN.replace(":", "#").replace("+", "|").replace("'", "~").replace("40.5", "40,5")
    outcome = edi.take(
        "a.edi",
        PLAIN + "\r\n" + "UNA#|,? ~" + other.replace("77", "78") + "UNA:+.? '" + PLAIN.replace("77", "79"),
    )
    assert outcome.rows_accepted == 6
    assert sum(row[0] for row in edi.sold("sold_quantity")) == 21


def test_a_decimal_mark_that_una_excludes_is_a_fault_and_not_a_thousand(edi: Edi) -> None:
    outcome = edi.take(
        "a.edi", "UNA:+.? '" + an_interchange(a_message(*a_line(1, "4006381333931", "QTY+153:1,5")))
    )
    assert outcome.reasons == {"unparseable_number": 1}
    without = an_interchange(a_message(*a_line(1, "4006381333931", "QTY+153:1,5")))
    edi.take("b.edi", without)
    assert edi.sold("sold_quantity") == [(Decimal("1.5"),)]


# --- stores, dates and totals ---


def test_lines_with_stores_inside_leave_out_the_total_beside_them(edi: Edi) -> None:
    detail = a_line(
        1, "4006381333931", "QTY+153:7", "LOC+162+S1::9", "QTY+153:5", "LOC+162+S2::9", "QTY+153:2"
    )
    outcome = edi.take("a.edi", an_interchange(a_message(*detail)))
    assert edi.sold("store_code, sold_quantity") == [("S1", Decimal(5)), ("S2", Decimal(2))]
    assert (outcome.rows_read, outcome.rows_skipped) == (3, 1)


def test_a_store_after_its_quantity_belongs_to_it(edi: Edi) -> None:
    detail = a_line(1, "4006381333931", "QTY+153:5", "LOC+162+S1::9", "QTY+153:2", "LOC+162+S2::9")
    more = a_line(2, "4006381333948", "QTY+153:1", "LOC+162+S3::9")
    edi.take("a.edi", an_interchange(a_message(*detail, *more)))
    assert edi.sold("store_code, sold_quantity") == [
        ("S1", Decimal(5)), ("S2", Decimal(2)), ("S3", Decimal(1)),
    ]  # fmt: skip


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_line_may_report_several_periods(edi: Edi, order: str) -> None:
    pairs = [("DTM+356:20260108:102", "QTY+153:5"), ("DTM+356:20260115:102", "QTY+153:2")]
    detail = [segment for pair in pairs for segment in (pair if order == "before" else reversed(pair))]
    edi.take("a.edi", an_interchange(a_message(*a_line(1, "4006381333931", *detail), head=())))
    assert edi.live() == {"2026-W02": Decimal(5), "2026-W03": Decimal(2)}


@pytest.mark.parametrize(
    ("dates", "key"),
    [
        (("DTM+356:2026010520260111:718",), "2026-W02"),
        (("DTM+356:20260105-20260111:718",), "2026-W02"),
        (("DTM+356:202602:616",), "2026-W02"),
        (("DTM+90:20260104:102", "DTM+91:20260110:102"), "2026-W02"),
        (("DTM+137:20260112:102", "DTM+356:260108:101"), "2026-W02"),
        (("DTM+137:202601080930:203",), "2026-W02"),
    ],
)
def test_the_period_comes_from_the_message(edi: Edi, dates: tuple[str, ...], key: str) -> None:
    edi.take("a.edi", an_interchange(a_message(*a_line(1, "4006381333931", "QTY+153:5"), head=dates)))
    assert edi.live() == {key: Decimal(5)}


@pytest.mark.parametrize(
    ("dates", "reason", "value"),
    [
        (("DTM+356:2026010120260131:718",), "unparseable_period", "20260101-20260131"),
        (("DTM+356:20269999:102",), "unparseable_period", "20269999"),
        (("DTM+91:20260111:102", "DTM+171:20260112:102"), "unnamed_period", "91, 171"),
        ((), "unnamed_period", ""),
    ],
)
def test_a_period_that_no_date_names_is_a_fault_with_the_dates_that_stand_there(
    edi: Edi, dates: tuple[str, ...], reason: str, value: str
) -> None:
    outcome = edi.take(
        "a.edi", an_interchange(a_message(*a_line(1, "4006381333931", "QTY+153:5"), head=dates))
    )
    assert outcome.rows_quarantined == 1
    assert outcome.reasons == {reason: 1}
    assert edi.landed("reason_code, coalesce(value, '')", "quarantine") == [(reason, value)]


def test_of_a_stock_and_its_parts_only_the_total_counts(edi: Edi) -> None:
    inventory = {
        "kind": "INVRPT:D:96A:UN",
        "bgm": "BGM+35+I1+9",
        "head": ("DTM+366:20260108:102", "NAD+SN+S1::9"),
    }
    detail = a_line(1, "4006381333931", "QTY+145:100", "QTY+145:60", "QTY+145:40", "QTY+198:7")
    content = an_interchange(a_message(*detail, **inventory))
    edi.take("a.edi", content, messages=["INVRPT"])
    columns = "store_code, stock_date::varchar, on_hand_quantity, in_transit_quantity"
    assert edi.desk.rows(columns, "inventory") == [("S1", "2026-01-08", Decimal(100), Decimal(7))]


def test_quantities_that_are_no_total_and_its_parts_are_not_guessed(edi: Edi) -> None:
    content = an_interchange(a_message(*a_line(1, "4006381333931", "QTY+153:4", "QTY+153:3")))
    assert edi.take("a.edi", content).reasons == {"ambiguous_quantity": 1}
    edi.take("b.edi", content, repeated_quantity="sum")
    assert edi.sold("sold_quantity") == [(Decimal(7),)]


def test_movements_and_unknown_qualifiers_are_no_stock(edi: Edi) -> None:
    inventory = {"kind": "INVRPT:D:96A:UN", "head": ("DTM+366:20260108:102",)}
    movements = a_message(*a_line(1, "4006381333931", "QTY+145:5"), bgm="BGM+78+I1+9", **inventory)
    odd = a_message(*a_line(1, "4006381333931", "QTY+ZZ9:5"), number=2, bgm="BGM+35+I2+9", **inventory)
    damaged = a_message(*a_line(1, "4006381333931", "QTY+124:5"), number=3, bgm="BGM+35+I2+9", **inventory)
    outcome = edi.take("a.edi", an_interchange(movements, odd, damaged), messages=["INVRPT"])
    assert outcome.reasons == {"movement_report": 1, "unknown_qualifier": 1}
    assert outcome.rows_skipped == 1


# --- money ---


@pytest.mark.parametrize(
    ("detail", "settings", "amount"),
    [
        (("QTY+153:3", "PRI+AAA:2.5"), {}, None),
        (("QTY+153:3", "PRI+AAA:2.5"), {"price_basis": "unit"}, "7.5"),
        (("QTY+153:3", "PRI+AAA:250:::100"), {"price_basis": "unit"}, "7.5"),
        (("QTY+153:3", "PRI+AAA:2.5"), {"price_basis": "line"}, "2.5"),
        (
            ("PRI+AAB:9", "PRI+AAA:2.5", "QTY+153:3"),
            {"price_basis": "unit", "price_qualifiers": ["AAA"]},
            "7.5",
        ),
        (("QTY+153:3", "MOA+203:7", "PRI+AAA:2.5"), {"price_basis": "unit"}, "7"),
        (("QTY+61:3", "MOA+203:7"), {}, "-7"),
        (("QTY+153:-1", "MOA+203:7"), {}, "-7"),
        (("QTY+153:-1", "MOA+203:-7"), {}, "-7"),
        (("QTY+153:-1", "MOA+203:7"), {"amount_sign": "as_sent"}, "7"),
        (("QTY+153:3", "MOA+66:7"), {"amounts": ["66"]}, "7"),
    ],
)
def test_amounts_by_profile(
    edi: Edi, detail: tuple[str, ...], settings: dict[str, Any], amount: str | None
) -> None:
    edi.take("a.edi", an_interchange(a_message(*a_line(1, "4006381333931", *detail))), **settings)
    assert edi.sold("net_amount") == [(None if amount is None else Decimal(amount),)]


def test_an_amount_of_the_line_is_not_given_to_each_of_its_stores(edi: Edi) -> None:
    detail = a_line(1, "4006381333931", "MOA+203:70", "LOC+162+S1", "QTY+153:5", "LOC+162+S2", "QTY+153:2")
    edi.take("a.edi", an_interchange(a_message(*detail)))
    assert edi.sold("net_amount") == [(None,), (None,)]


def test_products_by_line_and_by_pia(edi: Edi) -> None:
    edi.take("a.edi", an_interchange(a_message(
        "LIN+1", "PIA+5+OUR-1:SA::91", "PIA+1+THEIRS:IN::92", "QTY+153:1",
        "LIN+2++4006381333931:SRV", "PIA+1+OUR-2:SA::91+T2:IN::92", "QTY+153:1",
    )))  # fmt: skip
    assert edi.sold("gtin, product_code, partner_product_code") == [
        (None, "OUR-1", "THEIRS"), ("4006381333931", "OUR-2", "T2"),
    ]  # fmt: skip


# --- broken messages ---


def test_a_broken_message_does_not_cost_the_others(edi: Edi) -> None:
    good = a_message(*a_line(1, "4006381333931", "QTY+153:5"), number=1)
    no_bgm = [s for s in a_message(*a_line(1, "4006381333931", "QTY+153:9"), number=2) if "BGM" not in s]
    unknown = a_message(*a_line(1, "4006381333931", "QTY+153:9"), number=3, kind="ORDERS:D:96A:UN")
    odd = a_message(*a_line(1, "4006381333931", "QTY+153:9"), number=4, bgm="BGM+73E+R4+99")
    cut = a_message(*a_line(1, "4006381333931", "QTY+153:9"), number=5)[:-1]
    outcome = edi.take("a.edi", an_interchange(good, no_bgm, unknown, odd, cut))
    assert edi.sold("sold_quantity") == [(Decimal(5),)]
    assert outcome.reasons == {
        "missing_document": 1, "unknown_function": 1, "truncated_message": 1,
    }  # fmt: skip


def test_a_truncated_file_lands_its_whole_messages_only(edi: Edi) -> None:
    first = a_message(*a_line(1, "4006381333931", "QTY+153:5"), number=1)
    second = a_message(
        *a_line(1, "4006381333931", "QTY+153:9"), *a_line(2, "4006381333948", "QTY+153:8"), number=2
    )
    content = an_interchange(first, second)
    outcome = edi.take("a.edi", content[: content.index("QTY+153:8") + 5])
    assert edi.sold("sold_quantity") == [(Decimal(5),)]
    assert outcome.reasons == {"truncated_message": 2}


def test_segments_outside_a_message_are_faults(edi: Edi) -> None:
    outcome = edi.take("a.edi", PLAIN.replace("UNZ", "QTY+153:4'UNZ"))
    assert outcome.reasons == {"segment_out_of_place": 1}
    assert edi.sold() == PLAIN_ROWS


@pytest.mark.parametrize(
    ("severity", "state", "accepted", "failed"),
    [
        ("ignore", "landed", 2, "0"),
        ("note", "landed", 2, "1"),
        ({"lines": "reject"}, "landed", 2, "1"),
        ("quarantine", "rejected", 0, "1"),
        ({"trailers": "reject"}, "rejected", 0, None),
    ],
)
def test_control_totals_have_the_profiles_severity(
    edi: Edi, severity: Any, state: str, accepted: int, failed: str | None
) -> None:
    lost = PLAIN.replace("QTY+61:1:PCE'", "")
    outcome = edi.take("a.edi", lost, control_totals=severity)
    assert (outcome.state, outcome.rows_accepted) == (state, accepted)
    batch = edi.desk.ledger.batches("feeds")[0]
    assert batch.totals.get("controls_failed") == failed
    if severity == "note":
        assert batch.totals["control_01"] == "segment 12, UNT: the number of segments is 12, found 11"
    if severity == "quarantine":
        assert outcome.reasons == {"control_total": 2}
    if failed is None:
        assert outcome.reason_code == "control_total"
        assert "row 12, column 'UNT', value '12'" in str(outcome.reason)


def controls(edi: Edi, content: str, **container: Any) -> tuple[FileOutcome, str, list[str]]:
    """What becomes of a file, how many of its control totals do not hold, and what is said of those."""
    outcome = edi.take(f"{abs(hash(content))}.edi", content, **container)
    totals = edi.desk.ledger.batches("feeds")[-1].totals
    return outcome, totals["controls_failed"], [v for k, v in totals.items() if k.startswith("control_")]


@pytest.mark.parametrize(
    ("stated", "failed"),
    [
        ("9", "0"),  # 5 + 1 + 3 pieces
        ("7", "0"),  # 5 - 1 + 3: returned ones deducted
        ("9.0", "0"),
        ("8", "1"),
    ],
)
def test_a_sum_of_quantities_is_held_against_those_of_its_message(edi: Edi, stated: str, failed: str) -> None:
    lines = [*a_line(1, "4006381333931", "QTY+153:5", "QTY+61:1"), *a_line(2, "4006381333948", "QTY+153:3")]
    other = a_message(*a_line(1, "4006381333931", "QTY+153:100"), number=2, bgm="BGM+73E+R2+9")
    content = an_interchange(a_message(*lines, "UNS+S", f"CNT+1:{stated}", "CNT+2:2"), other)
    assert controls(edi, content)[1] == failed
    outcome, _, said = controls(edi, content + " ", control_totals={"hash_totals": "quarantine"})
    assert outcome.rows_quarantined == (2 if failed == "1" else 0)
    assert said == (["segment 11, CNT+1: the sum of quantities is 8, found 9"] if failed == "1" else [])


@pytest.mark.parametrize(
    ("stated", "failed"),
    # By hand: 3.25 - 0.45 + 2.7 = 5.5; without points and signs 325 + 45 + 27 = 397.
    [("5.5", "0"), ("397", "0"), ("4.5", "1")],
)
def test_a_hash_total_of_x12_may_leave_out_points_and_signs(edi: Edi, stated: str, failed: str) -> None:
    content = x12("852", "XQ*H*20260104*20260110", "LIN**UP*400638133393", "ZA*QS*3.25*EA",
                  "LIN**UP*400638133409", "ZA*QS*-.45*EA", "LIN**UP*400638133416", "ZA*QS*2.7*EA",
                  f"CTT*3*{stated}")  # fmt: skip
    assert controls(edi, content, kind="x12")[1] == failed


@pytest.mark.parametrize(("total", "failed"), [("9", "0"), ("9.000", "0"), ("", "0"), ("10", "1")])
def test_a_quantity_is_held_against_the_stores_it_is_spread_over(edi: Edi, total: str, failed: str) -> None:
    content = x12("852", "XQ*H*20260104*20260110", "LIN**UP*400638133393", f"ZA*QS*{total}*EA",
                  "SDQ*EA*92*S1*4*S2*3", "SDQ*EA*92*S3*2", "LIN**UP*400638133409", "ZA*QS*1*EA")  # fmt: skip
    outcome, found, said = controls(edi, content, kind="x12")
    assert (outcome.rows_accepted, found) == (4, failed)
    if failed == "1":
        assert said == ["segment 6, ZA: the total of sold_quantity is 10, found 9"]
    outcome, _, _ = controls(edi, content + " ", kind="x12", control_totals={"store_totals": "quarantine"})
    assert outcome.reasons == ({"total_differs": 3} if failed == "1" else {})
    outcome = edi.take("r.x12", content + "  ", kind="x12", control_totals={"store_totals": "reject"})
    assert outcome.state == ("rejected" if failed == "1" else "landed")


@pytest.mark.parametrize(("total", "failed"), [("7", "0"), ("8", "1")])
def test_a_total_beside_stores_is_held_against_their_sum(edi: Edi, total: str, failed: str) -> None:
    detail = a_line(1, "4006381333931", f"QTY+153:{total}", "LOC+162+S1::9", "QTY+153:5",
                    "LOC+162+S2::9", "QTY+153:2")  # fmt: skip
    content = an_interchange(a_message(*detail))
    outcome, found, _ = controls(edi, content)
    assert (outcome.rows_accepted, outcome.rows_skipped, found) == (2, 1, failed)
    outcome, _, _ = controls(edi, content + " ", control_totals={"store_totals": "quarantine"})
    assert outcome.rows_quarantined == (3 if failed == "1" else 0)


@pytest.mark.parametrize(("total", "failed"), [("10", "0"), ("11", "1")])
def test_a_total_is_held_against_its_parts(edi: Edi, total: str, failed: str) -> None:
    detail = a_line(1, "4006381333931", f"QTY+145:{total}", "QTY+145:6", "QTY+145:4")
    content = an_interchange(a_message(*detail, kind="INVRPT:D:96A:UN:EAN004", bgm="BGM+35+R1+9"))
    settings: dict[str, Any] = {"messages": ["INVRPT"], "repeated_quantity": "first"}
    assert controls(edi, content, **settings)[1] == failed
    assert edi.landed("on_hand_quantity", "inventory") == [(Decimal(total),)]
    settings["control_totals"] = {"part_totals": "quarantine"}
    outcome, _, said = controls(edi, content + " ", **settings)
    assert outcome.reasons == ({"total_differs": 1} if failed == "1" else {})
    assert said == (
        ["segment 6, QTY: the total of on_hand_quantity is 11, found 10"] if failed == "1" else []
    )


def test_a_wrong_count_of_messages_may_quarantine_those_of_its_interchange(edi: Edi) -> None:
    content = PLAIN.replace("UNZ+1", "UNZ+2") + "\r\n" + PLAIN.replace("+77'", "+78'")
    outcome = edi.take("a.edi", content, control_totals={"trailers": "quarantine"})
    assert (outcome.rows_accepted, outcome.rows_quarantined) == (2, 2)
    content = x12("852", *ACTIVITY).replace("GE*1*1", "GE*3*1")
    outcome = edi.take("a.x12", content, kind="x12", control_totals={"trailers": "quarantine"})
    assert outcome.reasons == {"control_total": 1}


@pytest.mark.parametrize(
    ("severity", "state", "accepted", "quarantined", "skipped"),
    [
        (None, "landed", 1, 0, 3),
        ("ignore", "landed", 1, 0, 3),
        ("quarantine", "landed", 1, 3, 0),
        ("reject", "rejected", 0, 0, 0),
    ],
)
def test_messages_of_other_types_are_named_skipped_and_counted(
    edi: Edi, severity: str | None, state: str, accepted: int, quarantined: int, skipped: int
) -> None:
    ours = a_message(*a_line(1, "4006381333931", "QTY+153:5"), number=1)
    answer = ["UNH+2+CONTRL:D:3:UN", "UCI+77+A+B+7", "UNT+3+2"]
    order = a_message(*a_line(1, "4006381333931", "QTY+21:9"), *a_line(2, "4006381333948", "QTY+21:3"),
                      number=3, kind="ORDERS:D:96A:UN", bgm="BGM+220+O1+9")  # fmt: skip
    container = {} if severity is None else {"other_messages": severity}
    outcome = edi.take("a.edi", an_interchange(ours, answer, order), **container)
    assert (outcome.state, outcome.rows_accepted, outcome.rows_quarantined, outcome.rows_skipped) == (
        state, accepted, quarantined, skipped,
    )  # fmt: skip
    if severity is None:
        totals = edi.desk.ledger.batches("feeds")[-1].totals
        assert (totals["other_messages"], totals["controls_failed"]) == ("2", "0")
        assert totals["control_01"] == (
            "segment 8: 1 message(s) of the type CONTRL, skipped: the profile reads SLSRPT"
        )
        assert "ORDERS" in totals["control_02"]


def test_a_file_of_other_messages_only_is_rejected_with_their_names(edi: Edi) -> None:
    stock = a_message(*a_line(1, "4006381333931", "QTY+145:5"), kind="INVRPT:D:96A:UN", bgm="BGM+35+R1+9")
    outcome = edi.take("a.edi", an_interchange(stock))
    assert (outcome.state, outcome.reason_code) == ("rejected", "other_messages")
    assert "INVRPT; the profile reads SLSRPT" in str(outcome.reason)


FOREIGN = {
    "SLSRPT": (
        an_interchange(a_message(*a_line(1, "4006381333931", "QTY+152:5"))),
        {},
        "152",
        "QTY 152 (1)",
    ),
    "852": (
        x12("852", "XQ*H*20260105*20260111", "LIN*1*EN*4006381333931", "ZA*TS**EA", "SDQ*EA*92*S1*5*S2*6",
            "ZA*OH*9*EA", "LIN*2*EN*4006381333948", "ZA*OH*7*EA"),
        {"kind": "x12"},
        "TS",
        "ZA TS (1), ZA OH (2)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOREIGN)
def test_quantities_that_the_profile_does_not_read_are_no_reported_zero(edi: Edi, kind: str) -> None:
    content, container, first, named = FOREIGN[kind]
    edi.take("a.edi", an_interchange(a_message(*a_line(1, "4006381333931", "QTY+153:5"))))
    outcome = edi.take("b.edi", content, **container)
    assert (outcome.state, outcome.reason_code) == ("rejected", "no_figures")
    assert f"value '{first}'" in str(outcome.reason)
    assert named in str(outcome.reason)
    assert edi.live() == {"2026-W02": Decimal(5)}


def test_quantities_that_the_profile_leaves_out_are_a_reported_zero(edi: Edi) -> None:
    content = an_interchange(a_message(*a_line(1, "4006381333931", "QTY+152:5")))
    outcome = edi.take("a.edi", content, ignored_quantities=["152"])
    assert (outcome.state, outcome.rows_skipped) == ("landed", 1)
    assert edi.live() == {"2026-W02": Decimal(0)}


@pytest.mark.parametrize(
    ("content", "container"),
    [
        (an_interchange(a_message(*["LIN+1++55111:ND", "IMD+F++:::Pump", "QTY+153:5"])), {}),
        (x12("852", "XQ*H*20260105*20260111", "LIN*1*ND*55111*PD*Pump", "ZA*QS*5*EA"), {"kind": "x12"}),
        (x12("852", "XQ*H*20260105*20260111", "LIN*1*ND*55111", "ZA*QS**EA", "SDQ*EA*92*S1*5"),
         {"kind": "x12"}),
    ],
)  # fmt: skip
def test_a_product_under_unread_qualifiers_is_a_fault_that_says_where_to_name_them(
    edi: Edi, content: str, container: dict[str, Any]
) -> None:
    outcome = edi.take("a.edi", content, **container)
    assert outcome.reasons == {"unnamed_product": 1}
    ((reason, raw),) = edi.landed("reason, raw_text", "quarantine")
    assert "'products'" in reason
    assert ("55111" in raw) or raw.startswith("SDQ")


def test_a_setting_that_came_later_has_files_read_again_where_it_is_used() -> None:
    """Files have landed under this fingerprint before there was `products`."""
    assert a_profile().fingerprint() == "10062f453a93d76d"
    assert a_profile(products={"gtin": ["ZZ"]}).fingerprint() != "10062f453a93d76d"


@pytest.mark.parametrize(
    ("content", "container"),
    [
        (an_interchange(a_message("LIN+1", "QTY+153:5")), {}),
        (an_interchange(a_message("LIN+1", "IMD+F++:::Pump", "QTY+153:5")), {}),
        (x12("852", "XQ*H*20260105*20260111", "LIN*1*PD*Pump", "ZA*QS*5*EA"), {"kind": "x12"}),
    ],
)
def test_a_line_without_a_code_names_no_product(edi: Edi, content: str, container: dict[str, Any]) -> None:
    outcome = edi.take("a.edi", content, **container)
    assert outcome.reasons == {"missing_product": 1}


STOCK = {"kind": "INVRPT:D:96A:UN", "bgm": "BGM+35+R2+9"}


@pytest.mark.parametrize("lines", [a_line(1, "4006381333931", "QTY+145:9"), []])
def test_a_stock_report_leaves_the_sales_of_its_period(edi: Edi, lines: list[str]) -> None:
    both = {"messages": ["SLSRPT", "INVRPT"]}
    edi.take("a.edi", an_interchange(a_message(*a_line(1, "4006381333931", "QTY+153:5")), number="1"), **both)
    outcome = edi.take("b.edi", an_interchange(a_message(*lines, **STOCK), number="2"), **both)
    assert outcome.state == "landed"
    assert edi.live() == {"2026-W02": Decimal(5)}


def test_an_activity_report_of_stock_alone_says_nothing_of_sales(edi: Edi) -> None:
    sold = x12("852", "XQ*H*20260105*20260111", "LIN*1*EN*4006381333931", "ZA*QS*5*EA")
    stock = x12("852", "XQ*H*20260105*20260111", "LIN*1*EN*4006381333931", "ZA*QA*9*EA")
    edi.take("a.edi", sold, kind="x12")
    edi.take("b.edi", stock.replace("000000007", "000000008"), kind="x12")
    assert edi.live() == {"2026-W02": Decimal(5)}
    assert edi.landed("on_hand_quantity", "inventory") == [(9,)]


def test_check_tells_control_totals(edi: Edi, tmp_path: Path) -> None:
    path = tmp_path / "a.edi"
    path.write_text(PLAIN.replace("UNZ+1", "UNZ+2"))
    report = check_file(path, a_profile(), "sales")
    assert report.would_land
    assert report.controls["control_01"].endswith("UNZ: the number of messages is 2, found 1")


# --- functions ---


def sales(units: int, document: str, function: str = "9", *, head: tuple[str, ...] = (), number: str = "1",
          day: str = "20260108", message: int = 1) -> str:  # fmt: skip
    return an_interchange(
        sales_message(units, document, function, head=head, day=day, number=message), number=number
    )


def sales_message(units: int, document: str, function: str = "9", *, head: tuple[str, ...] = (),
                  day: str = "20260108", number: int = 1) -> list[str]:  # fmt: skip
    return a_message(
        *a_line(1, "4006381333931", f"QTY+153:{units}"),
        bgm=f"BGM+73E+{document}+{function}", head=(f"DTM+356:{day}:102", *head), number=number,
    )  # fmt: skip


W02 = "2026-W02"
A = ("RFF+ACW:A",)


@pytest.mark.parametrize(
    ("files", "units"),
    [
        ([sales(5, "A")], 5),
        ([sales(5, "A"), sales(7, "B")], 7),
        ([sales(5, "A"), sales(7, "B", "5")], 7),
        ([sales(5, "A"), sales(7, "B", "5", head=("RFF+ACW:A",))], 7),
        ([sales(5, "A"), sales(2, "B", "2")], 7),
        ([sales(5, "A"), sales(2, "B", "2"), sales(3, "C", "2")], 10),
        ([sales(5, "A"), sales(2, "B", "2"), sales(4, "C", "5", head=("RFF+ACW:B",))], 9),
        ([sales(5, "A"), sales(2, "B", "2"), sales(4, "C", "5", head=("RFF+ACW:unknown",))], 4),
        ([sales(5, "A"), sales(2, "B", "2"), sales(5, "C", "1", head=("RFF+ACW:A",))], 2),
        ([sales(5, "A"), sales(5, "A", "31", number="2")], 5),
        ([sales(5, "A"), sales(7, "B"), sales(5, "A", "6", number="2")], 7),
        ([sales(5, "A", "31")], 5),
        ([sales(5, "A", "31"), sales(5, "A", number="2")], 5),
        ([sales(5, "A"), sales(2, "B", "2"), sales(9, "C")], 9),
        ([sales(5, "A"), sales(1, "A", "1", number="2"), sales(6, "B")], 6),
        ([an_interchange(sales_message(5, "A"), sales_message(2, "B", "2", number=2))], 7),
        ([an_interchange(sales_message(5, "A"), sales_message(7, "B", "5", head=A, number=2))], 7),
        ([an_interchange(sales_message(5, "A"), sales_message(5, "A", "7", number=2))], 5),
        ([an_interchange(*(sales_message(5, "A", number=n) for n in (1, 2, 3)))], 15),
        ([sales(1, "X"), an_interchange(*(sales_message(5, "A", "5", number=n) for n in (1, 2)))], 10),
        ([sales(5, "A") + sales(6, "A", "5", number="2") + sales(7, "A", "5", number="3")], 7),
        ([sales(5, "A") + sales(5, "A")], 5),
        ([sales(5, "A") + sales(5, "A", number="2")], 10),
        ([sales(5, "A") + sales(6, "A")], 11),
    ],
)  # fmt: skip
def test_message_functions_decide_what_is_live(edi: Edi, files: list[str], units: int) -> None:
    for i, content in enumerate(files):
        assert edi.take(f"{i}.edi", content).state == "landed"
    assert edi.live() == {W02: Decimal(units)}


def test_cancelling_the_only_report_leaves_the_period_unreported_and_pending(edi: Edi) -> None:
    edi.take("a.edi", sales(5, "A"))
    edi.desk.ledger.clear_pending(edi.desk.ledger.pending_sequence())
    outcome = edi.take("b.edi", sales(5, "B", "1", head=("RFF+ACW:A",), number="2"))
    assert outcome.state == "landed"
    assert edi.live() == {}
    assert [batch.state for batch in edi.desk.ledger.batches("feeds")] == ["superseded", "landed"]
    pending = edi.desk.ledger._connection.execute("select slice_key, reason from pending").fetchall()
    assert [tuple(row) for row in pending] == [("D07|sales|2026-W02", "retired")]


def test_the_same_bytes_after_a_cancellation_stay_a_duplicate_and_other_bytes_count(edi: Edi) -> None:
    edi.take("a.edi", sales(5, "A"))
    edi.take("b.edi", sales(5, "B", "1", head=("RFF+ACW:A",), number="2"))
    assert edi.take("a_again.edi", sales(5, "A")).state == "duplicate"
    assert edi.live() == {}
    assert edi.take("anew.edi", sales(5, "A", number="3")).state == "landed"
    assert edi.live() == {W02: Decimal(5)}


def test_cancelling_what_never_came_is_said_and_changes_nothing(edi: Edi) -> None:
    edi.take("a.edi", sales(5, "A"))
    edi.take("b.edi", sales(5, "Z", "1", number="2"))
    assert edi.live() == {W02: Decimal(5)}
    assert (
        edi.desk.ledger.batches("feeds")[1].totals["control_01"] == "segment 2: cancels Z, which has not come"
    )


def test_a_replacement_spares_the_other_documents_of_its_slice(edi: Edi) -> None:
    three = an_interchange(*(sales_message(5, f"A{n}", number=n) for n in (1, 2, 3)))
    edi.take("a.edi", three)
    edi.take("b.edi", sales(1, "B", "5", head=("RFF+ACW:A2",)))
    assert edi.live() == {W02: Decimal(11)}


def test_a_number_that_comes_back_is_taken_back_in_its_own_period(edi: Edi) -> None:
    edi.take("a.edi", sales(5, "1"))
    edi.take("b.edi", sales(6, "1", day="20260115"))
    edi.take("c.edi", sales(4, "1", "5", number="3"))
    assert edi.live() == {W02: Decimal(4), "2026-W03": Decimal(6)}


def test_an_addition_read_again_under_a_new_profile_counts_once(edi: Edi) -> None:
    edi.take("a.edi", sales(5, "A"))
    edi.take("b.edi", sales(2, "B", "2"))
    (edi.desk.inbox / "D07/a.edi").unlink()
    edi.desk.take(sales=a_profile(price_basis="unit"))
    assert edi.live() == {W02: Decimal(7)}


def test_a_report_without_lines_is_a_reported_zero(edi: Edi) -> None:
    outcome = edi.take("a.edi", an_interchange(a_message()))
    assert outcome.state == "landed"
    assert edi.live() == {W02: Decimal(0)}


def test_a_sender_of_one_file_per_store_says_so(edi: Edi) -> None:
    for n in (1, 2, 3):
        edi.take(f"{n}.edi", sales(5, f"A{n}"), functions={"9": "add"})
    assert edi.live() == {W02: Decimal(15)}


# --- X12 ---


ACTIVITY = ("XQ*H*20260104*20260110", "N1*ST*SHOP*92*S1", "LIN**UP*400638133393*VN*OUR1",
            "ZA*QS*5*EA", "ZA*QU*1*EA", "ZA*QA*30*EA", "CTT*1")  # fmt: skip


def test_a_sender_of_one_852_per_store_says_so(edi: Edi) -> None:
    def of_store(store: str, units: int) -> str:
        detail = ("LIN**EN*4006381333931", f"ZA*QS*{units}*EA")
        return x12("852", "XQ*H*20260105*20260111", f"N1*ST**92*{store}", *detail)

    for functions, units in (({"": "add"}, 12), ({}, 7)):
        for store, sold in (("1", 5), ("2", 7)):
            edi.take(f"{len(functions)}{store}.x12", of_store(store, sold), kind="x12", functions=functions)
        assert edi.live() == {W02: Decimal(units)}


def test_an_original_that_adds_and_comes_again_is_noted(edi: Edi, tmp_path: Path) -> None:
    add = {"9": "add"}
    edi.take("a.edi", sales(5, "A"), functions=add)
    edi.take("b.edi", sales(6, "B", number="2"), functions=add)
    edi.take("c.edi", sales(5, "A", number="3"), functions=add)
    noted = [batch.totals.get("control_01", "") for batch in edi.desk.ledger.batches("feeds")]
    assert [text.partition(": ")[2][:17] for text in noted] == ["", "", "A has come before"]


@pytest.mark.parametrize(
    "content",
    [
        x12("852", *ACTIVITY),
        x12("852", *ACTIVITY, padded=False),
        x12("852", *ACTIVITY, end="~\n"),
        x12("852", *ACTIVITY, end="~\r\n    "),
        x12("852", *ACTIVITY, end="\n"),
        x12("852", *ACTIVITY, end="\r\n"),
        x12("852", *ACTIVITY, element="^"),
        x12("852", *ACTIVITY, element="|", end="\x1c"),
        "\ufeff".encode().decode("latin-1") + x12("852", *ACTIVITY),
        x12("852", *ACTIVITY)[x12("852", *ACTIVITY).index("GS*") :],
        x12("852", *ACTIVITY)[x12("852", *ACTIVITY).index("ST*852") : x12("852", *ACTIVITY).index("GE*")],
        x12("852", *ACTIVITY).replace("SE*9", "SE*8").replace("CTT*1", "CTT*4"),
    ],
)
def test_an_852_however_it_is_written(edi: Edi, content: str) -> None:
    outcome = edi.take("a.x12", content, kind="x12")
    assert outcome.state == "landed", outcome.reason
    columns = "store_code, gtin, product_code, sold_quantity, returned_quantity, period_start_date::varchar"
    assert edi.sold(columns) == [("S1", "400638133393", "OUR1", Decimal(5), Decimal(1), "2026-01-05")]
    assert edi.desk.rows("on_hand_quantity, stock_date::varchar", "inventory") == [
        (Decimal(30), "2026-01-10")
    ]


def test_store_pairs_stand_for_the_total_before_them(edi: Edi) -> None:
    content = x12(
        "852", "XQ*H*20260104*20260110", "LIN**UP*400638133393",
        "ZA*QS*9*EA", "SDQ*EA*92*S1*4*S2*3", "SDQ*EA*92*S3*2",
        "ZA*QA*50*EA", "SDQ*EA*92*S1*20*S2*30",
        "LIN**UP*400638133409", "ZA*QS*6*EA", "ZA*QP*8*EA",
    )  # fmt: skip
    outcome = edi.take("a.x12", content, kind="x12")
    assert edi.sold("store_code, sold_quantity") == [
        ("S1", Decimal(4)), ("S2", Decimal(3)), ("S3", Decimal(2)), (None, Decimal(6)),
    ]  # fmt: skip
    assert edi.desk.rows("store_code, on_hand_quantity", "inventory") == [
        ("S1", Decimal(20)),
        ("S2", Decimal(30)),
    ]
    assert edi.sold("_source_row, _source_column")[:2] == [(7, "SDQ03"), (7, "SDQ05")]
    assert outcome.rows_accepted == 6


@pytest.mark.parametrize(
    ("settings", "amounts"),
    # By hand: 2.50 x 4, x 3, less 2.50 x 1 returned. What is of the line says nothing of one store.
    [
        ({"price_basis": "unit"}, ["10.0000", "7.5000", "-2.5000"]),
        ({"price_basis": "unit", "amounts": ["M"]}, [None, None, None]),
        ({"price_basis": "line"}, [None, None, None]),
    ],
)
def test_the_price_of_a_unit_holds_in_each_store_of_the_pairs(
    edi: Edi, settings: dict[str, Any], amounts: list[str | None]
) -> None:
    edi.take(
        "a.x12",
        x12("852", "XQ*H*20260104*20260110", "LIN**UP*400638133393", "CTP**RTL*2.50", "AMT*M*15",
            "ZA*QS*7*EA", "SDQ*EA*92*S1*4*S2*3", "ZA*QU*1*EA", "SDQ*EA*92*S1*1"),
        kind="x12",
        **settings,
    )  # fmt: skip
    assert edi.sold("net_amount::varchar") == [(amount,) for amount in amounts]


def test_an_odd_pair_and_a_pair_without_quantity_are_faults(edi: Edi) -> None:
    content = x12("852", "XQ*H*20260104*20260110", "LIN**UP*400638133393", "ZA*QS*4*EA", "SDQ*EA*92*S1*4*S2",
                  "LIN**UP*400638133409", "SDQ*EA*92*S1*4")  # fmt: skip
    outcome = edi.take("a.x12", content, kind="x12")
    assert outcome.reasons == {"missing_quantity": 2, "segment_out_of_place": 1}


TRANSFER = ("BPT*00*D1*20260110", "DTM*090*20260104", "DTM*091*20260110", "CUR*SE*EUR")


@pytest.mark.parametrize(
    "detail",
    [
        ("PTD*SS", "N1*ST*SHOP*92*S1", "QTY*32*5*EA", "LIN**UK*04006381333931", "UIT*EA*2.5"),
        ("PTD*SS", "N1*ST*SHOP*92*S1", "LIN**UK*04006381333931", "UIT*EA*2.5", "QTY*39*5*EA"),
    ],
)
def test_an_867_with_the_quantity_before_or_after_the_line(edi: Edi, detail: tuple[str, ...]) -> None:
    second = tuple(s.replace("S1", "S2").replace("*5*", "*3*").replace("3931", "3948") for s in detail)
    edi.take(
        "a.x12",
        x12("867", *TRANSFER, *detail, *second, "CTT*2"),
        kind="x12",
        messages=["867"],
        price_basis="unit",
    )
    assert edi.sold("store_code, gtin, sold_quantity, net_amount, document_number") == [
        ("S1", "04006381333931", Decimal(5), Decimal("12.5"), "D1"),
        ("S2", "04006381333948", Decimal(3), Decimal("7.5"), "D1"),
    ]


def test_several_lines_of_one_transfer(edi: Edi) -> None:
    lines = ("QTY*32*5*EA", "LIN**UK*04006381333931", "QTY*32*3*EA", "LIN**UK*04006381333948")
    swapped = ("LIN**UK*04006381333931", "QTY*32*5*EA", "LIN**UK*04006381333948", "QTY*32*3*EA")
    for name, detail in (("a", lines), ("b", swapped)):
        edi.take(f"{name}.x12", x12("867", *TRANSFER, "PTD*SS", *detail), kind="x12", messages=["867"])
        assert edi.sold("gtin, sold_quantity")[-2:] == [
            ("04006381333931", Decimal(5)), ("04006381333948", Decimal(3)),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "sold", "returned", "skipped", "faults"),
    [
        ("SS", 5, 0, 0, 0), ("SD", 5, 0, 0, 0), ("DS", 5, 0, 0, 0), ("BN", 0, 5, 0, 0),
        ("PA", None, None, 1, 0), ("BB", None, None, 1, 0), ("SU", None, None, 1, 0),
        ("??", None, None, 0, 1),
    ],
)  # fmt: skip
def test_transfer_types(edi: Edi, kind: str, sold: int, returned: int, skipped: int, faults: int) -> None:
    content = x12("867", *TRANSFER, f"PTD*{kind}", "QTY*32*5*EA", "LIN**UK*04006381333931",
                  "PTD*SS", "QTY*32*1*EA", "LIN**UK*04006381333931")  # fmt: skip
    outcome = edi.take("a.x12", content, kind="x12", messages=["867"])
    assert (outcome.rows_skipped, outcome.rows_quarantined) == (skipped, faults)
    assert edi.sold("sold_quantity, returned_quantity")[:-1] == (
        [] if sold is None else [(Decimal(sold), Decimal(returned))]
    )


def test_an_867_that_replaces_names_what_it_replaces(edi: Edi) -> None:
    detail = ("PTD*SS", "QTY*32*5*EA", "LIN**UK*04006381333931")
    edi.take("a.x12", x12("867", *TRANSFER, *detail), kind="x12", messages=["867"])
    head = ("BPT*05*D2*20260110*****D1", *TRANSFER[1:])
    edi.take(
        "b.x12", x12("867", *head, *(s.replace("*5*", "*2*") for s in detail)), kind="x12", messages=["867"]
    )
    assert edi.live() == {W02: Decimal(2)}


# --- profiles ---


def test_a_profile_of_edi_has_no_columns_of_its_own() -> None:
    with pytest.raises(ValueError, match="expected no 'columns' with an EDI container"):
        Profile.model_validate(a_profile().model_dump() | {"container": {"kind": "edifact"}})


def test_a_delimited_file_is_not_taken_for_edi(edi: Edi) -> None:
    outcome = edi.take("a.csv", "Ref;Qty\nA;1\n")
    assert (outcome.state, outcome.reason_code) == ("rejected", "wrong_container")
    outcome = edi.take("b.x12", x12("852", *ACTIVITY))
    assert outcome.reason is not None
    assert "state kind: x12" in outcome.reason


# --- real files ---


def test_a_real_sales_report_gives_what_its_converter_gave(edi: Edi) -> None:
    """Lines as another program converted them: day, store, GTIN, quantity, amount without sign.

    The file holds a second interchange with the same lines, which the converter did not see.
    """
    content = sample("edifact/bots_nl_20080401_D96A_EAN004.edi").read_bytes()
    expected = [
        (row[0], row[1], row[2], Decimal(row[3]), Decimal(row[4].replace(",", ".")))
        for row in csv.reader(
            sample("edifact/bots_nl_20080401.expected.csv").read_text("latin-1").splitlines(), delimiter=";"
        )
    ]
    edi.take("a.edi", content, price_basis="line", period={"frequency": "day"})
    landed = edi.sold(
        "strftime(sale_date, '%Y%m%d'), store_code, gtin, sold_quantity - returned_quantity, abs(net_amount)"
    )
    assert len(landed) == 2 * len(expected)
    assert landed[: len(expected)] == expected


def plainly_read(name: str, separators: str) -> list[list[list[str]]]:
    """A file without release characters, by the plainest of splits: segments, elements, components."""
    text = sample(name).read_text("utf-8-sig").replace("\r", "").replace("\n", "")
    component, element, segment = separators
    return [
        [part.split(component) for part in piece.strip().split(element)]
        for piece in text.split(segment)
        if piece.strip()
    ]


def test_a_real_stock_report_of_42_stores(edi: Edi) -> None:
    name = "edifact/rsedi_de_fashion_20220616_D96A_EAN004.edi"
    stock: dict[str, int] = {}
    store = ""
    for segment in plainly_read(name, ":+'"):
        store = segment[2][0] if segment[0] + segment[1] == ["NAD", "SN"] else store
        if segment[0] == ["QTY"]:
            stock[store] = stock.get(store, 0) + int(segment[1][1])
    edi.take("a.edi", sample(name).read_bytes(), messages=["INVRPT"], period={"frequency": "day"})
    landed = edi.desk.rows("store_code, on_hand_quantity", "inventory")
    assert len(landed) == 12_993
    sums: dict[str, int] = {}
    for store, quantity in landed:
        sums[store] = sums.get(store, 0) + int(quantity)
    assert sums == stock
    assert len(sums) == 42


def test_a_real_sales_report_on_one_line(edi: Edi) -> None:
    """Twelve pieces: 3 x 39.95, 2 x 39.95, 64.95, 2 x 11.95, 4 x 12.95 = 340.40."""
    content = (FIXTURES / "edifact/ediblime_de_shop_20260707_D96A_EAN004_oneline.edi").read_bytes()
    edi.take("a.edi", content, price_basis="unit", period={"frequency": "day"}, transaction=["SA"])
    columns = "count(*), sum(sold_quantity), sum(net_amount), min(store_code), min(transaction_id)"
    assert edi.landed(columns) == [(12, Decimal(12), Decimal("340.40"), "4260026610102", "76")]


@pytest.mark.parametrize(
    ("name", "accepted", "reasons"),
    [
        ("rsedi_valid_slsrpt_d96a_minimal", 1, {}),
        ("rsedi_valid_slsrpt_d96a_full", 2, {}),
        ("rsedi_invalid_slsrpt_d96a_line_without_qty", 1, {"missing_quantity": 1}),
        ("rsedi_invalid_slsrpt_d96a_missing_bgm", 0, {"missing_document": 1}),
    ],
)
def test_small_reports_good_and_broken(edi: Edi, name: str, accepted: int, reasons: dict[str, int]) -> None:
    outcome = edi.take("a.edi", (FIXTURES / f"edifact/{name}.edi").read_bytes())
    assert (outcome.rows_accepted, dict(outcome.reasons)) == (accepted, reasons)


def test_real_activity_reports(edi: Edi) -> None:
    edi.take("a.x12", sample("x12/synthetic_doc_4010.edi").read_bytes(), kind="x12")
    assert edi.landed("sum(sold_quantity), min(period_start_date)::varchar") == [(Decimal(70), "2026-08-31")]
    assert edi.landed("sum(on_hand_quantity)", "inventory") == [(Decimal(160),)]


def test_a_real_activity_report_whose_controls_do_not_fit(edi: Edi) -> None:
    edi.take(
        "a.x12",
        sample("x12/vics_4010_sample_852.edi").read_bytes(),
        kind="x12",
        quantities={"on_hand_quantity": ["QP"]},
        units={"CA": "CA"},
    )
    assert edi.landed("store_code, unit_code, on_hand_quantity", "inventory") == [
        ("00KESTJ00", "CA", Decimal(5))
    ]
    assert edi.desk.ledger.batches("feeds")[0].totals["controls_failed"] == "2"


def test_a_real_transfer_report_with_a_price_adjustment(edi: Edi) -> None:
    """15 boxes at 18.25 and 4 at 32.40 are sales; the adjustment of a price (PA) moves no unit."""
    outcome = edi.take(
        "a.x12",
        sample("x12/867_x12parser_Example1.txt").read_bytes(),
        kind="x12",
        messages=["867"],
        price_basis="unit",
        units={"BX": "BOX", "CA": "CTN"},
        currency="USD",
        period={"frequency": "month"},
        sale_date=["003"],
    )
    assert edi.landed("store_code, gtin, unit_code, sold_quantity, net_amount, sale_date::varchar") == [
        ("89KGH1140", "30387698433527", "BOX", Decimal(15), Decimal("273.75"), "2000-03-01"),
        (None, "30387698332615", "BOX", Decimal(4), Decimal("129.60"), "2000-03-01"),
    ]
    assert outcome.rows_skipped == 1
    assert edi.desk.ledger.batches("feeds")[0].totals["control_01"].endswith("marked as a test")


def test_a_transfer_report_with_sales_item_segments(edi: Edi) -> None:
    edi.take(
        "a.x12",
        sample("x12/867_synthetic_5010.edi").read_bytes(),
        kind="x12",
        messages=["867"],
        transfer_types={"PT": "sale"},
    )
    assert edi.landed("product_code, sold_quantity") == [("ITEM001", Decimal(100))]


# --- what a report says of its stores ---


def test_a_store_is_described_by_the_segment_that_names_it(edi: Edi) -> None:
    content = an_interchange(
        a_message(
            "LOC+162+S1::9:Lyon Trois", *a_line(1, "4006381333931", "QTY+153:1"),
            "LOC+162+:::Sans code", *a_line(2, "4006381333931", "QTY+153:2"),
        )
    )  # fmt: skip
    edi.take("a.edi", content)
    assert edi.sold("store_code, store_name") == [("S1", "Lyon Trois"), ("Sans code", "Sans code")]


def test_a_party_brings_name_street_city_and_postal_code(edi: Edi) -> None:
    party = "NAD+SN+3799900021013::9++Brico:Laval+8 bd des Loges+Laval++53000+FR"
    content = an_interchange(a_message(party, *a_line(1, "4006381333931", "QTY+153:1")))
    edi.take("a.edi", content, store=("NAD+SN",))
    assert edi.sold("store_code, store_name, store_address, store_city, postal_code") == [
        ("3799900021013", "Brico Laval", "8 bd des Loges", "Laval", "53000")
    ]


@pytest.mark.parametrize(
    ("parties", "accepted"),
    [
        ("NAD+SE+3799900001015::9'", 0),
        ("NAD+SU+3799900001015::9'", 1),
        ("NAD+BY+3799900001008::9'NAD+FR+3799900001015::9'", 1),
    ],
)
def test_the_first_party_that_may_be_the_sender_is_held_against_the_partner(
    edi: Edi, parties: str, accepted: int
) -> None:
    edi.desk.land_partners(D08="3799900001015")
    content = an_interchange(a_message(*a_line(1, "4006381333931", "QTY+153:1")))
    outcome = edi.take("a.edi", content.replace("LIN+", parties + "LIN+", 1))
    assert outcome.rows_accepted == accepted
