"""Reader of EDIFACT sales reports (SLSRPT) and stock reports (INVRPT), D.96A to D.01B.

What belongs here: the segments of these two messages. What does not: what both families
share (`edi`), and the meaning of numbers and dates (`normalise`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import duckdb
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
from connectors.feeds.edi.positions import Positions
from connectors.feeds.edi.reader import Reader
from connectors.feeds.edi.reports import Report
from connectors.feeds.edi.segments import COMPONENT, ELEMENT
from connectors.feeds.profile import Edifact, Function, Profile

GRAMMAR: Final = Grammar(
    opens="UNH",
    closes="UNT",
    ends=frozenset({"UNA", "UNB", "UNG", "UNE", "UNZ", "UNS", "CNT", "BGM"}),
    groups=frozenset({"LIN"}),
    lines=frozenset({"LIN"}),
    quantity=frozenset({"QTY"}),
    date="DTM",
    price={"PRI": 1},
    price_component=1,
    price_basis={},
    amount="MOA",
    reference="RFF",
    product=("PIA", "IMD"),
    pairs=frozenset(),
    composite=True,
)
_FUNCTIONS: Final[dict[str, Function]] = {
    "1": "cancel",
    "2": "add",
    "5": "replace",
    "6": "copy",
    "7": "copy",
    "9": "original",
    "31": "copy",
}
_PERIOD_DATES: Final = {
    "SLSRPT": ("356", "324", "90+91", "194+206", "263", "137"),
    "INVRPT": ("366", "356", "324", "90+91", "194+206", "137"),
}
# Of the quantity qualifiers (6063) those that both guides use and that are none of the figures.
_OTHER_QUANTITIES: Final = frozenset(
    [
        "1",
        "11",
        "12",
        "17",
        "21",
        "26",
        "33",
        "46",
        "48",
        "52",
        "59",
        "66",
        "83",
        "84",
        "113",
        "124",
        "131",
        "135",
        "136",
        "144",
        "145",
        "146",
        "147",
        "152",
        "153",
        "156",
        "157",
        "158",
        "159",
        "192",
        "193",
        "194",
        "195",
        "196",
        "197",
        "198",
        "199",
        "200",
        "210",
        "61",
        "70",
        "72",
        "78",
        "79",
        "47",
        "50",
        "103",
    ]
)
_PRODUCTS: Final = {
    **dict.fromkeys(("EN", "SRV", "UP", "UPC", "EU", "EAN", "GTIN", "GTN"), "gtin"),
    **dict.fromkeys(("SA", "MF", "MP", "VN", "VP"), "product_code"),
    **dict.fromkeys(("IN", "BP", "PI", "BB", "RY", "SK", ""), "partner_product_code"),
    "IMD": "label",
}
_SENDERS: Final = ("FR", "MS", "SE", "BY")
"""Parties who may be the one that reports."""


def load(
    connection: duckdb.DuckDBPyConnection, path: Path, profile: Profile, known: Known, file: str
) -> Report:
    """Load a file as `raw`; RejectedFile if it is no EDIFACT."""
    return reports.load(connection, path, profile, _Edifact(profile), known, file)


class _Edifact:
    grammar = GRAMMAR

    def __init__(self, profile: Profile) -> None:
        container = profile.container
        if not isinstance(container, Edifact):
            raise TypeError(f"no EDIFACT container: {container.kind}")
        self._settings = container
        self._figures = {
            qualifier: figure for figure, qualifiers in container.figures.items() for qualifier in qualifiers
        }
        self._named_products = container.identifiers

    @property
    def period_dates(self) -> tuple[str, ...]:
        """Date qualifiers that name the period: the profile's, or those of the message types."""
        if self._settings.period_dates:
            return self._settings.period_dates
        kinds = sorted(self._settings.messages, reverse=True)
        return tuple(dict.fromkeys(name for kind in kinds for name in _PERIOD_DATES[kind]))

    def quantity_meaning(self, qualifier: str, group: str | None) -> str:
        return meaning_of(qualifier, self._figures, self._settings.ignored_quantities, _OTHER_QUANTITIES)

    def unfold(self, numbers: Positions, texts: pa.StringArray) -> tuple[Positions, pa.StringArray]:
        return numbers, texts

    def read_head(self, reader: Reader, number: int, tag: str, elements: list[str]) -> None:
        head, message = reader.head, reader.head.message
        parts = [element.split(COMPONENT) for element in elements]
        if tag == "UNB":
            reader.close_open_message()
            head.interchange, head.interchange_segment = _part(parts, 5, 0), number
            head.interchange_from = head.group_from = len(reader.messages)
            head.groups_in_interchange = 0
            head.is_test = _part(parts, 11, 0) == "1"
            head.sender = _part(parts, 2, 0) or None
            reader.judge_test(number)
        elif tag == "UNH":
            message = reader.open_message(number, _part(parts, 1, 0))
            reader.set_kind(message, _part(parts, 2, 0).upper())
        elif tag == "UNT":
            if message is not None and message.document_segment == 0 and not message.is_other:
                message.break_off("missing_document")
            reader.close_message(number, tag, _part(parts, 1, 0), _part(parts, 2, 0))
        elif tag == "UNZ":
            reader.close_open_message()
            concerned = reader.of_interchange
            what = "groups" if head.groups_in_interchange else "messages"
            found = str(head.groups_in_interchange or len(concerned))
            stated, reference = _part(parts, 1, 0), _part(parts, 2, 0)
            reader.check_trailer(number, tag, f"the number of {what}", stated, found, concerned)
            what = "the interchange reference"
            reader.check_trailer(number, tag, what, reference, head.interchange, concerned)
            head.is_closed = True
        elif tag == "UNG":
            reader.close_open_message()
            head.group, head.group_from = _part(parts, 5, 0), len(reader.messages)
        elif tag == "UNE":
            reader.close_open_message()
            concerned = reader.of_group
            stated, reference = _part(parts, 1, 0), _part(parts, 2, 0)
            reader.check_trailer(
                number, tag, "the number of messages", stated, str(len(concerned)), concerned
            )
            reader.check_trailer(number, tag, "the group's reference", reference, head.group, concerned)
            head.groups_in_interchange += 1
        elif message is not None and not message.is_other:
            self._read_message(reader, message, number, tag, parts)

    def _read_message(
        self, reader: Reader, message: Message, number: int, tag: str, parts: list[list[str]]
    ) -> None:
        head = reader.head
        if tag == "BGM":
            message.document_segment = number
            message.document = _part(parts, 2, 0)
            reader.set_function(message, _part(parts, 3, 0), _FUNCTIONS)
            if _part(parts, 1, 0) == "78":
                message.break_off("movement_report", "78")
        elif tag == "NAD" and _part(parts, 1, 0) in _SENDERS:
            message.name_sender(_part(parts, 2, 0))
        elif tag == "CUX":
            head.currency = _part(parts, 1, 1) or head.currency
        elif tag == "RFF":
            qualifier, value = _part(parts, 1, 0), _part(parts, 1, 1)
            if qualifier in self._settings.transaction:
                head.transaction = value or None
            # A reference before the first line names the report that this one corrects.
            elif value and message.lines == 0:
                message.references.append(value)
        elif tag == "CNT" and _part(parts, 1, 0) == "1":
            message.hash_totals.append((number, "CNT+1", _part(parts, 1, 1)))
        elif tag == "CNT" and _part(parts, 1, 0) == "2":
            stated, found = _part(parts, 1, 1), str(message.lines)
            reader.controls.check("lines", number, "CNT+2", "the number of lines", stated, found, [message])

    def read_date(self, segment: str) -> tuple[str, Dates]:
        parts = [element.split(COMPONENT) for element in segment.split(ELEMENT)]
        value = _part(parts, 1, 1)
        first, last = _days(value, _part(parts, 1, 2))
        return _part(parts, 1, 0), Dates(first, last, value)

    def read_product(self, segments: Sequence[str]) -> Product:
        named: list[tuple[str, str]] = []
        for segment in segments:
            parts = [element.split(COMPONENT) for element in segment.split(ELEMENT)]
            tag = parts[0][0].upper()
            if tag == "IMD":
                named.append(("IMD", " ".join(filter(None, (_part(parts, 3, 3), _part(parts, 3, 4))))))
                continue
            if tag == "PIA" and _part(parts, 1, 0) not in ("1", "5"):
                continue
            for item in parts[3:4] if tag == "LIN" else parts[2:7]:
                code, kind = item[0].strip(), (item[1].strip().upper() if len(item) > 1 else "")
                is_gtin = not kind and re.fullmatch(r"\d{8}|\d{12,14}", code)
                named.append(("GTIN" if is_gtin else kind, code))
        return product_of(named, self._named_products, _PRODUCTS)


def _part(parts: Sequence[Sequence[str]], element: int, component: int) -> str:
    if element < len(parts) and component < len(parts[element]):
        return parts[element][component].strip()
    return ""


def _days(value: str, form: str) -> tuple[date | None, date | None]:
    """First and last day of a date, a week, a month or a range as code list 2379 writes them."""
    text = value.replace("-", "")
    half = len(text) // 2
    if form in ("711", "717", "718", "713", "719") and len(text) % 2 == 0:
        return _days(text[:half], "102")[0], _days(text[half:], "102")[1]
    if form in ("715", "716", "710") and len(text) % 2 == 0:
        inner = {"715": "615", "716": "616", "710": "610"}[form]
        return _days(text[:half], inner)[0], _days(text[half:], inner)[1]
    if form in ("609", "610") and text.isdigit():
        first = day_of(text + "01")
        return (None, None) if first is None else (first, _month_end(first))
    if form in ("615", "616") and text.isdigit() and len(text) in (4, 6):
        full = text if len(text) == 6 else f"20{text}"
        try:
            monday = date.fromisocalendar(int(full[:4]), int(full[4:]), 1)
        except ValueError:
            return None, None
        return monday, monday + timedelta(days=6)
    if form in ("101", "201", "202") and len(text) >= 6:
        day = day_of(text[:6])
        return day, day
    if form in ("", "102", "203", "204", "205", "303", "304") and len(text) in (8, 12, 14, 15, 16, 17, 19):
        if form == "" and len(text) == 16:
            return _days(text, "718")
        day = day_of(text[:8])
        return day, day
    if len(text) == 6 and form == "102":
        day = day_of(text)
        return day, day
    return None, None


def _month_end(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
