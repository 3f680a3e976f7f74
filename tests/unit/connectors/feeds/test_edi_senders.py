"""Other senders' reports, by the standards: what each of their ways to write a line must land as.

Every case is a whole file and the rows that a person reads in it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from .conftest import Desk
from .edi_files import Edi, a_message, an_interchange, x12

A, B = "4006381333931", "4006381333948"
STOCKS: dict[str, Any] = {"messages": ["INVRPT"], "period": {"frequency": "day"}}
TRANSFERS: dict[str, Any] = {"kind": "x12", "messages": ["867"], "price_basis": "unit"}


class Case(NamedTuple):
    """A file, the profile's settings, and the rows: columns depend on what the case is about."""

    content: str
    settings: dict[str, Any]
    columns: str
    rows: list[tuple[Any, ...]]
    entity: str = "sell_out"


def stock(*detail: str, version: str = "D:97A:UN", **head: Any) -> str:
    dates = ("DTM+137:20260108:102", "DTM+366:20260107:102")
    return an_interchange(
        a_message(*detail, kind=f"INVRPT:{version}", bgm="BGM+35+R1+9", head=head.get("dates", dates))
    )


def sales(*detail: str, version: str = "SLSRPT:D:96A:UN:EAN004", **message: Any) -> str:
    return an_interchange(a_message(*detail, kind=version, **message))


def activity(*detail: str, head: str = "XQ*H*20260105*20260111", **envelope: Any) -> str:
    return x12("852", head, *detail, **envelope)


def transfer(*detail: str) -> str:
    return x12("867", "BPT*00*D1*20260110", "DTM*090*20260105", "DTM*091*20260111", *detail)


def wrapped(content: str) -> list[str]:
    """The content cut into records, as mainframes write files."""
    return [content[start : start + 80] for start in range(0, len(content), 80)]


PLACE = "store_code, store_name, store_address, store_city, postal_code"
STORES = "store_code, gtin, on_hand_quantity"
SOLD = "store_code, gtin, sold_quantity, returned_quantity"
DAYS = "store_code, sold_quantity, period_start_date::varchar"
MONEY = "sold_quantity, returned_quantity, net_amount, currency_code"

CASES = {
    "INVRPT D.97A, quantities before INV": Case(
        stock(f"LIN+1++{A}:EN", "QTY+145:12:PCE", "INV+1", "LOC+14+W1::9",
              f"LIN+2++{B}:EN", "QTY+145:5:PCE", "INV+1"),
        STOCKS, STORES, [("W1", A, 12), (None, B, 5)], "inventory",
    ),
    "INVRPT D.01B, quantities after INV": Case(
        stock(f"LIN+1++{A}:SRV", "INV+2++1", "QTY+145:12:PCE", "LOC+14+W1::9",
              f"LIN+2++{B}:SRV", "INV+1", "QTY+145:5:PCE", version="D:01B:UN:EAN008"),
        STOCKS, STORES, [("W1", A, 12), (None, B, 5)], "inventory",
    ),
    "INVRPT D.01B, a line under each place": Case(
        stock("LOC+14+W1::9", f"LIN+1++{A}:SRV", "QTY+145:12", "QTY+124:1",
              "LOC+14+W2::9", f"LIN+2++{A}:SRV", "QTY+145:3", version="D:01B:UN:EAN008"),
        STOCKS, STORES, [("W1", A, 12), ("W2", A, 3)], "inventory",
    ),
    "INVRPT D.01B, places under each line, a total above them": Case(
        stock(f"LIN+1++{A}:SRV", "QTY+145:15", "LOC+14+W1::9", "QTY+145:12", "LOC+14+W2::9", "QTY+145:3",
              version="D:01B:UN:EAN008"),
        STOCKS, STORES, [("W1", A, 12), ("W2", A, 3)], "inventory",
    ),
    "INVRPT, a total and its parts under one qualifier": Case(
        stock(f"LIN+1++{A}:EN", "QTY+145:12", "QTY+145:7", "QTY+145:5", f"LIN+2++{B}:EN", "QTY+145:4"),
        STOCKS, STORES, [(None, A, 12), (None, B, 4)], "inventory",
    ),
    "INVRPT, stock and transit": Case(
        stock(f"LIN+1++{A}:EN", "QTY+145:12", "QTY+198:4", "QTY+157:9", "QTY+66:2"),
        STOCKS, "on_hand_quantity, in_transit_quantity", [(12, 4)], "inventory",
    ),
    "SLSRPT by store, then line": Case(
        sales("LOC+162+S1::9", f"LIN+1++{A}:EN", "QTY+153:5", "QTY+61:1",
              "LOC+162+S2::9", f"LIN+2++{A}:EN", "QTY+153:2"),
        {}, SOLD, [("S1", A, 5, 1), ("S2", A, 2, 0)],
    ),
    "SLSRPT by line, then store": Case(
        sales(f"LIN+1++{A}:EN", "LOC+162+S1::9", "QTY+153:5", "QTY+61:1", "LOC+162+S2::9", "QTY+153:2"),
        {}, SOLD, [("S1", A, 5, 1), ("S2", A, 2, 0)],
    ),
    "SLSRPT, stores as parties": Case(
        sales("NAD+SN+S1::9", f"LIN+1++{A}:EN", "QTY+153:5", "NAD+SN+S2::9", f"LIN+2++{A}:EN", "QTY+153:2"),
        {}, SOLD, [("S1", A, 5, 0), ("S2", A, 2, 0)],
    ),
    "SLSRPT, days below a store below a line": Case(
        sales(f"LIN+1++{A}:EN", "LOC+162+S1::9", "DTM+356:20260106:102", "QTY+153:5", "DTM+356:20260113:102",
              "QTY+153:6", "LOC+162+S2::9", "QTY+153:7"),
        {}, DAYS, [("S1", 5, "2026-01-05"), ("S1", 6, "2026-01-12"), ("S2", 7, "2026-01-05")],
    ),
    "SLSRPT, a day above the stores of a line": Case(
        sales(f"LIN+1++{A}:EN", "DTM+356:20260113:102", "LOC+162+S1::9", "QTY+153:5",
              "LOC+162+S2::9", "QTY+153:7"),
        {}, DAYS, [("S1", 5, "2026-01-12"), ("S2", 7, "2026-01-12")],
    ),
    "SLSRPT, the day of one store is not that of the next": Case(
        sales(f"LIN+1++{A}:EN", "LOC+162+S1::9", "DTM+356:20260113:102", "QTY+153:5",
              "LOC+162+S2::9", "QTY+153:7"),
        {}, DAYS, [("S1", 5, "2026-01-12"), ("S2", 7, "2026-01-05")],
    ),
    "SLSRPT in a functional group": Case(
        sales(f"LIN+1++{A}:EN", "QTY+153:5").replace("UNH", "UNG+SLSRPT+P+U+260105:0600+5+UN+D:96A'UNH")
        .replace("UNZ", "UNE+1+5'UNZ"),
        {}, SOLD, [(None, A, 5, 0)],
    ),
    "syntax 4: repetitions, and an asterisk released": Case(
        "UNA:+.?*'" + sales(f"LIN+1++{A}:SRV", "PIA+5+OUR:SA*THEIRS:IN", "IMD+F++:::X?*Y", "QTY+153:5,5")
        .replace("UNOC:3", "UNOC:4"),
        {}, "product_code, partner_product_code, product_label, sold_quantity",
        [("OUR", "THEIRS", "X*Y", Decimal("5.5"))],
    ),
    "syntax 3: an asterisk is text": Case(
        sales(f"LIN+1++{A}:EN", "IMD+F++:::X*Y", "QTY+153:5"), {}, "product_label", [("X*Y",)],
    ),
    "odd separators by UNA, released ones among them": Case(
        "UNA;#,\\ @"
        + sales("LOC+162+S1::9", f"LIN+1++{A}:EN", "IMD+F++:::A?'B", "QTY+153:5_5", "MOA+203:7_25")
        .replace(":", ";").replace("+", "#").replace("?", "\\").replace("'", "@").replace("_", ","),
        {}, "store_code, product_label, sold_quantity, net_amount",
        [("S1", "A@B", Decimal("5.5"), Decimal("7.25"))],
    ),
    "one currency for the message": Case(
        sales("CUX+2:USD:10", f"LIN+1++{A}:EN", "MOA+203:12", "QTY+153:5"), {}, MONEY, [(5, 0, 12, "USD")],
    ),
    "a currency of the amount": Case(
        sales(f"LIN+1++{A}:EN", "MOA+203:12:CHF", "QTY+153:5"), {}, MONEY, [(5, 0, 12, "CHF")],
    ),
    "a price of a hundred": Case(
        sales(f"LIN+1++{A}:EN", "PRI+AAA:250:CT:NTP:100:PCE", "QTY+153:5"),
        {"price_basis": "unit"}, MONEY, [(5, 0, Decimal("12.5"), "EUR")],
    ),
    "SLSRPT D.97A, a discount without its price before the price": Case(
        sales("LIN+1+114+OUR1:VP::91", "QTY+153:10:PCE", "PRI+AAA::DIS::1:PCE", "PRI+AAA:12.5:RES::1:PCE",
              version="SLSRPT:D:97A:ED:EDSR03"),
        {"price_basis": "unit"}, "product_code, sold_quantity, net_amount", [("OUR1", 10, 125)],
    ),
    "products by qualifiers of the sender": Case(
        sales("LIN+1++C1:VP", "PIA+5+55111:ND", "QTY+153:5", "LIN+2++7711:SA", f"PIA+5+{A}:EN", "QTY+153:4"),
        {"products": {"product_code": ["nd"], "partner_product_code": ["SA"]}},
        "gtin, product_code, partner_product_code, sold_quantity",
        [(None, "55111", None, 5), (A, None, "7711", 4)],
    ),
    "852, products by qualifiers of the sender": Case(
        activity("LIN*1*MF*C1*ND*55111*VN*7711", "ZA*QS*5*EA"),
        {"kind": "x12", "products": {"product_code": ["ND"], "partner_product_code": ["VN"]}},
        "gtin, product_code, partner_product_code, sold_quantity", [(None, "55111", "7711", 5)],
    ),
    "negative quantities, sign before and after": Case(
        sales(f"LIN+1++{A}:EN", "PRI+AAA:2.5", "QTY+153:-5", f"LIN+2++{B}:EN", "PRI+AAA:2", "QTY+153:3-"),
        {"price_basis": "unit"}, "sold_quantity, returned_quantity", [(0, 5), (0, 3)],
    ),
    "a period as a week": Case(
        sales(f"LIN+1++{A}:EN", "QTY+153:5", head=("DTM+356:202602:616",)), {}, DAYS,
        [(None, 5, "2026-01-05")],
    ),
    "a period as a month": Case(
        sales(f"LIN+1++{A}:EN", "QTY+153:5", head=("DTM+356:202601:610",)),
        {"period": {"frequency": "month"}}, DAYS, [(None, 5, "2026-01-01")],
    ),
    "a period by its two ends": Case(
        sales(f"LIN+1++{A}:EN", "QTY+153:5", head=("DTM+90:20260105:102", "DTM+91:20260111:102")), {}, DAYS,
        [(None, 5, "2026-01-05")],
    ),
    "no function stated": Case(
        sales(f"LIN+1++{A}:EN", "QTY+153:5", bgm="BGM+73E+R1"), {}, SOLD, [(None, A, 5, 0)],
    ),
    "852 by store, its first day blank": Case(
        activity("N1*ST*SHOP 1*92*S1", f"LIN**EN*{A}", "ZA*QS*5*EA", "N1*ST*SHOP 2*92*S2", f"LIN**EN*{A}",
                 "ZA*QS*6*EA", head="XQ*H**20260110"),
        {"kind": "x12"}, DAYS, [("S1", 5, "2026-01-05"), ("S2", 6, "2026-01-05")],
    ),
    "852 by line, then store": Case(
        activity(f"LIN**EN*{A}", "N1*ST*SHOP 1*92*S1", "ZA*QS*5*EA", "N1*ST*SHOP 2*92*S2", "ZA*QS*6*EA"),
        {"kind": "x12"}, SOLD, [("S1", A, 5, 0), ("S2", A, 6, 0)],
    ),
    "852 that names one day": Case(
        activity(f"LIN**EN*{A}", "ZA*QS*5*EA", head="XQ*H*20260110"), {"kind": "x12"}, DAYS,
        [(None, 5, "2026-01-05")],
    ),
    "852 with days of six digits": Case(
        activity(f"LIN**EN*{A}", "ZA*QS*5*EA", head="XQ*H*260105*260111"), {"kind": "x12"}, DAYS,
        [(None, 5, "2026-01-05")],
    ),
    "852 with circumflexes, lines after line ends": Case(
        activity(f"LIN**EN*{A}", "ZA*QS*5*EA", element="^", end="\r\r\n"), {"kind": "x12"}, SOLD,
        [(None, A, 5, 0)],
    ),
    "852 of 5010 with a repetition separator": Case(
        activity(f"LIN**EN*{A}", "ZA*QS*5*EA").replace("*U*00401*", "*^*00501*")
        .replace("004010", "005010VICS"),
        {"kind": "x12"}, SOLD, [(None, A, 5, 0)],
    ),
    "852 with a total of sales beside the sales": Case(
        activity(f"LIN**EN*{A}", "ZA*TS*5*EA", "ZA*QS*3*EA"), {"kind": "x12"}, SOLD, [(None, A, 3, 0)],
    ),
    "852 with negative sales": Case(
        activity(f"LIN**EN*{A}", "ZA*QS*-5*EA"), {"kind": "x12"}, SOLD, [(None, A, 0, 5)],
    ),
    "852 between an acknowledgement and another": Case(
        activity(f"LIN**EN*{A}", "ZA*QS*5*EA").replace("GS*", "TA1*1*260110*0600*A*000~GS*")
        .replace("GE*1*1", "ST*997*0002~AK1*PD*1~AK9*A*1*1*1~SE*4*0002~GE*2*1"),
        {"kind": "x12"}, SOLD, [(None, A, 5, 0)],
    ),
    "867, one store, quantities before their lines": Case(
        transfer("PTD*SS", "N1*ST*SHOP*92*S1", "QTY*39*5*EA", f"LIN**EN*{A}", "UIT*EA*2.5", "QTY*39*2*EA",
                 f"LIN**EN*{B}", "UIT*EA*3"),
        TRANSFERS, f"{SOLD}, net_amount", [("S1", A, 5, 0, Decimal("12.5")), ("S1", B, 2, 0, 6)],
    ),
    "867, one store, quantities after their lines, a price of a hundred": Case(
        transfer("PTD*SS", "N1*ST*SHOP*92*S1", f"LIN**EN*{A}", "UIT*EA*250*HP", "QTY*39*5*EA",
                 f"LIN**EN*{B}", "UIT*EA*3*PE", "QTY*39*2*EA"),
        TRANSFERS, f"{SOLD}, net_amount", [("S1", A, 5, 0, Decimal("12.5")), ("S1", B, 2, 0, 6)],
    ),
    "867, one line in two stores": Case(
        transfer("PTD*SS", f"LIN**EN*{A}", "UIT*EA*2.5", "N1*ST*SHOP*92*S1", "QTY*39*5*EA",
                 "N1*ST*SHOP*92*S2", "QTY*39*2*EA"),
        TRANSFERS, f"{SOLD}, net_amount", [("S1", A, 5, 0, Decimal("12.5")), ("S2", A, 2, 0, 5)],
    ),
    "867, two lines in each of two stores": Case(
        transfer("PTD*SS", "N1*ST*X*92*S1", f"LIN**EN*{A}", "QTY*32*5*EA", f"LIN**EN*{B}", "QTY*32*2*EA",
                 "N1*ST*Y*92*S2", f"LIN**EN*{A}", "QTY*32*3*EA", f"LIN**EN*{B}", "QTY*32*4*EA"),
        TRANSFERS, SOLD, [("S1", A, 5, 0), ("S1", B, 2, 0), ("S2", A, 3, 0), ("S2", B, 4, 0)],
    ),
    "867, a return by its qualifier": Case(
        transfer("PTD*SS", "QTY*76*5*EA", f"LIN**EN*{A}", "UIT*EA*2.5"), TRANSFERS, f"{SOLD}, net_amount",
        [(None, A, 0, 5, Decimal("-12.5"))],
    ),
    "867, what is no sale is left out": Case(
        transfer(*(segment for kind in ("SU", "BB", "IA", "SA", "PA", "RV") for segment in
                   (f"PTD*{kind}", "QTY*32*9*EA", f"LIN**EN*{B}")), "PTD*DS", "QTY*38*5*EA", f"LIN**EN*{A}"),
        TRANSFERS, SOLD, [(None, A, 5, 0)],
    ),
    "852 with the address of a store": Case(
        activity("N1*ST*SHOP 1*92*S1", "N2*ANNEXE", "N3*1 RUE HAUTE*BAT B", "N4*LYON**69001*FR",
                 f"LIN**EN*{A}", "ZA*QS*5*EA", "N1*ST*SHOP 2*92*S2", f"LIN**EN*{A}", "ZA*QS*6*EA"),
        {"kind": "x12"}, PLACE,
        [("S1", "SHOP 1", "1 RUE HAUTE BAT B", "LYON", "69001"), ("S2", "SHOP 2", None, None, None)],
    ),
    "852 by line, then store with its address": Case(
        activity(f"LIN**EN*{A}", "N1*ST*SHOP 1*92*S1", "N3*1 RUE HAUTE", "N3*BAT B", "N4*LYON*RHA*69001",
                 "ZA*QS*5*EA", "N1*ST*SHOP 2*92*S2", "N4*METZ**57000", "ZA*QS*6*EA"),
        {"kind": "x12"}, PLACE,
        [("S1", "SHOP 1", "1 RUE HAUTE BAT B", "LYON", "69001"), ("S2", "SHOP 2", None, "METZ", "57000")],
    ),
    "867, items of a sale": Case(
        transfer("PTD*SS", "N1*ST*SHOP*92*S1", f"SII*EN*{A}*5*EA*2.5", f"SII*EN*{B}*2*EA"),
        TRANSFERS, f"{SOLD}, net_amount", [("S1", A, 5, 0, Decimal("12.5")), ("S1", B, 2, 0, None)],
    ),
    "867, items of a sale, some of whose quantities are said again": Case(
        transfer("PTD*SS", f"SII*EN*{A}*5*EA", "QTY*39*5*EA", f"SII*EN*{B}*2*EA", f"SII*EN*{A}*3*EA",
                 "QTY*39*3*EA", "PTD*BN", "QTY*39*4*EA", f"SII*EN*{B}*4*EA", "PTD*SS", f"SII*EN*{B}*6*EA"),
        TRANSFERS, SOLD,
        [(None, A, 5, 0), (None, B, 2, 0), (None, A, 3, 0), (None, B, 0, 4), (None, B, 6, 0)],
    ),
    "867, a price of a hundred by the code of its CTP": Case(
        transfer("PTD*SS", f"LIN**EN*{A}", "CTP**UCP*250******HP", "QTY*39*5*EA"),
        TRANSFERS, f"{SOLD}, net_amount", [(None, A, 5, 0, Decimal("12.5"))],
    ),
    "867, a price of three where the profile says so": Case(
        transfer("PTD*SS", f"LIN**EN*{A}", "CTP**RES*1*3*EA", "QTY*39*6*EA"),
        {**TRANSFERS, "ctp_quantity": "basis"}, f"{SOLD}, net_amount", [(None, A, 6, 0, 2)],
    ),
    "867, a price from three on, as the standard reads it": Case(
        transfer("PTD*SS", f"LIN**EN*{A}", "CTP**RES*1*3*EA", "QTY*39*6*EA"),
        TRANSFERS, f"{SOLD}, net_amount", [(None, A, 6, 0, 6)],
    ),
    "SLSRPT in lower case": Case(
        sales("loc+162+S1::9", f"lin+1++{A}:en", "qty+153:5:pce", "qty+61:1"), {}, SOLD, [("S1", A, 5, 1)],
    ),
    "SLSRPT without UNA, with decimal commas": Case(
        sales(f"LIN+1++{A}:EN", "MOA+203:7,25", "QTY+153:5,5:PCE"), {},
        "sold_quantity, net_amount", [(Decimal("5.5"), Decimal("7.25"))],
    ),
    "SLSRPT, dates before BGM, parties and currency after it in any order": Case(
        sales("CUX+2:CHF", "NAD+SU+3012345000008::9", f"LIN+1++{A}:EN", "MOA+203:8", "PIA+1+X:IN",
              "QTY+153:5")
        .replace("BGM+73E+R1+9'DTM+356:20260108:102'", "DTM+356:20260108:102'BGM+73E+R1+9'"),
        {}, MONEY, [(5, 0, 8, "CHF")],
    ),
    "SLSRPT in records of eighty characters, an end-of-file mark behind": Case(
        "\r\n".join(wrapped(sales("LOC+162+S1::9", f"LIN+1++{A}:EN", "QTY+153:5", "IMD+F++:::BISCUIT SEC")))
        + "\r\n\x1a\r\n",
        {}, f"{SOLD}, product_label", [("S1", A, 5, 0, "BISCUIT SEC")],
    ),
    "two interchanges with blanks between and after": Case(
        sales(f"LIN+1++{A}:EN", "QTY+153:5") + " \r\n\t\n"
        + sales(f"LIN+1++{B}:EN", "QTY+153:2", bgm="BGM+73E+R2+9").replace("+77'", "+78'") + "\n\n  ",
        {}, SOLD, [(None, A, 5, 0), (None, B, 2, 0)],
    ),
    "INVRPT D.01B, the place within its INV, several kinds of stock": Case(
        stock(f"LIN+1++{A}:SRV", "INV+1", "LOC+14+W1::9", "QTY+145:12:PCE", "QTY+124:2:PCE", "INV+1",
              "LOC+14+W2::9", "QTY+145:3:PCE", version="D:01B:UN:EAN008"),
        STOCKS, STORES, [("W1", A, 12), ("W2", A, 3)], "inventory",
    ),
    "852, stores over several SDQ, in lower case": Case(
        activity(f"lin**en*{A}", "za*qs*9*ea", "sdq*ea*92*S1*2*S2*3", "sdq*ea*92*S3*4"), {"kind": "x12"},
        SOLD, [("S1", A, 2, 0), ("S2", A, 3, 0), ("S3", A, 4, 0)],
    ),
    "852, parties before the dates": Case(
        activity("XQ*H*20260105*20260111", f"LIN**EN*{A}", "ZA*QS*5*EA", head="N1*RL*SHOP*92*S1"),
        {"kind": "x12"}, SOLD, [("S1", A, 5, 0)],
    ),
    "867, a quantity before its line, prices and labels behind, an end-of-file mark": Case(
        transfer("PTD*SS*", "QTY*32*5*EA", f"LIN*1*EN*{A}*VN*OURS", "PID*F****BISCUIT", "UIT*EA*2.5",
                 "DTM*003*20260106") + "\r\n\x1a",
        TRANSFERS, "gtin, product_code, product_label, sold_quantity, net_amount",
        [(A, "OURS", "BISCUIT", 5, Decimal("12.5"))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_report_lands_as_it_reads(desk: Desk, name: str) -> None:
    case = CASES[name]
    edi = Edi(desk)
    outcome = edi.take("a.edi", case.content, **case.settings)
    assert outcome.state == "landed", outcome.reason
    assert (outcome.rows_quarantined, outcome.reasons) == (0, {})
    assert desk.ledger.batches("feeds")[-1].totals["controls_failed"] == "0"
    assert sorted(desk.rows(case.columns, case.entity), key=repr) == sorted(
        (tuple(Decimal(cell) if isinstance(cell, int) else cell for cell in row) for row in case.rows),
        key=repr,
    )


@pytest.mark.parametrize(
    ("segment", "reason", "value"),
    [
        ("QTY+153:5%:PCE", "unparseable_number", "5%"),
        ("QTY+153:fünf:PCE", "unparseable_number", "fünf"),
        ("QTY+153:5:KGM", "unknown_unit", "KGM"),
        ("QTY+61:-2", "negative_quantity", "-2"),
        ("QTY+999:5", "unknown_qualifier", None),
    ],
)
def test_what_cannot_be_read_is_quarantined_with_its_segment(
    desk: Desk, segment: str, reason: str, value: str | None
) -> None:
    outcome = Edi(desk).take("a.edi", sales(f"LIN+1++{A}:EN", segment, f"LIN+2++{B}:EN", "QTY+153:1"))
    assert (outcome.rows_accepted, outcome.reasons) == (1, {reason: 1})
    row, found, remedy = desk.faults("source_row, value, reason")[0]
    assert (row, found) == (6, value)
    assert len(remedy) > 20


def test_a_quantity_in_repetitions_is_a_fault_and_not_half_of_it(desk: Desk) -> None:
    content = sales(f"LIN+1++{A}:EN", "QTY+153:5*153:6", f"LIN+2++{B}:EN", "QTY+153:1")
    outcome = Edi(desk).take("a.edi", content.replace("UNOC:3", "UNOC:4"))
    assert (outcome.rows_accepted, outcome.rows_quarantined) == (1, 1)


@pytest.mark.parametrize("chunk", [40, 97, 256])
def test_an_address_is_read_whole_wherever_a_file_is_cut_for_reading(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("connectors.feeds.edi.segments._CHUNK", chunk)
    stores = range(1, 20)
    segments = [
        segment
        for store in stores
        for segment in (f"N1*ST*SHOP*92*S{store:02}", f"N3*{store} RUE HAUTE", "N4*LYON**69001",
                        f"LIN**EN*{A}", "ZA*QS*5*EA")
    ]  # fmt: skip
    outcome = Edi(desk).take("a.edi", activity(*segments), kind="x12")
    assert outcome.rows_accepted == 19
    assert desk.rows("store_code, store_address, store_city, postal_code") == [
        (f"S{store:02}", f"{store} RUE HAUTE", "LYON", "69001") for store in stores
    ]
