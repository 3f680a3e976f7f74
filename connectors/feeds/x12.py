"""Reader of X12 product activity (852) and product transfer and resale (867), 4010 and 5010.

What belongs here: the segments of these two transaction sets. What does not: what both families
share (`edi`), and the meaning of numbers and dates (`normalise`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from connectors.feeds.edi import reports
from connectors.feeds.edi.functions import Known
from connectors.feeds.edi.messages import (
    Dates,
    Grammar,
    Message,
    Product,
    day_of,
    meaning_of,
    product_of,
)
from connectors.feeds.edi.positions import Positions, tags_of
from connectors.feeds.edi.reader import Reader
from connectors.feeds.edi.reports import Report
from connectors.feeds.edi.segments import ELEMENT
from connectors.feeds.profile import X12, Function, Profile

# Codes (639) of a price of more than one unit: by the dozen, ten, hundred, thousand, …
_PRICE_BASES: Final = {
    **dict.fromkeys(("PN",), 10),
    **dict.fromkeys(("PD", "LD", "RD", "TD", "WD"), 12),
    **dict.fromkeys(("HP", "LC", "QH", "RC", "TC", "WC"), 100),
    **dict.fromkeys(("TP", "LM", "QS", "RM", "TM", "WM"), 1000),
    **dict.fromkeys(("TT",), 10_000),
    **dict.fromkeys(("HT",), 100_000),
}
# Stands for the qualifier that the quantity of an SII does not have.
_ITEM: Final = "SII"
_ACTIVITY: Final = Grammar(
    opens="ST",
    closes="SE",
    ends=frozenset({"ISA", "GS", "GE", "IEA", "CTT", "XQ"}),
    groups=frozenset({"LIN"}),
    lines=frozenset({"LIN"}),
    quantity=frozenset({"ZA"}),
    date="DTM",
    price={"CTP": 3},
    price_component=2,
    price_basis=_PRICE_BASES,
    amount="AMT",
    reference="REF",
    product=("PID",),
    pairs=frozenset({"SDQ"}),
    composite=False,
    parties=frozenset({"N1", "N2", "N3", "N4"}),
)
_TRANSFER: Final = replace(
    _ACTIVITY,
    ends=frozenset({"ISA", "GS", "GE", "IEA", "CTT", "BPT"}),
    groups=frozenset({"PTD"}),
    quantity=frozenset({"QTY"}),
    price={"UIT": 2, "CTP": 3},
    item=_ITEM,
)
_FUNCTIONS: Final[dict[str, Function]] = {
    "00": "original",
    "01": "cancel",
    "02": "add",
    "05": "replace",
    "07": "copy",
    "15": "copy",
    "18": "copy",
}
_TRANSFERS: Final = {
    "SS": "sale",
    "SD": "sale",
    "DS": "sale",
    "BN": "return",
    "RV": "skip",
    "IA": "skip",
    "SA": "skip",
    "PA": "skip",
    "BB": "skip",
    "SU": "skip",
}
# Activity codes (859) of the 852 that are none of the figures, and quantity qualifiers (673) of the 867.
_OTHER_QUANTITIES: Final = frozenset(
    [
        "QA",
        "QB",
        "QC",
        "QD",
        "QE",
        "QF",
        "QG",
        "QH",
        "QI",
        "QJ",
        "QK",
        "QL",
        "QM",
        "QN",
        "QO",
        "QP",
        "QQ",
        "QR",
        "QS",
        "QT",
        "QU",
        "QV",
        "QW",
        "QX",
        "QY",
        "QZ",
        "Q1",
        "Q2",
        "Q3",
        "Q4",
        "Q5",
        "TS",
        "OH",
        "HL",
        "01",
        "02",
        "17",
        "20",
        "21",
        "29",
        "32",
        "33",
        "38",
        "39",
        "76",
        "87",
        "V1",
        "V2",
        "V3",
        "PS",
        "RJ",
    ]
)
_PRODUCTS: Final = {
    **dict.fromkeys(("UP", "EN", "UK", "UA", "UI", "EO", "UE", "U2", "UX"), "gtin"),
    **dict.fromkeys(("VN", "VP", "VC", "VA", "MG", "MF", "MN"), "product_code"),
    **dict.fromkeys(("IN", "BP", "CB", "SK", "PN", "IT", "RN"), "partner_product_code"),
    "PD": "label",
}
# Elements that `unfold` adds behind those of an N1: address, then city, region and postal code.
_ADDRESS: Final = 7
_CITY: Final = 8
_PARTY_LENGTH: Final = 11
_XQ: Final = "XQ"
_BPT: Final = "BPT"
_SENDERS: Final = ("FR", "SE", "DB")
"""Parties who may be the one that reports."""


def load(
    connection: duckdb.DuckDBPyConnection, path: Path, profile: Profile, known: Known, file: str
) -> Report:
    """Load a file as `raw`; RejectedFile if it is no X12."""
    return reports.load(connection, path, profile, _X12(profile), known, file)


class _X12:
    def __init__(self, profile: Profile) -> None:
        container = profile.container
        if not isinstance(container, X12):
            raise TypeError(f"no X12 container: {container.kind}")
        self._settings = container
        self.grammar = _TRANSFER if "867" in container.messages else _ACTIVITY
        self._figures = {
            qualifier: figure for figure, qualifiers in container.figures.items() for qualifier in qualifiers
        }
        self._figures[_ITEM] = "sold_quantity"
        self._named_products = container.identifiers
        self._transfers = {**_TRANSFERS, **container.transfer_types}

    @property
    def period_dates(self) -> tuple[str, ...]:
        """Date qualifiers that name the period: the profile's, or the set's own segments."""
        return self._settings.period_dates or (_XQ, "090+091", "194+206", "582", _BPT)

    def quantity_meaning(self, qualifier: str, group: str | None) -> str:
        figure = meaning_of(qualifier, self._figures, self._settings.ignored_quantities, _OTHER_QUANTITIES)
        if group is None:
            return figure
        transfer = self._transfers.get(group)
        if transfer is None:
            return "fault"
        if transfer == "skip":
            return "other"
        if transfer == "return" and figure == "sold_quantity":
            return "returned_quantity"
        return figure

    def unfold(self, numbers: Positions, texts: pa.StringArray) -> tuple[Positions, pa.StringArray]:
        """Put the address of a party (N3, N4) behind its N1, and take an SII apart into LIN, QTY and UIT."""
        _, names = tags_of(texts)
        if not {"N3", "N4", "SII"} & set(names):
            return numbers, texts
        listed: list[str] = []
        counts = np.ones(len(texts), np.int64)
        party = -1
        for at, text in enumerate(texts.to_pylist()):
            values = text.split(ELEMENT)
            tag = values[0].strip().upper()
            if tag == "N1":
                party = len(listed)
            elif tag in ("N3", "N4") and party >= 0:
                listed[party] = _with_address(listed[party], tag, values)
            elif tag != "N2":
                party = -1
            parts = self._sale(values) if tag == "SII" else [text]
            counts[at] = len(parts)
            listed += parts
        return np.repeat(numbers, counts), pa.array(listed, pa.string())

    def _sale(self, values: list[str]) -> list[str]:
        """The segments that say what an SII says: product, quantity sold with its unit, price."""
        unit, price = _at(values, 4), _at(values, 5)
        segments = [["LIN", "", *values[1:3]], ["QTY", _ITEM, _at(values, 3), unit]]
        segments += [["UIT", unit, price]] if price.strip() else []
        return [ELEMENT.join(segment) for segment in segments]

    def read_head(self, reader: Reader, number: int, tag: str, elements: list[str]) -> None:
        head, message = reader.head, reader.head.message
        values = [element.strip() for element in elements]
        if tag == "ISA":
            reader.close_open_message()
            head.interchange, head.interchange_segment = _at(values, 13), number
            head.interchange_from = head.group_from = len(reader.messages)
            head.groups_in_interchange = 0
            head.is_test = _at(values, 15) == "T"
            head.sender = _at(values, 6) or None
            reader.judge_test(number)
        elif tag == "GS":
            reader.close_open_message()
            head.group, head.group_from = _at(values, 6), len(reader.messages)
        elif tag == "ST":
            message = reader.open_message(number, _at(values, 2))
            reader.set_kind(message, _at(values, 1))
        elif tag == "SE":
            if message is not None and message.document_segment == 0 and not message.is_other:
                message.break_off("missing_document")
            reader.close_message(number, tag, _at(values, 1), _at(values, 2))
        elif tag == "GE":
            reader.close_open_message()
            concerned = reader.of_group
            stated, found = _at(values, 1), str(len(concerned))
            reader.check_trailer(number, tag, "the number of transaction sets", stated, found, concerned)
            reader.check_trailer(number, tag, "the group's number", _at(values, 2), head.group, concerned)
            head.groups_in_interchange += 1
        elif tag == "IEA":
            reader.close_open_message()
            concerned = reader.of_interchange
            stated, found = _at(values, 1), str(head.groups_in_interchange)
            reader.check_trailer(number, tag, "the number of groups", stated, found, concerned)
            stated, found = _at(values, 2), head.interchange
            reader.check_trailer(number, tag, "the interchange's number", stated, found, concerned)
            head.is_closed = True
        elif message is not None and not message.is_other:
            self._read_message(reader, message, number, tag, values)

    def _read_message(
        self, reader: Reader, message: Message, number: int, tag: str, values: list[str]
    ) -> None:
        head = reader.head
        if tag == "XQ":
            message.document_segment = number
            start, end = day_of(_at(values, 2)), day_of(_at(values, 3))
            raw = "-".join(filter(None, values[2:4]))
            head.dates[_XQ] = Dates(start or end, end or start, raw)
            # The 852 has no element for it.
            reader.set_function(message, "", _FUNCTIONS)
        elif tag == "BPT":
            message.document_segment = number
            message.document = _at(values, 2)
            reader.set_function(message, _at(values, 1), _FUNCTIONS)
            day = day_of(_at(values, 3))
            head.dates[_BPT] = Dates(day, day, _at(values, 3))
            # BPT09 is the number of the report that this one corrects.
            message.references += [_at(values, 9)] if _at(values, 9) else []
        elif tag == "N9" and not message.document:
            message.document = _at(values, 2)
        elif tag == "N1" and _at(values, 1) in _SENDERS:
            message.name_sender(_at(values, 4))
        elif tag == "CUR":
            head.currency = _at(values, 2) or head.currency
        elif tag == "REF" and _at(values, 1) in self._settings.transaction:
            head.transaction = _at(values, 2) or None
        elif tag == "CTT":
            stated = _at(values, 1)
            groups = str(message.groups)
            found = groups if stated.lstrip("0") == groups else str(message.lines)
            reader.controls.check("lines", number, "CTT01", "the number of lines", stated, found, [message])
            if _at(values, 2):
                message.hash_totals.append((number, "CTT02", _at(values, 2)))

    def read_date(self, segment: str) -> tuple[str, Dates]:
        values = [element.strip() for element in segment.split(ELEMENT)]
        if _at(values, 2):
            day = day_of(_at(values, 2))
            return _at(values, 1), Dates(day, day, _at(values, 2))
        first, _, last = _at(values, 6).partition("-")
        return _at(values, 1), Dates(day_of(first), day_of(last or first), _at(values, 6))

    def read_product(self, segments: Sequence[str]) -> Product:
        named: list[tuple[str, str]] = []
        for segment in segments:
            values = [element.strip() for element in segment.split(ELEMENT)]
            if values[0].upper() == "PID":
                named.append(("PD", _at(values, 5)))
                continue
            named += zip((kind.upper() for kind in values[2::2]), values[3::2], strict=False)
        return product_of(named, self._named_products, _PRODUCTS)


def _with_address(party: str, tag: str, values: Sequence[str]) -> str:
    """An N1 with what an N3 (address) or N4 (city, region, postal code) says, in elements of its own."""
    parts = [*party.split(ELEMENT), *[""] * _PARTY_LENGTH][:_PARTY_LENGTH]
    if tag == "N3":
        parts[_ADDRESS] = " ".join(filter(None, (parts[_ADDRESS], *values[1:3])))
    else:
        parts[_CITY:] = [_at(values, position) for position in (1, 2, 3)]
    return ELEMENT.join(parts)


def _at(values: Sequence[str], position: int) -> str:
    return values[position] if position < len(values) else ""
