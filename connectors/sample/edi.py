"""How reports by EDI are written: EDIFACT SLSRPT (D.96A, as EANCOM 1997 uses it) and X12 852 (004010).

A column's title is the segment that carries it, with `{}` in place of the value and `{line}` in place of the
line's number; every row becomes one segment for each column. What belongs here: envelopes, heads, trailers
and their counts. Which values a partner reports is `reports`' work, and other layouts are in `layouts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from connectors.sample.layouts import Cents, Column, amount_text


@dataclass(frozen=True)
class Edifact:
    """An interchange of one SLSRPT."""


@dataclass(frozen=True)
class X12:
    """An interchange of one 852."""


@dataclass(frozen=True)
class Interchange:
    """Who sends what to whom: GLNs, the document's number, the first and last day reported, the moment."""

    sender: str
    recipient: str
    number: int
    document: str
    first: date
    last: date
    prepared: datetime


_RESERVED: Final = re.compile("(['+:?])")


def write(
    layout: Edifact | X12, interchange: Interchange, segments: Sequence[str], columns: Sequence[Column]
) -> bytes:
    """The file's bytes."""
    if isinstance(layout, Edifact):
        return _edifact(interchange, segments, columns)
    return _x12(interchange, segments, columns)


def _filled(segments: Sequence[str], columns: Sequence[Column]) -> Iterator[str]:
    """The segments of all lines, in order."""
    cells = [
        [amount_text(value, ".", "") for value in column.values]
        if isinstance(column, Cents)
        else [str(value) for value in column]
        for column in columns
    ]
    for line, row in enumerate(zip(*cells, strict=True), start=1):
        for segment, cell in zip(segments, row, strict=True):
            yield segment.format(cell, line=line)


def _edifact(interchange: Interchange, segments: Sequence[str], columns: Sequence[Column]) -> bytes:
    sender, recipient, number = interchange.sender, interchange.recipient, interchange.number
    prepared, first, last = interchange.prepared, interchange.first, interchange.last
    released = [
        column if isinstance(column, Cents) else [_RESERVED.sub(r"?\1", str(value)) for value in column]
        for column in columns
    ]
    message = [
        "UNH+1+SLSRPT:D:96A:UN:EAN004",
        f"BGM+73E::9+{interchange.document}+9",
        f"DTM+137:{prepared:%Y%m%d}:102",
        f"DTM+90:{first:%Y%m%d}:102",
        f"DTM+91:{last:%Y%m%d}:102",
        f"NAD+SU+{recipient}::9",
        f"NAD+BY+{sender}::9",
        "CUX+2:EUR:10",
        f"LOC+162+{sender}::9",
        f"DTM+356:{first:%Y%m%d}{last:%Y%m%d}:718",
        *_filled(segments, released),
    ]
    envelope = [
        f"UNB+UNOC:3+{sender}:14+{recipient}:14+{prepared:%y%m%d}:{prepared:%H%M}+{number}",
        *message,
        f"UNT+{len(message) + 1}+1",
        f"UNZ+1+{number}",
    ]
    return ("UNA:+.? '\r\n" + "".join(f"{segment}'\r\n" for segment in envelope)).encode("iso8859-1")


def _x12(interchange: Interchange, segments: Sequence[str], columns: Sequence[Column]) -> bytes:
    sender, recipient, number = interchange.sender, interchange.recipient, interchange.number
    prepared, first, last = interchange.prepared, interchange.first, interchange.last
    transaction = [
        "ST*852*0001",
        f"XQ*H*{first:%Y%m%d}*{last:%Y%m%d}",
        f"N9*TN*{interchange.document}",
        f"N1*VN**UL*{recipient}",
        f"N1*RL**UL*{sender}",
        *_filled(segments, columns),
        f"CTT*{_length(columns[0])}",
    ]
    envelope = [
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{sender:15}*ZZ*{recipient:15}"
        f"*{prepared:%y%m%d}*{prepared:%H%M}*U*00401*{number:09d}*0*P*>",
        f"GS*PD*{sender}*{recipient}*{prepared:%Y%m%d}*{prepared:%H%M}*{number}*X*004010",
        *transaction,
        f"SE*{len(transaction) + 1}*0001",
        f"GE*1*{number}",
        f"IEA*1*{number:09d}",
    ]
    return "".join(f"{segment}~\n" for segment in envelope).encode("ascii")


def _length(column: Column) -> int:
    return len(column.values if isinstance(column, Cents) else column)
